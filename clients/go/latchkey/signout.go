package latchkey

import (
	"context"
)

// leaving is a sign-out: it ends what was there when it began, and nothing newer.
type leaving struct {
	number int
	target record // what was stored when it began
	known  bool   // the target could be read
	also   record // a session that was stored although the sign-out had begun
}

// ends reports whether the sign-out ends a session that is stored.
func (l *leaving) ends(rec record, owner int) bool {
	if owner > l.number {
		return false
	}

	return !l.known || rec.sameSession(l.target) || l.also.Refresh != "" && rec.sameSession(l.also)
}

// SignOut forgets the session on this device first, then tells the server. Where the
// server cannot be told, what is needed to tell it stays in the store, it is tried
// again later, and SignOut returns nil. An error says that the store could not be cleared:
// this Session is signed out all the same, and clears it when next used. A pending sign-in is
// dropped; one that begins after the sign-out is not.
func (s *Session) SignOut(ctx context.Context) error {
	mine, l := s.leave()
	// A caller who gives up now must not leave half a sign-out.
	forgotten := s.forget(context.WithoutCancel(ctx), l)
	s.tell()

	if mine.token != "" && !mine.expired(s.now()) && s.revoke(ctx, mine.token) == nil {
		if forgotten != nil {
			return forgotten
		}
		if err := s.dropQueued(context.WithoutCancel(ctx), mine.record); err != nil {
			return err
		}
	}
	if forgotten != nil && l.target.Refresh != "" {
		s.enqueueLater(l.target)
	}
	s.drainSignOut(ctx)

	return forgotten
}

// left is what was in memory when a sign-out began.
type left struct {
	record
	access
}

// leave signs out in memory, where the session is known, and returns what was there, and what the
// sign-out is to end.
func (s *Session) leave() (left, *leaving) {
	s.mu.Lock()
	s.begun++
	s.left = s.begun
	s.epoch++ // Race: a refresh whose answer comes now has lost
	had, known := left{s.rec, s.access}, s.isKnown()
	l := &leaving{number: s.begun, target: s.rec, known: known}
	s.access, s.pending, s.rec, s.leaving = access{}, pendingSignIn{}, record{}, l
	if known {
		s.enter(StateSignedOut, ReasonUser)
	}
	s.mu.Unlock()

	// Another process may have signed in since this one has read the store.
	if stored, err := s.readStore(); err == nil {
		s.mu.Lock()
		l.target, l.known = stored, true
		s.mu.Unlock()
	}

	return had, l
}

// forget signs out in the store. Where the store refuses, it is cleared before it is believed
// again; see reread.
func (s *Session) forget(ctx context.Context, l *leaving) error {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		// Whatever has the lock does not release it. Signing out must not hang.
		unlock = func() {}
	}
	defer unlock()

	rec, lost, err := s.before(ctx)
	if err != nil {
		return err
	}
	if rec.Refresh != "" && !s.isEndedBy(l, rec) {
		return nil
	}

	reason := ReasonUser
	if lost {
		reason = ReasonKeyLost
	}
	if rec.Refresh != "" || lost {
		if rec, err = s.clear(rec, reason, lost); err != nil {
			return err
		}
	}
	s.gone(l, rec, reason)

	return nil
}

// isEndedBy reports whether a sign-out ends the session that is stored. One that is newer stays,
// and becomes this session where another process has signed in.
func (s *Session) isEndedBy(l *leaving, stored record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.ends(stored, s.owner) {
		return true
	}

	if s.leaving == l {
		s.leaving = nil
		s.take(stored)
	}

	return false
}

// clear queues a session for its end on the server, and leaves a record without a token.
func (s *Session) clear(rec record, reason string, lost bool) (record, error) {
	// The session before a record on trial first: a process that is killed between goes on with the record.
	s.replaced(s.orphan(rec), rec)
	if rec.Refresh != "" {
		s.enqueue(rec)
	}
	if err := s.clearStore(rec.Seq, reason); err != nil {
		return record{}, err
	}

	rec = record{Seq: rec.Seq + 1, Reason: reason}
	if lost {
		s.dropUnreadable(rec)
	}

	return rec, nil
}

// gone makes memory say what the store says after a sign-out.
func (s *Session) gone(l *leaving, rec record, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving != l { // Race: a newer sign-in or sign-out has begun, and says what holds
		return
	}

	s.leaving = nil
	s.rec, s.access, s.owner = rec, access{}, 0
	s.enter(StateSignedOut, reason)
	if reason == ReasonKeyLost {
		s.reason = reason
	}
}
