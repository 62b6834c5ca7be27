package e2e

import (
	"strings"
	"testing"
	"time"
)

// entry is what a raw sign-in hands out.
type entry struct{ session, access, refresh string }

func (w *world) signIn(email string) entry {
	w.t.Helper()
	a := w.call("POST", loginPath, credentials(email, goodPassword)).wants(200)
	return entry{a.text("meta.session_token"), a.text("meta.access_token"), a.text("meta.refresh_token")}
}

func TestSession_isFoundByBearerAndBySessionToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for _, header := range []string{bearer(e.access), "Authorization: bEaReR  " + e.access, "X-Session-Token: " + e.session} {
		a := w.call("GET", sessionPath, "", header).wants(200)
		if a.get("meta.is_authenticated") != true || a.get("meta.access_token") != nil || a.text("data.user.email") != "ada@example.com" || a.text("data.methods.method") != "password" {
			t.Errorf("%.24s…: %s", header, a.Body)
		}
		w.call("GET", profilePath, "", header).wants(200)
	}
}

func TestSession_costsOneStatement(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(200) // the first use confirms, once
	for _, header := range []string{bearer(e.access), "X-Session-Token: " + e.session} {
		before := w.app.DB.Statements()
		w.call("GET", sessionPath, "", header).wants(200)
		if n := w.app.DB.Statements() - before; n != 1 {
			t.Errorf("%.24s…: %d statements", header, n)
		}
	}
}

func TestSession_aDeadSessionTokenIsGoneWhateverElseIsSent(t *testing.T) {
	t.Parallel()
	w := start(t)
	good := w.signedUp("ada@example.com").Tokens().Access
	for _, dead := range []string{"unknown", "lkst_" + strings.Repeat("x", 43)} {
		for _, call := range []struct{ method, path, body string }{
			{"GET", configPath, ""},
			{"GET", sessionPath, ""},
			{"DELETE", sessionPath, ""},
			{"GET", profilePath, ""},
			{"PATCH", profilePath, `{"display":"x"}`},
			{"POST", loginPath, credentials("ada@example.com", goodPassword)},
			{"POST", signupPath, credentials("new@example.com", goodPassword)},
		} {
			a := w.call(call.method, call.path, call.body, "X-Session-Token: "+dead, bearer(good)).wants(410)
			if _, present := a.get("meta").(map[string]any)["is_authenticated"]; !present || a.get("meta.is_authenticated") != nil {
				t.Errorf("is_authenticated should be null: %s", a.Body)
			}
		}
	}
	w.call("GET", sessionPath, "", "X-Session-Token: ", bearer(good)).wants(200) // an empty one counts as none
}

func TestTSES04_theSidIsNoCredential(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com")
	sid := claims(t, e.Tokens().Access)["sid"].(string)
	w.call("GET", sessionPath, "", "X-Session-Token: "+sid).wants(410)
	w.call("GET", profilePath, "", bearer(sid)).wants(401)
}

func TestSession_aBadBearerIsAnonymous(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.clock.Advance(301 * time.Second)
	expired := e.access
	e = w.signIn("ada@example.com")
	for name, token := range map[string]string{
		"expired": expired, "refresh token": e.refresh, "session token": e.session, "garbage": "garbage",
		"changed": e.access[:len(e.access)-8] + "AAAAAAAA", "re-encoded": e.access + "=",
	} {
		a := w.call("GET", sessionPath, "", bearer(token)).wants(401)
		if a.get("meta.is_authenticated") != false || a.text("data.flows.id") != "login" {
			t.Errorf("%s: %s", name, a.Body)
		}
		if h := a.Header.Get("WWW-Authenticate"); h != `Bearer realm="latchkey", error="invalid_token"` {
			t.Errorf("%s: WWW-Authenticate: %s", name, h)
		}
		w.call("GET", profilePath, "", bearer(token)).wants(401)
		w.call("GET", configPath, "", bearer(token)).wants(200)
		w.call("POST", loginPath, credentials("ada@example.com", goodPassword), bearer(token)).wants(200)
	}
	if h := w.call("GET", sessionPath, "").wants(401).Header.Get("WWW-Authenticate"); h != `Bearer realm="latchkey"` {
		t.Errorf("without a credential: WWW-Authenticate: %s", h)
	}
}

func TestSEC25_signingOutEndsEveryTokenAtOnce(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e, other := w.signIn("ada@example.com"), w.signIn("ada@example.com")
	a := w.call("DELETE", sessionPath, "", bearer(e.access)).wants(401)
	if a.get("meta.is_authenticated") != false || a.text("data.flows.id") != "login" {
		t.Errorf("sign-out: %s", a.Body)
	}
	a = w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
	if a.text("meta.end_reason") != "session_ended" || a.get("meta.ended_at") == nil {
		t.Errorf("the reason is missing: %s", a.Body)
	}
	w.call("GET", profilePath, "", bearer(e.access)).wants(401)
	w.call("GET", sessionPath, "", "X-Session-Token: "+e.session).wants(410)
	w.call("DELETE", sessionPath, "", "X-Session-Token: "+e.session).wants(410)
	w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(400, "session_ended@refresh")
	w.call("DELETE", sessionPath, "", bearer(e.access)).wants(401) // as often as one likes
	w.call("DELETE", sessionPath, "").wants(401)
	w.call("GET", sessionPath, "", bearer(other.access)).wants(200) // and no other session
}

func TestSEC11_everyUseAsksTheSessionAndItsUser(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for change, undo := range map[string]string{
		"UPDATE users SET disabled_at = now()":                               "UPDATE users SET disabled_at = NULL",
		"UPDATE sessions SET ended_at = now(), end_reason = 'ended_by_user'": "UPDATE sessions SET ended_at = NULL, end_reason = NULL",
		"UPDATE sessions SET expires_at = now() - interval '1 hour'":         "UPDATE sessions SET expires_at = now() + interval '1 hour'",
	} {
		w.call("GET", profilePath, "", bearer(e.access)).wants(200)
		w.exec(change)
		w.call("GET", profilePath, "", bearer(e.access)).wants(401)
		w.call("GET", profilePath, "", "X-Session-Token: "+e.session).wants(410)
		w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(400)
		w.exec(undo)
	}
	w.exec("INSERT INTO users (id, display, created_at) VALUES (77, 'other', now())")
	w.exec("UPDATE sessions SET user_id = 77")
	w.call("GET", profilePath, "", bearer(e.access)).wants(401)
	w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(400, "refresh_token_invalid@refresh")
	w.exec("DELETE FROM users")
	w.call("GET", profilePath, "", bearer(e.access)).wants(401)
	w.call("POST", refreshPath, `{"refresh":"`+e.refresh+`"}`).wants(400, "refresh_token_invalid@refresh")
}

func TestSession_anAccessTokenIsGoodWhateverItsGeneration(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	old := s.Tokens().Access
	if err := s.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.call("GET", sessionPath, "", bearer(old)).wants(200)
	w.call("GET", sessionPath, "", bearer(s.Tokens().Access)).wants(200)
}
