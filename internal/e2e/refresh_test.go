package e2e

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// spend refreshes by hand, at the full door, with an idempotency key unless it is empty.
func (w *world) spend(refresh, key string) answer {
	w.t.Helper()
	if key == "" {
		return w.call("POST", refreshPath, `{"refresh":"`+refresh+`"}`)
	}
	return w.call("POST", refreshPath, `{"refresh":"`+refresh+`"}`, "Idempotency-Key: "+key)
}

// same reports whether two refresh tokens are the same successor: equal in claims.
func same(t *testing.T, a, b string) bool {
	t.Helper()
	return reflect.DeepEqual(claims(t, a), claims(t, b))
}

func TestRefresh_twoDoorsOneUseCase(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.age(grown)
	a := w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(200)
	if a.get("meta.is_authenticated") != true || a.text("data.user.email") != "ada@example.com" || a.text("data.methods.method") != "password" {
		t.Errorf("the full answer: %s", a.Body)
	}
	if a.get("meta.session_token") != nil {
		t.Error("a refresh hands out a session token")
	}
	w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	w.age(grown)
	second := w.call("POST", pairPath, `{"refresh_token":"`+a.text("meta.refresh_token")+`"}`).wants(200)
	if got := names(second.get("data").(map[string]any)); got != "access_token refresh_token" || second.get("meta") != nil {
		t.Errorf("allauth's answer: %s", second.Body)
	}
	if c := claims(t, second.text("data.refresh_token")); c["gen"] != 3.0 {
		t.Errorf("the second successor: %v", c)
	}
	w.call("GET", sessionPath, "", bearer(second.text("data.access_token"))).wants(200)
}

func TestRefresh_tellsWhatIsWrongWithTheInput(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	for path, member := range map[string]string{refreshPath: "refresh", pairPath: "refresh_token"} {
		w.call("POST", path, `{}`).wants(400, "required@"+member)
		w.call("POST", path, `{"`+member+`":""}`).wants(400, "required@"+member)
		w.call("POST", path, `{"`+member+`":7}`).wants(400, "invalid@"+member)
		w.call("POST", path, `{"`+member+`":"`+strings.Repeat("x", 4097)+`"}`).wants(400, "max_length@"+member)
		for _, bad := range []string{"x", e.Access, e.Refresh + "=", e.Refresh[1:], e.Refresh[:len(e.Refresh)-6] + "AAAAAA"} {
			w.call("POST", path, `{"`+member+`":"`+bad+`"}`).wants(400, "refresh_token_invalid@"+member)
		}
	}
}

func TestRefresh_looksAtNoOtherCredential(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.call("POST", refreshPath, `{"refresh":"`+e.Refresh+`"}`, "X-Session-Token: dead", bearer("dead")).wants(200)
}

func TestRefresh_costsOneStatement(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	for _, c := range []struct {
		what string
		age  time.Duration
		want int64
	}{{"a repeat", 0, 2}, {"a rotation", grown, 1}} {
		w.age(c.age)
		before := w.app.DB.Statements()
		w.spend(e.Refresh, "key-number-1").wants(200)
		if n := w.app.DB.Statements() - before; n != c.want {
			t.Errorf("%s: %d statements, want %d", c.what, n, c.want)
		}
	}
}

func TestTREF02_aLostAnswerIsRepeatedWithTheSameSuccessor(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	lost := w.spend(e.Refresh, "key-number-1").wants(200).text("meta.refresh_token")
	for _, wait := range []time.Duration{0, time.Second, time.Minute, 10 * time.Minute, 8 * time.Hour} {
		w.clock.Advance(wait)
		again := w.spend(e.Refresh, "key-number-1").wants(200)
		if !same(t, lost, again.text("meta.refresh_token")) {
			t.Errorf("after %v: another successor", wait)
		}
	}
	w.spend(lost, "key-number-2").wants(200)
}

func TestTREF03_aPredecessorOfAConfirmedTokenEndsTheSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	other := w.signIn("ada@example.com")
	e := w.signIn("ada@example.com")
	w.age(grown)
	second := w.spend(e.refresh, "key-number-1").wants(200)
	w.call("GET", sessionPath, "", bearer(second.text("meta.access_token"))).wants(200) // confirms
	w.clock.Advance(61 * time.Second)
	a := w.spend(e.refresh, "key-number-1").wants(400, "refresh_token_reused@refresh")
	if a.get("meta.ended_at") == nil {
		t.Errorf("the time is missing: %s", a.Body)
	}
	// The refusal came after the commit: the session is over for every token of it, and for no other.
	w.call("GET", sessionPath, "", bearer(second.text("meta.access_token"))).wants(401)
	w.spend(second.text("meta.refresh_token"), "key-number-2").wants(400, "refresh_token_reused@refresh")
	if r := query[string](w, "SELECT end_reason FROM sessions WHERE ended_at IS NOT NULL"); r != "reuse_detected" {
		t.Errorf("end_reason %s", r)
	}
	w.spend(other.refresh, "").wants(200)
}

func TestRefresh_theGraceLetsParallelCallsOfAPlainClientLive(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	first := w.spend(e.Refresh, "").wants(200)
	w.call("GET", sessionPath, "", bearer(first.text("meta.access_token"))).wants(200) // confirmed
	w.clock.Advance(40 * time.Second)                                                  // the database's clock runs meanwhile
	w.spend(e.Refresh, "").wants(200)
	w.clock.Advance(20 * time.Second)
	w.spend(e.Refresh, "").wants(400, "refresh_token_reused@refresh")
}

func TestRefresh_aThiefCannotDowngradeASessionThatSendsKeys(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"no key": "", "another key": "a-thiefs-own-key"} {
		w := start(t)
		e := w.signedUp("ada@example.com").Tokens()
		w.age(grown)
		w.spend(e.Refresh, "key-number-1").wants(200)
		if a := w.spend(e.Refresh, key); a.Status != 409 || strings.Contains(a.Body, "token\":") {
			t.Errorf("%s, the successor is young: %s", name, a.Body)
		}
		w.age(grown)
		if a := w.spend(e.Refresh, key); a.Status != 400 {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}

func TestRefresh_twoGenerationsBackIsAlwaysReuse(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	second := w.spend(e.Refresh, "").wants(200)
	w.age(grown)
	w.spend(second.text("meta.refresh_token"), "").wants(200)
	w.spend(e.Refresh, "").wants(400, "refresh_token_reused@refresh")
}

func TestTREF06_refusalsSayWhy(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"UPDATE sessions SET ended_at = now(), end_reason = 'signed_out'":       "session_ended",
		"UPDATE sessions SET ended_at = now(), end_reason = 'ended_by_admin'":   "session_ended",
		"UPDATE sessions SET ended_at = now(), end_reason = 'session_limit'":    "session_ended",
		"UPDATE sessions SET ended_at = now(), end_reason = 'password_changed'": "password_changed",
		"UPDATE sessions SET ended_at = now(), end_reason = 'reuse_detected'":   "refresh_token_reused",
		"UPDATE sessions SET ended_at = now(), end_reason = 'account_disabled'": "account_disabled",
		"UPDATE users SET disabled_at = now()":                                  "account_disabled",
		"UPDATE sessions SET expires_at = now() - interval '1 day'":             "session_expired",
		"DELETE FROM sessions": "refresh_token_invalid",
	} {
		w := start(t)
		e := w.signedUp("ada@example.com").Tokens()
		w.exec(change)
		a := w.spend(e.Refresh, "").wants(400, want+"@refresh")
		if ended := a.get("meta.ended_at") != nil; ended != (want != "refresh_token_invalid") {
			t.Errorf("%s: ended_at: %s", want, a.Body)
		}
	}
}

func TestRefresh_expiryIsTheRowsNotTheTokens(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.clock.Advance(23 * time.Hour)
	w.spend(e.Refresh, "key-number-1").wants(200) // its answer is lost
	w.clock.Advance(23 * time.Hour)               // the lost successor still lives, its predecessor has expired
	w.spend(e.Refresh, "key-number-1").wants(200)
	w.clock.Advance(2 * time.Hour)
	w.spend(e.Refresh, "key-number-1").wants(400, "session_expired@refresh")
}

func TestTREF11_aClockThatGoesBackCostsNoSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.clock.Advance(-time.Hour)
	w.call("GET", sessionPath, "", bearer(e.Access)).wants(401) // issued in the future
	for _, age := range []time.Duration{0, grown} {             // a repeat, and a rotation
		w.age(age)
		a := w.spend(e.Refresh, "key-number-1").wants(200)
		w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	}
}

func TestRefresh_aSessionNeverOutlivesItsAbsoluteAge(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_SESSION_MAX_AGE=90000", "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=86400")
	e := w.signedUp("ada@example.com").Tokens()
	w.clock.Advance(24*time.Hour - time.Minute)
	a := w.spend(e.Refresh, "").wants(200)
	if c := claims(t, a.text("meta.refresh_token")); c["exp"].(float64)-c["iat"].(float64) > 90000-86400+60 {
		t.Errorf("the token says that it outlives the session: %v", c)
	}
	w.clock.Advance(62 * time.Minute)
	w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(401)
	w.spend(a.text("meta.refresh_token"), "").wants(400, "session_expired@refresh")
}

func TestRefresh_adoptsAGenerationThatTheDatabaseHasLost(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	second := w.spend(e.Refresh, "key-number-1").wants(200).text("meta.refresh_token")
	w.age(grown)
	third := w.spend(second, "key-number-2").wants(200)
	w.exec("UPDATE sessions SET generation = 1, confirmed_at = now(), idempotency_key_hash = NULL")
	w.call("GET", sessionPath, "", bearer(third.text("meta.access_token"))).wants(200)
	fourth := w.spend(third.text("meta.refresh_token"), "key-number-3").wants(200)
	if c := claims(t, fourth.text("meta.refresh_token")); c["gen"] != 4.0 {
		t.Errorf("after the adoption: %v", c)
	}
	again := w.spend(fourth.text("meta.refresh_token"), "key-number-4").wants(200)
	if !same(t, fourth.text("meta.refresh_token"), again.text("meta.refresh_token")) {
		t.Error("what was adopted does not count as young")
	}
	w.age(grown)
	w.spend(fourth.text("meta.refresh_token"), "key-number-4").wants(200)
}

func TestRefresh_withoutRotationTheTokenStays(t *testing.T) {
	t.Parallel()
	w := start(t, "HEADLESS_JWT_ROTATE_REFRESH_TOKEN=false")
	e := w.signedUp("ada@example.com").Tokens()
	for range 3 {
		a := w.call("POST", pairPath, `{"refresh_token":"`+e.Refresh+`"}`).wants(200)
		if a.get("data.refresh_token") != nil {
			t.Errorf("a refresh token all the same: %s", a.Body)
		}
		w.call("GET", sessionPath, "", bearer(a.text("data.access_token"))).wants(200)
		w.clock.Advance(7 * time.Hour)
	}
	w.clock.Advance(4 * time.Hour)
	w.spend(e.Refresh, "").wants(400, "session_expired@refresh")
}

func TestRefresh_theGoClientKeepsItsPairFresh(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	w.clock.Advance(10 * time.Minute)
	var wg sync.WaitGroup
	failed := make([]error, 20)
	for i := range failed {
		wg.Go(func() { _, failed[i] = s.Current(t.Context()) })
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
	if g := query[int](w, "SELECT generation FROM sessions"); g != 2 {
		t.Errorf("%d generations for one expiry", g)
	}
	if err := s.SignOut(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.Current(t.Context()); fmt.Sprint(err) != "latchkey: status 401" {
		t.Errorf("signed out, and yet: %v", err)
	}
}
