package latchkey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Entry is where a sign-up or sign-in has got to.
type Entry struct {
	// User is who is signed in; zero while something is pending.
	User
	// Pending are the flows to go on with, such as "verify_email"; empty when signed in. For
	// "mfa_authenticate" there is [Session.SubmitSecondFactor], for "provider_signup"
	// [Session.CompleteProviderSignUp]; for any other call its operation through [Session.API]
	// and hand its answer to [Session.Adopt].
	Pending []Flow
}

// SignedIn reports whether nothing is pending.
func (e Entry) SignedIn() bool { return len(e.Pending) == 0 }

// SignUp makes an account and signs its owner in. It returns an [*Error] when the server
// refuses, and a pending step as a value.
func (s *Session) SignUp(ctx context.Context, email, password string) (Entry, error) {
	return s.signIn(ctx, "signup", s.beginning(), func() (*http.Response, error) {
		return s.plain.Signup(ctx, SignupRequest{Email: email, Password: password})
	})
}

// SignIn signs a person in with a password. It returns an [*Error] when the server
// refuses, and a pending step, such as a second factor, as a value.
func (s *Session) SignIn(ctx context.Context, email, password string) (Entry, error) {
	return s.signIn(ctx, "login", s.beginning(), func() (*http.Response, error) {
		return s.plain.Login(ctx, LoginRequest{Email: email, Password: password})
	})
}

// attempt is a sign-in that is under way, or begins: the session token that it sends, and
// the epoch in which it began. What comes of it after a sign-out, or after another sign-in,
// brings nobody in.
type attempt struct {
	token string
	epoch int
}

// beginning is a sign-in that begins now.
func (s *Session) beginning() attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return attempt{epoch: s.epoch}
}

// signIn takes a step of a sign-in: the first one, or one that it goes on with.
func (s *Session) signIn(ctx context.Context, operation string, from attempt, send func() (*http.Response, error)) (Entry, error) {
	// A store that cannot be read could not keep the session either.
	if _, err := s.readStore(); err != nil {
		return Entry{}, err
	}
	r, err := send()
	if err != nil {
		return Entry{}, &NetworkError{err}
	}
	a, err := readAnswer(operation, r, false)
	if err != nil {
		return Entry{}, err
	}
	switch {
	case a.action == ActionContinueFlow:
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.epoch != from.epoch { // Race: somebody has signed out, or in, since
			return Entry{}, ErrNothingPending
		}
		s.pending = cmp.Or(a.Meta.SessionToken, from.token) // only a new one is told
		return Entry{Pending: pending(a.Data.Flows)}, nil
	case a.action == ActionProceed && r.StatusCode == http.StatusUnauthorized:
		a.action = ActionShow // nobody is let in, and nothing is pending
		return Entry{}, a.error()
	case a.action != ActionProceed:
		return Entry{}, a.error()
	case a.Meta.RefreshToken == "" || a.Meta.AccessToken == "":
		return Entry{}, a.undocumented()
	}
	return Entry{User: a.Data.User}, s.start(ctx, from.epoch, a.tokens())
}

// goOn takes the next step of the sign-in that is under way.
func (s *Session) goOn(ctx context.Context, operation string, send func(RequestEditorFn) (*http.Response, error)) (Entry, error) {
	return s.whilePending(func(from attempt) (Entry, error) {
		return s.signIn(ctx, operation, from, func() (*http.Response, error) { return send(with(from.token)) })
	})
}

// with sends the session token of a sign-in that is under way.
func with(token string) RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Session-Token", token)
		return nil
	}
}

// whilePending takes a step with the session token of the sign-in that is under way, and
// forgets it where the server says that it is over.
func (s *Session) whilePending(step func(attempt) (Entry, error)) (Entry, error) {
	s.mu.Lock()
	from := attempt{s.pending, s.epoch}
	s.mu.Unlock()
	if from.token == "" {
		return Entry{}, ErrNothingPending
	}
	e, err := step(from)
	if !isOver(err) {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == from.token {
		s.pending = ""
	}
	return e, fmt.Errorf("%w: %w", ErrNothingPending, err)
}

// isOver reports whether an answer of the server's own says that the sign-in is not under
// way any more. Any other leaves it as it is: a wrong code, a server that is away.
func isOver(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && !refused.Undocumented && refused.Action != ActionContinueFlow &&
		(refused.Status == http.StatusUnauthorized || refused.Status == http.StatusGone)
}

// Adopt makes the session that a flow's answer carries this session: the last step of a
// pending sign-in that was taken through [Session.API]. An answer without tokens changes
// nothing. It returns [ErrNothingPending] where somebody has signed out, or in, since the
// step was sent.
func (s *Session) Adopt(ctx context.Context, answer *AuthenticatedResponse) error {
	if answer == nil || answer.Meta.RefreshToken == "" {
		return nil
	}
	tokens := handedOut{answer.Meta.AccessToken, answer.Meta.RefreshToken, answer.Meta.DeviceToken}

	return s.start(ctx, s.epochOf(tokens.refresh), tokens)
}

// epochOf returns the epoch in which the request went out whose answer, the last one through API,
// carried a refresh token; the current one for any other token.
func (s *Session) epochOf(refresh string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	epoch := s.epoch
	if s.last.token == refresh {
		epoch, s.last = s.last.epoch, attempt{}
	}

	return epoch
}

// handedOut are the tokens that a sign-in brings.
type handedOut struct{ access, refresh, device string }

func (a *answer) tokens() handedOut {
	return handedOut{a.Meta.AccessToken, a.Meta.RefreshToken, a.Meta.DeviceToken}
}

// start stores a new session. One that was there before is left to the queue of
// sign-outs: nobody else will end it. epoch is that in which the request went out: what
// comes after a sign-out, or another sign-in, brings nobody in.
func (s *Session) start(ctx context.Context, epoch int, tokens handedOut) error {
	err := s.keep(ctx, epoch, tokens)
	if errors.Is(err, ErrNothingPending) {
		s.discard(context.WithoutCancel(ctx), tokens.access, tokens.refresh)
	}
	s.tell()
	s.Resume()
	return err
}

// discard ends a session on the server that came too late, now or, where the queue of
// sign-outs is free, later.
func (s *Session) discard(ctx context.Context, accessToken, refresh string) {
	if s.revoke(ctx, accessToken) == nil {
		return
	}
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return
	}
	defer unlock()
	if queued, err := s.queuedSignOut(); err == nil && queued.Refresh == "" {
		_ = s.queueSignOut(newRecord(0, refresh)) // or else it ends by itself, unused
	}
}

func (s *Session) keep(ctx context.Context, epoch int, tokens handedOut) error {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := s.readStore()
	if err != nil {
		return err
	}
	s.mu.Lock()
	late := s.epoch != epoch
	s.mu.Unlock()
	if late {
		return ErrNothingPending
	}
	if before.Refresh != "" {
		if err := s.queueSignOut(before); err != nil {
			return err
		}
	}
	next := newRecord(before.Seq+1, tokens.refresh)
	if err := s.writeRecord(next); err != nil {
		return err
	}
	s.keepDevice(tokens.device)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != epoch { // Race: a sign-out waits for the lock, and clears what was written
		return ErrNothingPending
	}
	s.epoch++
	s.uncleared = false
	s.pending = ""
	s.backoff.reset()
	s.refused.reset()
	s.take(next)
	s.access = newAccess(tokens.access, s.clock.Monotonic())
	return nil
}
