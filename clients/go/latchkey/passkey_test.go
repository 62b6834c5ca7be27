package latchkey

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
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
	if err != nil || !e.SignedIn() || e.ID != "7" {
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

// P14: the prompt takes its time, and the person may leave meanwhile.
func TestSignOut_endsAPromptThatIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		answers []told
		begin   func(t *testing.T, s *Session, prompt PasskeyPrompt) error
	}{
		"sign-in": {[]told{{status: 200, body: keyOptions}, {status: 200, body: in}, {status: 401, body: nobodysTurn}}, func(t *testing.T, s *Session, prompt PasskeyPrompt) error {
			_, err := s.SignInWithPasskey(t.Context(), prompt)
			return err
		}},
		"second factor": {[]told{asksForFactor, {status: 200, body: moreOptions}, {status: 200, body: in}, {status: 401, body: nobodysTurn}}, func(t *testing.T, s *Session, prompt PasskeyPrompt) error {
			_, err := s.SignIn(t.Context(), "ada@example.com", "p")
			must(t, err)
			_, err = s.SubmitSecondFactorKey(t.Context(), prompt)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			server := play(t, c.answers...)
			s, err := NewSession(server.URL)
			must(t, err)
			err = c.begin(t, s, func(ctx context.Context, _ json.RawMessage) (json.RawMessage, error) {
				must(t, s.SignOut(ctx))
				return json.RawMessage(`{"id":"a2V5"}`), nil
			})
			if !errors.Is(err, ErrNothingPending) {
				t.Errorf("got %v", err)
			}
			if state, _ := s.State(); state != StateSignedOut || s.Tokens() != (Tokens{}) {
				t.Errorf("state %s, %+v", state, s.Tokens())
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if last := server.requests[len(server.requests)-1]; last != "auth/session  " {
				t.Errorf("the session that came too late is not ended: %s", last)
			}
		})
	}
}

// The answer to a step through the generated client comes after a sign-out.
func TestAPI_stepThatComesTooLateAfterASignOut(t *testing.T) {
	var s *Session
	leave := func() { _ = s.SignOut(context.Background()) }
	server := play(t, asksForFactor, told{status: 200, body: in, meanwhile: leave}, told{status: 401, body: nobodysTurn})
	s = half(t, server)
	if _, err := s.API().SubmitSecondFactorWithResponse(t.Context(), CodeRequest{Code: "314159"}); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	if state, _ := s.State(); state != StateSignedOut {
		t.Errorf("state %s", state)
	}
	server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"314159"}`, "auth/session  ")
}

// storeAt is a store in which something happens before a session is written.
type storeAt struct {
	MemoryStore
	writing func()
}

func (s *storeAt) Write(slot Slot, text []byte) error {
	if f := s.writing; f != nil && len(text) > 0 && slot < SlotSignOut {
		s.writing = nil
		f()
	}
	return s.MemoryStore.Write(slot, text)
}

// P14: a sign-out that comes while the new session is being stored finds it.
func TestSignOut_findsASessionThatIsBeingStored(t *testing.T) {
	var ended atomic.Int32
	server := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/auth/login"):
			_, _ = io.WriteString(w, in)
		case r.Method == http.MethodDelete:
			ended.Add(1)
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, nobodysTurn)
		default: // the queue, which may come first: the session is over
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":400,"errors":[{"code":"session_ended","message":"Over."}]}`)
		}
	})
	store := &storeAt{}
	s, err := Open(server.URL, Settings{Store: store})
	must(t, err)
	out := make(chan error, 1)
	store.writing = func() {
		begun := newest(s)
		go func() { out <- s.SignOut(context.Background()) }()
		for newest(s) == begun { // until it has begun
			runtime.Gosched()
		}
	}
	if _, err := s.SignIn(t.Context(), "ada@example.com", "p"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	must(t, <-out)
	if state, _ := s.State(); state != StateSignedOut || s.Tokens() != (Tokens{}) {
		t.Errorf("state %s, %+v", state, s.Tokens())
	}
	if ended.Load() == 0 {
		t.Error("the session lives on the server")
	}
}

func newest(s *Session) int {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.begun
}
