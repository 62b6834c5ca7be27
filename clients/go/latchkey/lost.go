package latchkey

import (
	"context"
	"errors"
	"time"
)

const (
	// A store that has not been read for so long, in so many attempts, may be replaced by a
	// sign-in or a sign-out: the key that it is under may be lost for good.
	lostAfter = time.Minute
	lostReads = 3
)

// misreads are the reads of the store that failed, since the last one that did not. Those that
// fail because the device is locked do not count.
type misreads struct {
	count int
	first moment
}

// note notes how a read has ended.
func (m *misreads) note(err error, now moment) {
	switch {
	case err == nil:
		*m = misreads{}
	case errors.Is(err, ErrLocked):
	case m.count == 0:
		*m = misreads{count: 1, first: now}
	default:
		m.count++
	}
}

type forceKey struct{}

// WithForce lets a sign-in or sign-out with this context replace at once a store that cannot be
// read. Without it that takes at least 3 reads that failed over at least a minute. Nothing is
// ever deleted by itself, and nothing is replaced while the device is locked. The later steps of a
// sign-in that began with it, such as a second factor, need none of their own.
func WithForce(ctx context.Context) context.Context {
	return context.WithValue(ctx, forceKey{}, true)
}

func isForced(ctx context.Context) bool {
	forced, _ := ctx.Value(forceKey{}).(bool)

	return forced
}

// mayReplace reports whether a sign-in or sign-out may replace what the store fails to read.
func (s *Session) mayReplace(ctx context.Context, err error) bool {
	if errors.Is(err, ErrLocked) {
		return false
	}
	if isForced(ctx) {
		return true
	}

	s.mu.Lock()
	defer s.mu.Unlock()

	return s.misread.count >= lostReads && s.now().since(s.misread.first) >= lostAfter
}

// readable fails where a session could not be stored because the store cannot be read.
func (s *Session) readable(ctx context.Context) error {
	_, _, err := s.before(ctx)

	return err
}

// before returns what is stored before a new session, and whether the store has to be replaced
// because it cannot be read; then only what could be read counts.
func (s *Session) before(ctx context.Context) (record, bool, error) {
	rec, err := s.readStore()
	if err == nil {
		return rec, false, nil
	}
	if !s.mayReplace(ctx, err) {
		return record{}, false, err
	}

	return s.salvage(), true, nil
}

// salvage returns the newest record of the slots that can be read.
func (s *Session) salvage() record {
	var newest record
	for _, slot := range []Slot{SlotA, SlotB} {
		text, err := s.store.Read(slot)
		if err != nil {
			continue
		}
		if rec, err := decodeRecord(text); err == nil && rec.Seq > newest.Seq {
			newest = rec
		}
	}

	return newest
}

// dropUnreadable empties the slots that cannot be read, beside the one of a record that has
// just been written. What cannot be emptied fails the next read, and is dropped then.
func (s *Session) dropUnreadable(written record) {
	for _, slot := range append(queueSlots[:], SlotA, SlotB) {
		if _, err := s.store.Read(slot); err != nil && slot != slotOf(written) {
			_ = s.store.Write(slot, nil)
		}
	}
}
