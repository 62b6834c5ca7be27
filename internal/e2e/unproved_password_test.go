package e2e

import (
	"strings"
	"testing"
)

// claims signs the owner of an address in by a code, which proves the address for the first time.
func (w *world) claims(address string) *visitor {
	w.t.Helper()
	w.delivered()
	n := len(w.letters(address))
	v := w.visitor()
	v.post(codeRequestPath, "email", address).waits("login_by_code")
	v.post(codeConfirmPath, "code", w.mailedCode(address, n+1)).in()
	return v
}

// lastLetter waits until all mails are sent, and returns the last one to an address.
func (w *world) lastLetter(to string) letter {
	w.t.Helper()
	w.delivered()
	letters := w.letters(to)
	return letters[len(letters)-1]
}

// lastCode waits until all mails are sent, and returns the code in the last one to an address.
func (w *world) lastCode(to string) string {
	w.t.Helper()
	w.delivered()
	return w.mailedCode(to, len(w.letters(to)))
}

// A user signs up with a password on a phone, does not open the link, and signs in by code on a tablet.
// The phone is signed out and says why, and the password works again after one code.
func TestUnprovedPassword_theUserWhoSignedUpKeepsThePassword(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		settings string
		login    []string
	}{
		"by address":   {"ACCOUNT_EMAIL_VERIFICATION=optional", []string{"email", ada}},
		"by user name": {"ACCOUNT_EMAIL_VERIFICATION=none", []string{"username", "ada"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, byCode, row.settings, "ACCOUNT_LOGIN_METHODS=email,username ACCOUNT_SIGNUP_FIELDS=email*,username*,password1*")
			phone := w.visitor()
			phone.post(signupPath, "email", ada, "username", "ada", "password", goodPassword).in()

			tablet := w.claims(ada)
			if a := tablet.do("GET", sessionPath, "").wants(200); a.get("data.user.has_usable_password") != false {
				t.Errorf("the password counts before it is proved: %s", a.Body)
			}
			if a := phone.do("GET", profilePath, "").wants(401); a.text("meta.end_reason") != "ownership_verified" {
				t.Errorf("the phone's session: %s", a.Body)
			}
			w.spend(phone.fresh, "").wants(400, "ownership_verified@refresh")
			if l := w.lastLetter(ada); l.subject != "Your account was signed out on other devices" {
				t.Errorf("the last mail is %q", l.subject)
			}

			credentials := append(row.login, "password", goodPassword)
			mails := len(w.letters(ada))
			phone = w.visitor()
			phone.post(loginPath, credentials...).waits("login_by_code")
			phone.post(codeConfirmPath, "code", w.mailedCode(ada, mails+1)).in()
			if a := phone.do("GET", sessionPath, "").wants(200); a.get("data.user.has_usable_password") != true {
				t.Errorf("the password does not count after it was proved: %s", a.Body)
			}
			if l := w.lastLetter(ada); l.subject != "A password was set for your account" {
				t.Errorf("the last mail is %q", l.subject)
			}

			w.visitor().post(loginPath, credentials...).in()
			tablet.do("GET", profilePath, "").wants(200)
		})
	}
}

// The code goes to the number that was proved, where the account has no address.
func TestUnprovedPassword_isProvedByATextedCodeToo(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_PHONE_VERIFICATION_ENABLED=false")
	phone := w.visitor()
	phone.post(signupPath, "email", mallory, "phone", number, "password", goodPassword).in()
	tablet := w.visitor()
	tablet.post(codeRequestPath, "phone", number).waits("login_by_code")
	tablet.post(codeConfirmPath, "code", g.code(t, number, 1)).in()
	phone.do("GET", profilePath, "").wants(401)

	// The number gets no second text, and the address, which may be a stranger's, no mail about it.
	w.delivered()
	if texts := g.all(number); len(texts) != 1 {
		t.Errorf("%d texts: %q", len(texts), texts)
	}
	for _, l := range w.letters(mallory) {
		if strings.Contains(l.subject, "signed out") {
			t.Errorf("a mail to an address that is not verified: %s", l.text)
		}
	}

	phone = w.visitor()
	phone.post(loginPath, "phone", number, "password", goodPassword).waits("login_by_code")
	phone.post(codeConfirmPath, "code", g.code(t, number, 2)).in()
	w.visitor().post(loginPath, "phone", number, "password", goodPassword).in()
}

// An account without a password gets no mail about one.
func TestUnprovedPassword_noMailWithoutAPassword(t *testing.T) {
	t.Parallel()
	w, s := providing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=optional")
	w.visitor().bring("login", s, unsure("google", ada)).in()
	w.claims(ada)
	w.delivered()
	for _, l := range w.letters(ada) {
		if strings.Contains(l.text, "password") && strings.Contains(l.subject, "signed out") {
			t.Errorf("a mail about a password: %s", l.text)
		}
	}
}

// A stranger has made the account with carol's address and a password. Carol signs in by code. From
// then on nothing that the stranger knows opens the account, or proves anything in it.
func TestTrap_aPasswordOfBeforeOpensNothingWithoutTheOwnersCode(t *testing.T) {
	t.Parallel()
	const settings = byCode + " ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_LOGIN_METHODS=email,username ACCOUNT_SIGNUP_FIELDS=email*,username,password1*"
	for name, comes := range map[string]func(w *world, stranger, owner *visitor){
		"by the address": func(w *world, _, _ *visitor) {
			w.visitor().post(loginPath, "email", carol, "password", goodPassword).waits("login_by_code")
		},
		"by the user name": func(w *world, _, _ *visitor) {
			w.visitor().post(loginPath, "username", "mallory", "password", goodPassword).waits("login_by_code")
		},
		"with guessed codes": func(w *world, _, _ *visitor) {
			v := w.visitor()
			v.post(loginPath, "email", carol, "password", goodPassword).waits("login_by_code")
			for range 3 {
				v.post(codeConfirmPath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
			}
			v.post(codeConfirmPath, "code", w.lastCode(carol)).wants(409, "flow_not_pending")
		},
		"with the code of an account of the stranger's": func(w *world, _, _ *visitor) {
			w.signedIn(evil)
			w.exec("UPDATE email_addresses SET verified_at = now() WHERE address = $1", evil)
			v := w.visitor()
			v.post(codeRequestPath, "email", evil).waits("login_by_code")
			own := w.lastCode(evil)
			v.post(loginPath, "email", carol, "password", goodPassword).waits("login_by_code")
			v.post(codeConfirmPath, "code", own).wants(400, "incorrect_code@code")
		},
		"by the session of before": func(w *world, stranger, _ *visitor) {
			stranger.do("GET", profilePath, "").wants(401)
			w.call("GET", sessionPath, "", "X-Session-Token: "+stranger.token).wants(410)
			w.spend(stranger.fresh, "").wants(400, "ownership_verified@refresh")
		},
		"as a proof in a session of the owner": func(_ *world, _, owner *visitor) {
			owner.post(reauthPath, "password", goodPassword).wants(400)
			owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(400, "enter_current_password@current_password")
		},
		"after the owner has set a password": func(w *world, _, owner *visitor) {
			waiting := w.visitor()
			waiting.post(loginPath, "email", carol, "password", goodPassword).waits("login_by_code")
			code := w.lastCode(carol)
			owner.post(changePath, "new_password", anotherPassword).wants(200)
			w.visitor().post(loginPath, "email", carol, "password", goodPassword).wants(400, "email_password_mismatch@password")
			if a := waiting.post(codeConfirmPath, "code", code); a.Status == 200 {
				w.t.Errorf("a sign-in that was waiting: %s", a.Body)
			}
			w.visitor().post(loginPath, "email", carol, "password", anotherPassword).in()
		},
		"after the owner's reset": func(w *world, _, _ *visitor) {
			if !resetsByMail(w, carol) {
				w.t.Error("no reset")
			}
			w.visitor().post(loginPath, "email", carol, "password", goodPassword).wants(400, "email_password_mismatch@password")
		},
		"with the password of another moment": func(w *world, _, _ *visitor) {
			v := w.visitor()
			v.post(loginPath, "email", carol, "password", goodPassword).waits("login_by_code")
			code := w.lastCode(carol)
			w.exec("UPDATE users SET unproved_password_hash = unproved_password_hash || 'x' WHERE unproved_password_hash IS NOT NULL")
			if a := v.post(codeConfirmPath, "code", code); a.Status == 200 {
				w.t.Errorf("it is in: %s", a.Body)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, settings)
			stranger := w.visitor()
			stranger.post(signupPath, "email", carol, "username", "mallory", "password", goodPassword).in()
			owner := w.claims(carol)
			w.delivered()
			comes(w, stranger, owner)

			if n := query[int](w, "SELECT count(*) FROM users WHERE password_hash IS NOT NULL AND username = 'mallory' AND unproved_password_hash IS NOT NULL"); n != 0 {
				t.Error("there are two passwords")
			}
			if name != "after the owner's reset" { // it ends all sessions
				owner.do("GET", profilePath, "").wants(200)
			}
		})
	}
}

// An address of the account that nobody has verified gets no code for such a sign-in, also where the
// caller names it.
func TestUnprovedPassword_theCodeGoesToTheOwnerAlone(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(carol)
	owner := w.claims(carol)
	owner.post(emailsPath, "email", evil).wants(200)
	w.delivered()
	owners, others := len(w.letters(carol)), len(w.letters(evil))

	w.visitor().post(loginPath, "email", evil, "password", goodPassword).waits("login_by_code")
	w.delivered()
	for _, l := range w.letters(evil)[others:] {
		if codeAlone.MatchString(l.text) {
			t.Errorf("a code for the account: %s", l.text)
		}
	}
	w.mailedCode(carol, owners+1)
}
