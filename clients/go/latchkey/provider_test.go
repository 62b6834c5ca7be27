package latchkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

var appleToken = ProviderToken{ClientID: "com.example.app", IDToken: "e30.e30.c2ln", Nonce: "n1", AuthorizationCode: "c0d3", Name: "Ada"}

// submits is the request that hands a token over.
func submits(t *testing.T, process string) string {
	t.Helper()
	text, err := json.Marshal(ProviderTokenRequest{Provider: "apple", Process: process, Token: appleToken})
	must(t, err)
	return "auth/provider/token  " + string(text)
}

func TestNewProviderNonce_givesBothForms(t *testing.T) {
	server := play(t, told{status: 200, body: `{"status":200,"data":{"nonce":"n1","nonce_sha256":"aa","expires_at":1790000600}}`})
	s := signedIn(t, server.URL, Settings{})
	n, err := s.NewProviderNonce(t.Context())
	if err != nil || n.Nonce != "n1" || n.NonceSha256 != "aa" {
		t.Errorf("%+v, %v", n, err)
	}
	server.sent(t, "auth/provider/nonce  ")
	if server.got() != `[""]` {
		t.Errorf("a Bearer went along: %s", server.got())
	}
}

func TestNewProviderNonce_anythingElseIsAnError(t *testing.T) {
	for name, answer := range map[string]told{"away": {status: 503, body: away}, "nothing in it": {status: 200, body: `{"status":200,"data":{}}`}, "a portal": {status: 200, body: "<html>"}, "broken off": {}} {
		t.Run(name, func(t *testing.T) {
			s, err := NewSession(play(t, answer).URL)
			must(t, err)
			if n, err := s.NewProviderNonce(t.Context()); err == nil {
				t.Errorf("%+v", n)
			}
		})
	}
}

func TestSignInWithProvider_startsASession(t *testing.T) {
	server := play(t, told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	e, err := s.SignInWithProvider(t.Context(), "apple", appleToken)
	if err != nil || !e.SignedIn() || e.ID != "7" {
		t.Fatalf("%+v, %v", e, err)
	}
	if state, _ := s.State(); state != StateSignedIn {
		t.Errorf("state %s", state)
	}
	server.sent(t, submits(t, "login"))
}

func TestSignInWithProvider_asksForTheSecondFactorToo(t *testing.T) {
	server := play(t, asksForFactor, told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	e, err := s.SignInWithProvider(t.Context(), "apple", appleToken)
	if err != nil || len(e.SecondFactor()) != 2 {
		t.Fatalf("%+v, %v", e, err)
	}
	if e, err := s.SubmitSecondFactor(t.Context(), "314159"); err != nil || !e.SignedIn() {
		t.Errorf("%+v, %v", e, err)
	}
}

// Whatever comes of it but a sign-in: who is signed in stays so, and no Bearer goes along
// that the server would sign out.
func TestSignInWithProvider_leavesTheSessionBeforeAlone(t *testing.T) {
	for name, c := range map[string]struct {
		answer told
		action Action // none: no answer
	}{
		"the service is away": {told{status: 503, body: away}, ActionRetry},
		"the token is used":   {told{status: 400, body: `{"status":400,"errors":[{"code":"invalid_token","message":"Invalid token.","param":"token"}]}`}, ActionShow},
		"signing up is shut":  {told{status: 403, body: `{"status":403,"errors":[{"code":"signup_closed","message":"Closed."}]}`}, ActionShow},
		"too many":            {told{status: 429, body: `{"status":429,"errors":[{"code":"too_many_requests","message":"Wait."}]}`}, ActionWait},
		"no answer":           {told{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			server := play(t, c.answer)
			s := signedIn(t, server.URL, Settings{})
			before := s.Tokens()
			_, err := s.SignInWithProvider(t.Context(), "apple", appleToken)
			var refused *Error
			var network *NetworkError
			if c.action == "" && !errors.As(err, &network) || c.action != "" && (!errors.As(err, &refused) || refused.Action != c.action) {
				t.Errorf("got %v", err)
			}
			if state, _ := s.State(); state != StateSignedIn || s.Tokens() != before {
				t.Errorf("state %s, %+v", state, s.Tokens())
			}
			if server.got() != `[""]` {
				t.Errorf("a Bearer went along: %s", server.got())
			}
		})
	}
}

func TestCompleteProviderSignUp_givesWhatIsMissing(t *testing.T) {
	missing := asks(`{"id":"provider_signup","is_pending":true,"provider":{"id":"apple","name":"Apple","flows":[]}}`, `,"session_token":"lkst_half"`)
	taken := told{status: 409, body: `{"status":409,"errors":[{"code":"email_taken","message":"Not now."}]}`}
	server := play(t, missing, taken, told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	e, err := s.SignInWithProvider(t.Context(), "apple", appleToken)
	if err != nil || e.SignedIn() || e.Pending[0].ID != "provider_signup" || e.Pending[0].Provider.ID != "apple" {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := s.CompleteProviderSignUp(t.Context(), "a@example.com"); err == nil || errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v: another address may do", err)
	}
	if e, err = s.CompleteProviderSignUp(t.Context(), "b@example.com"); err != nil || !e.SignedIn() {
		t.Fatalf("%+v, %v", e, err)
	}
	server.sent(t, submits(t, "login"), `auth/provider/signup lkst_half {"email":"a@example.com"}`, `auth/provider/signup lkst_half {"email":"b@example.com"}`)
}

func TestReauthenticateByProvider_bringsATokenWithANonceOfTheSession(t *testing.T) {
	nonce := told{status: 200, body: `{"status":200,"data":{"nonce":"n1","nonce_sha256":"aa","expires_at":1790000600}}`}
	server := play(t, nonce, told{status: 200, body: in})
	s := signedIn(t, server.URL, Settings{})
	before := s.Tokens()
	n, err := s.NewReauthenticationNonce(t.Context())
	if err != nil || n.Nonce != "n1" {
		t.Fatalf("%+v, %v", n, err)
	}
	must(t, s.ReauthenticateByProvider(t.Context(), "apple", appleToken))
	if want := fmt.Sprintf("[%q %[1]q]", "Bearer "+before.Access); server.got() != want || s.Tokens() != before {
		t.Errorf("sent %s, and holds %+v", server.got(), s.Tokens())
	}
	server.sent(t, "auth/provider/nonce  ", submits(t, "reauthenticate"))
}

func TestReauthenticateByProvider_needsSomebodySignedIn(t *testing.T) {
	s, err := NewSession(play(t).URL)
	must(t, err)
	var out *SignedOutError
	if _, err := s.NewReauthenticationNonce(t.Context()); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
	if err := s.ReauthenticateByProvider(t.Context(), "apple", appleToken); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
}

func TestConnectProvider_asksToProveItAgain(t *testing.T) {
	proveIt := told{status: 401, body: `{"status":401,"data":{"user":{"id":7},"methods":[],"flows":[{"id":"reauthenticate"}]},"meta":{"is_authenticated":true}}`}
	server := play(t, proveIt, told{status: 200, body: in})
	s := signedIn(t, server.URL, Settings{})
	var refused *Error
	if err := s.ConnectProvider(t.Context(), "apple", appleToken); !errors.As(err, &refused) || refused.Action != ActionReauthenticate {
		t.Errorf("got %v", err)
	}
	must(t, s.ConnectProvider(t.Context(), "apple", appleToken))
	server.sent(t, submits(t, "connect"), submits(t, "connect"))
}

// A 401 without anything pending is how some sign-ins end, and never how connecting does:
// here somebody signs out meanwhile.
func TestConnectProvider_onlyA200IsASuccess(t *testing.T) {
	s := signedIn(t, play(t).URL, Settings{})
	err := s.done(t.Context(), "submitProviderToken", func(context.Context) (*http.Response, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.access = access{}
		return &http.Response{StatusCode: http.StatusUnauthorized, Body: io.NopCloser(strings.NewReader(nobodysTurn))}, nil
	})
	var refused *Error
	if !errors.As(err, &refused) || refused.Action != ActionRetry {
		t.Errorf("got %v", err)
	}
}

func TestConnectProvider_needsSomebodySignedIn(t *testing.T) {
	s, err := NewSession(play(t).URL)
	must(t, err)
	var out *SignedOutError
	if err := s.ConnectProvider(t.Context(), "apple", appleToken); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
}
