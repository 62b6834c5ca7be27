package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// heard is what somebody outside can tell of a call: all but the times, ids and tokens.
type heard struct {
	status     int
	body       string
	headers    string
	statements int64
	messages   int
}

func (w *world) listen(path, body string) heard {
	w.t.Helper()
	before, posted := w.app.DB.Statements(), query[int](w, "SELECT count(*) FROM messages")
	a := w.call("POST", path, body)
	h := heard{status: a.Status, body: a.Body, statements: w.app.DB.Statements() - before}
	h.messages = query[int](w, "SELECT count(*) FROM messages") - posted
	if token := a.text("meta.session_token"); token != "" {
		h.body = strings.Replace(h.body, token, "lkst_…", 1)
	}
	headers := http.Header{}
	for name, values := range maps.All(a.Header) {
		if name != "Date" && name != "X-Request-Id" {
			headers[name] = values
		}
	}
	var text strings.Builder
	_ = headers.Write(&text)
	h.headers = text.String()
	return h
}

// least is what is heard of several calls, with the fewest statements: river tells its
// workers of a new job at most every so often, which is one statement more for whoever
// comes first, whatever they ask.
func (w *world) least(who, path, password string) heard {
	w.t.Helper()
	var least heard
	for n := range 4 {
		address := who
		if who == "unknown" { // a sign-up makes it known
			address = fmt.Sprintf("%s%d", who, n)
		}
		members := []string{"email", address + "@example.com"}
		if password != "" {
			members = append(members, "password", password)
		}
		got := w.listen(path, object(members...))
		if n == 0 || got.statements < least.statements {
			least = got
		}
	}
	return least
}

// T-ENU, SEC-48: known, unknown, unverified and disabled addresses are told apart by
// nothing: status, body, headers, number of statements, number of messages.
func TestSEC48andTENU_answersAreEqual(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"by link": "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_LOGIN_BY_CODE_ENABLED=true",
		"by code": mandatoryByCode + " ACCOUNT_LOGIN_BY_CODE_ENABLED=true ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true",
		"quiet":   mandatoryByCode + " ACCOUNT_LOGIN_BY_CODE_ENABLED=true ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS=false",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, settings)
			for _, address := range []string{"known@example.com", "unverified@example.com", "disabled@example.com"} {
				w.visitor().post(signupPath, "email", address, "password", goodPassword).waits("verify_email")
			}
			w.exec("UPDATE email_addresses SET verified_at = now() WHERE address <> 'unverified@example.com'")
			w.exec("UPDATE users SET disabled_at = now() WHERE id = (SELECT user_id FROM email_addresses WHERE address = 'disabled@example.com')")
			for _, call := range []struct{ path, password string }{
				{loginPath, wrongPassword}, {resetRequestPath, ""}, {codeRequestPath, ""}, {signupPath, goodPassword},
			} {
				want := heard{}
				for i, who := range []string{"unknown", "known", "unverified", "disabled"} {
					got := w.least(who, call.path, call.password)
					if i == 0 {
						want = got
					} else if got != want {
						t.Errorf("%s, %s:\n%+v\nunknown:\n%+v", call.path, who, got, want)
					}
				}
			}
		})
	}
}

// With protection off, the answers say it.
func TestEnumeration_canBeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PREVENT_ENUMERATION=false ACCOUNT_LOGIN_BY_CODE_ENABLED=true ACCOUNT_LOGIN_METHODS=email,phone", mandatoryByCode)
	w.verified(ada)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).wants(400, "email_taken@email")
	w.visitor().post(resetRequestPath, "email", grace).wants(400, "unknown_email@email")
	w.visitor().post(codeRequestPath, "email", grace).wants(400, "unknown_email@email")
	w.visitor().post(codeRequestPath, "phone", number).wants(400, "unknown_phone@phone")
}

func TestEnumeration_strictLetsSeveralHoldAnUnverifiedAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PREVENT_ENUMERATION=strict")
	w.signedIn(ada)
	w.signedIn(ada)
}

// The mail for an address that somebody has tells its owner, and carries no code.
func TestEnumeration_theOwnerIsTold(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	w.verified(ada)
	fake := w.visitor()
	fake.post(signupPath, "email", ada, "password", anotherPassword).waits("verify_email")
	l := w.letter(ada, 2)
	if !strings.Contains(l.subject, "already have an account") || codeAlone.MatchString(l.text) {
		t.Errorf("%q %q", l.subject, l.text)
	}
	fake.do("GET", sessionPath, "").waits("verify_email")
	fake.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: BBBB-BBBB").wants(400, "incorrect_code@key")
	w.visitor().post(loginPath, "email", ada, "password", anotherPassword).wants(400)
}

// A run that dumps the database at its end finds no code, key or password in it, nor the
// address of anybody who has no account.
func TestSEC47_aDumpHoldsNoCodeKeyOrPassword(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_BY_CODE_ENABLED=true ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	w.signedIn(ada)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(resetRequestPath, "email", ada).waits("login_by_code", "password_reset_by_code")
	w.visitor().post(resetRequestPath, "email", "nobody@example.com").wants(401)
	secrets := []string{w.mailedCode(ada, 1), w.mailedCode(ada, 2), goodPassword, v.token}
	_ = w.letter("nobody@example.com", 1)
	byLink := mailing(t)
	byLink.signedIn(ada)
	byLink.visitor().post(resetRequestPath, "email", ada).wants(200)
	secrets = append(secrets, byLink.mailedKey(ada, 1), byLink.mailedKey(ada, 2))
	for _, world := range []*world{w, byLink} {
		dump := world.everyRow()
		for _, secret := range secrets {
			for _, form := range []string{secret, strings.ReplaceAll(secret, "-", "")} {
				if stands(dump, "code", form) || stands(world.log.String(), "code", form) {
					t.Errorf("%q stands in the dump or the log", form)
				}
			}
		}
	}
}

// SEC-58.
func TestSEC58_aNewDeviceAndAStolenTokenAreTold(t *testing.T) {
	t.Parallel()
	w := mailing(t, withNotifications, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_REFRESH_GRACE=1")
	v := w.visitor()
	v.do("POST", signupPath, credentials(ada, goodPassword), "User-Agent: ExampleApp/1.0 CFNetwork/1", "X-Device-Name: Phone").in()
	w.markVerified(ada)
	same := w.visitor()
	same.do("POST", loginPath, credentials(ada, goodPassword), "User-Agent: ExampleApp/1.1 CFNetwork/2", "X-Device-Name: Phone").in()
	fresh := w.visitor()
	fresh.do("POST", loginPath, credentials(ada, goodPassword), "User-Agent: ExampleApp/1.1 CFNetwork/2", "X-Device-Name: Tablet", "Accept-Language: de-CH, en;q=0.5").in()
	if l := w.letter(ada, 1); !strings.Contains(l.subject, "neues Gerät") || !strings.Contains(l.text, "Mit: iPhone") || strings.Contains(l.text, "Tablet") {
		t.Errorf("%q %q", l.subject, l.text)
	}
	w.age(grown)
	w.call("POST", refreshPath, object("refresh", v.fresh), "Idempotency-Key: of-the-phone").wants(200)
	w.clock.Advance(2 * 1e9)
	w.call("POST", refreshPath, object("refresh", v.fresh), "Idempotency-Key: of-the-thief").wants(400, "refresh_token_reused@refresh")
	if l := w.letter(ada, 2); !strings.Contains(l.subject, "signed out one of your devices") {
		t.Errorf("%q %q", l.subject, l.text)
	}
	if n := len(w.letters(ada)); n != 2 {
		t.Errorf("%d mails", n)
	}
}
