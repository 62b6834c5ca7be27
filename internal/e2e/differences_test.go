package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// The tests of this file show the rows of docs/differences.md that no other test shows.

func TestDifferences_whatBrowsersNeedIsNotThere(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	for _, path := range []string{"auth/2fa/trust", "auth/provider/redirect"} {
		w.visitor().do("POST", root+path, "{}").wants(404, "not_found")
		w.visitor().do("POST", strings.Replace(root, "/app/", "/browser/", 1)+path, "{}").wants(404, "not_found")
	}
	a := w.visitor().post(signupPath, "email", ada, "password", goodPassword)
	if cookies := a.Header.Values("Set-Cookie"); len(cookies) > 0 {
		t.Errorf("an answer sets cookies: %q", cookies)
	}
}

func TestDifferences_theConfigurationAlwaysHasItsBlocks(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	a := w.visitor().do("GET", configPath, "").wants(200)
	if a.get("data.usersessions.track_activity") != true || a.get("data.socialaccount.providers") == nil || a.get("data.mfa.supported_types") == nil {
		t.Error(a.Body)
	}
}

func TestDifferences_anAnonymousChangeOfTheAddressIsValidatedFirst(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	w.visitor().do("POST", emailsPath, "{}").wants(400, "required@email")
	w.visitor().post(emailsPath, "email", ada).wants(409, "flow_not_pending")
}

func TestDifferences_whatIsMissingInAProviderTokenIsOneProblem(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	v := w.visitor()
	v.do("POST", providerTokenPath, `{"provider":"google","process":"login"}`).wants(400, "required@token")
	v.do("POST", providerTokenPath, `{"provider":"google","process":"login","token":{}}`).wants(400, "client_id_required@token")
	v.do("POST", providerTokenPath, `{"provider":"google","process":"login","token":{"client_id":"x"}}`).wants(400, "token_required@token")
	v.bring("connect", s, of(fakeprovider.Google, gmail)).waits() // nobody is signed in
}

func TestDifferences_headersOf401And405(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	if a := w.visitor().do("GET", sessionPath, "").wants(401); a.Header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 has no WWW-Authenticate")
	}
	if a := w.visitor().do("PATCH", configPath, "{}").wants(405); a.Header.Get("Allow") != "GET" {
		t.Errorf("Allow: %q, want GET", a.Header.Get("Allow"))
	}
}

// The code that adds a TOTP authenticator is its first use.
func TestDifferences_addingATOTPAuthenticatorIsItsFirstUse(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	v.withTOTP()
	a := v.do("GET", totpPath, "").wants(200)
	if a.get("data.last_used_at") != a.get("data.created_at") {
		t.Error(a.Body)
	}
}

// By default the TOTP code before the current one counts, and the one before that does not.
func TestDifferences_theTOTPCodeBeforeCounts(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	w.clock.Advance(5 * time.Minute)
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now().Add(-time.Minute))).wants(400, "incorrect_code@code")
	v.post(factorPath, "code", app.at(w.clock.Now().Add(-30*time.Second))).in()
}

func TestDifferences_subjectsHaveNoPrefix(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).in()
	if s := w.letter(ada, 1).subject; strings.HasPrefix(s, "[") {
		t.Errorf("the subject has a prefix: %q", s)
	}
}

// A body without its code is no guess; three guesses are still there afterwards.
func TestDifferences_aBodyWithoutItsCodeCostsNoGuess(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	for range 5 {
		v.do("POST", codeConfirmPath, "{}").wants(400, "required@code")
	}
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
}

// A request that one limit refuses takes nothing from the others of its action.
func TestDifferences_aRefusedRequestUsesUpNoOtherLimit(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"request_login_code":"3/h/ip,1/h/key"}`)
	w.signedIn(ada)
	for range 4 { // the address of ada takes one, and refuses the rest
		w.visitor().post(codeRequestPath, "email", ada)
	}
	w.visitor().post(codeRequestPath, "email", grace).waits("login_by_code")
	w.visitor().post(codeRequestPath, "email", "eve@example.com").waits("login_by_code")
	w.visitor().post(codeRequestPath, "email", bob).wants(400, "too_many_login_attempts@email")
}

// Wrong passwords at one number leave the others alone.
func TestDifferences_guessesAtOneNumberDoNotLockAnother(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, byPhone, "ACCOUNT_PHONE_VERIFICATION_ENABLED=false", `ACCOUNT_RATE_LIMITS={"login":false,"signup":false,"login_failed":"2/h/key"}`)
	for _, phone := range []string{number, otherNumber} {
		w.visitor().post(signupPath, "phone", phone, "password", goodPassword).in()
	}
	for range 2 {
		w.visitor().post(loginPath, "phone", number, "password", wrongPassword).wants(400, "phone_password_mismatch@password")
	}
	w.visitor().post(loginPath, "phone", number, "password", goodPassword).wants(400, "too_many_login_attempts")
	w.visitor().post(loginPath, "phone", otherNumber, "password", goodPassword).in()
}

// An unverified number keeps nobody from signing up with it, and opens nothing of an account
// that has verified an address.
func TestDifferences_anUnverifiedNumberIsNobodys(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1*")
	w.visitor().post(signupPath, "email", ada, "phone", number, "password", goodPassword).waits("verify_phone")
	w.markVerified(ada)
	w.delivered()
	texts := len(g.all(number))
	w.visitor().post(codeRequestPath, "phone", number)
	w.delivered()
	if got := g.all(number)[texts:]; len(got) > 0 {
		t.Errorf("a code went to a number that ada has not verified: %q", got)
	}
	w.visitor().post(signupPath, "email", grace, "phone", number, "password", goodPassword).waits("verify_phone")
}

// A reset link lives a day, and a texted code ten minutes.
func TestDifferences_howLongLinksAndTextsWork(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone)
	w.visitor().post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v := w.visitor()
	v.post(signupPath, "phone", otherNumber, "password", goodPassword).waits("verify_phone")
	code := g.code(t, otherNumber, 1)
	w.clock.Advance(10*time.Minute + time.Second)
	if a := v.post(verifyPhonePath, "code", code); a.Status == 200 {
		t.Errorf("a texted code works after ten minutes: %s", a.Body)
	}

	m := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	m.signedIn(ada)
	m.visitor().post(resetRequestPath, "email", ada).wants(200)
	key := m.mailedKey(ada, 1)
	m.clock.Advance(24*time.Hour - time.Minute)
	m.visitor().do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(200)
	m.clock.Advance(2 * time.Minute)
	m.visitor().do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(400, "invalid_password_reset@key")
}

// A reset in a session that is signed in ends that session with the others.
func TestDifferences_aResetWhileSignedInSignsOut(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	v.post(resetRequestPath, "email", ada).wants(200)
	v.post(resetPath, "key", w.mailedKey(ada, 1), "password", anotherPassword).waits()
	v.do("GET", sessionPath, "").wants(401)
}

// A sign-in goes on where a number is asked for at sign-up and the account has none.
func TestDifferences_aMissingNumberStopsNoSignIn(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=email,phone ACCOUNT_SIGNUP_FIELDS=email*,phone,password1*")
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).in()
	_, w.url = w.serve(append(newGateway(t).settings(), "ACCOUNT_EMAIL_VERIFICATION=none", "ACCOUNT_LOGIN_METHODS=email,phone", "ACCOUNT_SIGNUP_FIELDS=email*,phone*,password1*")...)
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
}

// Blanks that were pasted along with a client id do not matter.
func TestDifferences_blanksAroundAClientIDAreRemoved(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	body := brought("login", "google", " "+fakeprovider.GoogleClientID+" ", s.token(of(fakeprovider.Google, gmail)))
	w.visitor().do("POST", providerTokenPath, body).in()
}

// A key that another account has is refused like a wrong answer.
func TestDifferences_aKeyIsOneAccounts(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	key := softkey.New(passkeyOrigin)
	w.signedIn(ada).withKey(key, false)
	other := w.signedIn(grace)
	options := other.do("GET", passkeysPath, "").wants(200)
	again := key.With(softkey.CredentialID(key.IDs()[0])).Register(json.RawMessage(options.Body))
	other.do("POST", passkeysPath, presented(again)).wants(400, "incorrect_code")
}
