package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// withAllFields asks for every field at sign-up, and tells what is taken.
const withAllFields = "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_PHONE_VERIFICATION_ENABLED=false " +
	"ACCOUNT_LOGIN_METHODS=email,username,phone ACCOUNT_SIGNUP_FIELDS=email*,username*,phone,password1* "

// takenByGrace is what an account has that a sign-up asks for.
func takenByGrace(w *world) {
	w.visitor().post(signupPath, "email", grace, "username", "grace", "phone", number, "password", goodPassword).in()
	w.exec("UPDATE email_addresses SET verified_at = now()")
	w.exec("UPDATE users SET phone_verified_at = now()")
}

func TestSignup_allProblemsComeTogether(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, withAllFields, `ACCOUNT_RATE_LIMITS={"signup":false}`)
	takenByGrace(w)
	long := strings.Repeat("a", 151)
	for _, row := range []struct{ name, body, want string }{
		{"a taken address, a weak password", object("email", grace, "username", "ada", "password", "short"), "email_taken@email password_too_short@password"},
		{"a taken user name, a weak password", object("email", ada, "username", "grace", "password", "short"), "username_taken@username password_too_short@password"},
		{"a taken number, no password", object("email", ada, "username", "ada", "phone", number), "phone_taken@phone required@password"},
		{"all taken", object("email", grace, "username", "GRACE", "phone", number, "password", goodPassword), "email_taken@email username_taken@username phone_taken@phone"},
		{"all taken, and a password with two problems", object("email", grace, "username", "grace", "phone", number, "password", "8204617"), "email_taken@email username_taken@username phone_taken@phone password_too_short@password password_entirely_numeric@password"},
		{"an address that is none, a taken user name", object("email", "ada", "username", "grace", "phone", "12", "password", goodPassword), "invalid@email username_taken@username invalid_phone@phone"},
		{"all wrong in themselves", object("email", "ada", "username", "a b", "phone", "12", "password", "short"), "invalid@email invalid@username invalid_phone@phone password_too_short@password"},
		{"a user name that is too long, and others", object("email", "ada", "username", long, "password", "short"), "max_length@username invalid@email password_too_short@password"},
		{"nothing given", `{}`, "required@email required@username required@password"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.visitor().do("POST", signupPath, row.body).wants(400, strings.Fields(row.want)...)
		})
	}
}

// Protection against enumeration: what is wrong besides must not tell that an address or a number
// is taken.
func TestSignup_aHiddenAddressIsNotAmongTheProblems(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"mandatory verification": "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_PHONE_VERIFICATION_ENABLED=true",
		"strict":                 "ACCOUNT_PREVENT_ENUMERATION=strict ACCOUNT_PHONE_VERIFICATION_ENABLED=true",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := texting(t, withAllFields+settings, `ACCOUNT_RATE_LIMITS={"signup":false}`)
			w.visitor().post(signupPath, "email", grace, "username", "grace", "phone", number, "password", goodPassword)
			w.exec("UPDATE email_addresses SET verified_at = now()")
			w.exec("UPDATE users SET phone_verified_at = now()")
			for _, email := range []string{grace, ada} {
				for _, phone := range []string{number, otherNumber} {
					w.visitor().post(signupPath, "email", email, "username", "ada", "phone", phone, "password", "short").
						wants(400, "password_too_short@password")
					w.visitor().post(signupPath, "email", email, "username", "grace", "phone", phone, "password", goodPassword).
						wants(400, "username_taken@username")
				}
			}
		})
	}
}

func TestProviderSignup_allProblemsComeTogether(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withAllFields+"SOCIALACCOUNT_AUTO_SIGNUP=false", `ACCOUNT_RATE_LIMITS={"signup":false}`)
	takenByGrace(w)
	v := w.visitor()
	v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "ada"}).waits("provider_signup")
	v.post(providerSignupPath, "email", grace, "username", "grace").wants(400, "email_taken@email", "username_taken@username")
	v.post(providerSignupPath, "email", "ada", "username", "grace").wants(400, "invalid@email", "username_taken@username")
	v.post(providerSignupPath, "email", "ada", "username", strings.Repeat("a", 151)).wants(400, "max_length@username", "invalid@email")
}

func TestPasskeySignup_allProblemsComeTogether(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withPasskeySignup, "ACCOUNT_PREVENT_ENUMERATION=false ACCOUNT_LOGIN_METHODS=email,username ACCOUNT_SIGNUP_FIELDS=email*,username*")
	v := w.visitor()
	v.do("POST", keySignupPath, object("email", grace, "username", "grace")).wants(401)
	w.exec("UPDATE email_addresses SET verified_at = now()")
	w.visitor().do("POST", keySignupPath, object("email", grace, "username", "grace")).wants(400, "email_taken@email", "username_taken@username")
	w.visitor().do("POST", keySignupPath, object("email", "ada", "username", strings.Repeat("a", 151))).wants(400, "max_length@username", "invalid@email")
}

func TestLogin_allProblemsComeTogether(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	long := strings.Repeat("a", 257)
	w.visitor().do("POST", loginPath, `{}`).wants(400, "required@email", "required@password")
	w.visitor().post(loginPath, "email", "ada").wants(400, "invalid@email", "required@password")
	w.visitor().post(loginPath, "email", "ada", "password", long).wants(400, "max_length@password", "invalid@email")
}

func TestPassword_allProblemsComeTogether(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email*,password1")
	long := strings.Repeat("a", 257)

	t.Run("a change", func(t *testing.T) {
		v := w.signedIn(ada)
		v.do("POST", changePath, `{}`).wants(400, "required@new_password", "required@current_password")
		v.post(changePath, "new_password", "8204617").wants(400, "required@current_password", "password_too_short@new_password", "password_entirely_numeric@new_password")
		v.post(changePath, "new_password", "short", "current_password", "wrong").wants(400, "enter_current_password@current_password", "password_too_short@new_password")
		v.post(changePath, "new_password", "short", "current_password", long).wants(400, "max_length@current_password", "password_too_short@new_password")
	})
	t.Run("a first one", func(t *testing.T) {
		v := w.visitor()
		v.post(signupPath, "email", grace).in()
		v.post(changePath, "new_password", "8204617", "current_password", "any").wants(400,
			"enter_current_password@current_password", "password_too_short@new_password", "password_entirely_numeric@new_password")
		v.post(changePath, "current_password", "any").wants(400, "required@new_password", "enter_current_password@current_password")
	})
	t.Run("a reset", func(t *testing.T) {
		v := w.visitor()
		v.do("POST", resetPath, `{}`).wants(400, "required@key", "required@password")
		v.post(resetPath, "password", "8204617").wants(400, "required@key", "password_too_short@password", "password_entirely_numeric@password")
		v.post(resetRequestPath, "email", ada).wants(200)
		v.post(resetPath, "key", w.mailedKey(ada, 1), "password", "8204617").wants(400, "password_too_short@password", "password_entirely_numeric@password")
	})
	t.Run("an address", func(t *testing.T) {
		w.again(ada).do("PATCH", emailsPath, object("email", "ada")).wants(400, "required@primary", "invalid@email")
		w.again(ada).do("PATCH", emailsPath, `{"email":"eve@example.com","primary":false}`).wants(400, "unknown_email@email", "required@primary")
	})
}
