package e2e

import (
	"fmt"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// Every set of options costs a row and a look at all keys; each way to get one is counted.
func TestPasskey_everySetOfOptionsIsLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, withPasskeySignup, `ACCOUNT_RATE_LIMITS={"webauthn_options":"2/m/ip","login":false,"signup":false,"reauthenticate":false}`)
	person := w.visitor()
	key := softkey.New(passkeyOrigin)
	person.post(keySignupPath, "email", ada).waits("verify_email")
	person.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).waits("mfa_signup_webauthn")
	options := person.do("GET", keySignupPath, "").wants(200)
	person.do("PUT", keySignupPath, presented(key.Register([]byte(options.Body)))).in()

	person.do("GET", keyReauthPath, "").wants(200)
	for _, path := range []string{passkeysPath, keyReauthPath, keyFactorPath, keyLoginPath, keySignupPath} {
		t.Run(path, func(t *testing.T) {
			v := w.visitor()
			if path == passkeysPath || path == keyReauthPath {
				v = person
			}
			v.do("GET", path, "").wants(429, "too_many_requests")
		})
	}
}

func TestPasskey_addingIsLimitedPerUser(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"webauthn_add":"3/m/user","login":false,"signup":false,"reauthenticate":false}`)
	person := w.signedIn(ada).proved()
	person.do("GET", passkeysPath, "").wants(200)
	person.do("POST", passkeysPath, `{"credential":{}}`).wants(400, "incorrect_code")
	person.do("POST", passkeysPath, `{"credential":{}}`).wants(400, "incorrect_code")
	person.do("POST", passkeysPath, `{"credential":{}}`).wants(429, "too_many_requests")
	person.do("GET", passkeysPath, "").wants(429, "too_many_requests")
	w.signedIn("eve@example.com").proved().do("GET", passkeysPath, "").wants(200)
}

func TestPasskey_twentyKeysAreTheMost(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, other := w.signedIn(ada), w.again(ada).proved()
	for range 19 {
		person.withKey(softkey.New(passkeyOrigin), false)
	}

	// Two sessions are asked for the last one; one of them adds it.
	late := other.do("GET", passkeysPath, "").wants(200)
	person.withKey(softkey.New(passkeyOrigin), true)
	other.do("POST", passkeysPath, presented(softkey.New(passkeyOrigin).Register([]byte(late.Body)))).wants(409, "max_keys")
	person.do("GET", passkeysPath, "").wants(409, "max_keys")
	if n := query[int](w, "SELECT count(*) FROM webauthn_credentials"); n != 20 {
		t.Errorf("%d keys are stored", n)
	}

	id := query[int64](w, "SELECT min(id) FROM authenticators WHERE type = 'webauthn'")
	person.do("DELETE", passkeysPath, fmt.Sprintf(`{"authenticators":[%d]}`, id)).wants(200)
	person.withKey(softkey.New(passkeyOrigin), false)
}

// Rows of another origin, such as an import, may be more: what is listed and stored stays small.
func TestPasskey_optionsAndWhatIsStoredOfThemAreBounded(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person, key := w.signedIn(ada), softkey.New(passkeyOrigin)
	person.withKey(key, false)
	w.exec(`INSERT INTO authenticators (id, user_id, type, name, created_at, spent, misses) SELECT n, u.id, 'webauthn', 'x', now() - interval '1 year', 0, 0 FROM users u, generate_series(1, 20000) n`)
	w.exec(`INSERT INTO webauthn_credentials (authenticator_id, credential_id, public_key, sign_count, aaguid, transports, backup_eligible, backup_state)
		SELECT n, decode(repeat(lpad(to_hex(n), 8, '0'), 255), 'hex'), 'x', 0, decode(repeat('00', 16), 'hex'), '{usb,nfc,ble,internal,hybrid}', false, false FROM generate_series(1, 20000) n`)

	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	a := v.do("GET", keyFactorPath, "").wants(200)
	if len(a.Body) > 40<<10 {
		t.Errorf("the options have %d bytes", len(a.Body))
	}
	if n := query[int](w, "SELECT max(octet_length(sealed)) FROM ceremonies"); n > 40<<10 {
		t.Errorf("what is stored of them has %d bytes", n)
	}
	v.do("POST", keyFactorPath, presented(key.Assert([]byte(a.Body)))).in() // the key that was used last is among them
}

// What was asked for decides, not what the client says: a key whose PIN nobody chose with a
// sign-in in mind would be enough without the password.
func TestPasskey_aKeyAddedAsSecondFactorNeverSignsInAlone(t *testing.T) {
	t.Parallel()
	for name, habit := range map[string]softkey.Habit{
		"discoverable": softkey.CredProps(true), "the client says nothing": softkey.NoCredProps, "not discoverable": softkey.CredProps(false),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
			person, key := w.signedIn(ada), softkey.New(passkeyOrigin).With(habit)
			if a := person.withKey(key, false); a.get("data.is_passwordless") != false {
				t.Error(a.Body)
			}
			v := w.visitor()
			v.do("POST", keyLoginPath, presented(key.With(softkey.AnyCredential).Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")

			// A row of which it is not known does not sign in alone either.
			w.exec("UPDATE webauthn_credentials SET passwordless = NULL")
			v.do("POST", keyLoginPath, presented(key.With(softkey.AnyCredential).Assert(v.asked(keyLoginPath)))).wants(400, "incorrect_code@credential")

			v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
			v.do("POST", keyFactorPath, presented(key.Assert(v.asked(keyFactorPath)))).in()
		})
	}
}
