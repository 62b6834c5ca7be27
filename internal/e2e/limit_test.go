package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const wrongPassword = "not the password"

func limited(t *testing.T, settings ...string) *world {
	t.Helper()
	return start(t, append([]string{"ACCOUNT_RATE_LIMITS=true", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1"}, settings...)...)
}

func from(address string) string { return "X-Forwarded-For: " + address }

func TestTABU01_aHundredParallelCallsAgainstALimitOfTenLetTenThrough(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"login":"10/m/ip","login_failed":false}`)
	_, second := w.serve(`ACCOUNT_RATE_LIMITS={"login":"10/m/ip","login_failed":false}`)
	answers := make([]answer, 100)
	var wg sync.WaitGroup
	for i := range answers {
		at := *w
		if i%2 == 1 {
			at.url = second
		}
		wg.Go(func() { answers[i] = at.call("POST", loginPath, `{}`) })
	}
	wg.Wait()
	passed := 0
	for _, a := range answers {
		if a.Status == 400 {
			passed++
			continue
		}
		a.wants(429, "too_many_requests")
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 || n > 13 {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
	if passed != 10 {
		t.Errorf("%d passed", passed)
	}
}

func TestLimit_aRefusedClientIsLetInWhenItHasWaited(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"login":"30/h/ip"}`) // one in two minutes
	w.exec("DROP TRIGGER held_back ON rate_limits")            // the wait is what the server says

	for range 30 {
		w.call("POST", loginPath, `{}`).wants(400)
	}
	wait, _ := strconv.Atoi(w.call("POST", loginPath, `{}`).wants(429).Header.Get("Retry-After"))
	w.clock.Advance(time.Duration(wait) * time.Second)
	w.call("POST", loginPath, `{}`).wants(400)
}

func TestLimit_failedSignInsOfOneAccountAreCountedWhereverTheyComeFrom(t *testing.T) {
	t.Parallel()
	w := limited(t)
	w.signedUp("ada@example.com")
	for i := range 5 {
		w.call("POST", loginPath, credentials("ada@example.com", wrongPassword), from(fmt.Sprintf("203.0.113.%d", i))).wants(400, "email_password_mismatch@password")
	}
	hashes := w.app.Gate.Hashes()
	w.call("POST", loginPath, credentials("Ada@example.com", goodPassword), from("203.0.113.99")).wants(400, "too_many_login_attempts")
	if w.app.Gate.Hashes() != hashes {
		t.Error("a guess over the limit was compared")
	}
	w.clock.Advance(time.Minute)
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword), from("203.0.113.99")).wants(200)
}

func TestTABU02_aSuccessGivesBackWhatItTookAndNoMore(t *testing.T) {
	t.Parallel()
	w := limited(t)
	w.signedUp("ada@example.com")
	w.signedUp("eve@example.com")
	for i := range 10 { // eve's own successes between her guesses do not clear her counters
		w.call("POST", loginPath, credentials(fmt.Sprintf("victim%d@example.com", i), wrongPassword), from("203.0.113.7")).wants(400, "email_password_mismatch@password")
		if i < 9 {
			w.call("POST", loginPath, credentials("eve@example.com", goodPassword), from("203.0.113.7")).wants(200)
		}
	}
	w.call("POST", loginPath, credentials("victim@example.com", wrongPassword), from("203.0.113.7")).wants(400, "too_many_login_attempts")
	// And who is refused for the address uses up nobody's account.
	for range 8 {
		w.call("POST", loginPath, credentials("ada@example.com", wrongPassword), from("203.0.113.7")).wants(400, "too_many_login_attempts")
	}
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword), from("198.51.100.1")).wants(200)
}

func TestLimit_signUpsOfOneNetworkAreCountedTogether(t *testing.T) {
	t.Parallel()
	w := limited(t)
	for i := range 20 { // one /64
		w.call("POST", signupPath, `{}`, from(fmt.Sprintf("2001:db8:1:1::%x", i))).wants(400)
	}
	w.call("POST", signupPath, `{}`, from("2001:db8:1:1:ffff::1")).wants(429)
	w.call("POST", signupPath, `{}`, from("2001:db8:1:2::1")).wants(400)
}

func TestLimit_refreshAndLookUpsHaveNone(t *testing.T) {
	t.Parallel()
	w := limited(t)
	w.bornGrown()
	s := w.signedUp("ada@example.com")
	for range 100 {
		w.call("GET", sessionPath, "", bearer(s.Tokens().Access)).wants(200)
		if err := s.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTABU06_countersSurviveARestartAndTheirLossIs503(t *testing.T) {
	t.Parallel()
	w := limited(t)
	for range 30 {
		w.call("POST", loginPath, `{}`).wants(400)
	}
	w.app, w.url = w.serve("ACCOUNT_RATE_LIMITS=true", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
	w.call("POST", loginPath, `{}`).wants(429)
	w.exec("ALTER TABLE rate_limits RENAME TO away")
	a := w.call("POST", loginPath, `{}`).wants(503)
	if a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	w.exec("ALTER TABLE away RENAME TO rate_limits")
}

func TestLimit_noAddressStandsInTheCounters(t *testing.T) {
	t.Parallel()
	w := limited(t)
	w.call("POST", loginPath, credentials("c4n4ry@example.com", wrongPassword), from("203.0.113.7")).wants(400)
	dump := query[string](w, "SELECT string_agg(l::text || encode(l.key, 'escape'), ' ') FROM rate_limits l")
	if dump == "" || strings.Contains(dump, "c4n4ry") || strings.Contains(dump, "203.0.113.7") {
		t.Errorf("counters: %s", dump)
	}
}

func TestSweep_removesWhatNobodyNeeds(t *testing.T) {
	t.Parallel()
	w := limited(t, byCode)
	w.signedUp("ada@example.com")
	w.call("POST", loginPath, `{}`).wants(400)
	w.visitor().post(codeRequestPath, "email", "nobody@example.com").waits("login_by_code")
	w.clock.Advance(89 * 24 * time.Hour)
	if err := w.app.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := query[int](w, "SELECT count(*) FROM rate_limits"); n != 0 {
		t.Errorf("%d idle counters", n)
	}
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions: an expired one is kept 90 days, so that its client learns why and its device is no new one; a visitor's is not", n)
	}
	w.clock.Advance(32 * 24 * time.Hour) // 90 days after the idle end of the session token, which is 30 days
	if err := w.app.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"sessions", "codes", "links", "messages"} {
		if n := query[int](w, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("%d old %s", n, table)
		}
	}
}
