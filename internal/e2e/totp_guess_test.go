package e2e

import "testing"

// Codes are guessed also while an authenticator app is being added.
func TestTOTP_guessesWhileItIsAddedAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"reauthenticate_failed":"3/h/session"}`)
	v := w.signedIn(ada).proved()
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	for range 3 {
		v.post(totpPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")

	w.exec("DELETE FROM rate_limits")
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(200)
	for range 3 { // the right one has used up none
		v.post(reauthPath, "password", "wrong").wants(400, "incorrect_password@password")
	}
}
