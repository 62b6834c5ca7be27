package factor

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

const origin = "https://example.com"

var start = at(1_700_000_000)

// keys are factors that have WebAuthn.
func keys(t testing.TB, changes ...func(*Settings)) *Factors {
	t.Helper()
	s := usual()
	s.Types, s.RPID, s.RPName, s.PasskeyLogin = []string{TOTP, WebAuthn}, "example.com", "Example", true
	for _, change := range changes {
		change(&s)
	}
	f, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func person() WebAuthnUser {
	return WebAuthnUser{Handle: NewHandle(), Name: "a@example.com", Display: "Ann"}
}

// register is the whole ceremony.
func register(t testing.TB, f *Factors, u *WebAuthnUser, k *softkey.Key, passwordless bool) (Credential, error) {
	t.Helper()
	options, c, err := f.StartRegistration(*u, passwordless, start)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := f.FinishRegistration(kept(t, c), *u, k.Register(options), start)
	if err == nil {
		u.Credentials = append(u.Credentials, credential)
	}
	return credential, err
}

// assert is the whole ceremony of a second factor.
func assert(t testing.TB, f *Factors, u WebAuthnUser, k *softkey.Key) (Asserted, error) {
	t.Helper()
	options, c, err := f.StartAssertion(&u, start)
	if err != nil {
		t.Fatal(err)
	}
	return f.FinishAssertion(kept(t, c), u, k.Assert(options), start)
}

// signIn is the whole ceremony of a sign-in with a passkey.
func signIn(t testing.TB, f *Factors, u WebAuthnUser, k *softkey.Key) (Asserted, error) {
	t.Helper()
	options, c, err := f.StartAssertion(nil, start)
	if err != nil {
		t.Fatal(err)
	}
	return f.FinishPasskey(kept(t, c), finder(u), k.Assert(options), start)
}

// finder knows one person.
func finder(u WebAuthnUser) func(handle, id []byte) (WebAuthnUser, Credential, error) {
	return func(handle, id []byte) (WebAuthnUser, Credential, error) {
		k, own := u.credential(id)
		if !own || !bytes.Equal(handle, u.Handle) {
			return WebAuthnUser{}, Credential{}, ErrIncorrect
		}
		return u, k, nil
	}
}

// kept is a ceremony as it comes back from the database.
func kept(t testing.TB, c Ceremony) Ceremony {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Ceremony
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// refused wants the reason: a test that is refused for another one guards nothing.
func refused(t *testing.T, name string, err error, reason string) {
	t.Helper()
	if !errors.Is(err, ErrIncorrect) || !strings.Contains(err.Error(), reason) {
		t.Errorf("%s: %v, want %q", name, err, reason)
	}
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestWebAuthn_everyAlgorithmRegistersProvesAndSignsIn(t *testing.T) {
	t.Parallel()
	f := keys(t)
	for name, alg := range map[string]int64{"ES256": softkey.ES256, "EdDSA": softkey.EdDSA, "RS256": softkey.RS256} {
		u, k := person(), softkey.New(origin).With(softkey.Algorithm(alg), softkey.Synced)
		c := must[Credential](t)(register(t, f, &u, k, true))
		if c.SignCount != 1 || len(c.AAGUID) != 16 || !slices.Equal(c.Transports, []string{"internal", "hybrid"}) || !c.BackupEligible || !c.BackupState || c.Passwordless == nil || !*c.Passwordless {
			t.Errorf("%s: %+v", name, c)
		}
		a := must[Asserted](t)(assert(t, f, u, k))
		want := Asserted{CredentialID: c.ID, NewSignCount: 2, BackupEligible: true, BackupState: true, UserVerified: true}
		if !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v", name, a)
		}
		want.NewSignCount = 3
		if a := must[Asserted](t)(signIn(t, f, u, k)); !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestWebAuthn_takesAJSONStringAndAStatementThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	f, u := keys(t), person()
	k := softkey.New(origin).With(softkey.AsString, softkey.SelfAttested)
	must[Credential](t)(register(t, f, &u, k, true))
	must[Asserted](t)(assert(t, f, u, k))
	must[Asserted](t)(signIn(t, f, u, k))
}

func TestRegistration_offersWhatIsAllowedAndNamesNobody(t *testing.T) {
	t.Parallel()
	f := keys(t)
	u := person()
	u.Credentials = []Credential{{ID: []byte{1, 2}, Transports: []string{"usb"}}}
	for _, passwordless := range []bool{false, true} {
		text, c, err := f.StartRegistration(u, passwordless, start)
		if err != nil || len(c.Challenge) != 32 || !c.ExpiresAt.Equal(start.Add(300*time.Second)) || c.Verify != passwordless {
			t.Errorf("%+v, %v", c, err)
		}
		key, verify := "discouraged", "preferred"
		if passwordless {
			key, verify = "required", "required"
		}
		want := map[string]any{"publicKey": map[string]any{
			"rp": map[string]any{"id": "example.com", "name": "Example"}, "challenge": base64.RawURLEncoding.EncodeToString(c.Challenge), "timeout": 300000.0,
			"user":               map[string]any{"id": base64.RawURLEncoding.EncodeToString(u.Handle), "name": "a@example.com", "displayName": "Ann"},
			"pubKeyCredParams":   []any{map[string]any{"type": "public-key", "alg": -7.0}, map[string]any{"type": "public-key", "alg": -8.0}, map[string]any{"type": "public-key", "alg": -257.0}},
			"excludeCredentials": []any{map[string]any{"type": "public-key", "id": "AQI", "transports": []any{"usb"}}}, "attestation": "none", "extensions": map[string]any{"credProps": true},
			"authenticatorSelection": map[string]any{"residentKey": key, "requireResidentKey": passwordless, "userVerification": verify},
		}}
		var got map[string]any
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s", text)
		}
	}
}

// SEC-65: options of a sign-in are the same for everybody, apart from the challenge.
func TestPasskey_optionsTellNothing(t *testing.T) {
	t.Parallel()
	f := keys(t, func(s *Settings) { s.UserVerification = "discouraged" })
	text, c, err := f.StartAssertion(nil, start)
	want := `{"publicKey":{"challenge":"` + base64.RawURLEncoding.EncodeToString(c.Challenge) + `","timeout":300000,"rpId":"example.com","allowCredentials":[],"userVerification":"required"}}`
	if err != nil || string(text) != want || !c.Verify || c.Handle != nil {
		t.Errorf("%s, %+v, %v", text, c, err)
	}
	_, other, _ := f.StartAssertion(nil, start)
	if bytes.Equal(c.Challenge, other.Challenge) || len(c.Challenge) != 32 {
		t.Error("the challenge is not 32 random bytes")
	}
}

func TestWebAuthn_withoutAnRPIDThereIsNoCeremony(t *testing.T) {
	t.Parallel()
	f := with(t, nil)
	if _, _, err := f.StartRegistration(person(), true, start); !errors.Is(err, ErrUnconfigured) {
		t.Error(err)
	}
	if _, _, err := f.StartAssertion(nil, start); !errors.Is(err, ErrUnconfigured) {
		t.Error(err)
	}
	if _, _, err := keys(t).StartRegistration(WebAuthnUser{}, true, start); err == nil {
		t.Error("a key for nobody")
	}
}

// SEC-60.
func TestClientData_onlyOurOriginsUnframed(t *testing.T) {
	t.Parallel()
	android := hashOf(print1)
	f := keys(t, func(s *Settings) { s.AndroidApps = []string{"com.example.app=" + print1} })
	data := func(rest string) softkey.Habit {
		return softkey.ClientData(`{"type":"webauthn.get","challenge":"CHALLENGE",` + rest + `}`)
	}
	for name, c := range map[string]struct {
		habit  softkey.Habit
		reason string
	}{
		"another site":           {softkey.Origin("https://evil.example"), "origin"},
		"a subdomain":            {softkey.Origin("https://a.example.com"), "origin"},
		"a port":                 {softkey.Origin("https://example.com:8443"), "origin"},
		"the usual port":         {softkey.Origin("https://example.com:443"), "origin"},
		"another case":           {softkey.Origin("https://EXAMPLE.com"), "origin"},
		"a slash":                {softkey.Origin("https://example.com/"), "origin"},
		"a path":                 {softkey.Origin("https://example.com/evil"), "origin"},
		"user information":       {softkey.Origin("https://evil@example.com"), "origin"},
		"unencrypted":            {softkey.Origin("http://example.com"), "origin"},
		"another app":            {softkey.Origin(hashOf(print2)), "origin"},
		"an app in another case": {softkey.Origin(strings.ToUpper(android)), "origin"},
		"no origin":              {softkey.Origin(""), "origin"},
		"in a frame":             {softkey.CrossOrigin, "frame"},
		"below another page":     {softkey.TopOrigin("https://evil.example"), "frame"},
		"below our page":         {softkey.TopOrigin(origin), "frame"},
		"another challenge":      {softkey.Challenge(make([]byte, 32)), "challenge"},
		"no challenge":           {softkey.Challenge([]byte{}), "challenge"},
		"of a registration":      {softkey.Type("webauthn.create"), "type"},
		"of a payment":           {softkey.Type("payment.get"), "type"},
		"framed by a string":     {data(`"origin":"https://example.com","crossOrigin":"false"`), "frame"},
		"framed by null":         {data(`"origin":"https://example.com","crossOrigin":null`), "frame"},
		"framed in another case": {data(`"origin":"https://example.com","crossOrigin":false,"CROSSORIGIN":true`), "malformed client data"},
		"two origins":            {data(`"origin":"https://evil.example","origin":"https://example.com"`), "malformed client data"},
		"an origin that is none": {data(`"origin":["https://example.com"]`), "origin"},
		"no JSON":                {softkey.ClientData("CHALLENGE"), "malformed client data"},
		"too long":               {softkey.ClientDataPadding(4 << 10), "malformed"},
	} {
		u, k := person(), softkey.New(origin)
		must[Credential](t)(register(t, f, &u, k, true))
		_, err := assert(t, f, u, k.With(c.habit))
		refused(t, name, err, c.reason)
		_, err = signIn(t, f, u, k.With(c.habit))
		refused(t, name+", sign-in", err, c.reason)
		if !strings.HasPrefix(name, "of a ") && !strings.HasPrefix(name, "framed") {
			_, err = register(t, f, &u, softkey.New(origin).With(c.habit), true)
			if !errors.Is(err, ErrIncorrect) {
				t.Errorf("%s, registration: %v", name, err)
			}
		}
	}
	u := person()
	must[Credential](t)(register(t, f, &u, softkey.New(android), true))
	_, err := register(t, f, &u, softkey.New(origin).With(softkey.Type("webauthn.get")), true)
	refused(t, "of an assertion", err, "type")
	u, k := person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, true))
	must[Asserted](t)(assert(t, f, u, k.With(data(`"origin":"https://example.com"`)))) // older browsers do not say crossOrigin
	must[Asserted](t)(assert(t, f, u, k.With(softkey.ClientDataPadding(3<<10))))       // new members may come
}

// SEC-61, SEC-62, SEC-63.
func TestRegistration_whatIsRefused(t *testing.T) {
	t.Parallel()
	f := keys(t)
	long := make([]byte, 1024)
	for name, c := range map[string]struct {
		habit        softkey.Habit
		passwordless bool
		reason       string
	}{
		"for another domain":          {softkey.RPID("evil.example"), false, "another service"},
		"nobody present":              {softkey.NoUP, false, "another service"},
		"not verified":                {softkey.NoUV, true, "unverified"},
		"an algorithm not offered":    {softkey.Algorithm(softkey.ES384), false, "not offered"},
		"backed up but not eligible":  {softkey.Backup(false, true), false, "backup flags"},
		"not discoverable":            {softkey.CredProps(false), true, "not discoverable"},
		"truncated":                   {softkey.TruncatedCBOR, false, "malformed attestation"},
		"an attestation of 16 KiB":    {softkey.AttestationPadding(16 << 10), false, "malformed"},
		"an id that is too long":      {softkey.CredentialID(long), false, "malformed"},
		"client data that is too big": {softkey.ClientDataPadding(4 << 10), false, "malformed"},
	} {
		u := person()
		_, err := register(t, f, &u, softkey.New(origin).With(c.habit), c.passwordless)
		refused(t, name, err, c.reason)
	}
	for name, c := range map[string]struct {
		habit        softkey.Habit
		passwordless bool
	}{
		"unverified second factor": {softkey.NoUV, false}, "no count": {softkey.Counter(0), true}, "eligible": {softkey.Backup(true, false), true},
		"does not say": {softkey.NoCredProps, true}, "a second factor that does not say": {softkey.NoCredProps, false}, "a second factor that is discoverable": {softkey.CredProps(true), false}, "an attestation of 15 KiB": {softkey.AttestationPadding(15 << 10), true}, "the longest id": {softkey.CredentialID(long[:1023]), true},
	} {
		u := person()
		got, err := register(t, f, &u, softkey.New(origin).With(c.habit), c.passwordless)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil && (got.Passwordless == nil || *got.Passwordless != c.passwordless) {
			t.Errorf("%s: it is stored as %v, and was asked for as %v", name, got.Passwordless, c.passwordless)
		}
	}
	u := person()
	_, err := register(t, keys(t, func(s *Settings) { s.UserVerification = "required" }), &u, softkey.New(origin).With(softkey.NoUV), false)
	refused(t, "not verified where the settings want it", err, "unverified")
}

func TestRegistration_oneKeyOnceAndForOnePerson(t *testing.T) {
	t.Parallel()
	f, u, k := keys(t), person(), softkey.New(origin)
	must[Credential](t)(register(t, f, &u, k, false))
	options, c, _ := f.StartRegistration(u, false, start)
	_, err := f.FinishRegistration(c, u, k.With(softkey.AnyCredential, softkey.CredentialID(k.IDs()[0])).Register(options), start)
	refused(t, "the same id again", err, "registered already")

	answer := softkey.New(origin).Register(options)
	_, err = f.FinishRegistration(c, person(), answer, start)
	refused(t, "for somebody else", err, "somebody else")
	_, err = f.FinishRegistration(c, u, answer, start.Add(300*time.Second))
	refused(t, "after 300 s", err, "too late")
	_, err = f.FinishRegistration(Ceremony{}, u, answer, start)
	refused(t, "without a ceremony", err, "another ceremony")
	for kind := range map[string]bool{assertion: true, passkey: true} {
		other := c
		other.Kind = kind
		_, err = f.FinishRegistration(other, u, answer, start)
		refused(t, "of "+kind, err, "another ceremony")
	}
	other := c
	other.Handle = nil
	_, err = f.FinishRegistration(other, WebAuthnUser{}, answer, start)
	refused(t, "of nobody", err, "somebody else")
	must[Credential](t)(f.FinishRegistration(c, u, answer, start.Add(299*time.Second)))
	_, next, _ := f.StartRegistration(u, false, start)
	_, err = f.FinishRegistration(next, u, answer, start)
	refused(t, "replayed", err, "another challenge")
}
