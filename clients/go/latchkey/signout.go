package latchkey

import (
	"context"
	"net/http"
	"time"
)

const endOperation = "endSession"

// signOutQueue is the state of the attempts to tell the server of a sign-out.
type signOutQueue struct {
	draining bool
	backoff  backoff
}

// SignOut forgets the session on this device first, then tells the server. Where the
// server cannot be told, what is needed to tell it stays in the store, it is tried
// again later, and SignOut returns nil. An error says that the store could not be cleared:
// this Session is signed out all the same, and clears it when next used.
func (s *Session) SignOut(ctx context.Context) error {
	s.mu.Lock()
	held := s.access
	s.epoch++ // Race: a refresh whose answer comes now has lost
	s.access, s.pending = access{}, ""
	s.mu.Unlock()
	// A caller who gives up now must not leave half a sign-out.
	forgotten := s.forget(context.WithoutCancel(ctx))
	s.tell()
	if held.token != "" && !held.expired(s.clock.Monotonic()) && s.revoke(ctx, held.token) == nil {
		if forgotten == nil {
			return s.dropQueued(context.WithoutCancel(ctx))
		}
		return forgotten
	}
	s.drainSignOut(ctx)
	return forgotten
}

// forget signs out in memory, then in the store. Where the store refuses, it is cleared
// before it is believed again; see adopt.
func (s *Session) forget(ctx context.Context) error {
	s.mu.Lock()
	s.rec = record{}
	s.enter(StateSignedOut, ReasonUser)
	s.uncleared = true
	s.mu.Unlock()
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		// Whoever holds the lock is stuck. Signing out must not be.
		unlock = func() {}
	}
	defer unlock()
	rec, err := s.readStore()
	if err != nil {
		return err
	}
	if rec.Refresh != "" {
		if err := s.queueSignOut(rec); err != nil {
			return err
		}
		if err := s.clearStore(rec.Seq, ReasonUser); err != nil {
			return err
		}
		rec = record{Seq: rec.Seq + 1, Reason: ReasonUser}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec, s.uncleared, s.access = rec, false, access{}
	s.enter(StateSignedOut, ReasonUser)
	return nil
}

// queueSignOut keeps of a session what is needed to end it on the server.
func (s *Session) queueSignOut(rec record) error {
	if err := s.store.Write(SlotSignOut, rec.encode()); err != nil {
		return &StoreError{"write", err}
	}
	return nil
}

// queuedSignOut is the session that the server is to be told of; none is a zero record.
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

// dropQueued forgets the queued sign-out; the server has been told.
func (s *Session) dropQueued(ctx context.Context) error {
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
	if err := s.store.Write(SlotSignOut, nil); err != nil {
		return &StoreError{"write", err}
	}
	return nil
}

// drainSignOut tells the server of a queued sign-out, and tries again later where that
// fails.
func (s *Session) drainSignOut(ctx context.Context) {
	s.mu.Lock()
	if s.queue.draining || s.queue.backoff.wait(s.clock.Monotonic()) != nil {
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
		s.queue.backoff.reset()
		return
	}
	now := s.clock.Monotonic()
	s.queue.backoff.fail(now, err)
	s.clock.AfterFunc(s.queue.backoff.notBefore-now, s.Resume)
}

// tellServer ends the queued session. A refresh token alone cannot do that, so it is
// traded first; the successor is stored before it is used, as always.
func (s *Session) tellServer(ctx context.Context) error {
	rec, err := s.queuedSignOut()
	if err != nil || rec.Refresh == "" {
		return err
	}
	a, err := s.exchange(ctx, rec)
	if err != nil {
		return err
	}
	switch {
	case a.action == ActionSignOut: // it is over already
		return s.dropQueued(ctx)
	case a.action != ActionProceed:
		return a.error()
	case a.Meta.AccessToken == "":
		return a.undocumented()
	}
	if a.Meta.RefreshToken != "" {
		if err := s.queueSignOut(rec.after(rec.Seq, a.Meta.RefreshToken)); err != nil {
			return err
		}
	}
	if err := s.revoke(ctx, a.Meta.AccessToken); err != nil {
		return err
	}
	return s.dropQueued(ctx)
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
		return &NetworkError{err}
	}
	a, err := readAnswer(endOperation, r, true)
	if err != nil {
		return err
	}
	if a.action != ActionProceed {
		return a.error()
	}
	return nil
}
