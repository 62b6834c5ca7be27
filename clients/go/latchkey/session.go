// Package latchkey is the Go client of a Latchkey server, for command-line tools,
// services and tests.
//
// [Session] is the hand-written part: it holds one person's tokens and keeps them
// fresh. Everything in client.gen.go is generated from the server's openapi.yaml and
// gives the whole API, operation by operation ([ClientWithResponses]).
package latchkey

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"sync"
)

// ErrNotSignedIn says that the session holds no tokens: sign in first.
var ErrNotSignedIn = errors.New("latchkey: not signed in")

// Tokens are what a session holds after signing in.
type Tokens struct {
	// Access is a JWT to show to Latchkey and to services that trust it.
	Access string
	// Refresh is a JWT that is good for one new pair.
	Refresh string
	// IdempotencyKey will spend Refresh: it is made when the token is stored, and sent
	// with every attempt, so that an attempt whose answer was lost can be repeated.
	IdempotencyKey string
}

// Session is one person's sign-in. It is safe for concurrent use. Tokens live in
// memory.
type Session struct {
	api *ClientWithResponses

	mu     sync.Mutex // guards tokens
	tokens Tokens

	refreshing sync.Mutex // one refresh in flight
}

// NewSession returns a signed-out session with the server at baseURL, such as
// "https://auth.example.com". Options are those of the generated client, such as
// [WithHTTPClient].
func NewSession(baseURL string, options ...ClientOption) (*Session, error) {
	s := &Session{}
	api, err := NewClientWithResponses(baseURL, append(options, WithRequestEditorFn(s.authorize))...)
	s.api = api
	return s, err
}

// API is the generated client of this session: it sends the access token where there
// is one.
func (s *Session) API() *ClientWithResponses { return s.api }

// Tokens returns a copy of what the session holds.
func (s *Session) Tokens() Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens
}

// SetTokens puts stored tokens back, for instance after a restart.
func (s *Session) SetTokens(t Tokens) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = t
}

// authorize adds the access token; refresh calls carry their token in the body.
func (s *Session) authorize(_ context.Context, r *http.Request) error {
	if t := s.Tokens(); t.Access != "" && r.Header.Get("Authorization") == "" {
		r.Header.Set("Authorization", "Bearer "+t.Access)
	}
	return nil
}

// keep stores a pair together with the key that will spend it.
func (s *Session) keep(access, refresh string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = Tokens{Access: access, Refresh: refresh, IdempotencyKey: newKey()}
}

func newKey() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// SignUp makes an account and signs its owner in. It returns an [*Error] when the
// server refuses.
func (s *Session) SignUp(ctx context.Context, email, password string) (User, error) {
	r, err := s.api.SignupWithResponse(ctx, SignupRequest{Email: email, Password: password})
	if err != nil {
		return User{}, err
	}
	return s.enter(r.JSON200, r.HTTPResponse, r.Body)
}

// SignIn signs a person in with a password. It returns an [*Error] when the server
// refuses.
func (s *Session) SignIn(ctx context.Context, email, password string) (User, error) {
	r, err := s.api.LoginWithResponse(ctx, LoginRequest{Email: email, Password: password})
	if err != nil {
		return User{}, err
	}
	return s.enter(r.JSON200, r.HTTPResponse, r.Body)
}

func (s *Session) enter(answer *AuthenticatedResponse, r *http.Response, body []byte) (User, error) {
	if answer == nil {
		return User{}, refusal(r, body)
	}
	s.keep(answer.Meta.AccessToken, answer.Meta.RefreshToken)
	return answer.Data.User, nil
}

// Current asks the server who is signed in, refreshing the tokens once if it must.
func (s *Session) Current(ctx context.Context) (User, error) {
	var user User
	err := s.retrying(ctx, func() (int, error) {
		r, err := s.api.GetSessionWithResponse(ctx)
		if err != nil {
			return 0, err
		}
		if r.JSON200 == nil {
			return r.StatusCode(), refusal(r.HTTPResponse, r.Body)
		}
		user = r.JSON200.Data.User
		return http.StatusOK, nil
	})
	return user, err
}

// Profile reads the signed-in person's profile, refreshing the tokens once if it must.
func (s *Session) Profile(ctx context.Context) (Profile, error) {
	var profile Profile
	err := s.retrying(ctx, func() (int, error) {
		r, err := s.api.GetProfileWithResponse(ctx)
		if err != nil {
			return 0, err
		}
		if r.JSON200 == nil {
			return r.StatusCode(), refusal(r.HTTPResponse, r.Body)
		}
		profile = *r.JSON200
		return http.StatusOK, nil
	})
	return profile, err
}

// retrying runs call, and once more after a refresh when the answer was 401.
func (s *Session) retrying(ctx context.Context, call func() (int, error)) error {
	stale := s.Tokens().Access
	status, err := call()
	if status != http.StatusUnauthorized || stale == "" {
		return err
	}
	if err := s.refreshIf(ctx, stale); err != nil {
		return err
	}
	_, err = call()
	return err
}

// Refresh trades the refresh token for a new pair. When the server says that the
// session is over, the tokens are dropped and the [*Error] says why; after any other
// failure they are kept, and the call can be repeated.
func (s *Session) Refresh(ctx context.Context) error {
	return s.refreshIf(ctx, s.Tokens().Access)
}

// refreshIf refreshes unless somebody else has done so since stale was current.
func (s *Session) refreshIf(ctx context.Context, stale string) error {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	held := s.Tokens()
	switch {
	case held.Refresh == "":
		return ErrNotSignedIn
	case held.Access != stale:
		return nil
	}
	r, err := s.api.RefreshTokenWithResponse(ctx, &RefreshTokenParams{IdempotencyKey: held.IdempotencyKey}, RefreshTokenRequest{Refresh: held.Refresh})
	if err != nil {
		return err
	}
	if r.JSON200 == nil {
		err := refusal(r.HTTPResponse, r.Body)
		if err.Terminal() {
			s.SetTokens(Tokens{})
		}
		return err
	}
	return s.replace(held, r.JSON200.Meta)
}

// replace stores the successor of held, unless the person has signed out or in again
// meanwhile: then the new pair is nobody's.
func (s *Session) replace(held Tokens, fresh AuthenticatedMeta) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens.Refresh != held.Refresh {
		return ErrNotSignedIn
	}
	s.tokens.Access = fresh.AccessToken
	if fresh.RefreshToken != "" {
		s.tokens.Refresh, s.tokens.IdempotencyKey = fresh.RefreshToken, newKey()
	}
	return nil
}

// SignOut drops the tokens and ends the session on the server. The tokens are dropped
// whatever the server says.
func (s *Session) SignOut(ctx context.Context) error {
	held := s.Tokens()
	s.SetTokens(Tokens{})
	if held.Access == "" {
		return nil
	}
	r, err := s.api.EndSessionWithResponse(ctx, func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+held.Access)
		return nil
	})
	if err != nil {
		return err
	}
	if r.StatusCode() != http.StatusUnauthorized { // the success answer of signing out
		return refusal(r.HTTPResponse, r.Body)
	}
	return nil
}
