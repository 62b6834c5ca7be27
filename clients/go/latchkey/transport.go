package latchkey

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// Transport adds the session's access token to requests for the server and for
// [Settings.Origins], over base (nil: [http.DefaultTransport]). It refreshes ahead of expiry;
// a 401 for a stale token is followed by one refresh and the request once more, where its
// body can be sent again. Requests for other hosts pass untouched, also after a redirect.
//
// An API that answers 401 although the token is new gets no more refreshes for a while: its 401
// is the answer. Other APIs, and tokens that expire, do not wait for that.
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

// isRefresh reports whether an operation trades a token for a pair.
func isRefresh(operation string) bool {
	return operation == refreshOperation || operation == "refreshTokenPair" || operation == exchangeOperation
}

// errRefreshByHand says that a refresh is the session's own business: another one would spend
// its token behind its back.
var errRefreshByHand = errors.New("latchkey: Session.Refresh refreshes, and Session.Adopt takes over a refresh or session token")

// sender sends a request.
type sender func(*http.Request) (*http.Response, error)

// authorized sends a request with the access token, or as a step of a sign-in.
func (s *Session) authorized(r *http.Request, send sender, required bool) (*http.Response, error) {
	operation := s.operation(r)
	switch {
	case isRefresh(operation): // Race: it would wait for itself
		closeBody(r)

		return nil, errRefreshByHand
	case r.Header.Get("Authorization") != "" || r.Header.Get("X-Session-Token") != "" || !s.trusted(r):
		return send(r)
	case beginsSignIn(operation, r):
		return s.sendStep(r, send, operation, s.beginning(r.Context()))
	}

	if from, ok := s.stepOf(operation, r); ok {
		return s.sendStep(r, send, operation, from)
	}

	token, err := s.permitted(r.Context())
	if _, out := err.(*SignedOutError); out && !required { //nolint:errorlint // permitted returns it bare
		return s.sendPending(r, send, operation)
	}
	if err != nil {
		closeBody(r)

		return nil, err
	}

	response, err := s.sendBearer(r, send, operation, token)
	if err != nil {
		return nil, err
	}

	response.Request = r // Security: without the token, for what logs requests

	return s.noteOwn(r, response, operation)
}

// sendBearer sends a request with the access token, and once more where that is stale.
func (s *Session) sendBearer(r *http.Request, send sender, operation, token string) (*http.Response, error) {
	response, err := send(withBearer(r, token))
	if err != nil {
		return nil, err
	}

	again, stale, err := s.stale(r, response, operation)
	if err != nil {
		return nil, err
	}

	if !stale {
		return response, nil
	}

	origin := originOf(r.URL)
	fresh, err := s.renew(r.Context(), token, cause{origin: origin})
	if err != nil {
		_ = response.Body.Close()

		return nil, err
	}

	if again == nil || fresh == "" { // its body is gone, or the origin refuses new tokens, too
		return response, nil
	}

	_ = response.Body.Close()
	response, err = send(withBearer(again, fresh))
	if err != nil {
		return nil, err
	}

	_, stale, err = s.stale(r, response, operation)
	if err != nil {
		return nil, err
	}

	s.noteRefusal(origin, fresh, stale, response)

	return response, nil
}

// noteRefusal notes whether a refresh has helped, or the origin refuses what is new.
func (s *Session) noteRefusal(origin, token string, refused bool, response *http.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !refused {
		s.refused.helped(origin)

		return
	}

	s.refused.refused(origin, token, s.clock.Monotonic(), &Error{Status: response.StatusCode, Action: ActionRefresh})
}

// stale reports whether the answer asks for a refresh, and returns the request to repeat
// then, nil where its body is gone.
func (s *Session) stale(r *http.Request, response *http.Response, operation string) (*http.Request, bool, error) {
	if response.StatusCode != http.StatusUnauthorized {
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

// trusted reports whether a request goes where the access token may go.
func (s *Session) trusted(r *http.Request) bool { return slices.Contains(s.origins, originOf(r.URL)) }

// operation names the operation of the server that a request is for, "" where it is for
// something else.
func (s *Session) operation(r *http.Request) string {
	path, below := strings.CutPrefix(r.URL.Path, s.server.Path)
	if !below || originOf(r.URL) != s.origins[0] {
		return ""
	}

	return operationOf(r.Method, path)
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
