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
	return s.signIn(ctx, "signup", "", func() (*http.Response, error) {
		return s.plain.Signup(ctx, SignupRequest{Email: email, Password: password})
	})
}

// SignIn signs a person in with a password. It returns an [*Error] when the server
// refuses, and a pending step, such as a second factor, as a value.
func (s *Session) SignIn(ctx context.Context, email, password string) (Entry, error) {
	return s.signIn(ctx, "login", "", func() (*http.Response, error) {
		return s.plain.Login(ctx, LoginRequest{Email: email, Password: password})
	})
}

// signIn takes a step of a sign-in: the first one, or, with the session token that it sends,
// one of a sign-in that is under way.
func (s *Session) signIn(ctx context.Context, operation, sent string, send func() (*http.Response, error)) (Entry, error) {
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
		s.pending = cmp.Or(a.Meta.SessionToken, sent) // only a new one is told
		s.mu.Unlock()
		return Entry{Pending: pending(a.Data.Flows)}, nil
	case a.action != ActionProceed:
		return Entry{}, a.error()
	case a.Meta.RefreshToken == "" || a.Meta.AccessToken == "":
		return Entry{}, a.undocumented()
	}
	return Entry{User: a.Data.User}, s.start(ctx, a.Meta.AccessToken, a.Meta.RefreshToken)
}

// goOn takes the next step of the sign-in that is under way, with its session token.
func (s *Session) goOn(ctx context.Context, operation string, send func(RequestEditorFn) (*http.Response, error)) (Entry, error) {
	s.mu.Lock()
	token := s.pending
	s.mu.Unlock()
	if token == "" {
		return Entry{}, ErrNothingPending
	}
	e, err := s.signIn(ctx, operation, token, func() (*http.Response, error) {
		return send(func(_ context.Context, r *http.Request) error {
			r.Header.Set("X-Session-Token", token)
			return nil
		})
	})
	if !isOver(err) {
		return e, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending == token {
		s.pending = ""
	}
	return e, fmt.Errorf("%w: %w", ErrNothingPending, err)
}

// isOver reports whether an answer of the server's own says that the sign-in is not under
// way any more. Any other leaves it as it is: a wrong code, a server that is away.
func isOver(err error) bool {
	var refused *Error
	return errors.As(err, &refused) && !refused.Undocumented &&
		(refused.Status == http.StatusUnauthorized || refused.Status == http.StatusGone)
}

// Adopt makes the session that a flow's answer carries this session: the last step of a
// pending sign-in. An answer without tokens changes nothing.
func (s *Session) Adopt(ctx context.Context, answer *AuthenticatedResponse) error {
	if answer == nil || answer.Meta.RefreshToken == "" {
		return nil
	}
	return s.start(ctx, answer.Meta.AccessToken, answer.Meta.RefreshToken)
}

// start stores a new session. One that was there before is left to the queue of
// sign-outs: nobody else will end it.
func (s *Session) start(ctx context.Context, accessToken, refresh string) error {
	err := s.keep(ctx, accessToken, refresh)
	s.tell()
	s.Resume()
	return err
}

func (s *Session) keep(ctx context.Context, accessToken, refresh string) error {
	unlock, err := s.lock(ctx, LockWrite)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := s.readStore()
	if err != nil {
		return err
	}
	if before.Refresh != "" {
		if err := s.queueSignOut(before); err != nil {
			return err
		}
	}
	next := newRecord(before.Seq+1, refresh)
	if err := s.writeRecord(next); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.uncleared = false
	s.pending = ""
	s.backoff.reset()
	s.refused.reset()
	s.take(next)
	s.access = newAccess(accessToken, s.clock.Monotonic())
	return nil
}
