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
	r, err := s.api.GetSession(ctx)
	if err != nil {
		return User{}, asNetwork(err)
	}
	a, err := readAnswer("getSession", r, s.bearing())
	if err != nil {
		return User{}, err
	}
	if a.action != ActionProceed {
		return User{}, a.error()
	}
	if a.Meta.RefreshToken == "" {
		return a.Data.User, nil
	}

	return a.Data.User, s.start(ctx, s.epochOf(a.Meta.RefreshToken), a.tokens())
}

// Profile reads the signed-in person's profile.
func (s *Session) Profile(ctx context.Context) (Profile, error) {
	r, err := s.api.GetProfile(ctx)
	if err != nil {
		return Profile{}, asNetwork(err)
	}
	a, err := readAnswer("getProfile", r, s.bearing())
	if err != nil {
		return Profile{}, err
	}
	var profile Profile
	if r.StatusCode != http.StatusOK { // an answer without an envelope where it went well
		return Profile{}, a.error()
	}
	if json.NewDecoder(r.Body).Decode(&profile) != nil || profile.ID == "" {
		return Profile{}, a.undocumented()
	}
	return profile, nil
}

// bearing reports whether requests carry an access token.
func (s *Session) bearing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.access.token != ""
}

// asNetwork leaves the session's own errors as they are; any other means that no answer
// came.
func asNetwork(err error) error {
	var (
		refused *Error
		wait    *WaitError
		store   *StoreError
		out     *SignedOutError
		network *NetworkError
	)
	if errors.As(err, &refused) || errors.As(err, &wait) || errors.As(err, &store) || errors.As(err, &out) ||
		errors.As(err, &network) || errors.Is(err, ErrDismissed) || errors.Is(err, context.Canceled) {
		return err
	}
	return &NetworkError{err}
}
