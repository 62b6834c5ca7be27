package verify_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

const (
	alive = `{"status":200,"data":{"user":{"id":4503599627370495,"display":"ada","has_usable_password":true},"methods":[]},"meta":{"is_authenticated":true}}`
	ended = `{"status":401,"data":{"flows":[{"id":"login"}]},"meta":{"is_authenticated":false}}`
)

// asked is a forge whose verifier asks for sessions, and the server that it asks.
type asked struct {
	*forge
	calls  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newAsked(t *testing.T, age time.Duration) *asked {
	t.Helper()
	a := &asked{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.calls.Add(1)
		(*a.answer.Load())(w, r)
	}))
	t.Cleanup(server.Close)
	a.forge = forgeWith(t, verify.Options{BaseURL: server.URL, CheckSession: true, SessionAge: age})
	a.says(200, alive)
	return a
}

func (a *asked) says(status int, body string) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/_allauth/app/v1/auth/session" || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ey") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	a.answer.Store(&h)
}

func (a *asked) calledTimes(t *testing.T, want int64) {
	t.Helper()
	if got := a.calls.Load(); got != want {
		t.Fatalf("the server was asked %d times, want %d", got, want)
	}
}

func TestSession_isAskedForAndRememberedForTwoSeconds(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 0)
	compact := a.good()
	together(50, func(int) { a.is(t, compact, nil) })
	a.calledTimes(t, 1)
	a.says(401, ended)
	a.clock.Advance(2*time.Second - 1)
	a.is(t, compact, nil)
	a.calledTimes(t, 1)
	a.clock.Advance(1)
	a.is(t, compact, verify.ErrInvalid)
	a.is(t, compact, verify.ErrInvalid)
	a.calledTimes(t, 2)
}

// What the server refuses for itself, an access token that it calls too old, must not
// speak for the next token of the same session.
func TestSession_aRefusalSpeaksForItsTokenAlone(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 0)
	a.says(401, ended)
	a.is(t, a.good(), verify.ErrInvalid)
	a.says(200, alive)
	a.is(t, a.compact(a.header(), a.claimsWith(`"gen":7`, `"gen":8`)), nil)
}

func TestSession_canBeAskedForEveryCall(t *testing.T) {
	t.Parallel()
	a := newAsked(t, -1)
	compact := a.good()
	a.is(t, compact, nil)
	a.says(401, ended)
	a.is(t, compact, verify.ErrInvalid)
	a.calledTimes(t, 2)
}

func TestSession_isNotAskedForATokenThatIsNoGood(t *testing.T) {
	t.Parallel()
	a := newAsked(t, 0)
	a.is(t, a.compact(a.header(), a.claimsWith(`"aud":"example"`, `"aud":"other"`)), verify.ErrInvalid)
	a.clock.Advance(300 * time.Second)
	a.is(t, a.good(), verify.ErrInvalid)
	a.calledTimes(t, 0)
}

// Only Latchkey's own answer says that a session has ended: all else is 503, or a proxy
// could sign everybody out.
func TestSession_takesNoOtherAnswerForOne(t *testing.T) {
	t.Parallel()
	elsewhere := newJWKS(t)
	for name, handler := range map[string]http.HandlerFunc{
		"401 of a proxy":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); _, _ = w.Write([]byte("<html>")) },
		"401 with other JSON": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); _, _ = w.Write([]byte(`{}`)) },
		"401 that says 200":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401); _, _ = w.Write([]byte(alive)) },
		"401 that says 200 in the envelope": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(strings.Replace(ended, "401", "200", 1)))
		},
		"200 that says 401 in the envelope": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Replace(alive, "200", "401", 1)))
		},
		"401 without meta": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`{"status":401}`))
		},
		"200 with HTML":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"200 with {}":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"200 that says 401": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(ended)) },
		"200 of somebody else": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Replace(alive, "95,", "94,", 1)))
		},
		"200, not authenticated": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Replace(alive, "true}}", "false}}", 1)))
		},
		"503": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			_, _ = w.Write([]byte(`{"status":503}`))
		},
		"a connection cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"a redirect":       func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAsked(t, 0)
			a.answer.Store(&handler)
			compact := a.good()
			a.is(t, compact, verify.ErrUnavailable)
			a.says(200, alive)
			a.is(t, compact, nil) // and it was not remembered
			if elsewhere.count() != 0 {
				t.Error("the token was shown to another host")
			}
		})
	}
}

// The memory is bounded: a flood of good tokens cannot fill it for ever.
func TestSession_theMemoryIsBounded(t *testing.T) {
	t.Parallel()
	a := newAsked(t, verify.MaxSessionAge)
	first := a.good()
	a.is(t, first, nil)
	for n := range 4096 {
		a.is(t, a.compact(a.header(), a.claimsWith(`"gen":7`, `"gen":`+number(int64(n+8)))), nil)
	}
	a.calledTimes(t, 4097)
	a.is(t, first, nil) // forgotten, and asked for again
	a.calledTimes(t, 4098)
}

// The id of the session's user is compared with sub as text, whether it is a number or a string.
func TestSession_isThatOfTheSubjectInEitherForm(t *testing.T) {
	t.Parallel()
	const number = "4503599627370495"

	for name, row := range map[string]struct {
		sub, id string
		want    error
	}{
		"a number":                     {number, number, nil},
		"a number as text":             {number, `"` + number + `"`, nil},
		"a number from 2^53 on":        {"9007199254740993", `"9007199254740993"`, nil},
		"a UUID":                       {"6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b", `"6f1c2a52-9a3e-4a0e-9d56-0b1d2f3e4a5b"`, nil},
		"letters":                      {"ABC", `"ABC"`, nil},
		"another number":               {number, `4503599627370494`, verify.ErrUnavailable},
		"a number that is not written": {number, `4503599627370495.0`, verify.ErrUnavailable},
		"letters of another case":      {"ABC", `"abc"`, verify.ErrUnavailable},
		"null":                         {number, `null`, verify.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAsked(t, 0)
			a.says(200, strings.Replace(alive, number, row.id, 1))
			c := a.is(t, a.compact(a.header(), a.claimsWith(`"sub":"`+number+`"`, `"sub":"`+row.sub+`"`)), row.want)
			if row.want == nil && c.Subject != row.sub {
				t.Errorf("Subject %q, want %q", c.Subject, row.sub)
			}
		})
	}
}
