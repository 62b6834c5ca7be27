package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// house is a server with every way in, and somebody who can use all of them.
type house struct {
	*world
	g *gateway
	s *services
	// texted counts the texts so far.
	texted int
	owner  *visitor
}

const everyWay = byCode + " ACCOUNT_LOGIN_METHODS=email,username,phone ACCOUNT_SIGNUP_FIELDS=email*,username,phone,password1* ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_ON_PASSWORD_RESET=true"

// open makes such a house; settings are on top.
func open(t *testing.T, settings ...string) *house {
	t.Helper()
	h := &house{g: newGateway(t), s: newServices(t)}
	h.world = h.s.open(t, append(append(h.g.settings(), withFactors, everyWay, "SOCIALACCOUNT_EMAIL_AUTHENTICATION=true"), settings...)...)
	h.owner = h.visitor()
	h.owner.post(signupPath, "email", ada, "username", "ada", "phone", number, "password", goodPassword).waits("verify_phone")
	h.owner.post(verifyPhonePath, "code", h.g.code(t, number, 1)).in()
	h.texted = 1
	h.exec("UPDATE email_addresses SET verified_at = created_at")
	h.owner.proved().bring("connect", h.s, atApple("ada")).wants(200)
	return h
}

// atApple is somebody at Apple who has Ada's address.
func atApple(sub string) fakeprovider.Claims {
	return fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: sub, Email: ada, EmailVerified: true}
}

// atHerWorkspace is who has Ada's address at Google, which runs the mailboxes of her domain.
var atHerWorkspace = fakeprovider.Claims{
	Provider: fakeprovider.Google, Sub: "ada-again", Email: ada, EmailVerified: true, Overrides: map[string]any{"hd": "example.com"},
}

// ways are all that lead into an account, each up to where the account's own factors are
// asked for, or not.
var ways = map[string]func(h *house, v *visitor) answer{
	"password and address": func(_ *house, v *visitor) answer {
		return v.post(loginPath, "email", ada, "password", goodPassword)
	},
	"password and user name": func(_ *house, v *visitor) answer {
		return v.post(loginPath, "username", "ada", "password", goodPassword)
	},
	"password and number": func(_ *house, v *visitor) answer {
		return v.post(loginPath, "phone", number, "password", goodPassword)
	},
	"mailed code": func(h *house, v *visitor) answer {
		n := len(h.letters(ada))
		v.post(codeRequestPath, "email", ada).waits("login_by_code")
		return v.post(codeConfirmPath, "code", h.mailedCode(ada, n+1))
	},
	"texted code": func(h *house, v *visitor) answer {
		v.post(codeRequestPath, "phone", number).waits("login_by_code")
		h.texted++
		return v.post(codeConfirmPath, "code", h.g.code(h.t.(*testing.T), number, h.texted))
	},
	"reset by link": func(h *house, v *visitor) answer {
		h.delivered() // of a reset before, too
		n := len(h.letters(ada))
		v.post(resetRequestPath, "email", ada).wants(200)
		return v.post(resetPath, "key", h.mailedKey(ada, n+1), "password", goodPassword)
	},
	"another service": func(h *house, v *visitor) answer {
		return v.bring("login", h.s, atApple("ada"))
	},
	"another service, by address": func(h *house, v *visitor) answer {
		return v.bring("login", h.s, atHerWorkspace)
	},
}

// SEC-57: nobody with a second factor gets in without showing it: every way in, with every
// factor that a person can have.
func TestSEC57_noWayInPastTheSecondFactor(t *testing.T) {
	t.Parallel()
	h := open(t)
	key := softkey.New(passkeyOrigin)
	app := h.owner.withTOTP()
	h.owner.withKey(key, false)
	codes := h.owner.recoveryCodes()
	factors := map[string]func(v *visitor) answer{
		"TOTP": func(v *visitor) answer {
			h.clock.Advance(30 * time.Second)
			return v.post(factorPath, "code", app.at(h.clock.Now()))
		},
		"recovery code": func(v *visitor) answer {
			if len(codes) == 0 {
				h.owner = h.visitor()
				h.owner.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
				h.clock.Advance(30 * time.Second)
				h.owner.post(factorPath, "code", app.at(h.clock.Now())).in()
				h.owner.proved().do("POST", recoveryPath, "").wants(200)
				codes = h.owner.recoveryCodes()
			}
			code := codes[0]
			codes = codes[1:]
			return v.post(factorPath, "code", code)
		},
		"security key": func(v *visitor) answer {
			return v.do("POST", keyFactorPath, presented(key.Assert(v.asked(keyFactorPath))))
		},
	}
	for way, comes := range ways {
		for kind, shows := range factors {
			v := h.visitor()
			a := comes(h, v).waits("mfa_authenticate")
			if a.get("meta.access_token") != nil || !strings.Contains(a.Body, `"types":["recovery_codes","totp","webauthn"]`) {
				t.Errorf("%s: %s", way, a.Body)
			}
			v.do("GET", sessionPath, "").waits("mfa_authenticate")
			v.do("GET", profilePath, "").waits("mfa_authenticate")
			v.do("POST", recoveryPath, "").waits("mfa_authenticate")
			if in := shows(v).in(); !strings.Contains(in.Body, `"method":"mfa"`) {
				t.Errorf("%s and %s: %s", way, kind, in.Body)
			}
		}
	}
	// A passkey that has verified its person is both factors in one; without that, it is none.
	passkey := softkey.New(passkeyOrigin)
	h.owner = h.visitor()
	ways["password and address"](h, h.owner).waits("mfa_authenticate")
	factors["security key"](h.owner).in()
	h.owner.withKey(passkey, true)
	v := h.visitor()
	v.do("POST", keyLoginPath, presented(passkey.With(softkey.NoUV).Assert(v.asked(keyLoginPath)))).wants(400)
	v.do("POST", keyLoginPath, presented(passkey.Assert(v.asked(keyLoginPath)))).in()
}

// The same ways, each factor alone: whoever has one is asked, and who has only recovery
// codes left is not.
func TestSEC57_oneFactorIsEnoughToBeAsked(t *testing.T) {
	t.Parallel()
	for kind, add := range map[string]func(v *visitor){
		"totp": func(v *visitor) { v.withTOTP() }, "webauthn": func(v *visitor) { v.withKey(softkey.New(passkeyOrigin), false) },
	} {
		h := open(t, "MFA_SUPPORTED_TYPES=totp,webauthn")
		for way, comes := range ways {
			if way != "another service, by address" { // the sessions end with a reset
				comes(h, h.visitor()).in()
			}
		}
		h.owner = h.visitor()
		ways["password and address"](h, h.owner).in()
		add(h.owner)
		for way, comes := range ways {
			if a := comes(h, h.visitor()).waits("mfa_authenticate"); !strings.Contains(a.Body, `"types":["`+kind+`"]`) {
				t.Errorf("%s: %s", way, a.Body)
			}
		}
		h.exec("DELETE FROM authenticators WHERE type = $1", kind)
		for _, comes := range ways {
			comes(h, h.visitor()).in()
		}
	}
}

// By code in the session, a reset comes to the same door.
func TestSEC57_aResetByCodeAsksForTheFactor(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_LOGIN_ON_PASSWORD_RESET=true ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	v := w.visitor()
	v.post(resetRequestPath, "email", ada).waits("password_reset_by_code")
	v.post(resetPath, "key", w.mailedCode(ada, 1), "password", anotherPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
}

// Verifying an address on the way in comes before the factor, and does not replace it.
func TestSEC57_theFactorComesAfterTheAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, mandatoryByCode)
	app := w.verified(ada).withTOTP()
	w.exec("UPDATE email_addresses SET verified_at = NULL")
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
	v.post(factorPath, "code", app.at(w.clock.Now())).waits("verify_email")
	v.do("GET", keyFactorPath, "").waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 3)).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
}

// A passkey is both factors, and stands in for nothing else.
func TestSEC57_aPasskeyStillVerifiesTheAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, mandatoryByCode)
	key := softkey.New(passkeyOrigin)
	w.verified(ada).withKey(key, true)
	w.exec("UPDATE email_addresses SET verified_at = NULL")
	v := w.visitor()
	v.do("POST", keyLoginPath, presented(key.Assert(v.asked(keyLoginPath)))).waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 3)).in()
}

// With a code demanded besides the password, each is asked for once.
func TestSEC57_aDemandedCodeAndAFactor(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	for _, required := range []string{"true", "password"} {
		settings := append(strings.Fields(withFactors+" "+byCode+" ACCOUNT_EMAIL_VERIFICATION=none"), "LATCHKEY_MAIL_DIR="+w.mails, links, "ACCOUNT_LOGIN_BY_CODE_REQUIRED="+required)
		_, w.url = w.serve(settings...)
		n := len(w.letters(ada))
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
		v.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).waits("mfa_authenticate")
		w.clock.Advance(30 * time.Second)
		v.post(factorPath, "code", app.at(w.clock.Now())).in()
	}
}

// A proof that one person has given in a session never counts for another.
func TestSEC57_aProofOfOneNeverCountsForAnother(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	adas, graces := softkey.New(passkeyOrigin), softkey.New(passkeyOrigin)
	one, other := w.signedIn(ada), w.signedIn(grace)
	app := one.withTOTP()
	one.withKey(adas, true)
	otherApp := other.withTOTP()
	other.withKey(graces, true)

	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	question := v.asked(keyFactorPath) // for Ada
	v.post(loginPath, "email", grace, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code")
	v.do("POST", keyFactorPath, presented(adas.Assert(question))).wants(400, "incorrect_code@credential")
	question = v.asked(keyFactorPath)
	v.do("POST", keyFactorPath, presented(adas.With(softkey.AnyCredential).Assert(question))).wants(400, "incorrect_code@credential")
	if in := v.do("POST", keyFactorPath, presented(graces.Assert(v.asked(keyFactorPath)))).in(); in.text("data.user.email") != grace || strings.Count(in.Body, `"method":"mfa"`) != 1 {
		t.Error(in.Body)
	}

	// Signed in: neither code nor key of another proves who is there.
	one.post(reauthFactorPath, "code", otherApp.at(w.clock.Now())).wants(400, "incorrect_code@code")
	one.do("POST", keyReauthPath, presented(graces.With(softkey.AnyCredential).Assert(one.asked(keyReauthPath)))).wants(400, "incorrect_code@credential")

	// What was asked for one thing answers nothing else.
	v = w.visitor()
	login := v.asked(keyLoginPath)
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.do("POST", keyFactorPath, presented(adas.Assert(login))).wants(400, "incorrect_code@credential")
	one.do("POST", keyReauthPath, presented(adas.Assert(login))).wants(400, "incorrect_code@credential")
}
