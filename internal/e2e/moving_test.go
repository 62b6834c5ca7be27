package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// While a service arrives, requests to the API wait, whatever they carry. They go on when it is live, on
// every server. Keys, documents and probes are answered meanwhile.
func TestMoving_requestsWaitUntilTheServiceIsLive(t *testing.T) {
	t.Parallel()
	w := start(t, append(oldSettings(t), "LATCHKEY_OPS_ADDR=127.0.0.1:0")...)
	site := &oldSite{w, oldSecretKey[:]}
	w.signedUp(ada)
	o := site.brings(ada)
	access := o.access()
	second := w.at(0, oldSettings(t)...)
	old := map[string]string{w.url: o.refresh(time.Minute), second.url: site.brings(ada).refresh(time.Minute)}

	w.command("", "moving", "start").wants(0, "arriving since", "requests wait")

	calls := map[string]func(at *world) answer{
		"refresh":         func(at *world) answer { return at.spend(old[at.url], "") },
		"an access token": func(at *world) answer { return at.call("GET", sessionPath, "", bearer(access)) },
		"a session token": func(at *world) answer { return at.call("GET", sessionPath, "", "X-Session-Token: "+o.key) },
		"no session":      func(at *world) answer { return at.call("GET", configPath, "") },
		"a profile":       func(at *world) answer { return at.call("GET", profilePath, "", bearer(access)) },
		"a sign-in":       func(at *world) answer { return at.call("POST", loginPath, credentials(ada, goodPassword)) },
	}
	var mu sync.Mutex
	answered := map[string]answer{}
	var all sync.WaitGroup
	for name, call := range calls {
		for at, server := range map[string]*world{"first": w, "second": second} {
			all.Go(func() {
				a := call(server)
				mu.Lock()
				defer mu.Unlock()
				answered[name+" at the "+at] = a
			})
		}
	}
	for _, path := range []string{jwksPath, "/openapi.json", "/docs"} {
		r, err := http.Get(w.url + path) //nolint:noctx // a test
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		if r.StatusCode != 200 {
			t.Errorf("%s waits or fails: %d", path, r.StatusCode)
		}
	}
	eventually(t, 9*time.Second, "all requests to wait", func() bool {
		return w.app.Arrival.Waiting()+second.app.Arrival.Waiting() == int64(2*len(calls))
	})
	w.clock.Advance(5 * time.Minute) // a token that was good when it came is good enough

	w.exec("UPDATE moving SET phase = 'live', since = now(), window_ends_at = now() + interval '1 hour'")
	all.Wait()
	for name, a := range answered {
		if a.Status != 200 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
}

// A request that waits too long is asked to come again, and nothing else.
func TestMoving_aRequestThatWaitsTooLongComesAgain(t *testing.T) {
	t.Parallel()
	w := start(t, oldSettings(t)...)
	site := &oldSite{w, oldSecretKey[:]}
	w.signedUp(ada)
	o := site.brings(ada)
	old := o.refresh(time.Hour)
	w.exec("INSERT INTO moving (phase, since) VALUES ('arriving', now())")
	w.app, w.url = w.serve(oldSettings(t)...) // knows the phase from its first request on

	before := o.row()
	began := time.Now()
	var all sync.WaitGroup
	for _, send := range []func() answer{
		func() answer { return w.spend(old, "") },
		func() answer { return w.spend("nonsense", "") },
		func() answer { return w.call("GET", sessionPath, "", bearer("nonsense")) },
		func() answer { return w.call("GET", sessionPath, "", "X-Session-Token: nonsense") },
	} {
		all.Go(func() {
			a := send()
			if a.Status != 503 || a.Header.Get("Retry-After") == "" || !strings.Contains(a.Body, "temporarily_unavailable") {
				t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
			}
		})
	}
	all.Wait()
	if waited := time.Since(began); waited < 9*time.Second {
		t.Errorf("they waited %v", waited)
	}
	if after := o.row(); after != before {
		t.Errorf("the session has changed:\n%s\n%s", before, after)
	}
	if got := w.lastReason(); got != "moving_in" {
		t.Errorf("reason %v", got)
	}

	w.exec("UPDATE moving SET phase = 'live', window_ends_at = now() + interval '1 hour'")
	w.spend(old, "").wants(200)
}

// movingState is what `latchkey moving status --json` prints.
type movingState struct {
	Phase            *string
	Since            *time.Time
	WindowEndsAt     *time.Time `json:"window_ends_at"`
	OldTokens        int        `json:"old_tokens"`
	SessionsWaiting  int        `json:"sessions_waiting"`
	ForeignPasswords int        `json:"foreign_passwords"`
}

func (w *world) moving() movingState {
	w.t.Helper()
	var s movingState
	if err := json.Unmarshal([]byte(w.command("", "moving", "status", "--json").wants(0).out), &s); err != nil {
		w.t.Fatal(err)
	}

	return s
}

func (s movingState) is(t *testing.T, phase string, tokens, sessions, passwords int) {
	t.Helper()
	got := ""
	if s.Phase != nil {
		got = *s.Phase
	}
	isCounted := s.OldTokens == tokens && s.SessionsWaiting == sessions && s.ForeignPasswords == passwords
	isTimed := (phase == "") == (s.Since == nil) && (phase == "live") == (s.WindowEndsAt != nil)
	if got != phase || !isCounted || !isTimed {
		t.Errorf("%q %+v, want %q and %d, %d, %d", got, s, phase, tokens, sessions, passwords)
	}
}

// The phases follow each other, each command may be given twice, and status counts what is left.
func TestMoving_thePhases(t *testing.T) {
	t.Parallel()
	w := start(t, oldSettings(t)...)
	site := &oldSite{w, oldSecretKey[:]}
	w.signedUp(ada)
	w.command("", "moving", "status").wants(0, "nobody moves in", "0 old refresh tokens")
	w.command("", "moving", "live").wants(1, "`latchkey moving start` comes first")
	w.command("", "moving", "end").wants(0, "the move has ended, 0 old refresh tokens removed")

	one, two := site.brings(ada), site.brings(ada)
	first, _, third := one.refresh(time.Hour), one.refresh(2*time.Hour), two.refresh(3*time.Hour)
	gone := site.brings(ada)
	gone.refresh(time.Hour)
	w.exec("UPDATE sessions SET ended_at = now(), end_reason = 'signed_out' WHERE id = $1", gone.id)
	w.exec("UPDATE users SET password_hash = 'pbkdf2_sha256$1000000$tRFvtx5CSD1tRfVZE9iAEv$78DGJy5/aESwbCJ0R2oTvvAGhYRs+7xOOIMJF+RzQY4='")
	w.moving().is(t, "", 3, 2, 1)

	for range 2 {
		w.command("", "moving", "start", "--json").wants(0, `"phase":"arriving"`, `"window_ends_at":null`)
	}
	w.moving().is(t, "arriving", 3, 2, 1)
	for range 2 {
		w.command("", "moving", "live", "--json").wants(0, `"phase":"live"`)
	}
	w.command("", "moving", "live").wants(0,
		"live since", "the last old refresh token expires at", "warning: LATCHKEY_OLD_JWT_ALGORITHM is not set here")
	w.command("", "moving", "start").wants(1, "the service is live since", "nothing can be imported any more")
	s := w.moving()
	s.is(t, "live", 3, 2, 1)
	latest := query[time.Time](w, "SELECT max(expires_at) FROM old_refresh_tokens")
	if !s.WindowEndsAt.Equal(latest) {
		t.Errorf("the window ends at %v, and the last token at %v", s.WindowEndsAt, latest)
	}

	eventually(t, 10*time.Second, "the requests to go on", func() bool { return !strings.Contains(w.phaseOfLog(), "requests wait") })
	w.spend(first, "").wants(200)
	w.moving().is(t, "live", 1, 1, 1)

	w.command("", "moving", "end", "--json").wants(0, `{"old_tokens_removed":4}`)
	w.moving().is(t, "", 0, 0, 1)
	w.spend(third, "").wants(400, "refresh_token_invalid@refresh")
	w.call("GET", sessionPath, "", bearer(two.access())).wants(401)
	w.call("GET", sessionPath, "", "X-Session-Token: "+two.key).wants(200)
	w.command("", "moving", "start").wants(0) // another system
}

// phaseOfLog is the last line of the log about the phase.
func (w *world) phaseOfLog() string {
	last := ""
	for _, line := range w.logged() {
		text, _ := line["msg"].(string)
		if strings.Contains(text, "requests wait") || strings.Contains(text, "requests go on") {
			last = text
		}
	}

	return last
}

// The window ends with the last token that was imported, also after the flip, and not before the end that
// it had at the flip.
func TestMoving_theWindowEndsWithTheLastToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ window, life time.Duration }{
		"a late token":                 {time.Hour, 5 * time.Hour},
		"the user of the last is gone": {5 * time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, site := movedIn(t)
			w.signedUp(ada)
			site.brings(ada).refresh(c.life)
			w.exec("UPDATE moving SET window_ends_at = $1", w.clock.Now().Add(c.window))
			left := func() int { return query[int](w, "SELECT count(*) FROM old_refresh_tokens") }

			w.clock.Advance(4 * time.Hour)
			w.swept()
			if left() != 1 {
				t.Error("it is removed in the window")
			}
			w.clock.Advance(2 * time.Hour)
			w.swept()
			if left() != 0 {
				t.Error("it is left after the window")
			}
		})
	}
}

// Once the last of the old tokens has expired they go, and their path is closed. Those stay whose answer
// may be lost, until nobody can need them any more.
func TestMoving_theEndOfTheWindow(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	used, lost, unused := site.brings(ada), site.brings(ada), site.brings(ada)
	tokens := map[*oldSession]string{}
	for _, o := range []*oldSession{used, lost, unused} {
		tokens[o] = o.refresh(24 * time.Hour)
		o.refresh(time.Hour)
	}
	left := func() int { return query[int](w, "SELECT count(*) FROM old_refresh_tokens") }

	w.swept()
	w.clock.Advance(23*time.Hour + 59*time.Minute)
	w.swept()
	if left() != 6 {
		t.Errorf("%d are left in the window", left())
	}
	a := w.spend(tokens[used], "").wants(200)
	w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	b := w.spend(tokens[lost], "").wants(200)

	w.clock.Advance(time.Hour)
	w.swept()
	if left() != 2 {
		t.Errorf("%d are left after the window, want those of the session whose answer may be lost", left())
	}
	w.spend(tokens[used], "").wants(400, "refresh_token_invalid@refresh") // which nobody knows any more
	w.spend(tokens[unused], "").wants(400, "refresh_token_invalid@refresh")
	if again := w.spend(tokens[lost], "").wants(200); !same(t, b.text("meta.refresh_token"), again.text("meta.refresh_token")) {
		t.Error("another successor")
	}

	w.spend(b.text("meta.refresh_token"), "").wants(200)
	w.swept()
	if left() != 0 {
		t.Errorf("%d are left", left())
	}
}
