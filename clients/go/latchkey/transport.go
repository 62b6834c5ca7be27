package latchkey

import (
	"context"
	"net/http"
	"slices"
)

// Transport adds the session's access token to requests for the server and for
// [Settings.Hosts], over base (nil: [http.DefaultTransport]). It refreshes ahead of expiry;
// a 401 for a stale token is followed by one refresh and the request once more, where its
// body can be sent again. Requests for other hosts pass untouched, also after a redirect.
//
// Without a session it fails with a [*SignedOutError] and sends nothing. Use errors.As on
// what an [http.Client] returns.
func (s *Session) Transport(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return roundTripper{s, base}
}

type roundTripper struct {
	s    *Session
	base http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.s.authorized(r, t.base.RoundTrip, true)
}

// doer is what the generated client sends with: there, a session is optional.
type doer struct {
	s    *Session
	base HttpRequestDoer
}

// Do implements HttpRequestDoer.
func (d doer) Do(r *http.Request) (*http.Response, error) {
	return d.s.authorized(r, d.base.Do, false)
}

// isRefresh reports whether an operation takes a refresh token in its body.
func isRefresh(operation string) bool {
	return operation == refreshOperation || operation == "refreshTokenPair"
}

// authorized sends a request with the access token.
func (s *Session) authorized(r *http.Request, send func(*http.Request) (*http.Response, error), required bool) (*http.Response, error) {
	operation := s.operation(r)
	// Race: a refresh that went through here would wait for itself.
	if isRefresh(operation) || r.Header.Get("Authorization") != "" || !s.trusted(r) {
		return send(r)
	}
	token, err := s.permitted(r.Context())
	if _, out := err.(*SignedOutError); out && !required { //nolint:errorlint // permitted returns it bare
		return s.sendPending(r, send)
	}
	if err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := send(withBearer(r, token))
	if err != nil {
		return nil, err
	}
	again, stale, err := s.stale(r, response, operation)
	if err != nil || !stale {
		return response, err
	}
	token, err = s.renew(r.Context(), token)
	if err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	if again == nil {
		return response, nil
	}
	_ = response.Body.Close()
	response, err = send(withBearer(again, token))
	if err != nil {
		return nil, err
	}
	if _, stale, err := s.stale(r, response, operation); err == nil && stale {
		// The server refuses what it has just handed out: do not hurry to ask for more.
		s.mu.Lock()
		s.refused.fail(s.clock.Monotonic(), &Error{Status: response.StatusCode, Action: ActionRefresh})
		s.mu.Unlock()
	}
	return response, nil
}

// stale reports whether the answer asks for a refresh, and returns the request to repeat
// then, nil where its body is gone.
func (s *Session) stale(r *http.Request, response *http.Response, operation string) (*http.Request, bool, error) {
	if response.StatusCode != http.StatusUnauthorized {
		s.mu.Lock()
		s.refused.reset()
		s.mu.Unlock()
		return nil, false, nil
	}
	if operation != "" { // one of ours: the spec says which 401 this is
		a, err := readAnswer(operation, response, true)
		if err != nil || a.action != ActionRefresh {
			return nil, false, err
		}
	}
	if r.Body == nil || r.Body == http.NoBody {
		return r, true, nil
	}
	if r.GetBody == nil {
		return nil, true, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, true, nil //nolint:nilerr // then it is not repeated
	}
	again := r.Clone(r.Context())
	again.Body = body
	return again, true, nil
}

// permitted is token, after the session has been unlocked.
func (s *Session) permitted(ctx context.Context) (string, error) {
	if err := s.unlock.pass(ctx, s.clock); err != nil {
		return "", err
	}
	return s.token(ctx)
}

// sendPending sends a request of nobody, or of a sign-in that is under way.
func (s *Session) sendPending(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	s.mu.Lock()
	token, epoch := s.pending, s.epoch
	s.mu.Unlock()
	if r.Header.Get("X-Session-Token") != "" {
		return send(r)
	}
	if token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("X-Session-Token", token)
	}
	response, err := send(r)
	if err != nil || s.operation(r) == "" {
		return response, err
	}
	a, err := readAnswer(s.operation(r), response, false)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.epoch != epoch || s.pending != token: // Race: another sign-in has begun, or ended
	case response.StatusCode == http.StatusGone:
		s.pending = ""
	case a.documented && a.Meta.SessionToken != "" && a.Meta.RefreshToken == "":
		s.pending = a.Meta.SessionToken
	}
	if a.Meta.RefreshToken != "" {
		s.last = attempt{a.Meta.RefreshToken, epoch}
	}
	return response, nil
}

// trusted reports whether a request goes where the access token may go.
func (s *Session) trusted(r *http.Request) bool {
	if r.URL.Host == s.server.Host {
		return r.URL.Scheme == s.server.Scheme
	}
	return r.URL.Scheme == "https" && slices.Contains(s.hosts, r.URL.Host)
}

// operation names the operation of the server that a request is for, "" where it is for
// something else.
func (s *Session) operation(r *http.Request) string {
	if r.URL.Host != s.server.Host {
		return ""
	}
	return operationOf(r.Method, r.URL.Path)
}

func withBearer(r *http.Request, token string) *http.Request {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// closeBody is what a RoundTripper owes a request that it does not send.
func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
