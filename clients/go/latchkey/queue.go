package latchkey

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"
)

const endOperation = "endSession"

// signOutQueue is what the server has still to be told of, and the state of the attempts.
type signOutQueue struct {
	draining bool
	waits    waits
	// more are the sessions for which the slot has no space. They end with the process, and
	// on the server by themselves, unused.
	more []record
}

// enqueue keeps of a session what is needed to end it on the server, and reports whether that is in
// the store. The slot has space for one: more wait in memory.
func (s *Session) enqueue(rec record) bool {
	queued, err := s.queuedSignOut()
	if err == nil && queued.Refresh != "" && !queued.sameSession(rec) {
		s.enqueueLater(rec)

		return false
	}
	if s.store.Write(SlotSignOut, rec.encode()) != nil {
		s.enqueueLater(rec)

		return false
	}

	return true
}

// enqueueLater keeps it in memory.
func (s *Session) enqueueLater(rec record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(other record) bool { return other.sameSession(rec) }
	s.queue.more = append(slices.DeleteFunc(s.queue.more, same), rec)
}

var errQueue = errors.New("the queue of sign-outs")

// queuedSignOut is the session in the slot that the server is to be told of; none is a zero record.
func (s *Session) queuedSignOut() (record, error) {
	text, err := s.store.Read(SlotSignOut)
	if err != nil {
		return record{}, &StoreError{"read", err}
	}
	rec, err := decodeRecord(text)
	if err != nil {
		return record{}, nil //nolint:nilerr // torn or absent: nothing can be told
	}

	return rec, nil
}

// nextQueued is the next session that the server is to be told of; none is a zero record.
func (s *Session) nextQueued() (record, error) {
	rec, err := s.queuedSignOut()
	if err == nil && rec.Refresh != "" {
		return rec, nil
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue.more) > 0 {
		return s.queue.more[0], nil
	}

	return record{}, err
}

// dropQueued forgets a queued sign-out: the server has been told.
func (s *Session) dropQueued(ctx context.Context, told record) error {
	s.mu.Lock()
	s.queue.more = slices.DeleteFunc(s.queue.more, told.sameSession)
	s.mu.Unlock()

	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return err
	}
	defer unlock()
	rec, err := s.readStore()
	if err != nil {
		return err
	}

	// A process that was killed in the middle of signing out has left the slots.
	if rec.Refresh == "" && rec.Seq > 0 {
		if err := s.clearStore(rec.Seq, rec.Reason); err != nil {
			return err
		}
	}

	queued, err := s.queuedSignOut()
	if err != nil || queued.Refresh != "" && !queued.sameSession(told) {
		return err
	}
	if err := s.store.Write(SlotSignOut, nil); err != nil {
		return &StoreError{"write", err}
	}

	return nil
}

// drainSignOut tells the server of queued sign-outs, and tries again later where that fails.
func (s *Session) drainSignOut(ctx context.Context) {
	s.mu.Lock()
	began := s.clock.Monotonic()
	if s.queue.draining || s.queue.waits.wait(began, false) != nil {
		s.mu.Unlock()

		return
	}
	s.queue.draining = true
	s.mu.Unlock()

	err := s.tellServer(ctx)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue.draining = false
	if err == nil {
		s.queue.waits.reset()

		return
	}

	now := s.clock.Monotonic()
	s.queue.waits.fail(began, now, err)
	s.clock.AfterFunc(s.queue.waits.left(now), s.Resume)
}

// tellServer ends the queued sessions, one after another.
func (s *Session) tellServer(ctx context.Context) error {
	for {
		s.sweep(ctx)
		rec, err := s.nextQueued()
		if err != nil || rec.Refresh == "" {
			return err
		}
		if err := s.tellOf(ctx, rec); err != nil {
			return err
		}
	}
}

// tellOf ends a queued session. A refresh token alone cannot do that, so it is traded first; the
// successor is stored before it is used, as always.
func (s *Session) tellOf(ctx context.Context, rec record) error {
	a, err := s.exchange(ctx, rec)
	if err != nil {
		return err
	}

	switch {
	case a.ends(rec): // it is over already
		return s.dropQueued(ctx, rec)
	case a.action != ActionProceed:
		return a.error()
	case a.Meta.AccessToken == "" || rec.Exchange && a.Meta.RefreshToken == "":
		return a.undocumented()
	}

	if a.Meta.RefreshToken != "" {
		next := rec.after(rec.Seq, a.Meta.RefreshToken)
		if !s.requeue(rec, next) {
			return &StoreError{"write", errQueue}
		}
		rec = next
	}
	if err := s.revoke(ctx, a.Meta.AccessToken); err != nil {
		return err
	}

	return s.dropQueued(ctx, rec)
}

// requeue puts the successor of a queued record in its place.
func (s *Session) requeue(rec, next record) bool {
	s.mu.Lock()
	for i, other := range s.queue.more {
		if other.Key == rec.Key {
			s.queue.more[i] = next
			s.mu.Unlock()

			return true
		}
	}
	s.mu.Unlock()

	return s.enqueue(next)
}

// orphan is the session in the other slot than that of a record, where it is another one: a process
// was killed before it had queued it, or the record is on trial. None is a zero record.
func (s *Session) orphan(newest record) record {
	other := slotOf(record{Seq: newest.Seq + 1})
	text, err := s.store.Read(other)
	if err != nil {
		return record{}
	}
	rec, err := decodeRecord(text)
	if err != nil || rec.Seq >= newest.Seq || rec.sameSession(newest) {
		return record{}
	}

	return rec
}

// sweep queues the session that a process has replaced that was killed before it could do so.
func (s *Session) sweep(ctx context.Context) {
	if _, isExchanged := s.exchanged(); !isExchanged && !s.hasOrphan() {
		return
	}
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return
	}
	defer unlock()

	if newest, _, err := s.newest(); err == nil && s.hasOrphan() {
		s.replaced(s.orphan(newest), newest)
	}
	s.dropExchanged()
}

// hasOrphan reports whether the store has a session that was replaced, and not queued.
func (s *Session) hasOrphan() bool {
	newest, _, err := s.newest()

	return err == nil && newest.Refresh != "" && !newest.Trial && s.orphan(newest).Refresh != ""
}

// revokeLimit is how long signing out waits for the server.
const revokeLimit = 5 * time.Second

// revoke ends the session of an access token on the server.
func (s *Session) revoke(ctx context.Context, token string) error {
	ctx, done := s.within(ctx, revokeLimit)
	defer done()

	r, err := s.plain.EndSessionWithBody(ctx, "application/json", nil, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)

		return nil
	})
	if err != nil {
		return noAnswer(ctx, err)
	}
	a, err := readAnswer(endOperation, r, true)
	if err != nil {
		return noAnswer(ctx, err)
	}
	if a.action != ActionProceed {
		return a.error()
	}

	return nil
}
