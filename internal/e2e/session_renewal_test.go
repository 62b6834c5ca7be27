package e2e

import (
	"testing"
	"time"
)

// reauthenticated proves the password again by session token, and returns the new one.
func (w *world) reauthenticated(token string) string {
	w.t.Helper()
	a := w.call("POST", reauthPath, object("password", goodPassword), withSessionToken(token)).wants(200)
	return a.text("meta.session_token")
}

func TestSessionToken_reauthenticationRenewsIt(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	old := w.signIn("ada@example.com").session

	fresh := w.reauthenticated(old)
	if fresh == "" || fresh == old {
		t.Fatalf("the new session token is %q", fresh)
	}
	for range 2 { // the answer may be lost: the old one works on
		w.call("GET", profilePath, "", withSessionToken(old)).wants(200)
	}

	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(old)).wants(401)
	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(200)

	w.call("DELETE", sessionPath, "", withSessionToken(fresh)).wants(401)
	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(410)
	w.call("GET", profilePath, "", withSessionToken(old)).wants(410)
}

func TestSessionToken_everyLookUpCostsOneStatementAlsoWhileTwoWork(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	old := w.signIn("ada@example.com").session
	fresh := w.reauthenticated(old)

	for _, row := range []struct {
		name, token string
		want        int64
	}{{"the one before", old, 1}, {"the new one, first used", fresh, 2}, {"the new one", fresh, 1}} {
		before := w.app.DB.Statements()
		w.call("GET", sessionPath, "", withSessionToken(row.token)).wants(200)
		if n := w.app.DB.Statements() - before; n != row.want {
			t.Errorf("%s: %d statements, want %d", row.name, n, row.want)
		}
	}
}

// The client of a lost answer proves itself again, by the token that it has.
func TestSessionToken_aRenewalWhoseAnswerWasLostCostsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	old := w.signIn("ada@example.com").session
	lost := w.reauthenticated(old)

	w.clock.Advance(10 * time.Minute)
	fresh := w.reauthenticated(old)
	if fresh == "" {
		t.Fatal("no new session token")
	}
	w.call("GET", profilePath, "", withSessionToken(old)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(old)).wants(401)
	w.call("GET", profilePath, "", withSessionToken(lost)).wants(410) // nobody knows it any more
}

// Two proofs at once: whichever answer the client stores last, it stays signed in.
func TestSessionToken_twoRenewalsAtOnceLeaveNobodyOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	old := w.signIn("ada@example.com").session

	first, second := w.reauthenticated(old), w.reauthenticated(old)
	if first == "" || second != "" {
		t.Fatalf("handed out %q and %q, want one", first, second)
	}
	w.call("GET", profilePath, "", withSessionToken(old)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(first)).wants(200)
}

// A client that has dropped its session token gets no new one.
func TestSessionToken_aProofByAccessTokenHandsOutNone(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	a := w.call("POST", reauthPath, object("password", goodPassword), bearer(e.access)).wants(200)
	if a.text("meta.session_token") != "" {
		t.Errorf("it hands out a session token: %s", a.Body)
	}
	w.call("GET", profilePath, "", withSessionToken(e.session)).wants(200)
}

// Every way to prove it again renews the token.
func TestSessionToken_aSecondFactorRenewsItToo(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	old := v.post(factorPath, "code", app.at(w.clock.Now())).in().text("meta.session_token")

	w.clock.Advance(time.Minute)
	a := w.call("POST", reauthFactorPath, object("code", app.at(w.clock.Now())), withSessionToken(old)).wants(200)
	fresh := a.text("meta.session_token")
	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(old)).wants(401)
}

// So do a code and a provider, for accounts that have nothing else.
func TestSessionToken_aMailedCodeRenewsItToo(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.command("", "users", "create", ada, "--no-password", "--verified").wants(0)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	old := v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in().text("meta.session_token")

	sent := len(w.letters(ada))
	w.call("POST", reauthPath+"/code/request", "", withSessionToken(old)).wants(200)
	code := w.mailedCode(ada, sent+1)
	a := w.call("POST", reauthPath+"/code/confirm", object("code", code), withSessionToken(old)).wants(200)
	fresh := a.text("meta.session_token")
	w.call("GET", profilePath, "", withSessionToken(fresh)).wants(200)
	w.call("GET", profilePath, "", withSessionToken(old)).wants(401)
}

// A token that a refresh has ended does not come back by a proof or a new password.
func TestSessionToken_oneThatARefreshHasEndedDoesNotComeBack(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.pastGrace()
	access := bearer(w.spend(e.refresh, "0123456789").wants(200).text("meta.access_token"))

	w.call("POST", reauthPath, object("password", goodPassword), access).wants(200)
	a := w.call("POST", changePath, object("current_password", goodPassword, "new_password", "another good password"), access).wants(200)
	if a.text("meta.session_token") != "" {
		t.Errorf("a new password hands one out: %s", a.Body)
	}
	w.call("GET", profilePath, "", withSessionToken(e.session)).wants(401)
	w.call("GET", profilePath, "", access).wants(200)
}
