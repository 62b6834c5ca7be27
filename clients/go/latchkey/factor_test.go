package latchkey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// told is an answer of a scripted server.
type told struct {
	status    int // 0: the connection breaks
	body      string
	meanwhile func() // what happens before it arrives
}

const (
	in          = `{"status":200,"data":{"user":{"id":7,"display":"Ada"},"methods":[]},"meta":{"is_authenticated":true,"access_token":"e30.e30.c2ln","refresh_token":"e30.eyJzaWQiOiJzIn0.c2ln"}}`
	wrongCode   = `{"status":400,"errors":[{"code":"incorrect_code","message":"Incorrect code.","param":"code"}]}`
	away        = `{"status":503,"errors":[{"code":"temporarily_unavailable","message":"Try again later."}]}`
	nobodysTurn = `{"status":401,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":false}}`
	gone        = `{"status":410,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":null}}`
)

// asks is the answer that a step is pending.
func asks(flow, meta string) told {
	return told{status: 401, body: `{"status":401,"data":{"flows":[{"id":"login"},` + flow + `]},"meta":{"is_authenticated":false` + meta + `}}`}
}

var asksForFactor = asks(`{"id":"mfa_authenticate","is_pending":true,"types":["recovery_codes","totp"]}`, `,"session_token":"lkst_half"`)

// script is a server that gives its answers in turn, and remembers what it was sent.
type script struct {
	*peer
	requests []string // the path's end, the session token, the body's text
}

func play(t *testing.T, answers ...told) *script {
	t.Helper()
	s := &script{}
	s.peer = newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		_, path, _ := strings.Cut(r.URL.Path, "/v1/")
		s.requests = append(s.requests, path+" "+r.Header.Get("X-Session-Token")+" "+string(body))
		if len(answers) == 0 {
			t.Errorf("nobody expects %s", path)
			return
		}
		a := answers[0]
		answers = answers[1:]
		if a.meanwhile != nil {
			s.mu.Unlock()
			a.meanwhile()
			s.mu.Lock()
		}
		if a.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	})
	return s
}

func (s *script) sent(t *testing.T, want ...string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.requests, want) {
		t.Errorf("sent:\n%s\nwant:\n%s", strings.Join(s.requests, "\n"), strings.Join(want, "\n"))
	}
}

// half is a session with a sign-in whose second factor is asked for.
func half(t *testing.T, s *script) *Session {
	t.Helper()
	session, err := NewSession(s.URL)
	must(t, err)
	e, err := session.SignIn(t.Context(), "ada@example.com", "p")
	must(t, err)
	if e.SignedIn() || !slices.Equal(e.SecondFactor(), []string{"recovery_codes", "totp"}) {
		t.Fatalf("%+v", e)
	}
	return session
}

const login = `auth/login  {"email":"ada@example.com","password":"p"}`

func TestSubmitSecondFactor_finishesTheSignIn(t *testing.T) {
	server := play(t, asksForFactor, told{status: 200, body: in})
	s := half(t, server)
	e, err := s.SubmitSecondFactor(t.Context(), "314159")
	if err != nil || !e.SignedIn() || e.ID != "7" || e.SecondFactor() != nil {
		t.Fatalf("%+v, %v", e, err)
	}
	if state, _ := s.State(); state != StateSignedIn || s.Tokens().Access == "" {
		t.Errorf("state %s", state)
	}
	server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"314159"}`)
	if server.got() != `["" ""]` {
		t.Errorf("a Bearer went along: %s", server.got())
	}
}

// What says nothing about the sign-in leaves it under way: the person types the next code.
func TestSubmitSecondFactor_keepsTheSignInUnderWay(t *testing.T) {
	for name, c := range map[string]struct {
		answer told
		is     func(error) bool
	}{
		"a wrong code":         {told{status: 400, body: wrongCode}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Has("incorrect_code") }},
		"the server is away":   {told{status: 503, body: away}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Action == ActionRetry }},
		"no answer":            {told{}, func(err error) bool { var e *NetworkError; return errors.As(err, &e) }},
		"half an answer":       {told{status: 200, body: in[:40]}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Undocumented }},
		"a stranger's 401":     {told{status: 401, body: "<html>"}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Undocumented }},
		"a stranger's 410":     {told{status: 410, body: `{"error":"gone"}`}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Undocumented }},
		"a 200 without tokens": {told{status: 200, body: `{"status":200,"data":{"user":{"id":7}},"meta":{"is_authenticated":true}}`}, func(err error) bool { var e *Error; return errors.As(err, &e) && e.Undocumented }},
	} {
		t.Run(name, func(t *testing.T) {
			server := play(t, asksForFactor, c.answer, told{status: 200, body: in})
			s := half(t, server)
			if _, err := s.SubmitSecondFactor(t.Context(), "111111"); err == nil || !c.is(err) || errors.Is(err, ErrNothingPending) {
				t.Fatalf("got %v", err)
			}
			if e, err := s.SubmitSecondFactor(t.Context(), "222222"); err != nil || !e.SignedIn() {
				t.Errorf("%+v, %v", e, err)
			}
			server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"111111"}`, `auth/2fa/authenticate lkst_half {"code":"222222"}`)
		})
	}
}

// After too many wrong codes nothing is pending; after an answer that was lost and had said
// that the person is in, the session token is another one.
func TestSubmitSecondFactor_startsOverOnceTheSignInIsOver(t *testing.T) {
	for name, answer := range map[string]told{"nothing is pending": {status: 401, body: nobodysTurn}, "the session token is dead": {status: 410, body: gone}} {
		t.Run(name, func(t *testing.T) {
			server := play(t, asksForFactor, answer)
			s := half(t, server)
			var refused *Error
			if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) || !errors.As(err, &refused) || refused.Terminal() {
				t.Errorf("got %v", err)
			}
			if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) {
				t.Errorf("then %v", err)
			}
			server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"314159"}`)
		})
	}
}

// The server tells a session token only where it is new.
func TestSubmitSecondFactor_keepsTheTokenForTheNextStep(t *testing.T) {
	server := play(t, asksForFactor, asks(`{"id":"verify_phone","is_pending":true}`, ""), told{status: 200, body: in})
	s := half(t, server)
	e, err := s.SubmitSecondFactor(t.Context(), "314159")
	if err != nil || e.SignedIn() || e.Pending[0].ID != "verify_phone" || e.SecondFactor() != nil {
		t.Fatalf("%+v, %v", e, err)
	}
	_, err = s.API().VerifyPhoneWithResponse(t.Context(), CodeRequest{Code: "X"})
	must(t, err)
	if state, _ := s.State(); state != StateSignedIn {
		t.Errorf("state %s", state)
	}
	server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"314159"}`, `auth/phone/verify lkst_half {"code":"X"}`)
}

func TestSubmitSecondFactor_sendsNothingWithoutASignIn(t *testing.T) {
	server := play(t)
	s := signedIn(t, server.URL, Settings{})
	if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	if state, _ := s.State(); state != StateSignedIn {
		t.Errorf("state %s", state)
	}
}

// Somebody who signs in as another person stays signed in until the second factor is shown.
func TestSubmitSecondFactor_leavesTheSessionBeforeAlone(t *testing.T) {
	server := play(t, asksForFactor, told{status: 400, body: wrongCode})
	s := signedIn(t, server.URL, Settings{})
	before := s.Tokens()
	_, err := s.SignIn(t.Context(), "ada@example.com", "p")
	must(t, err)
	if _, err := s.SubmitSecondFactor(t.Context(), "314159"); err == nil {
		t.Error("a wrong code was right")
	}
	if state, _ := s.State(); state != StateSignedIn || s.Tokens() != before {
		t.Errorf("state %s, %+v", state, s.Tokens())
	}
	server.sent(t, login, `auth/2fa/authenticate lkst_half {"code":"314159"}`)
	if server.got() != `["" ""]` {
		t.Errorf("the one before was asked: %s", server.got())
	}
}

func TestReauthenticateBySecondFactor_sendsTheCodeAsWhoIsSignedIn(t *testing.T) {
	server := play(t, told{status: 400, body: wrongCode}, told{status: 200, body: in})
	s := signedIn(t, server.URL, Settings{})
	before := s.Tokens()
	var refused *Error
	if err := s.ReauthenticateBySecondFactor(t.Context(), "111111"); !errors.As(err, &refused) || !refused.Has("incorrect_code") {
		t.Errorf("got %v", err)
	}
	must(t, s.ReauthenticateBySecondFactor(t.Context(), "222222"))
	server.sent(t, `auth/2fa/reauthenticate  {"code":"111111"}`, `auth/2fa/reauthenticate  {"code":"222222"}`)
	if want := fmt.Sprintf("[%q %[1]q]", "Bearer "+before.Access); server.got() != want || s.Tokens() != before {
		t.Errorf("sent %s, and holds %+v", server.got(), s.Tokens())
	}
}

func TestReauthenticateByCode_sendsTheCodeAsWhoIsSignedIn(t *testing.T) {
	server := play(t, told{status: 200, body: `{"status":200}`}, told{status: 400, body: wrongCode}, told{status: 200, body: in})
	s := signedIn(t, server.URL, Settings{})
	before := s.Tokens()
	must(t, s.SendReauthenticationCode(t.Context()))
	var refused *Error
	if err := s.ReauthenticateByCode(t.Context(), "BBBB-BBBB"); !errors.As(err, &refused) || !refused.Has("incorrect_code") {
		t.Errorf("got %v", err)
	}
	must(t, s.ReauthenticateByCode(t.Context(), "BCDF-GHJK"))
	server.sent(t, "auth/reauthenticate/code/request  ", `auth/reauthenticate/code/confirm  {"code":"BBBB-BBBB"}`, `auth/reauthenticate/code/confirm  {"code":"BCDF-GHJK"}`)
	if want := fmt.Sprintf("[%q %[1]q %[1]q]", "Bearer "+before.Access); server.got() != want || s.Tokens() != before {
		t.Errorf("sent %s, and holds %+v", server.got(), s.Tokens())
	}
}

func TestReauthenticateBySecondFactor_needsSomebodySignedIn(t *testing.T) {
	s, err := NewSession(play(t).URL)
	must(t, err)
	var out *SignedOutError
	if err := s.ReauthenticateBySecondFactor(t.Context(), "314159"); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
}

func TestError_onlyARefusedRefreshTokenIsTerminal(t *testing.T) {
	for status, want := range map[int]bool{400: true, 410: false} {
		if got := (&Error{Status: status, Action: ActionSignOut}).Terminal(); got != want {
			t.Errorf("%d: %t", status, got)
		}
	}
}

// P14: who leaves while a step is under way is brought in by nothing that comes after it, and
// the session that came too late is ended.
func TestSignOut_endsAStepThatIsUnderWay(t *testing.T) {
	leave := func(s **Session) told {
		return told{status: 200, body: in, meanwhile: func() { _ = (*s).SignOut(context.Background()) }}
	}
	for name, first := range map[string]func(s **Session) told{
		"tokens": leave,
		"a pending step": func(s **Session) told {
			a := leave(s)
			a.status, a.body = 401, asksForFactor.body
			return a
		},
	} {
		t.Run(name, func(t *testing.T) {
			var s *Session
			answer := first(&s)
			answers := []told{answer}
			if answer.status == 200 {
				answers = append(answers, told{status: 401, body: `{"status":401,"data":{"flows":[]},"meta":{"is_authenticated":false}}`})
			}
			server := play(t, answers...)
			var err error
			s, err = NewSession(server.URL)
			must(t, err)
			if e, err := s.SignIn(t.Context(), "ada@example.com", "p"); !errors.Is(err, ErrNothingPending) {
				t.Errorf("%+v, %v", e, err)
			}
			if state, _ := s.State(); state != StateSignedOut || s.Tokens() != (Tokens{}) {
				t.Errorf("state %s, %+v", state, s.Tokens())
			}
			if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) {
				t.Errorf("got %v", err)
			}
			want := []string{login}
			if answer.status == 200 {
				want = append(want, "auth/session  ") // ended
			}
			server.sent(t, want...)
		})
	}
}

// Somebody whose account is disabled is let in by no way, and nothing is pending.
func TestSignIn_nobodyIsLetIn(t *testing.T) {
	s, err := NewSession(play(t, told{status: 401, body: nobodysTurn}).URL)
	must(t, err)
	var refused *Error
	if _, err := s.SignIn(t.Context(), "ada@example.com", "p"); !errors.As(err, &refused) || refused.Undocumented || refused.Action != ActionShow {
		t.Errorf("got %v", err)
	}
}

// A sign-in that begins through the generated client goes on through the session.
func TestAPI_keepsTheSessionTokenOfASignIn(t *testing.T) {
	server := play(t, asks(`{"id":"login_by_code","is_pending":true}`, `,"session_token":"lkst_code"`), told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	_, err = s.API().RequestLoginCodeWithResponse(t.Context(), LoginCodeRequest{Email: "ada@example.com"})
	must(t, err)
	_, err = s.API().ConfirmLoginCodeWithResponse(t.Context(), CodeRequest{Code: "X"})
	must(t, err)
	server.sent(t, `auth/code/request  {"email":"ada@example.com"}`, `auth/code/confirm lkst_code {"code":"X"}`)
}

// A sign-up that waits for its link goes on by itself, once the link has been opened anywhere.
func TestCurrent_signsInWhenTheLinkWasOpenedElsewhere(t *testing.T) {
	waits := asks(`{"id":"verify_email","is_pending":true}`, `,"session_token":"lkst_half"`)
	server := play(t, waits, asks(`{"id":"verify_email","is_pending":true}`, ""), told{status: 200, body: in})
	s, err := NewSession(server.URL)
	must(t, err)
	_, err = s.SignUp(t.Context(), "ada@example.com", "p")
	must(t, err)

	var refused *Error
	if _, err := s.Current(t.Context()); !errors.As(err, &refused) || refused.Action != ActionContinueFlow {
		t.Errorf("the link was not opened yet: %v", err)
	}
	user, err := s.Current(t.Context())
	must(t, err)
	if state, _ := s.State(); user.ID != "7" || state != StateSignedIn || s.Tokens().Refresh == "" {
		t.Errorf("%+v, state %s", user, state)
	}
	server.sent(t, `auth/signup  {"email":"ada@example.com","password":"p"}`, "auth/session lkst_half ", "auth/session lkst_half ")
}

// P14: what comes of the link after a sign-out brings nobody in.
func TestCurrent_comesTooLateAfterASignOut(t *testing.T) {
	var s *Session
	late := told{status: 200, body: in}
	late.meanwhile = func() { must(t, s.SignOut(context.Background())) }
	server := play(t, asks(`{"id":"verify_email","is_pending":true}`, `,"session_token":"lkst_half"`), late, told{status: 401, body: nobodysTurn})
	var err error
	s, err = NewSession(server.URL)
	must(t, err)
	_, err = s.SignUp(t.Context(), "ada@example.com", "p")
	must(t, err)

	if _, err := s.Current(t.Context()); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	if state, _ := s.State(); state != StateSignedOut {
		t.Errorf("state %s", state)
	}
	server.sent(t, `auth/signup  {"email":"ada@example.com","password":"p"}`, "auth/session lkst_half ", "auth/session  ")
}
