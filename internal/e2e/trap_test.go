package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// proofs are how somebody shows for the first time that an address is theirs, of an account
// that somebody else may have made.
var proofs = map[string]struct {
	settings string
	open     bool // it signs in
	prove    func(w *world)
}{
	"reset by link": {"", false, func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(resetRequestPath, "email", ada).wants(200)
		v.post(resetPath, "key", w.mailedKey(ada, n+1), "password", anotherPassword).waits()
	}},
	"reset by code, shown first": {"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", false, func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
		key := w.mailedCode(ada, n+1)
		v.do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(200)
		if a := w.visitor().post(loginPath, "email", ada, "password", goodPassword); a.Status == 400 {
			w.t.Errorf("the old password is gone before there is a new one: %s", a.Body)
		}
		v.post(resetPath, "key", key, "password", anotherPassword).waits()
	}},
	"sign-in code": {"", true, func(w *world) {
		v := w.visitor()
		n := len(w.letters(ada))
		v.post(codeRequestPath, "email", ada).waits("login_by_code")
		v.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).in()
	}},
}

const mallory = "mallory@example.com"

func TestSEC72_aTrapLaidBeforeTheProofIsGoneAfterIt(t *testing.T) {
	t.Parallel()
	for name, p := range proofs {
		t.Run("address: "+name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, byCode+" ACCOUNT_EMAIL_VERIFICATION=none", p.settings) // else nothing can be added
			trap := w.signedIn(ada).proved()
			trap.post(emailsPath, "email", mallory).wants(200)
			trap.do("PUT", emailsPath, object("email", mallory)).wants(200)
			verify := w.mailedKey(mallory, 1)
			p.prove(w)
			trap.do("GET", profilePath, "").wants(401)
			w.visitor().post(verifyEmailPath, "key", verify).wants(400, "invalid_or_expired_key@key")
			if got := query[string](w, "SELECT string_agg(address || ' ' || is_primary || ' ' || (verified_at IS NOT NULL), ', ') FROM email_addresses"); got != ada+" true true" {
				t.Errorf("the addresses are %s", got)
			}
		})
		for _, verified := range []string{"true", "false"} {
			if verified == "true" && p.open {
				continue // its number has to be verified before this person is in
			}
			t.Run("number: "+name+", verification "+verified, func(t *testing.T) {
				t.Parallel()
				w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_PHONE_VERIFICATION_ENABLED="+verified, p.settings)
				w.visitor().post(signupPath, "email", ada, "phone", number, "password", goodPassword)
				p.prove(w)
				w.delivered()
				before := len(g.all(number))
				v := w.visitor()
				v.post(codeRequestPath, "phone", number)
				w.delivered()
				for _, text := range g.all(number)[before:] {
					if textedCode.MatchString(text) {
						t.Errorf("a code that signs in: %s", text)
					}
				}
			})
		}
	}
}

// The other way round: whoever proves the number leaves no address of whoever made the
// account, nor a link that would verify one.
func TestSEC72_noAddressOfBeforeOutlivesTheProofOfTheNumber(t *testing.T) {
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
	if n := query[int](w, "SELECT count(*) FROM email_addresses"); n != 0 {
		t.Errorf("%d addresses", n)
	}
}

// What was connected before the proof is revoked at the service, too, and the holder of the
// address is told.
func TestSEC72_whatIsDisconnectedByTheProofIsRevokedAndTold(t *testing.T) {
	t.Parallel()
	w, s := providing(t, byCode+" ACCOUNT_EMAIL_VERIFICATION=none")
	trap := w.signedIn(ada).proved()
	apple := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "mallory"}
	trap.bring("connect", s, apple, "authorization_code", s.Code(fakeprovider.AppleClientID, "mallory")).wants(200)
	w.expectsGrants(1, 0)
	w.delivered()
	proofs["sign-in code"].prove(w)
	w.expectsGrants(0, 1)
	w.swept()
	s.expectsRevoked(1)
	w.delivered()
	told := slices.ContainsFunc(w.letters(ada), func(l letter) bool { return strings.Contains(l.text, "was disconnected from yours") })
	if !told {
		t.Error("no mail says that the provider was disconnected")
	}
}

// Somebody without an address adds a factor, and then an address that is not theirs: whoever
// has it is not led into that account, where they would be stuck before the factor.
func TestSEC72_anAddressAddedToAFactorOpensNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, byCode+" ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_LOGIN_METHODS=username,email ACCOUNT_SIGNUP_FIELDS=username*,email,password1* MFA_ALLOW_UNVERIFIED_EMAIL=false")
	trap := w.visitor()
	trap.post(signupPath, "username", "mallory", "password", goodPassword).in()
	trap.withTOTP()
	trap.post(emailsPath, "email", ada).wants(200)
	w.delivered()
	n := len(w.letters(ada))
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(resetRequestPath, "email", ada).wants(200)
	w.delivered()
	for _, l := range w.letters(ada)[n:] {
		if codeAlone.MatchString(l.text) || strings.Contains(l.text, "/reset/") {
			t.Errorf("a way into somebody else's account: %s", l.text)
		}
	}
}

// Race: opening the link that verifies an address and setting a new password at once, neither
// waits for the other for ever.
func TestPasswordReset_andALinkThatVerifiesAtOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
	w.signedIn(ada)
	verify := w.mailedKey(ada, 1)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	reset := w.mailedKey(ada, 2)
	for _, a := range w.meanwhile("SELECT",
		func() answer { return w.visitor().post(resetPath, "key", reset, "password", anotherPassword) },
		func() answer { return w.visitor().post(verifyEmailPath, "key", verify) },
	) {
		if a.Status == 503 {
			t.Error(a.Body)
		}
	}
}
