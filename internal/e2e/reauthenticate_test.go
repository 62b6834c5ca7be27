package e2e

import (
	"strings"
	"testing"
	"time"
)

func TestReauthenticate_whatNeedsRecentAuthenticationSaysSo(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.signedInLongAgo(ada)
	v.post(emailsPath).wants(400, "required@email") // the input first
	a := v.post(emailsPath, "email", grace).wants(401)
	if a.get("meta.is_authenticated") != true || a.text("data.user.email") != ada || !strings.Contains(a.Body, `"flows":[{"id":"reauthenticate"}]`) || !strings.Contains(a.Body, `"methods":[]`) {
		t.Error(a.Body)
	}
	// No secret is needed for these.
	v.do("DELETE", emailsPath, object("email", ada)).wants(400, "cannot_remove_primary_email@email")
	v.post(phonePath, "phone", number).wants(409, "unverified_email")
	for _, call := range []struct{ method, path, body string }{
		{"PATCH", emailsPath, `{"email":"ada@example.com","primary":true}`},
		{"DELETE", accountPath, ""},
		{"GET", exportPath, ""},
	} {
		if got := v.do(call.method, call.path, call.body).wants(401); got.get("meta.is_authenticated") != true {
			t.Error(got.Body)
		}
	}
	v.post(reauthPath, "password", wrongPassword).wants(400, "incorrect_password@password")
	v.post(reauthPath, "password", "").wants(400, "required@password")
	again := v.post(reauthPath, "password", goodPassword).wants(200)
	if !strings.Contains(again.Body, `"reauthenticated":true`) || again.get("meta.access_token") != nil || again.get("meta.session_token") != nil {
		t.Error(again.Body)
	}
	w.markVerified(ada)
	v.post(emailsPath, "email", grace).wants(200)
	w.clock.Advance(299 * time.Second)
	v.access = w.refreshed(v)
	v.do("DELETE", emailsPath, object("email", grace)).wants(200)
	w.clock.Advance(2 * time.Second)
	v.post(emailsPath, "email", grace).wants(401)
	w.visitor().post(reauthPath, "password", goodPassword).wants(401)
}

// refreshed is a fresh access token of a client.
func (w *world) refreshed(v *visitor) string {
	w.t.Helper()
	a := w.call("POST", refreshPath, object("refresh", v.fresh)).wants(200)
	v.fresh = a.text("meta.refresh_token")
	return a.text("meta.access_token")
}

// A fresh sign-in is no recent authentication: a stolen password must not be enough to take over an account.
func TestReauthenticate_aFreshSignInIsNotEnough(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	w.signedInLongAgo(ada)
	v := w.again(ada)
	v.do("DELETE", accountPath, "").wants(401)
	v.do("GET", exportPath, "").wants(401)
}

func TestReauthenticate_isLimitedAndSoAreItsGuesses(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_RATE_LIMITS=true")
	v := w.signedIn(ada)
	for range 5 {
		v.post(reauthPath, "password", wrongPassword).wants(400, "incorrect_password@password")
	}
	for range 5 {
		v.post(reauthPath, "password", goodPassword).wants(400, "too_many_login_attempts@password")
	}
	v.post(reauthPath, "password", goodPassword).wants(429)
}

// The list of proofs grows with each, which is how clients notice one, but not for ever.
func TestReauthenticate_aSessionRemembersFiftyProofs(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	w.signedIn(ada)
	v := w.again(ada)
	w.exec(`UPDATE sessions SET methods = (SELECT jsonb_agg(jsonb_build_object('method', CASE WHEN n = 1 THEN 'password' ELSE 'old' END, 'at', n)) FROM generate_series(1, 50) n)`)
	a := v.post(reauthPath, "password", goodPassword).wants(200)
	if n := strings.Count(a.Body, `"method":`); n != 50 {
		t.Error(n)
	}
	if first := a.text("data.methods.method"); first != "password" {
		t.Error(first)
	}
}

// SEC-77: who guesses at the front door does not keep somebody who is in from proving that it
// is them, and the other way round.
func TestSEC77_guessesAtTheFrontDoorDoNotStopASession(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"5/5m/key","reauthenticate":false}`)
	owner, grace := w.signedIn(ada), w.signedIn("grace@example.com")
	for range 5 {
		w.visitor().post(loginPath, "email", ada, "password", wrongPassword).wants(400, "email_password_mismatch@password")
		grace.post(reauthPath, "password", wrongPassword).wants(400, "incorrect_password@password")
	}
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400, "too_many_login_attempts")
	owner.proved()
	grace.post(reauthPath, "password", goodPassword).wants(400, "too_many_login_attempts@password")
	w.again("grace@example.com")
}
