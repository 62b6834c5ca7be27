package e2e

import (
	"strings"
	"testing"
	"time"
)

// reproved is a signed-in client that has proved itself again.
func (w *world) reproved(email string) *visitor {
	w.t.Helper()
	v := w.signedIn(email)
	v.post(reauthPath, "password", goodPassword).wants(200)
	return v
}

func TestLeave_endsAllSessionsAndTakesEverythingAtTheDate(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.reproved(ada)
	w.markVerified(ada)
	other := w.again(ada)
	w.signedIn(grace)
	a := v.do("DELETE", accountPath, "").wants(200)
	if at, _ := a.get("data.deletes_at").(float64); time.Duration(at-float64(w.clock.Now().Unix()))*time.Second < 13*24*time.Hour {
		t.Error(a.Body)
	}
	for _, who := range []*visitor{v, other} {
		if got := who.do("GET", profilePath, "").wants(401); got.text("meta.end_reason") != "account_deleted" {
			t.Error(got.Body)
		}
		w.call("POST", refreshPath, object("refresh", who.fresh)).wants(400, "account_deleted@refresh")
	}
	if l := w.letter(ada, 2); !strings.Contains(l.text, w.clock.Now().Add(14*24*time.Hour).UTC().Format(time.DateOnly)) {
		t.Error(l.text)
	}
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).wants(400, "email_taken@email") // until then
	w.clock.Advance(14*24*time.Hour - time.Minute)
	w.swept()
	if query[int](w, "SELECT count(*) FROM users") != 2 {
		t.Error("too early")
	}
	w.clock.Advance(2 * time.Minute)
	w.swept()
	w.swept() // twice is harmless
	for _, table := range []string{"users", "email_addresses", "sessions"} {
		if n := query[int](w, "SELECT count(*) FROM "+table); n != 1 {
			t.Errorf("%s: %d left", table, n)
		}
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE user_id <> (SELECT id FROM users) AND (address IS NOT NULL OR user_agent IS NOT NULL OR address_hash IS NOT NULL OR email_hash IS NOT NULL)"); n != 0 {
		t.Errorf("%d audit rows are personal", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'account_deleted'"); n != 1 {
		t.Errorf("%d audit rows of the end", n)
	}
	if l := w.letter(ada, 3); !strings.Contains(l.subject, "deleted") {
		t.Error(l.subject)
	}
	w.signedIn(ada) // the address is free again
}

func (w *world) swept() {
	w.t.Helper()
	if err := w.app.Sweep(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// Only a completed sign-in undoes it: not a password alone where more is asked.
func TestLeave_aCompletedSignInUndoesIt(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_BY_CODE_REQUIRED=true ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("login_by_code")
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
	v.post(reauthPath, "password", goodPassword).wants(200)
	v.do("DELETE", accountPath, "").wants(200)
	again := w.visitor()
	again.post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
	if query[int](w, "SELECT count(*) FROM users WHERE deletes_at IS NULL") != 0 {
		t.Error("half a sign-in has undone it")
	}
	in := again.post(codeConfirmPath, "code", w.mailedCode(ada, 3)).in()
	if in.get("meta.deletion_cancelled") != true {
		t.Error(in.Body)
	}
	if l := w.letter(ada, 4); !strings.Contains(l.subject, "not be deleted") {
		t.Error(l.subject)
	}
	w.clock.Advance(15 * 24 * time.Hour)
	w.swept()
	if query[int](w, "SELECT count(*) FROM users") != 1 {
		t.Error("gone")
	}
	second := w.visitor()
	second.post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
	if a := second.post(codeConfirmPath, "code", w.mailedCode(ada, 5)).in(); a.get("meta.deletion_cancelled") != nil {
		t.Error(a.Body)
	}
}

func TestLeave_withoutGraceItIsNow(t *testing.T) {
	t.Parallel()
	w := mailing(t, "LATCHKEY_ACCOUNT_DELETION_GRACE=0 ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.reproved(ada)
	w.markVerified(ada)
	v.do("DELETE", accountPath, "").wants(200)
	if query[int](w, "SELECT count(*) FROM users") != 0 {
		t.Error("still there")
	}
	v.do("GET", profilePath, "").wants(401)
	if l := w.letter(ada, 1); !strings.Contains(l.subject, "deleted") {
		t.Error(l.subject)
	}
}

// Somebody without a password could prove nothing, and may leave all the same.
func TestLeave_withoutAPassword(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_SIGNUP_FIELDS=email*")
	v := w.visitor()
	v.post(signupPath, "email", ada).in()
	v.do("DELETE", accountPath, "").wants(200)
	w.visitor().do("DELETE", accountPath, "").wants(401)
}

func TestExport_isWholeAndHoldsNoSecret(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.reproved(ada)
	a := v.do("GET", exportPath, "").wants(200)
	for _, member := range []string{`"email_addresses":[`, `"sessions":[`, `"memberships":[`, `"events":[`, `"user":{`, ada, "user_created", "reauthenticated"} {
		if !strings.Contains(a.Body, member) {
			t.Errorf("no %s: %s", member, a.Body)
		}
	}
	for _, secret := range []string{"argon2", "token_hash", v.token, v.fresh} {
		if strings.Contains(a.Body, secret) {
			t.Errorf("it holds %s", secret)
		}
	}
	w.visitor().do("GET", exportPath, "").wants(401)
}
