package latchkey

import (
	"context"
	"slices"
	"time"
)

// lockLimit is how long a store's lock is waited for: what has it for longer hangs.
const lockLimit = 10 * time.Second

// lock takes a lock of the store.
func (s *Session) lock(ctx context.Context, which StoreLock) (func(), error) {
	ctx, done := s.within(ctx, lockLimit)
	defer done()
	unlock, err := s.store.Lock(ctx, which)
	if err != nil {
		return nil, &StoreError{"lock", err}
	}
	return unlock, nil
}

// within is [context.WithTimeout] by the session's clock.
func (s *Session) within(ctx context.Context, d time.Duration) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := s.clock.AfterFunc(d, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { stop(); cancel(nil) }
}

// readStore returns the newest whole record; none is a zero record. An error means that
// it is not known what the store holds.
func (s *Session) readStore() (record, error) {
	rec, err := s.scanStore()

	s.mu.Lock()
	defer s.mu.Unlock()
	s.misread.note(err, s.now())

	return rec, err
}

func (s *Session) scanStore() (record, error) {
	newest, damaged, err := s.newest()
	switch {
	case err != nil:
		return record{}, err
	case newest.Seq > 0:
		err := s.signedOutMeanwhile(&newest)

		return newest, err
	case damaged:
		return record{Reason: ReasonDamaged}, nil
	}

	if err := s.store.Probe(); err != nil {
		return record{}, &StoreError{"read", err}
	}

	return record{}, nil
}

// newest returns the newest whole record of the slots; none is a zero record.
func (s *Session) newest() (newest record, damaged bool, err error) {
	for _, slot := range []Slot{SlotA, SlotB} {
		text, err := s.store.Read(slot)
		if err != nil {
			return record{}, false, &StoreError{"read", err}
		}
		if len(text) == 0 {
			continue
		}

		rec, err := decodeRecord(text)
		if err != nil {
			damaged = true // a write that broke off: the other slot has the one before
			continue
		}
		if rec.Seq > newest.Seq {
			newest = rec
		}
	}

	return newest, damaged, nil
}

// signedOutMeanwhile empties a record whose sign-out is queued: the process that signed
// out was killed before it had cleared the slots.
func (s *Session) signedOutMeanwhile(rec *record) error {
	if rec.Refresh == "" {
		return nil
	}
	isQueued, err := s.isQueued(*rec)
	if err == nil && isQueued {
		*rec = record{Seq: rec.Seq, Reason: ReasonUser}
	}
	return err
}

// slotOf is the slot of a record: not the one that holds the record before it, so that a write
// that breaks off loses nothing.
func slotOf(rec record) Slot {
	if rec.Seq%2 == 1 {
		return SlotB
	}

	return SlotA
}

// writeOver stores a record in the slot of a session that the one before had replaced. That one is
// queued for its end first: the write leaves nothing of it.
func (s *Session) writeOver(replaced, rec record) error {
	if replaced.Refresh == "" || replaced.sameSession(rec) {
		return s.writeRecord(rec)
	}

	s.enqueue(replaced)
	err := s.writeRecord(rec)
	if err != nil {
		s.notReplaced(replaced)
	}

	return err
}

// notReplaced takes a session out of the queue that goes on.
func (s *Session) notReplaced(rec record) {
	s.mu.Lock()
	s.queue.more = slices.DeleteFunc(s.queue.more, rec.sameSession)
	s.mu.Unlock()

	_ = s.unqueue(rec) // sweep does it otherwise
}

// writeRecord stores a record.
func (s *Session) writeRecord(rec record) error {
	if err := s.store.Write(slotOf(rec), rec.encode()); err != nil {
		return &StoreError{"write", err}
	}
	return nil
}

// clearStore leaves a record that says why nobody is signed in, and no token.
func (s *Session) clearStore(seq uint64, reason string) error {
	gone := record{Seq: seq + 1, Reason: reason}
	if err := s.writeRecord(gone); err != nil {
		return err
	}
	if err := s.store.Write(slotOf(record{Seq: seq}), nil); err != nil {
		return &StoreError{"write", err}
	}
	return nil
}
