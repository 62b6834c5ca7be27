package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// SEC-50: a reset ends the sessions, and opens none by itself.
func TestSEC50_aResetByLink(t *testing.T) {
	t.Parallel()
	w := mailing(t, withNotifications)
	phone := w.signedIn(ada)
	v := w.visitor()
	if a := v.post(resetRequestPath, "email", "ADA@example.com").wants(200); a.Body != `{"status":200}` {
		t.Error(a.Body)
	}
	key := w.mailedKey(ada, 2) // the first mail verifies the address
	if a := v.do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(200); a.text("data.user.email") != ada {
		t.Error(a.Body)
	}
	v.do("GET", resetPath, "").wants(400, "required@key")
	v.do("GET", resetPath, "", "X-Password-Reset-Key: nonsense").wants(400, "invalid_password_reset@key")
	v.post(resetPath, "key", "nonsense", "password", "short").wants(400, "invalid_password_reset@key")
	v.post(resetPath, "key", key, "password", "short").wants(400, "password_too_short@password")
	v.post(resetPath, "key", key, "password", "ada@example.com").wants(400, "password_too_similar@password")
	v.post(resetPath, "key", key, "password", anotherPassword).waits()
	v.post(resetPath, "key", key, "password", anotherPassword).wants(400, "invalid_password_reset@key")
	v.post(loginPath, "email", ada, "password", goodPassword).wants(400, "email_password_mismatch@password")
	v.post(loginPath, "email", ada, "password", anotherPassword).in()
	if a := phone.do("GET", profilePath, "").wants(401); a.text("meta.end_reason") != "password_changed" {
		t.Error(a.Body)
	}
	if l := w.letter(ada, 3); !strings.Contains(l.subject, "reset") || !strings.Contains(l.text, "127.0.0.0/24") {
		t.Errorf("%q %q", l.subject, l.text)
	}
}

func TestPasswordReset_byCode(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v := w.visitor()
	v.post(resetPath, "key", "BBBB-BBBB", "password", anotherPassword).wants(409, "flow_not_pending")
	v.do("GET", resetPath, "", "X-Password-Reset-Key: x").wants(409, "flow_not_pending")
	if a := v.do("GET", sessionPath, "").wants(401); !strings.Contains(a.Body, `{"id":"password_reset_by_code","is_pending":false}`) {
		t.Error(a.Body)
	}
	v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	v.do("GET", sessionPath, "").waits("password_reset_by_code")
	code := w.mailedCode(ada, 1)
	v.do("GET", resetPath, "", "X-Password-Reset-Key: BBBB-BBBB").wants(400, "incorrect_code@key")
	v.do("GET", resetPath, "", "X-Password-Reset-Key: "+code).wants(200)
	w.clock.Advance(170 * time.Second) // confirming started the time anew
	v.post(resetPath, "key", code, "password", "12345678").wants(400, "password_too_common@password", "password_entirely_numeric@password")
	v.post(resetPath, "key", code, "password", anotherPassword).waits()
	v.post(resetPath, "key", code, "password", anotherPassword).wants(409, "flow_not_pending")
	in := v.post(loginPath, "email", ada, "password", anotherPassword).in()
	_ = in
	if v.do("GET", profilePath, "").get("email_verified") != true {
		t.Error("a right code verifies the address that it was sent to")
	}
}

func TestPasswordReset_threeWrongCodesAndItIsGone(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v := w.visitor()
	v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	code := w.mailedCode(ada, 1)
	for range 3 {
		v.post(resetPath, "key", "BBBB-BBBB", "password", "x").wants(400, "incorrect_code@key")
	}
	v.post(resetPath, "key", code, "password", anotherPassword).wants(409, "flow_not_pending")
	v.do("GET", sessionPath, "").waits()
}

// For an unknown address every response looks the same, and a weak password reveals nothing.
func TestPasswordReset_byCodeForNobody(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	v := w.visitor()
	v.post(resetRequestPath, "email", "nobody@example.com").waits("password_reset_by_code")
	if text := w.letter("nobody@example.com", 1).text; !strings.Contains(text, "no account") || codeAlone.MatchString(text) {
		t.Error(text)
	}
	v.do("GET", resetPath, "", "X-Password-Reset-Key: BBBB-BBBB").wants(400, "incorrect_code@key")
	v.post(resetPath, "key", "BBBB-BBBB", "password", "x").wants(400, "incorrect_code@key")
	v.post(resetPath, "key", "BBBB-BBBB", "password", "x").wants(400, "incorrect_code@key")
	v.post(resetPath, "key", "BBBB-BBBB", "password", "x").wants(409, "flow_not_pending")
}

func TestPasswordReset_canSignIn(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_ON_PASSWORD_RESET=true ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	w.signedIn(ada)
	v := w.visitor()
	v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	in := v.post(resetPath, "key", w.mailedCode(ada, 2), "password", anotherPassword).in()
	if in.text("data.methods.method") != "password_reset" || in.text("data.methods.email") != ada {
		t.Error(in.Body)
	}
}

// SEC-45: a link works once, also when it is used 16 times at once.
func TestSEC45_aResetLinkWorksOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	w.signedIn(ada)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := w.mailedKey(ada, 1)
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			a := w.call("POST", resetPath, object("key", key, "password", anotherPassword))
			mu.Lock()
			defer mu.Unlock()
			statuses[a.Status]++
		})
	}
	all.Wait()
	if statuses[401] != 1 || statuses[401]+statuses[400]+statuses[503] != 16 {
		t.Errorf("%v", statuses)
	}
}

// A link dies with the password that it was to replace.
func TestPasswordReset_aLinkDiesWhenThePasswordChanges(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := w.mailedKey(ada, 1)
	v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	w.visitor().post(resetPath, "key", key, "password", goodPassword).wants(400, "invalid_password_reset@key")
}

func TestPasswordReset_requestsAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_RATE_LIMITS=true LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
	for i := range 5 {
		w.call("POST", resetRequestPath, object("email", ada), from("192.0.2."+string(rune('1'+i)))).wants(200)
	}
	a := w.call("POST", resetRequestPath, object("email", ada), from("192.0.2.9")).wants(429, "too_many_requests")
	if a.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	for range 20 {
		w.call("POST", resetPath, object("key", "x", "password", "x"), from("192.0.2.1")).wants(400)
	}
	w.call("POST", resetPath, object("key", "x", "password", "x"), from("192.0.2.1")).wants(429)
}
