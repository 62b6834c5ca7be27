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
	// more are the sessions for which the slots have no space. They end with the process, and
	// on the server by themselves, unused.
	more []record
}

// enqueue keeps of a session what is needed to end it on the server, and reports whether that is in
// the store. Without a free slot it waits in memory.
func (s *Session) enqueue(rec record) bool {
	slot, ok := s.queueSlot(rec)
	if !ok || s.store.Write(slot, rec.encode()) != nil {
		s.enqueueLater(rec)

		return false
	}

	return true
}

// queueSlot is the slot of the queue for a session: the one that contains it, or a free one.
func (s *Session) queueSlot(rec record) (Slot, bool) {
	var free []Slot
	for _, slot := range queueSlots {
		queued, err := s.readQueued(slot)
		switch {
		case err != nil:
		case queued.Refresh == "":
			free = append(free, slot)
		case queued.sameSession(rec):
			return slot, true
		}
	}
	if len(free) == 0 {
		return 0, false
	}

	return free[0], true
}

// enqueueLater keeps it in memory.
func (s *Session) enqueueLater(rec record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	same := func(other record) bool { return other.sameSession(rec) }
	s.queue.more = append(slices.DeleteFunc(s.queue.more, same), rec)
}

var errQueue = errors.New("the queue of sign-outs")

// readQueued is the session in a slot of the queue; none is a zero record.
func (s *Session) readQueued(slot Slot) (record, error) {
	text, err := s.store.Read(slot)
	if err != nil {
		return record{}, &StoreError{"read", err}
	}
	rec, err := decodeRecord(text)
	if err != nil {
		return record{}, nil //nolint:nilerr // torn or absent: nothing can be told
	}

	return rec, nil
}

// queued are the sessions in the store that the server is to be told of.
func (s *Session) queued() ([]record, error) {
	var list []record
	for _, slot := range queueSlots {
		rec, err := s.readQueued(slot)
		if err != nil {
			return nil, err
		}
		if rec.Refresh != "" {
			list = append(list, rec)
		}
	}

	return list, nil
}

// isQueued reports whether the server is to be told of a session.
func (s *Session) isQueued(rec record) (bool, error) {
	list, err := s.queued()

	return slices.ContainsFunc(list, rec.sameSession), err
}

// unqueue takes a session out of the queue in the store.
func (s *Session) unqueue(rec record) error {
	for _, slot := range queueSlots {
		queued, err := s.readQueued(slot)
		if err != nil {
			return err
		}
		if queued.Refresh == "" || !queued.sameSession(rec) {
			continue
		}
		if err := s.store.Write(slot, nil); err != nil {
			return &StoreError{"write", err}
		}
	}

	return nil
}

// nextQueued is the next session that the server is to be told of; none is a zero record.
func (s *Session) nextQueued() (record, error) {
	list, err := s.queued()
	if len(list) > 0 {
		return list[0], nil
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

	return s.unqueue(told)
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

// sweep sets right what a process has left that was killed between two changes of the store: it queues
// a session that was replaced, and takes one out of the queue that was not replaced after all.
func (s *Session) sweep(ctx context.Context) {
	if _, isExchanged := s.exchanged(); !isExchanged && !s.hasOrphan() && s.spared().Refresh == "" {
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
	if spared := s.spared(); spared.Refresh != "" {
		_ = s.unqueue(spared) // the next sweep does it otherwise
	}
	s.dropExchanged()
}

// spared is the session before a record on trial, where it is queued. It comes back if the server
// refuses the record. None is a zero record.
func (s *Session) spared() record {
	newest, _, err := s.newest()
	if err != nil || !newest.Trial {
		return record{}
	}
	if isLeft, err := s.isQueued(newest); err != nil || isLeft { // a sign-out of both
		return record{}
	}

	before := s.orphan(newest)
	if isQueued, err := s.isQueued(before); err != nil || !isQueued {
		return record{}
	}

	return before
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
