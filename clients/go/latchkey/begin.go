package latchkey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// attempt is a sign-in, or a step of one: the session token that it sends, and its number.
// Sign-ins, adoptions and sign-outs are numbered when they begin. Only the newest makes the
// session or a pending sign-in; the steps of a sign-in have its number.
type attempt struct {
	token  string
	number int
	force  bool // it began with [WithForce]
}

// forced is a context for a step of the sign-in: the force that it began with counts for all its steps.
func (a attempt) forced(ctx context.Context) context.Context {
	if a.force {
		return WithForce(ctx)
	}

	return ctx
}

// pendingSignIn is the sign-in that waits for its next step; without a token there is none.
type pendingSignIn struct {
	attempt

	// passed says that the user who is signed in has begun to verify an address or number of
	// their own since: a code that comes next is for that.
	passed bool
}

// beginning is a sign-in that begins now.
func (s *Session) beginning(ctx context.Context) attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun++

	return attempt{number: s.begun, force: isForced(ctx)}
}

// withdraw ends a sign-in that came to nothing. The one that was pending before it goes on;
// what was in flight then has lost all the same.
func (s *Session) withdraw(from attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.number == s.begun && s.pending.token != "" {
		s.pending.number = s.begun
	}
}

// await makes a sign-in the pending one, where nothing newer has begun.
func (s *Session) await(from attempt, a *answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.begun != from.number || from.number <= s.cancelled { // Race: a newer sign-in has begun, or a sign-out
		return ErrNothingPending
	}

	from.token = cmp.Or(a.Meta.SessionToken, from.token) // the answer names only a new one
	s.pending = pendingSignIn{attempt: from}

	return nil
}

// whilePending takes a step with the session token of the pending sign-in, and forgets it
// where the server says that it is over.
func (s *Session) whilePending(step func(attempt) (Entry, error)) (Entry, error) {
	s.mu.Lock()
	from := s.pending.attempt
	s.mu.Unlock()
	if from.token == "" {
		return Entry{}, ErrNothingPending
	}

	e, err := step(from)
	if !isOver(err) {
		return e, err
	}
	s.dropPending(from)

	return e, fmt.Errorf("%w: %w", ErrNothingPending, err)
}

// dropPending forgets a sign-in that is over, where it is still the pending one.
func (s *Session) dropPending(from attempt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.token == from.token {
		s.pending = pendingSignIn{}
	}
}

// isOver reports whether an answer of the server's own to a step says that the sign-in is not
// pending any more. Any other leaves it as it is: a wrong code, a server that is away.
func isOver(err error) bool {
	var refused *Error
	if !errors.As(err, &refused) || refused.Undocumented || refused.Action == ActionContinueFlow {
		return false
	}

	return refused.Status == http.StatusUnauthorized || refused.Status == http.StatusGone ||
		refused.Status == http.StatusConflict && refused.Has("flow_not_pending")
}

// CancelPending drops the pending sign-in, and what is in flight of it. The session that is there
// stays. It sends nothing.
func (s *Session) CancelPending() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled = s.begun
	s.pending = pendingSignIn{}
}

// start stores a new session, and ends the one that was there before. A session that cannot
// be kept, or that came too late, is ended on the server: nobody else would do it.
func (s *Session) start(ctx context.Context, from attempt, tokens handedOut) error {
	err := s.keep(ctx, from, newcomer{record: newRecord(0, tokens.refresh), tokens: tokens})
	if err != nil {
		s.discard(context.WithoutCancel(ctx), tokens.access, tokens.refresh)
	}
	s.tell()
	s.Resume()

	return err
}

// discard ends a session on the server that is not kept, now or later.
func (s *Session) discard(ctx context.Context, accessToken, refresh string) {
	if s.revoke(ctx, accessToken) == nil {
		return
	}

	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		unlock = func() {}
	}
	defer unlock()
	s.enqueue(newRecord(0, refresh)) // or else it ends by itself, unused
}

// newcomer is a session that is about to be stored.
type newcomer struct {
	record

	tokens handedOut
}

// keep stores a new session, where nothing newer has begun. It writes first: the session before
// is ended once the new one is stored.
func (s *Session) keep(ctx context.Context, from attempt, next newcomer) error {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return err
	}
	defer unlock()

	before, lost, err := s.before(ctx)
	if err != nil {
		return err
	}
	if !s.mayKeep(from, next.record) {
		return ErrNothingPending
	}

	orphan := s.orphan(before)
	next.Seq = before.Seq + 1
	if err := s.writeOver(orphan, next.record); err != nil {
		return err
	}
	if lost {
		s.dropUnreadable(next.record)
	}
	if !s.settle(from, next, lost) {
		return s.undo(before, next.record)
	}

	s.keepDevice(next.tokens.device)
	if !next.Trial {
		s.replaced(before, next.record)
	}

	return nil
}

// mayKeep reports whether nothing newer has begun than what has brought a session. An adoption is
// no pending sign-in that could be cancelled.
func (s *Session) mayKeep(from attempt, next record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.begun == from.number && (next.Trial || from.number > s.cancelled)
}

// settle makes what was stored the session in memory, where no sign-out has begun since.
func (s *Session) settle(from attempt, next newcomer, lost bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left > from.number { // Race: the sign-out waits for the lock
		return false
	}

	s.epoch++
	s.leaving = nil
	s.pending = pendingSignIn{}
	s.waits.reset()
	if lost {
		s.enter(StateSignedOut, ReasonKeyLost)
	}

	s.take(next.record)
	s.owner = from.number
	s.access = newAccess(next.tokens.access, s.now())

	return true
}

// replaced queues a session for its end on the server, in whose place there is another one, and
// drops its record. Where the queue has no space for it, the record stays for the next time.
func (s *Session) replaced(before, next record) {
	if before.Refresh == "" || before.sameSession(next) {
		return
	}
	if !s.enqueue(before) || slotOf(before) == slotOf(next) {
		return
	}
	if text, err := s.store.Read(slotOf(before)); err == nil && string(text) == string(before.encode()) {
		_ = s.store.Write(slotOf(before), nil) // sweep does it otherwise
	}
}

// undo takes a session back that was stored while a sign-out had begun.
func (s *Session) undo(before, next record) error {
	s.replaced(before, next)
	if err := s.clearStore(next.Seq, ReasonUser); err != nil {
		s.mu.Lock()
		if s.leaving != nil {
			s.leaving.also = next
		}
		s.mu.Unlock()
	}

	return ErrNothingPending
}
