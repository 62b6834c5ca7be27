package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// What an attempt has proved is void once the password has changed: its account may be
// another's by now. A void attempt changes nothing any more, neither the address nor the
// number of the account.
func TestDoor_aVoidAttemptChangesNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE=2 ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	attacker, owner := w.visitor(), w.visitor()
	attacker.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	owner.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	owner.post(resetPath, "key", w.mailedCode(ada, 2), "password", anotherPassword).waits()
	attacker.post(emailsPath, "email", "attacker@example.com").wants(409, "flow_not_pending")
	attacker.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).wants(409, "flow_not_pending")
	if n := query[int](w, "SELECT count(*) FROM email_addresses WHERE address <> $1", ada); n != 0 {
		t.Error("the attacker has put an address on the account")
	}
	owner.post(loginPath, "email", ada, "password", anotherPassword).in()
}

// An account that had no password when the attempt began is no exception.
func TestDoor_anAttemptWithoutAPasswordIsVoidOnceThereIsOne(t *testing.T) {
	t.Parallel()
	w, g := texting(t, "ACCOUNT_SIGNUP_FIELDS=email*,phone,password1 ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", mandatoryByCode)
	attacker, owner := w.visitor(), w.visitor()
	attacker.post(signupPath, "email", ada, "phone", number).waits("verify_phone")
	owner.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	owner.post(resetPath, "key", w.mailedCode(ada, 1), "password", goodPassword).waits()
	attacker.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(409, "flow_not_pending")
}

// A reset code lives twice its time at most, and ends with the password that it was to
// replace.
func TestDoor_aResetCodeCannotBeKeptAlive(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_EMAIL_VERIFICATION=none")
	owner := w.signedIn(ada)
	thief := w.visitor()
	thief.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	code := w.mailedCode(ada, 1)
	for range 3 {
		w.clock.Advance(110 * time.Second)
		thief.do("GET", resetPath, "", "X-Password-Reset-Key: "+code).wants(200)
	}
	w.clock.Advance(60 * time.Second)
	thief.do("GET", resetPath, "", "X-Password-Reset-Key: "+code).wants(409, "flow_not_pending")
	thief.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	owner.access = w.refreshed(owner)
	owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	thief.post(resetPath, "key", w.mailedCode(ada, 2), "password", goodPassword).wants(409, "flow_not_pending")
}

// What was sent to an address or a number that the person has removed opens nothing.
func TestDoor_removedAddressesAndNumbersStayAway(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, "ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_CHANGE_EMAIL=false")
	v := w.signedIn(ada)
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	v.post(emailsPath, "email", grace).wants(200)
	v.post(verifyEmailPath, "key", w.mailedKey(grace, 1)).wants(200)
	v.post(phonePath, "phone", number).wants(202)
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(200)
	byMail, byText, reset := w.visitor(), w.visitor(), w.visitor()
	byMail.post(codeRequestPath, "email", grace).waits("login_by_code")
	byText.post(codeRequestPath, "phone", number).waits("login_by_code")
	reset.post(resetRequestPath, "email", grace).wants(200)
	key := w.mailedKey(grace, 4)
	v.do("DELETE", emailsPath, object("email", grace)).wants(200)
	v.post(phonePath, "phone", otherNumber).wants(202)
	v.post(verifyPhonePath, "code", g.code(t, otherNumber, 1)).wants(200)
	byMail.post(codeConfirmPath, "code", w.mailedCode(grace, 3)).wants(409, "flow_not_pending")
	byText.post(codeConfirmPath, "code", g.code(t, number, 2)).wants(409, "flow_not_pending")
	reset.post(resetPath, "key", key, "password", anotherPassword).wants(400, "invalid_password_reset@key")
	if a := v.do("GET", emailsPath, ""); strings.Contains(a.Body, grace) {
		t.Error(a.Body)
	}
	if a := v.do("GET", phonePath, ""); !strings.Contains(a.Body, otherNumber) {
		t.Error(a.Body)
	}
}

// With one address a person, links to those that it replaced open nothing.
func TestDoor_aReplacedAddressOpensNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_CHANGE_EMAIL=true")
	v := w.signedIn(ada)
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	old := w.mailedKey(ada, 2)
	v.post(emailsPath, "email", "typo@example.com").wants(200)
	typo := w.mailedKey("typo@example.com", 1)
	v.post(emailsPath, "email", grace).wants(200)
	v.post(verifyEmailPath, "key", w.mailedKey(grace, 1)).wants(200)
	w.visitor().post(verifyEmailPath, "key", typo).wants(400, "invalid_or_expired_key@key")
	w.visitor().post(resetPath, "key", old, "password", anotherPassword).wants(400, "invalid_password_reset@key")
}

// An address that was mistyped, and never verified, opens nothing to its owner where the
// person has verified another.
func TestDoor_anUnverifiedSecondAddressOpensNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode)
	v := w.signedIn(ada)
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	v.post(emailsPath, "email", grace).wants(200)
	_ = w.letter(grace, 1)
	w.visitor().post(resetRequestPath, "email", grace).wants(200)
	w.visitor().post(codeRequestPath, "email", grace).waits("login_by_code")
	for n := 2; n <= 3; n++ {
		if l := w.letter(grace, n); codeAlone.MatchString(l.text) || strings.Contains(l.text, "/reset/") {
			t.Error(l.text)
		}
	}
}

// An address may begin with a plus, and is no number.
func TestDoor_anAddressMayBeginWithAPlus(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND=1 ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn("+ada@example.com")
	v := w.visitor()
	v.post(codeRequestPath, "email", "+ada@example.com").waits("login_by_code")
	v.do("POST", codeResendPath, "").wants(200)
	v.post(codeConfirmPath, "code", w.mailedCode("+ada@example.com", 2)).in()
}

// Somebody whom no code can reach is not left waiting for one.
func TestDoor_aCodeThatCannotBeSentIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_METHODS=username ACCOUNT_SIGNUP_FIELDS=username*,password1* ACCOUNT_LOGIN_BY_CODE_REQUIRED=password")
	w.visitor().post(signupPath, "username", "ada", "password", goodPassword).waits()
	w.visitor().post(loginPath, "username", "ada", "password", goodPassword).wants(400, "username_password_mismatch@password")
}

// Two requests of one client at once: one signs in, the other is told that it came too
// late, and no token is handed out that was never stored.
func TestDoor_twoSignInsInOneSessionAtOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	w.signedIn(ada)
	w.signedIn(grace)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		address := ada
		if i%2 == 1 {
			address = grace
		}
		all.Go(func() {
			answers[i] = w.call("POST", loginPath, credentials(address, goodPassword), "X-Session-Token: "+v.token)
		})
	}
	all.Wait()
	in := 0
	for _, a := range answers {
		switch a.Status {
		case 200:
			in++
			w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)
		case 409, 410, 503: // too late, gone, or too many passwords at once
		default:
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if in != 1 {
		t.Errorf("%d signed in", in)
	}
}

// The code of the next step may not be sent yet: the one that was right can be sent again.
func TestDoor_aStepWhoseNextCodeIsLimitedCanBeRepeated(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, `ACCOUNT_RATE_LIMITS={"verify_phone":"1/h/ip","confirm_email":"1/h/ip"}`,
		"ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_LOGIN_METHODS=email,phone", mandatoryByCode)
	v := w.visitor()
	v.post(signupPath, "email", ada, "phone", number, "password", goodPassword).waits("verify_phone")
	code := g.code(t, number, 1)
	w.visitor().post(signupPath, "email", grace, "password", goodPassword).waits("verify_email")
	v.post(verifyPhonePath, "code", code).wants(429)
	other := w.visitor()
	other.post(codeRequestPath, "email", ada).waits("login_by_code")
	other.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).wants(429)
	w.exec("DELETE FROM rate_limits") // the hour is over; the code lives no longer than ten minutes
	v.post(verifyPhonePath, "code", code).waits("verify_email")
}

// The operator's new password ends what was under way, too.
func TestDoor_theOperatorsPasswordEndsCodesAndLinks(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	w.markVerified(ada)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := w.mailedKey(ada, 1)
	w.visitor().do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(200)
	w.command(anotherPassword+"\n", "users", "set-password", ada).wants(0)
	w.visitor().do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(400, "invalid_password_reset@key")
}

// Leaving while on the way in drops everything: the token is dead, and so are its codes.
func TestDoor_leavingOnTheWayInDropsEverything(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	v.post(resetRequestPath, "email", ada).waits("verify_email", "password_reset_by_code")
	v.do("DELETE", sessionPath, "").waits()
	v.do("GET", sessionPath, "").wants(410)
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).wants(410)
}

// Starting over is always allowed, and replaces what was under way.
func TestDoor_startingOverReplacesWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, byCode)
	w.verified(grace)
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	token := v.token
	a := v.post(codeRequestPath, "email", grace).waits("login_by_code")
	if a.get("meta.session_token") != nil || v.token != token {
		t.Error("the session goes on under its token until somebody is in")
	}
	v.post(loginPath, "email", grace, "password", goodPassword).in()
	if v.token == token {
		t.Error("the token from before is still the session's")
	}
}
