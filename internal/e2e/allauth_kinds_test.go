package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// A code is mailed also where nobody signs in by an address and a password.
func TestLoginCode_isMailedWhateverThePasswordsSignInBy(t *testing.T) {
	t.Parallel()
	for _, methods := range []string{"username", "phone", "username,phone"} {
		t.Run(methods, func(t *testing.T) {
			t.Parallel()
			w, _ := texting(t, byCode, "ACCOUNT_LOGIN_METHODS="+methods+" ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email*,username,phone,password1*")
			w.visitor().post(signupPath, "email", ada, "username", "ada", "password", goodPassword).in()
			v := w.visitor()
			v.post(codeRequestPath, "email", ada).waits("login_by_code")
			v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
			v = w.visitor()
			v.post(codeRequestPath, "email", "ada").wants(400, "invalid@email")
		})
	}
}

// What a generated client requires is in every answer that adds or shows a factor.
func TestFactors_alwaysSayWhetherCodesWereMade(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	made := func(a answer, want bool) {
		t.Helper()
		if a.wants(200).get("meta.recovery_codes_generated") != want {
			t.Errorf("want meta.recovery_codes_generated %t: %s", want, a.Body)
		}
	}
	first := v.withKey(softkey.New(passkeyOrigin), false)
	made(first, true)
	made(v.withKey(softkey.New(passkeyOrigin), true), false)
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	made(v.post(totpPath, "code", app.at(w.clock.Now())), false)
	made(v.do("GET", totpPath, ""), false)
	id := query[string](w, "SELECT min(id)::text FROM authenticators WHERE type = 'webauthn'")
	made(v.do("PUT", passkeysPath, `{"id":`+id+`,"name":"Mine"}`), false)
}

// Wherever an address is taken, the message says that it is none.
func TestInput_messagesSayWhatIsWrongWithAnAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email*,email2*,password1*")
	v := w.visitor()
	v.post(signupPath, "email", ada, "email2", ada, "password", goodPassword).in()
	for name, a := range map[string]answer{
		"sign-up":          w.visitor().post(signupPath, "email", "ada", "email2", "ada", "password", goodPassword),
		"sign-in":          w.visitor().post(loginPath, "email", "ada", "password", goodPassword),
		"a code":           w.visitor().post(codeRequestPath, "email", "ada"),
		"a reset":          w.visitor().post(resetRequestPath, "email", "ada"),
		"another address":  v.post(emailsPath, "email", "ada"),
		"the primary one":  v.do("PATCH", emailsPath, `{"email":"ada","primary":true}`),
		"removing one":     v.do("DELETE", emailsPath, object("email", "ada")),
		"mailing it again": v.do("PUT", emailsPath, object("email", "ada")),
	} {
		if !strings.Contains(a.wants(400).Body, "Enter a valid email address.") {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	twice := w.visitor().post(signupPath, "email", grace, "email2", ada, "password", goodPassword).wants(400, "invalid@email2")
	if !strings.Contains(twice.Body, "Enter the same email address twice.") {
		t.Error(twice.Body)
	}
}
