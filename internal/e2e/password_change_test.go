package e2e

import (
	"strings"
	"sync"
	"testing"
)

// Unlike in allauth, the caller's session goes on, with the access token and the refresh token that the client has.
func TestPasswordChange_endsTheOtherSessionsAndKeepsTheCallers(t *testing.T) {
	t.Parallel()
	w := mailing(t, withNotifications)
	v := w.signedIn(ada)
	w.markVerified(ada)
	other := w.again(ada)
	token, refresh := v.token, v.fresh
	v.post(changePath, "new_password", anotherPassword).wants(400, "required@current_password")
	v.post(changePath, "current_password", wrongPassword, "new_password", "short").wants(400, "enter_current_password@current_password", "password_too_short@new_password")
	v.post(changePath, "current_password", goodPassword, "new_password", "ada@example.com").wants(400, "password_too_similar@new_password")
	a := v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	if a.text("meta.session_token") == "" || a.get("meta.access_token") != nil {
		t.Error(a.Body)
	}
	w.call("GET", sessionPath, "", "X-Session-Token: "+token).wants(410)
	w.call("GET", sessionPath, "", "X-Session-Token: "+a.text("meta.session_token")).wants(200)
	v.do("GET", profilePath, "").wants(200)
	w.call("POST", refreshPath, object("refresh", refresh)).wants(200)
	w.call("POST", refreshPath, object("refresh", other.fresh)).wants(400, "password_changed@refresh")
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400)
	w.visitor().post(loginPath, "email", ada, "password", anotherPassword).in()
	if l := w.letter(ada, 2); !strings.Contains(l.subject, "password") {
		t.Error(l.subject)
	}
	w.visitor().post(changePath, "new_password", "x").wants(401)
}

func TestPasswordChange_canEndTheCallersSessionToo(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE=true")
	v := w.signedIn(ada)
	v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).waits()
	v.do("GET", profilePath, "").wants(401)
}

func TestPasswordChange_theFirstPasswordNeedsNone(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_SIGNUP_FIELDS=email*,password1 ACCOUNT_LOGIN_BY_CODE_ENABLED=true", withNotifications)
	v := w.visitor()
	if a := v.post(signupPath, "email", ada).in(); a.get("data.user.has_usable_password") != false {
		t.Error(a.Body)
	}
	v.post(changePath, "current_password", "x", "new_password", goodPassword).wants(400, "enter_current_password@current_password")
	if a := v.post(changePath, "new_password", goodPassword).wants(200); a.get("data.user.has_usable_password") != true {
		t.Error(a.Body)
	}
	w.again(ada)
}

// Of two changes at once one wins, and says so to that one alone.
func TestPasswordChange_twoAtOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, "LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	v := w.signedIn(ada)
	var mu sync.Mutex
	statuses := map[int]int{}
	var both sync.WaitGroup
	for _, fresh := range []string{anotherPassword, "a third horse battery"} {
		both.Go(func() {
			a := w.call("POST", changePath, object("current_password", goodPassword, "new_password", fresh), bearer(v.access))
			mu.Lock()
			defer mu.Unlock()
			statuses[a.Status]++
		})
	}
	both.Wait()
	if statuses[200] != 1 || statuses[400] != 1 {
		t.Errorf("%v", statuses)
	}
}

func TestPasswordChange_isLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_RATE_LIMITS=true")
	v := w.signedIn(ada)
	for range 5 {
		v.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(400)
	}
	v.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(429)
}
