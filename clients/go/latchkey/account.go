package latchkey

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Current asks the server who is signed in. A sign-in that waited for a link signs in here, once the
// link has been opened anywhere.
func (s *Session) Current(ctx context.Context) (User, error) {
	a, err := s.call(ctx, "getSession", s.bearing(), func(ctx context.Context) (*http.Response, error) {
		return s.api.GetSession(ctx)
	})
	if err != nil {
		return User{}, err
	}
	if a.action != ActionProceed {
		return User{}, a.error()
	}

	return a.Data.User, nil
}

// Profile reads the signed-in user's profile.
func (s *Session) Profile(ctx context.Context) (Profile, error) {
	a, err := s.call(ctx, "getProfile", s.bearing(), func(ctx context.Context) (*http.Response, error) {
		return s.api.GetProfile(ctx)
	})
	if err != nil {
		return Profile{}, err
	}

	var profile Profile
	if a.http.StatusCode != http.StatusOK { // an answer without an envelope where it went well
		return Profile{}, a.error()
	}
	if json.NewDecoder(a.http.Body).Decode(&profile) != nil || profile.ID == "" {
		return Profile{}, a.undocumented()
	}

	return profile, nil
}

// AddEmail adds an address to the account of the signed-in user, and mails a code or link to it:
// see [Session.VerifyOwnEmail].
func (s *Session) AddEmail(ctx context.Context, email string) error {
	return s.done(ctx, "addEmailAddress", func(ctx context.Context) (*http.Response, error) {
		return s.api.AddEmailAddress(ctx, EmailRequest{Email: email})
	})
}

// VerifyOwnEmail verifies an address of the signed-in user by the code that was mailed. It goes
// with their session, also while another sign-in or a sign-up is pending.
func (s *Session) VerifyOwnEmail(ctx context.Context, code string) error {
	return s.done(ctx, "verifyEmail", func(ctx context.Context) (*http.Response, error) {
		return s.api.VerifyEmail(own(ctx), VerifyEmailRequest{Key: code})
	})
}

// call makes a call of the session's own through the generated client, within the limit.
func (s *Session) call(ctx context.Context, operation string, bearing bool, send request) (*answer, error) {
	ctx, done := s.within(ctx, callLimit)
	defer done()

	r, err := send(ctx)
	if err != nil {
		return nil, asNetwork(ctx, err)
	}

	return readAnswer(operation, r, bearing || s.bearing())
}

// bearing reports whether requests carry an access token.
func (s *Session) bearing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access.token != ""
}

// asNetwork leaves the session's own errors as they are; any other means that no answer
// came.
func asNetwork(ctx context.Context, err error) error {
	var (
		refused *Error
		wait    *WaitError
		store   *StoreError
		out     *SignedOutError
		network *NetworkError
	)
	if errors.As(err, &refused) || errors.As(err, &wait) || errors.As(err, &store) || errors.As(err, &out) ||
		errors.As(err, &network) || errors.Is(err, ErrDismissed) || errors.Is(err, ErrNothingPending) {
		return err
	}

	return noAnswer(ctx, err)
}
