package e2e

import "testing"

// proofs are how somebody shows for the first time that an address is theirs, of an account
// that somebody else may have made.
var proofs = map[string]struct {
	settings string
	prove    func(w *world)
}{
	"reset by link": {"", func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(resetRequestPath, "email", ada).wants(200)
		v.post(resetPath, "key", w.mailedKey(ada, n+1), "password", anotherPassword).waits()
	}},
	"reset by code, shown first": {"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
		key := w.mailedCode(ada, n+1)
		v.do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(200)
		w.again(ada) // not yet
		v.post(resetPath, "key", key, "password", anotherPassword).waits()
	}},
	"sign-in code": {"", func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(codeRequestPath, "email", ada).waits("login_by_code")
		v.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).in()
	}},
}

const mallory, trapNumber = "mallory@example.com", number

func TestSEC72_aTrapLaidBeforeTheProofIsGoneAfterIt(t *testing.T) {
	t.Parallel()
	for name, p := range proofs {
		t.Run("address: "+name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, byCode+" ACCOUNT_EMAIL_VERIFICATION=optional", p.settings)
			trap := w.signedIn(ada).proved()
			w.letter(ada, 1)
			trap.post(emailsPath, "email", mallory).wants(200)
			verify := w.mailedKey(mallory, 1)
			p.prove(w)
			trap.do("GET", profilePath, "").wants(401)
			w.visitor().post(verifyEmailPath, "key", verify).wants(400, "invalid_or_expired_key@key")
			if got := query[string](w, "SELECT string_agg(address || ' ' || is_primary || ' ' || (verified_at IS NOT NULL), ', ') FROM email_addresses"); got != ada+" true true" {
				t.Errorf("the addresses are %s", got)
			}
		})
		t.Run("number: "+name, func(t *testing.T) {
			t.Parallel()
			w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_PHONE_VERIFICATION_ENABLED=false", p.settings)
			trap := w.visitor()
			trap.post(signupPath, "email", ada, "phone", trapNumber, "password", goodPassword).in()
			p.prove(w)
			v := w.visitor()
			v.post(codeRequestPath, "phone", trapNumber)
			w.delivered()
			g.mu.Lock()
			defer g.mu.Unlock()
			for _, text := range g.texts[trapNumber] {
				if textedCode.MatchString(text) {
					t.Errorf("a code that signs in: %s", text)
				}
			}
		})
	}
}

// The other way round: whoever proves the number leaves no link that would verify an address
// of whoever made the account.
func TestSEC72_aLinkOfBeforeVerifiesNothingAfterTheNumberIsProved(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_PHONE_VERIFICATION_ENABLED=false")
	trap := w.visitor()
	trap.post(signupPath, "email", mallory, "phone", number, "password", goodPassword).in()
	verify := w.mailedKey(mallory, 1)
	v := w.visitor()
	v.post(codeRequestPath, "phone", number).waits("login_by_code")
	v.post(codeConfirmPath, "code", g.code(t, number, 1)).in()
	trap.do("GET", profilePath, "").wants(401)
	w.visitor().post(verifyEmailPath, "key", verify).wants(400, "invalid_or_expired_key@key")
}

// A second factor is no trap: whoever has one has to be asked for it, and what they have
// connected is not given away with an address that was mistyped.
func TestSEC72_anAccountWithASecondFactorIsNotGivenAway(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode+" ACCOUNT_EMAIL_VERIFICATION=none", withFactors)
	owner := w.signedIn(ada).proved()
	owner.post(emailsPath, "email", mallory).wants(200)
	owner.withTOTP()
	v := w.visitor()
	n := len(w.letters(mallory))
	v.post(codeRequestPath, "email", mallory).waits("login_by_code")
	v.post(codeConfirmPath, "code", w.mailedCode(mallory, n+1)).waits("mfa_authenticate")
	owner.do("GET", profilePath, "").wants(200)
	if n := query[int](w, "SELECT count(*) FROM email_addresses"); n != 2 {
		t.Errorf("%d addresses, not 2", n)
	}
}
