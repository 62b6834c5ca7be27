package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

const (
	passkeysPath      = root + "account/authenticators/webauthn"
	keyFactorPath     = root + "auth/webauthn/authenticate"
	keyReauthPath     = root + "auth/webauthn/reauthenticate"
	keyLoginPath      = root + "auth/webauthn/login"
	keySignupPath     = root + "auth/webauthn/signup"
	appleFilePath     = "/.well-known/apple-app-site-association"
	assetLinksPath    = "/.well-known/assetlinks.json"
	passkeyOrigin     = "https://example.com"
	withPasskeySignup = "MFA_PASSKEY_SIGNUP_ENABLED=true ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true"
)

// presented is a body with the answer of a key.
func presented(credential json.RawMessage, members ...string) string {
	m := map[string]any{"credential": credential}
	for i := 0; i < len(members); i += 2 {
		m[members[i]] = members[i+1]
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// withKey adds a security key, or a passkey that can sign in alone, to a client's account.
func (v *visitor) withKey(key *softkey.Key, passwordless bool) answer {
	v.w.t.Helper()
	v.proved()
	query := ""
	if passwordless {
		query = "?passwordless"
	}
	options := v.do("GET", passkeysPath+query, "").wants(200)
	defer v.w.delivered()
	return v.do("POST", passkeysPath, presented(key.Register([]byte(options.Body)))).wants(200)
}

// asked is what a path asks a key for.
func (v *visitor) asked(path string) []byte {
	v.w.t.Helper()
	return []byte(v.do("GET", path, "").wants(200).Body)
}

func TestPasskey_isAddedRenamedAndRemoved(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withNotifications, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedInLongAgo(ada)
	w.markVerified(ada)
	v.do("GET", passkeysPath, "").wants(401)
	key := softkey.New(passkeyOrigin)
	a := v.withKey(key, false)
	if a.text("data.name") != "Master key" || a.get("data.is_passwordless") != false || a.get("meta.recovery_codes_generated") != true {
		t.Error(a.Body)
	}
	v.do("GET", passkeysPath+"?passwordless&passwordless", "").wants(400, "invalid")
	options := v.do("GET", passkeysPath+"?passwordless=", "").wants(200)
	for _, want := range []string{`"rp":{"id":"example.com"`, `"residentKey":"required"`, `"userVerification":"required"`, `"attestation":"none"`, `"name":"ada@example.com"`, `"excludeCredentials":[{`} {
		if !strings.Contains(options.Body, want) {
			t.Errorf("no %s in %s", want, options.Body)
		}
	}
	second := v.do("POST", passkeysPath, presented(softkey.New(passkeyOrigin).With(softkey.AsString).Register([]byte(options.Body)), "name", "My phone")).wants(200)
	if second.text("data.name") != "My phone" || second.get("data.is_passwordless") != true || second.get("meta.recovery_codes_generated") != false {
		t.Error(second.Body)
	}
	if got := v.do("GET", authenticatorsPath, "").kinds(); strings.Count(got, "webauthn") != 2 || strings.Count(got, "recovery_codes") != 1 {
		t.Error(got)
	}
	first, _ := json.Marshal(a.get("data.id"))
	renamed := v.do("PUT", passkeysPath, `{"id":`+string(first)+`,"name":"Work"}`).wants(200)
	if renamed.text("data.name") != "Work" {
		t.Error(renamed.Body)
	}
	v.do("PUT", passkeysPath, `{"id":17,"name":"Work"}`).wants(400, "invalid_choice@id")
	v.do("PUT", passkeysPath, `{"id":17,"name":""}`).wants(400, "required@name")
	v.do("DELETE", passkeysPath, `{"authenticators":[`+string(first)+`,17]}`).wants(400, "invalid_choice@authenticators")
	v.do("DELETE", passkeysPath, `{"authenticators":[`+string(first)+`]}`).wants(200)
	grace := w.signedIn(grace).proved()
	other, _ := json.Marshal(second.get("data.id"))
	grace.do("DELETE", passkeysPath, `{"authenticators":[`+string(other)+`]}`).wants(400, "invalid_choice@authenticators")
	grace.do("PUT", passkeysPath, `{"id":`+string(other)+`,"name":"Mine"}`).wants(400, "invalid_choice@id")
	v.do("DELETE", passkeysPath, `{"authenticators":[`+string(other)+`]}`).wants(200)
	if got := v.do("GET", authenticatorsPath, "").kinds(); got != "" {
		t.Error(got)
	}
	w.letter(ada, 4) // two added, two removed
}

func TestPasskey_isASecondFactorAndAProof(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, false)
	w.aged()
	v := w.visitor()
	v.do("GET", keyFactorPath, "").waits()
	v.do("POST", keyFactorPath, `{"credential":{}}`).waits()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.do("POST", keyFactorPath, `{"credential":{}}`).wants(400, "incorrect_code@credential") // nothing was asked
	in := v.do("POST", keyFactorPath, presented(key.Assert(v.asked(keyFactorPath)))).in()
	if !strings.Contains(in.Body, `"type":"webauthn"`) || strings.Contains(in.Body, "passwordless") {
		t.Error(in.Body)
	}
	v.do("GET", keyFactorPath, "").wants(409, "already_authenticated")
	v.do("POST", keyFactorPath, `{"credential":{}}`).wants(409, "already_authenticated")

	v.do("GET", recoveryPath, "").wants(401)
	v.do("POST", keyReauthPath, `{"credential":{}}`).wants(400, "incorrect_code@credential")
	a := v.do("POST", keyReauthPath, presented(key.Assert(v.asked(keyReauthPath)))).wants(200)
	if !strings.Contains(a.Body, `"reauthenticated":true`) || a.get("meta.session_token") != nil {
		t.Error(a.Body)
	}
	v.do("GET", recoveryPath, "").wants(200)
	w.visitor().do("GET", keyReauthPath, "").waits()
	w.visitor().do("POST", keyReauthPath, `{"credential":{}}`).waits()
}

func TestPasskey_signsInAlone(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, true)
	v := w.visitor()
	v.do("POST", keyLoginPath, `{"credential":{}}`).wants(400, "incorrect_code@credential")
	options := v.asked(keyLoginPath)
	if !strings.Contains(string(options), `"allowCredentials":[]`) || !strings.Contains(string(options), `"userVerification":"required"`) || v.token == "" {
		t.Errorf("%s", options)
	}
	in := v.do("POST", keyLoginPath, presented(key.Assert(options))).in()
	if in.text("data.user.email") != ada || !strings.Contains(in.Body, `"passwordless":true`) {
		t.Error(in.Body)
	}
	v.do("GET", keyLoginPath, "").wants(409, "already_authenticated")
	v.do("POST", keyLoginPath, `{"credential":{}}`).wants(409, "already_authenticated")
	if a := person.do("GET", authenticatorsPath, ""); strings.Contains(a.Body, `"type":"webauthn","last_used_at":null`) {
		t.Error(a.Body)
	}
	w.exec("UPDATE users SET disabled_at = now()")
	v = w.visitor()
	v.do("POST", keyLoginPath, presented(key.Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
	off := start(t)
	off.visitor().do("GET", keyLoginPath, "").wants(404, "not_found")
	noKeys := start(t, "LATCHKEY_SEALING_KEYS="+sealingKey("k1", 1), "ACCOUNT_EMAIL_VERIFICATION=none", "MFA_ALLOW_UNVERIFIED_EMAIL=true")
	noKeys.signedIn(ada).withTOTP()
	waiting := noKeys.visitor()
	waiting.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	waiting.do("GET", keyFactorPath, "").wants(404, "not_found")
	off.visitor().do("POST", keyLoginPath, `{"credential":{}}`).wants(404, "not_found")
	off.visitor().post(keySignupPath, "email", ada).wants(404, "not_found")
	off.visitor().do("GET", keySignupPath, "").wants(404, "not_found")
	off.visitor().do("PUT", keySignupPath, `{"credential":{}}`).wants(404, "not_found")
}

// Sign-up by passkey: first the address, then the passkey; there is no password and no second factor.
func TestPasskey_theConfigurationSaysWhetherItSignsUp(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]bool{
		withPasskeySignup: true,
		withPasskeySignup + " LATCHKEY_SIGNUP_OPEN=false": false,
		byCode: false,
	} {
		w := mailing(t, withFactors, settings)
		a := w.call("GET", configPath, "").wants(200)
		if a.get("data.mfa.passkey_signup_enabled") != want {
			t.Errorf("%q: %s", settings, a.Body)
		}
	}
}

func TestPasskey_signUp(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withPasskeySignup, byCode)
	v, key := w.visitor(), softkey.New(passkeyOrigin)
	v.post(keySignupPath).wants(400, "required@email")
	v.do("GET", keySignupPath, "").wants(409, "flow_not_pending")
	v.do("PUT", keySignupPath, `{"credential":{}}`).wants(409, "flow_not_pending")
	v.post(keySignupPath, "email", ada).waits("verify_email")
	v.do("GET", keySignupPath, "").wants(409, "flow_not_pending")
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).waits("mfa_signup_webauthn")
	v.do("GET", profilePath, "").wants(401)
	v.do("PUT", keySignupPath, `{"credential":{}}`).wants(400, "incorrect_code")
	v.do("PUT", keySignupPath, presented(key.With(softkey.NoUV).Register(v.asked(keySignupPath)))).wants(400, "incorrect_code")
	in := v.do("PUT", keySignupPath, presented(key.Register(v.asked(keySignupPath)), "name", "Phone")).in()
	if !strings.Contains(in.Body, `"methods":[]`) || in.get("data.user.has_usable_password") != false {
		t.Error(in.Body)
	}
	if got := v.do("GET", authenticatorsPath, "").kinds(); got != "webauthn recovery_codes" {
		t.Error(got)
	}
	v.do("POST", keyReauthPath, presented(key.Assert(v.asked(keyReauthPath)))).wants(200)
	// Who loses the passkey has the address and a recovery code.
	lost := w.visitor()
	lost.post(codeRequestPath, "email", ada).waits("login_by_code")
	lost.post(codeConfirmPath, "code", w.mailedCode(ada, 2)).waits("mfa_authenticate")
	lost.post(factorPath, "code", v.recoveryCodes()[0]).in()
	v.post(keySignupPath, "email", grace).wants(409, "already_authenticated")
	// A question alone is kept for an hour, a sign-in that has begun for a day.
	life := "SELECT extract(epoch FROM expires_at - created_at)::int FROM sessions WHERE user_id IS NULL ORDER BY created_at DESC LIMIT 1"
	again := w.visitor()
	options := again.asked(keyLoginPath)
	if got := query[int](w, life); got != 3600 {
		t.Errorf("%d seconds", got)
	}
	again.do("POST", keyLoginPath, presented(key.Assert(options))).in()
	// An address that somebody has walks the same way, and nothing is right in it.
	hidden := w.visitor()
	hidden.asked(keyLoginPath)
	hidden.post(keySignupPath, "email", ada).waits("verify_email")
	if got := query[int](w, life); got != 86400 {
		t.Errorf("%d seconds", got)
	}
	closed := mailing(t, withFactors, withPasskeySignup, "LATCHKEY_SIGNUP_OPEN=false")
	closed.visitor().post(keySignupPath, "email", ada).wants(403, "signup_closed")
}

// An account that is made by somebody who goes away before they have a passkey opens to
// nobody without one of its ways in.
func TestPasskey_anAbandonedSignUpCanBeTakenUpAgain(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withPasskeySignup, byCode)
	v := w.visitor()
	v.post(keySignupPath, "email", ada).waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).waits("mfa_signup_webauthn")
	back := w.visitor()
	back.post(codeRequestPath, "email", ada).waits("login_by_code")
	back.post(codeConfirmPath, "code", w.mailedCode(ada, 2)).in()
}

// SEC-59 to SEC-66, over HTTP: what is wrong with an answer is one refusal, in every
// ceremony, and each answer is judged once.
func TestWebAuthn_whatIsWrongWithAnAnswerIsOneRefusal(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, true)
	for name, habit := range map[string]softkey.Habit{
		"forged": softkey.Tampered, "other origin": softkey.Origin("https://example.org"), "below": softkey.Origin("https://evil.example.com"),
		"in a frame": softkey.CrossOrigin, "other top": softkey.TopOrigin("https://example.org"), "other domain": softkey.RPID("example.org"), "nobody there": softkey.NoUP,
		"wrong challenge": softkey.Challenge(make([]byte, 32)), "wrong type": softkey.Type("webauthn.create"), "too large": softkey.ClientDataPadding(5 << 10),
		"counter back": softkey.Counter(0), "somebody else's": softkey.UserHandle(make([]byte, 32)), "no key": softkey.CredentialID([]byte("unknown")),
	} {
		v := w.visitor()
		if name != "no key" {
			v.do("POST", keyLoginPath, presented(key.With(habit).Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
		}
		v.do("GET", sessionPath, "").wants(401)
		if name == "somebody else's" { // as a second factor it may say nothing of whose it is
			continue
		}
		a := person.do("POST", keyReauthPath, presented(key.With(habit, softkey.AnyCredential).Assert(person.asked(keyReauthPath))))
		if name == "no key" {
			continue
		}
		a.wants(400, "incorrect_code@credential")
	}
	noUV := w.visitor()
	noUV.do("POST", keyLoginPath, presented(key.With(softkey.NoUV).Assert(noUV.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
	noHandle := w.visitor()
	noHandle.do("POST", keyLoginPath, presented(key.With(softkey.NoUserHandle).Assert(noHandle.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'webauthn_counter_went_back'"); n == 0 {
		t.Error("a counter that went back is not noted")
	}
	v := w.visitor()
	for _, body := range []string{`{"credential":"x"}`, `{"credential":[]}`, `{"credential":{"id":1}}`, `{"credential":true}`, `{"credential":"{}"}`, `{"credential":{"response":{"clientDataJSON":"!"}}}`} {
		v.asked(keyLoginPath)
		v.do("POST", keyLoginPath, body).wants(400, "incorrect_code@credential")
	}
	v.do("POST", keyLoginPath, `{"credential":null}`).wants(400, "required@credential")
	if log := w.log.String(); strings.Contains(log, "challenge\":\"") {
		t.Error("a challenge in the log")
	}
	v.do("POST", keyLoginPath, presented(key.Assert(v.asked(keyLoginPath)))).in() // after all that
}

func TestWebAuthn_anAnswerIsJudgedOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, true)
	v := w.visitor()
	reply := presented(key.Assert(v.asked(keyLoginPath)))
	v.do("POST", keyLoginPath, reply).in()
	other := w.visitor()
	other.asked(keyLoginPath)
	other.do("POST", keyLoginPath, reply).wants(400, "incorrect_code@credential") // replayed in another session
	// A wrong answer takes the question with it.
	question := other.asked(keyLoginPath)
	other.do("POST", keyLoginPath, presented(key.With(softkey.Tampered).Assert(question))).wants(400)
	other.do("POST", keyLoginPath, presented(key.Assert(question))).wants(400, "incorrect_code@credential")
	late := w.visitor()
	question = late.asked(keyLoginPath)
	w.clock.Advance(301 * time.Second)
	late.do("POST", keyLoginPath, presented(key.Assert(question))).wants(400, "incorrect_code@credential")
	// One answer, many times at once.
	racer := w.visitor()
	body := presented(key.Assert(racer.asked(keyLoginPath)))
	twin := func() *visitor { return &visitor{w: w, token: racer.token} }
	if n := together(t, 16, twin, func(v *visitor) answer { return v.do("POST", keyLoginPath, body) }); n != 1 {
		t.Errorf("%d of 16 came in with one answer", n)
	}
}

func TestWebAuthn_aKeyThatIsOneOfTwoFactorsNeverSignsInAlone(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, false)
	v := w.visitor()
	v.do("POST", keyLoginPath, presented(key.With(softkey.AnyCredential).Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
	grace := w.signedIn(grace).proved()
	options := grace.do("GET", passkeysPath, "").wants(200)
	grace.do("POST", passkeysPath, presented(softkey.New(passkeyOrigin).With(softkey.CredentialID(key.IDs()[0])).Register([]byte(options.Body)))).wants(400, "incorrect_code") // Ada's
	if got := grace.do("GET", authenticatorsPath, "").kinds(); got != "" {
		t.Error(got)
	}
}

// SEC-63: a key that begins to be synchronised goes on working, and that is noted; one that
// was synchronised and denies it is refused.
func TestSEC63_aPasskeyMayBecomeASyncedOne(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, true)
	for _, synced := range []*softkey.Key{key.With(softkey.Synced), key.With(softkey.Synced)} {
		v := w.visitor()
		v.do("POST", keyLoginPath, presented(synced.Assert(v.asked(keyLoginPath)))).in()
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'webauthn_became_backup_eligible'"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	v := w.visitor()
	v.do("POST", keyLoginPath, presented(key.With(softkey.Backup(false, false)).Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")
}

func TestPasskey_attemptsAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withPasskeySignup, `ACCOUNT_RATE_LIMITS={"signup":"3/m/ip","webauthn_options":"12/m/ip"}`)
	v := w.visitor()
	v.asked(keyLoginPath)
	for range 10 {
		v.do("POST", keyLoginPath, `{"credential":{}}`).wants(400)
	}
	v.do("POST", keyLoginPath, `{"credential":{}}`).wants(429, "too_many_requests")
	for range 11 {
		v.asked(keyLoginPath)
	}
	v.do("GET", keyLoginPath, "").wants(429, "too_many_requests")
	for range 2 {
		v.post(keySignupPath, "email", "x").wants(400)
	}
	v.do("PUT", keySignupPath, `{"credential":{}}`).wants(409)
	v.do("PUT", keySignupPath, `{"credential":{}}`).wants(429)
	v.post(keySignupPath, "email", ada).wants(429)
}

func TestWellKnown_appsOfTheDomain(t *testing.T) {
	t.Parallel()
	print := strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	w := start(t, "LATCHKEY_APPLE_APP_IDS=ABCDE12345.com.example.app", "LATCHKEY_ANDROID_APPS=com.example.app="+print)
	a := w.call("GET", appleFilePath, "").wants(200)
	if a.Body != `{"webcredentials":{"apps":["ABCDE12345.com.example.app"]}}` || a.Header.Get("Content-Type") != "application/json" {
		t.Error(a.Body, a.Header)
	}
	if a := w.call("GET", assetLinksPath, "").wants(200); !strings.Contains(a.Body, `"package_name":"com.example.app"`) || !strings.Contains(a.Body, print) || a.Header.Get("Cache-Control") != "public, max-age=3600" {
		t.Error(a.Body, a.Header)
	}
	off := start(t)
	off.call("GET", appleFilePath, "").wants(404, "not_found")
	off.call("GET", assetLinksPath, "").wants(404, "not_found")
}
