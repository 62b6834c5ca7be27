package latchkey

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
)

const (
	keyOptions  = `{"status":200,"data":{"request_options":{"publicKey":{"challenge":"Y2g"}}},"meta":{"session_token":"lkst_asked"}}`
	moreOptions = `{"status":200,"data":{"request_options":{"publicKey":{"challenge":"bW9yZQ"}}}}`
	shownKey    = `{"credential":{"id":"a2V5"}}`
)

// keyOf is a prompt that shows a passkey, and remembers what it was asked.
func keyOf(asked *[]string) PasskeyPrompt {
	return func(_ context.Context, options json.RawMessage) (json.RawMessage, error) {
		*asked = append(*asked, string(options))
		return json.RawMessage(`{"id":"a2V5"}`), nil
	}
}

func dismissing(context.Context, json.RawMessage) (json.RawMessage, error) { return nil, ErrDismissed }

func TestSignInWithPasskey_startsASession(t *testing.T) {
	server := play(t, told{status: 200, body: keyOptions}, told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	var asked []string
	e, err := s.SignInWithPasskey(t.Context(), keyOf(&asked))
	if err != nil || !e.SignedIn() || e.ID != 7 {
		t.Fatalf("%+v, %v", e, err)
	}
	if len(asked) != 1 || asked[0] != `{"challenge":"Y2g"}` {
		t.Errorf("the prompt was asked %q", asked)
	}
	server.sent(t, "auth/webauthn/login  ", "auth/webauthn/login lkst_asked "+shownKey)
}

// Whatever comes of it but a sign-in: who is signed in stays so, and a sign-in that waits for
// its second factor goes on.
func TestSignInWithPasskey_leavesWhatThereIsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		answers []told
		prompt  PasskeyPrompt
		is      func(error) bool
	}{
		"dismissed":          {[]told{{status: 200, body: keyOptions}}, dismissing, func(err error) bool { return errors.Is(err, ErrDismissed) }},
		"away":               {[]told{{status: 503, body: away}}, nil, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Action == ActionRetry }},
		"options of nothing": {[]told{{status: 200, body: `{"status":200,"data":{"request_options":{}}}`}}, nil, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Undocumented }},
		"refused":            {[]told{{status: 200, body: keyOptions}, {status: 400, body: wrongCode}}, nil, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Has("incorrect_code") }},
		"the answer is lost": {[]told{{status: 200, body: keyOptions}, {}}, nil, func(err error) bool { var e *NetworkError; return errors.As(err, &e) }},
	} {
		t.Run(name, func(t *testing.T) {
			server := play(t, append(append([]told{asksForFactor}, c.answers...), told{status: 400, body: wrongCode})...)
			s := signedIn(t, server.URL, Settings{})
			before := s.Tokens()
			_, err := s.SignIn(t.Context(), "ada@example.com", "p")
			must(t, err)
			prompt := c.prompt
			if prompt == nil {
				prompt = keyOf(new([]string))
			}
			if _, err := s.SignInWithPasskey(t.Context(), prompt); err == nil || !c.is(err) {
				t.Errorf("got %v", err)
			}
			if state, _ := s.State(); state != StateSignedIn || s.Tokens() != before {
				t.Errorf("state %s, %+v", state, s.Tokens())
			}
			var wrong *Error
			if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.As(err, &wrong) || !wrong.Has("incorrect_code") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSubmitSecondFactorKey_finishesTheSignIn(t *testing.T) {
	server := play(t, asksForFactor, told{status: 200, body: moreOptions}, told{status: 200, body: moreOptions}, told{status: 200, body: in})
	s := half(t, server)
	if _, err := s.SubmitSecondFactorKey(t.Context(), dismissing); !errors.Is(err, ErrDismissed) {
		t.Errorf("got %v", err)
	}
	var asked []string
	e, err := s.SubmitSecondFactorKey(t.Context(), keyOf(&asked))
	if err != nil || !e.SignedIn() || len(asked) != 1 {
		t.Fatalf("%+v, %v, %q", e, err, asked)
	}
	server.sent(t, login, "auth/webauthn/authenticate lkst_half ", "auth/webauthn/authenticate lkst_half ", "auth/webauthn/authenticate lkst_half "+shownKey)
}

// Another step that comes first is not the end of the sign-in; an end is.
func TestSubmitSecondFactorKey_knowsTheEnd(t *testing.T) {
	server := play(t, asksForFactor, asks(`{"id":"verify_email","is_pending":true}`, ""), told{status: 401, body: nobodysTurn})
	s := half(t, server)
	var refused *Error
	if _, err := s.SubmitSecondFactorKey(t.Context(), dismissing); !errors.As(err, &refused) || refused.Action != ActionContinueFlow || errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	for range 2 { // the second time without a request
		if _, err := s.SubmitSecondFactorKey(t.Context(), dismissing); !errors.Is(err, ErrNothingPending) {
			t.Errorf("got %v", err)
		}
	}
}
