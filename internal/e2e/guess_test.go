package e2e

import (
	"testing"
)

// A thief with an access token uses up the guesses of the stolen session alone: the owner still
// changes the password, and proves who they are.
func TestGuesses_ofOneSessionDoNotStopAnother(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"signup":false}`)
	owner := w.signedIn(ada)
	w.markVerified(ada)
	app := owner.withTOTP()
	codes := owner.recoveryCodes()
	thief := w.visitor()
	thief.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	thief.post(factorPath, "code", codes[0]).in()

	for range 5 {
		thief.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(400, "enter_current_password@current_password")
	}
	thief.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(429)
	thief.post(reauthPath, "password", wrongPassword).wants(400, "too_many_login_attempts@password") // one counter for all guesses
	thief.post(reauthFactorPath, "code", "000000").wants(400, "too_many_login_attempts@code")

	owner.post(reauthFactorPath, "code", app.at(w.clock.Now())).wants(200)
	owner.post(reauthPath, "password", goodPassword).wants(200)
	owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
}

// Five guesses at the current password in five minutes, however they are made; a right one
// costs nothing.
func TestGuesses_atTheCurrentPasswordAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"signup":false,"change_password":false,"reauthenticate":false}`)
	v := w.signedIn(ada)
	for range 5 {
		v.post(changePath, "current_password", goodPassword, "new_password", "short").wants(400)
	}
	for range 2 {
		v.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(400, "enter_current_password@current_password")
	}
	for range 3 {
		v.post(reauthPath, "password", wrongPassword).wants(400, "incorrect_password@password")
	}
	v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(400, "too_many_login_attempts@current_password")
	v.post(reauthPath, "password", goodPassword).wants(400, "too_many_login_attempts@password")
}

// Each wrong guess at a password, a proof or a code leaves a row in the audit log, of the user
// whom it would have served.
func TestGuesses_eachWrongOneLeavesAnAuditRow(t *testing.T) {
	t.Parallel()
	const wrong = "BBBB-BBBB"
	for name, c := range map[string]struct {
		settings string
		guess    func(w *world)
		event    string
	}{
		"a password, as a proof": {"", func(w *world) {
			w.signedIn(ada).post(reauthPath, "password", wrongPassword).wants(400)
		}, "reauthenticated"},
		"the current password": {"", func(w *world) {
			w.signedIn(ada).post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(400)
		}, "password_changed"},
		"a second factor, as a proof": {withFactors, func(w *world) {
			v := w.signedIn(ada)
			v.withTOTP()
			v.post(reauthFactorPath, "code", "000000").wants(400)
		}, "second_factor"},
		"a TOTP code that would add it": {withFactors, func(w *world) {
			v := w.signedIn(ada)
			v.do("GET", totpPath, "").wants(404)
			v.post(totpPath, "code", "000000").wants(400)
		}, "factor_added"},
		"a code, as a proof": {"ACCOUNT_SIGNUP_FIELDS=email", func(w *world) {
			v := w.visitor()
			v.post(signupPath, "email", ada).in()
			w.markVerified(ada)
			v.do("POST", proofCodeRequestPath, "").wants(200)
			v.post(proofCodeConfirmPath, "code", wrong).wants(400)
		}, "reauthenticated"},
		"a sign-in code": {byCode, func(w *world) {
			w.signedIn(ada)
			v := w.visitor()
			v.post(codeRequestPath, "email", ada).waits("login_by_code")
			v.post(codeConfirmPath, "code", wrong).wants(400)
		}, "login"},
		"a reset code": {"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", func(w *world) {
			w.signedIn(ada)
			v := w.visitor()
			v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
			v.do("GET", resetPath, "", "X-Password-Reset-Key: "+wrong).wants(400)
		}, "password_reset"},
		"a reset code, with a password": {"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", func(w *world) {
			w.signedIn(ada)
			v := w.visitor()
			v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
			v.post(resetPath, "key", wrong, "password", anotherPassword).wants(400)
		}, "password_reset"},
		"a code that verifies an address": {mandatoryByCode, func(w *world) {
			v := w.visitor()
			v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			v.post(verifyEmailPath, "key", wrong).wants(400)
		}, "email_verified"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none", c.settings)
			c.guess(w)
			got := query[int](w, "SELECT count(*) FROM audit_events a JOIN users u ON u.id = a.user_id WHERE a.result = 'failure' AND a.event = $1", c.event)
			if got != 1 {
				t.Errorf("%d rows of a failed %s, want 1: %s", got, c.event, w.trail())
			}
		})
	}
	t.Run("a code that verifies a number", func(t *testing.T) {
		t.Parallel()
		w, _ := texting(t, byPhone)
		v := w.visitor()
		v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
		v.post(verifyPhonePath, "code", wrong).wants(400)
		if got := query[int](w, "SELECT count(*) FROM audit_events WHERE result = 'failure' AND event = 'phone_changed'"); got != 1 {
			t.Errorf("%d rows, want 1: %s", got, w.trail())
		}
	})
}
