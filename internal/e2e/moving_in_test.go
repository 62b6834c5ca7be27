package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// movers are the settings of services that users move between.
var movers = []string{
	"LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1), "MFA_SUPPORTED_TYPES=totp,recovery_codes,webauthn", "MFA_PASSKEY_LOGIN_ENABLED=true",
	"LATCHKEY_WEBAUTHN_RP_ID=example.com", "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none",
	"ACCOUNT_LOGIN_METHODS=email,username,phone",
}

// mover runs `latchkey import` or `latchkey export` on a world's database.
func (w *world) mover(input string, args ...string) result {
	w.t.Helper()
	return w.moverLaunch(input, args...).run(w.t)
}

func (w *world) moverLaunch(input string, args ...string) launch {
	return launch{args: args, input: input, env: append([]string{"DATABASE_URL=" + w.db}, movers...)}
}

// moved is a world to move to.
func moved(t *testing.T, settings ...string) *world {
	t.Helper()
	return start(t, append(movers, settings...)...)
}

// file makes a file of the format.
func file(t testing.TB, lines ...any) string {
	t.Helper()
	var out bytes.Buffer
	w := format.NewWriter(&out)
	for _, line := range lines {
		if err := w.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}

	return out.String()
}

func headLine() *format.Head {
	return &format.Head{
		Format: 1, Source: "django-allauth 65.21.1", IDs: "int", Rotation: true, TOTP: &format.TOTP{Digits: 6, Period: 30},
		ExportedAt: format.At(time.Now()),
	}
}

// password hashes of `correct horse battery`, as Django stores them.
const (
	djangoHash = "pbkdf2_sha256$260000$Zx8mQ0cT1dLrYw5nKb2HsV$DXUHSVUBSvvrvkGnEx1SA54ssB0ZObXALbO87H1dPHI="
	djangoMD5  = "md5$aB3dE5$63992cee351af0a8f587170dabf2f7a9"
)

func verifiedEmail(address string) []format.Email {
	return []format.Email{{Address: address, Verified: true, Primary: true}}
}

func userLine(id, address string) *format.User {
	return &format.User{ID: format.ID(id), Display: "User " + id, CreatedAt: format.At(time.Now().Add(-1000 * time.Hour)), Password: djangoHash, Emails: verifiedEmail(address)}
}

func sum(text string) format.Bytes {
	hash := sha256.Sum256([]byte(text))
	return hash[:]
}

// What a service exports, another one imports, and everybody signs in there by all they have.
func TestMovingIn_everybodySignsInAfterAnExportAndAnImport(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	settings := append([]string{"SOCIALACCOUNT_PROVIDERS=" + s.Providers()}, movers...)
	old := mailing(t, settings...)
	s.world = old
	close(s.ready)

	owner := old.signedIn(ada)
	app := owner.withTOTP()
	codes := owner.recoveryCodes()
	v := old.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[0]).in()
	key := softkey.New(passkeyOrigin)
	old.signedIn(grace).withKey(key, true)
	claims := fakeprovider.Claims{Provider: fakeprovider.Google, Email: "linus@gmail.com", Sub: "subject-linus"}
	old.visitor().bring("login", s, claims).in()
	old.signedIn("disabled@example.com")
	old.exec("UPDATE users SET disabled_at = now() WHERE id = (SELECT user_id FROM email_addresses WHERE address = 'disabled@example.com')")

	path := filepath.Join(t.TempDir(), "users.jsonl")
	old.mover("", "export", path).wants(0, "4 users and")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v %v, want mode 600", info.Mode(), err)
	}
	old.mover("", "export", path).wants(1, "exists")

	w := start(t, settings...)
	w.clock.Advance(time.Minute)
	w.mover("", "import", path).wants(0, "4 new, 0 changed")
	w.mover("", "import", "--verify", path).wants(0, "differences: 0")
	w.stop() // a server notes that it runs
	before := w.everyRow()
	w.mover("", "import", path).wants(0, "0 new, 0 changed, 4 unchanged")
	if w.everyRow() != before {
		t.Error("a second import changes the database")
	}
	w.app, w.url = w.serve(settings...)

	v = w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[0]).wants(400, "incorrect_code@code")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
	v = w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[1]).in()
	v = w.visitor()
	v.do("POST", keyLoginPath, presented(key.Assert(v.asked(keyLoginPath)))).in()
	id := w.visitor().bring("login", s, claims).in().get("data.user.id")
	if want := query[int](old, "SELECT user_id FROM provider_accounts"); fmt.Sprint(id) != fmt.Sprintf("%.0f", float64(want)) && fmt.Sprint(id) != fmt.Sprint(float64(want)) {
		t.Errorf("by provider: user %v, want %d", id, want)
	}
	w.call("POST", loginPath, credentials("disabled@example.com", goodPassword)).wants(400, "email_password_mismatch@password")

	// The same users leave again as the same lines.
	again := filepath.Join(t.TempDir(), "again.jsonl")
	fresh := start(t, settings...)
	fresh.mover("", "import", path).wants(0)
	fresh.mover("", "export", again).wants(0)
	if a, b := usersOf(t, path), usersOf(t, again); a != b {
		t.Errorf("the users leave as\n%s\nbut came as\n%s", b, a)
	}
}

// usersOf are the lines of users of a file.
func usersOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, line := range strings.Split(string(text), "\n") {
		if strings.Contains(line, `"kind":"user"`) {
			users = append(users, line)
		}
	}

	return strings.Join(users, "\n")
}

// djangoFile has a user of each kind, as Django exports them.
func djangoFile(t *testing.T, key *softkey.Key) string {
	t.Helper()
	seed := base32OfDjango
	used := time.Now().Add(-time.Hour)
	passkey := registered(t, key, []byte("3"))

	return file(t,
		headLine(),
		&format.Tenant{ID: "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11", Name: "Org"},
		userLine("1", "Ann@Example.COM"),
		&format.User{ID: "2", Username: "bob", Password: djangoMD5, Tenants: []format.Membership{{ID: "0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11", Primary: true}}},
		&format.User{ID: "3", WebAuthnHandle: []byte("3"), Emails: verifiedEmail("cleo@example.com"), WebAuthn: []format.Credential{passkey}},
		&format.User{
			ID: "4", Password: djangoHash, Emails: verifiedEmail("dan@example.com"),
			TOTP:          &format.TOTPAuthenticator{ID: "40", Secret: seed, LastUsedAt: format.At(used)},
			RecoveryCodes: &format.RecoveryCodes{ID: "41", Codes: []string{"04160941", "67625315"}, Used: []int{0}},
		},
		&format.User{ID: "5", Password: djangoHash, Disabled: true, Emails: verifiedEmail("eve@example.com")},
		&format.User{ID: "6", Password: djangoHash, Phone: &format.Phone{Number: "+31 6 1234 5678", Verified: true}},
		&format.User{
			ID: "7", Emails: []format.Email{{Address: "fay@example.com"}}, Password: "!unusable",
			Providers: []format.ProviderAccount{{Provider: "apple", UID: "001", ClientID: "com.example", RefreshToken: "rt-of-apple"}},
		},
		&format.Session{
			User: "1", TokenSHA256: sum("session-of-ann"), LastSeenAt: format.At(used), ExpiresAt: format.At(time.Now().Add(1000 * time.Hour)), UserAgent: "okhttp/4", Address: "203.0.113.7",
			Methods: []format.Method{{Method: "password", At: used.Unix(), Email: "ann@example.com"}}, Refresh: []format.Refresh{{JTISHA256: sum("jti-1"), ExpiresAt: format.At(time.Now().Add(20 * time.Hour))}},
		},
		&format.Session{User: "4", TokenSHA256: sum("session-of-dan"), LastSeenAt: format.At(used), ExpiresAt: format.At(time.Now().Add(1000 * time.Hour))},
		&format.Session{User: "1", TokenSHA256: sum("expired"), LastSeenAt: format.At(used), ExpiresAt: format.At(used)},
		&format.Session{User: "5", TokenSHA256: sum("session-of-eve"), LastSeenAt: format.At(used), ExpiresAt: format.At(time.Now().Add(1000 * time.Hour))},
	)
}

const base32OfDjango = "SR27KCPT4WOCWVCZ45BPAY7RKPTC272J"

// registered is a passkey that another service has made, for a handle of its own.
func registered(t *testing.T, key *softkey.Key, handle []byte) format.Credential {
	t.Helper()
	options, _ := json.Marshal(map[string]any{"publicKey": map[string]any{
		"rp": map[string]any{"id": "example.com"}, "user": map[string]any{"id": base64.RawURLEncoding.EncodeToString(handle)},
		"challenge": base64.RawURLEncoding.EncodeToString(make([]byte, 32)), "authenticatorSelection": map[string]any{"residentKey": "required"},
		"pubKeyCredParams": []map[string]any{{"type": "public-key", "alg": -7}},
	}})
	var made struct {
		Response struct{ AttestationObject string }
	}
	if err := json.Unmarshal(key.Register(options), &made); err != nil {
		t.Fatal(err)
	}
	object, err := base64.RawURLEncoding.DecodeString(made.Response.AttestationObject)
	if err != nil {
		t.Fatal(err)
	}

	// The authenticator data begins with the hash of the domain: 37 bytes, AAGUID, length, id, key.
	data := object[bytes.Index(object, sum("example.com")):]
	const head = 37 + 16
	length := int(data[head])<<8 | int(data[head+1])
	id := data[head+2 : head+2+length]
	yes := true

	return format.Credential{
		ID: "30", Name: "My phone", CredentialID: id, PublicKey: data[head+2+length:], AAGUID: "00000000-0000-0000-0000-000000000000",
		Transports: []string{"internal"}, Passwordless: &yes, RPIDHash: sum("example.com"), CreatedAt: format.At(time.Now()),
	}
}

// Everybody of a Django site signs in by what they have there.
func TestMovingIn_usersOfDjangoSignInByWhatTheyHave(t *testing.T) {
	t.Parallel()
	w, key := moved(t), softkey.New(passkeyOrigin)
	text := djangoFile(t, key)
	r := w.mover(text, "import", "--json", "--dry-run", "-").wants(0, `"users":7`, `"digest":"`)
	for _, hidden := range []string{djangoHash, "DXUHSVUB", "63992cee", base32OfDjango, "04160941", "67625315", "ann@", "Ann@", "rt-of-apple"} {
		if strings.Contains(r.out+r.err, hidden) {
			t.Errorf("the report has %s:\n%s%s", hidden, r.out, r.err)
		}
	}
	w.mover(text, "import", "-").wants(0, "users: 7 (7 new, 0 changed, 0 unchanged)", "sessions: 4 in the file, 2 stored", "1 refresh tokens stored",
		"pbkdf2_sha256$               4", "md5$                         1", "only_by_mail                 1", "disabled                     1")
	w.mover(text, "import", "--verify", "-").wants(0, "differences: 0", "sessions_of_disabled_users: 1")

	in := w.visitor().post(loginPath, "email", "ann@example.com", "password", goodPassword).in()
	if in.get("data.user.id") != 1.0 || in.get("data.user.display") != "User 1" {
		t.Errorf("Ann: %s", in.Body)
	}
	in = w.visitor().post(loginPath, "username", "BOB", "password", goodPassword).in()
	if !strings.Contains(claimsOf(t, in.text("meta.access_token")), `"tenant_id":"0190b8a4-6f0e-7c3e-9a51-0d4c0f6f2a11"`) {
		t.Errorf("Bob's tenant: %s", in.Body)
	}
	v := w.visitor()
	v.do("POST", keyLoginPath, presented(key.Assert(v.asked(keyLoginPath)))).in()
	v = w.visitor()
	v.post(loginPath, "email", "dan@example.com", "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", "04160941").wants(400, "incorrect_code@code")
	v.post(factorPath, "code", newAuthenticatorApp(t, base32OfDjango).at(w.clock.Now())).in()
	v = w.visitor()
	v.post(loginPath, "email", "dan@example.com", "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", "67625315").in()
	w.call("POST", loginPath, credentials("eve@example.com", goodPassword)).wants(400, "email_password_mismatch@password")
	w.visitor().post(loginPath, "phone", number, "password", goodPassword).in()

	// Sessions of the source go on.
	a := w.call("GET", sessionPath, "", withSessionToken("session-of-ann")).wants(200)
	if a.text("data.methods.method") != "password" {
		t.Errorf("Ann's session: %s", a.Body)
	}
	w.call("GET", sessionPath, "", withSessionToken("session-of-dan")).wants(200)
	for _, ended := range []string{"expired", "session-of-eve"} {
		if a := w.call("GET", sessionPath, "", withSessionToken(ended)); a.Status == 200 {
			t.Errorf("%s: got 200, want no session", ended)
		}
	}
}

// claimsOf is what a token says.
func claimsOf(t *testing.T, token string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// A code that the source accepted just now is spent here, too.
func TestMovingIn_aCodeThatTheSourceAcceptedIsSpent(t *testing.T) {
	t.Parallel()
	w := moved(t)
	u := userLine("1", ada)
	u.TOTP = &format.TOTPAuthenticator{ID: "2", Secret: base32OfDjango, LastUsedAt: format.At(w.clock.Now())}
	w.mover(file(t, headLine(), u), "import", "-").wants(0)

	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	app := newAuthenticatorApp(t, base32OfDjango)
	v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "incorrect_code@code")
	w.clock.Advance(30 * time.Second)
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
}

// Ids that are no integers stay what they are in tokens and answers.
func TestMovingIn_idsStayWhatTheyAre(t *testing.T) {
	t.Parallel()
	w := moved(t)
	const id = "d120c184-5303-444b-84ad-292bf3d4f85b"
	head := headLine()
	head.IDs = "uuid"
	u := userLine(id, ada)
	u.WebAuthnHandle = []byte("d120c1845303444b84ad292bf3d4f85b")
	text := file(t, head, u)
	w.mover(text, "import", "-").wants(0)
	in := w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
	if got := in.text("data.user.id"); got != id {
		t.Errorf("got %q, want %s", got, id)
	}
	key := query[int64](w, "SELECT id FROM users")

	// A line that changed keeps the row.
	u.Display = "Ada"
	w.mover(file(t, head, u), "import", "-").wants(0, "0 new, 1 changed")
	if got := query[int64](w, "SELECT id FROM users WHERE display = 'Ada'"); got != key {
		t.Errorf("the id within: got %d, want %d", got, key)
	}
}

// Each of these is reported with line and user, ends with 1, and leaves the database as it is.
func TestMovingIn_whatCannotBeStoredStopsTheImport(t *testing.T) {
	t.Parallel()
	w := moved(t)
	w.verifiedNative("native@example.com")
	w.stop() // a server notes that it runs
	before := w.everyRow()

	one, two := userLine("1", ada), userLine("2", grace)
	edit := func(change func(u *format.User)) *format.User {
		u := *userLine("2", grace)
		change(&u)
		return &u
	}
	keyOf := func(domain string) []format.Credential {
		c := registered(t, softkey.New(passkeyOrigin), []byte("2"))
		c.RPIDHash = sum(domain)
		return []format.Credential{c}
	}
	other := func() []format.Credential {
		c := registered(t, softkey.New(passkeyOrigin), []byte("2"))
		c.PublicKey = []byte{0xa1, 1, 2}
		return []format.Credential{c}
	}
	session := &format.Session{User: "9", TokenSHA256: sum("x"), ExpiresAt: format.At(time.Now().Add(time.Hour))}
	whole := file(t, headLine(), one, two)

	for name, test := range map[string]struct {
		text string
		says []string
	}{
		"a cut file":            {whole[:len(whole)-200], []string{"line_invalid: line 3: the file is cut"}},
		"a line too few":        {strings.Replace(whole, lineOf(t, two)+"\n", "", 1), []string{"line_invalid: line 3: users: says 2, but the file has 1"}},
		"a changed byte":        {strings.Replace(whole, "User 2", "User 3", 1), []string{"line_invalid: line 4: digest: is not that of the lines"}},
		"an unknown member":     {strings.Replace(whole, `"display":"User 2"`, `"is_staff":true`, 1), []string{"line_invalid: line 3: user 2: is_staff: is a member"}},
		"a line twice":          {file(t, headLine(), one, one), []string{"line_twice: line 3: user 1: id: line 2 is of the same user"}},
		"two verified owners":   {file(t, headLine(), one, edit(func(u *format.User) { u.Emails = verifiedEmail("ADA@example.com") })), []string{"email_twice: line 3: user 2: emails: the user of line 2 has verified the same address"}},
		"an owner here":         {file(t, headLine(), edit(func(u *format.User) { u.Emails = verifiedEmail("native@example.com") })), []string{"email_twice: line 2: user 2: emails: user ", " of this database"}},
		"an address in two":     {file(t, headLine(), edit(func(u *format.User) { u.Emails = append(u.Emails, format.Email{Address: "Grace@Example.com"}) })), []string{"email_twins: line 2: user 2: emails[1].address"}},
		"no address":            {file(t, headLine(), edit(func(u *format.User) { u.Emails = append(u.Emails, format.Email{Address: "no address"}) })), []string{"email_invalid: line 2: user 2: emails[1].address"}},
		"twins of a user name":  {file(t, headLine(), &format.User{ID: "1", Username: "Bob", Password: djangoHash}, &format.User{ID: "2", Username: "bOB", Password: djangoHash}), []string{"username_twice: line 3: user 2: username: the user of line 2"}},
		"a name as an address":  {file(t, headLine(), one, edit(func(u *format.User) { u.Username = "ADA@example.com" })), []string{"username_is_address: line 3: user 2: username"}},
		"an unknown hash":       {file(t, headLine(), edit(func(u *format.User) { u.Password = "S3CRET-canary" })), []string{"hash_unknown: line 2: user 2: password", "unknown                      1"}},
		"a costly hash":         {file(t, headLine(), edit(func(u *format.User) { u.Password = strings.Replace(djangoHash, "260000", "9000000", 1) })), []string{"hash_unknown: line 2: user 2: password: is a hash whose costs"}},
		"another domain":        {file(t, headLine(), edit(func(u *format.User) { u.WebAuthn = keyOf("api.example.com") })), []string{"passkey_of_another_domain: line 2: user 2: webauthn[0].rp_id_hash: is of the domain api.example.com", `lost passkeys: 1 of "api.example.com", algorithm -7`}},
		"an unknown domain":     {file(t, headLine(), edit(func(u *format.User) { u.WebAuthn = keyOf("example.org") })), []string{"passkey_of_another_domain: line 2: user 2", "sha256:"}},
		"a key of no algorithm": {file(t, headLine(), edit(func(u *format.User) { u.WebAuthn = other() })), []string{"passkey_algorithm: line 2: user 2: webauthn[0].public_key"}},
		"no way in":             {file(t, headLine(), &format.User{ID: "2", Providers: []format.ProviderAccount{{Provider: "github", UID: "7"}}}), []string{"no_way_in: line 2: user 2", "github                       1"}},
		"another period":        {strings.ReplaceAll(file(t, headLine(), edit(func(u *format.User) { u.TOTP = &format.TOTPAuthenticator{Secret: base32OfDjango} })), `"period":30`, `"period":60`), []string{"totp_settings: line 2: user 2: totp"}},
		"no base32":             {file(t, headLine(), edit(func(u *format.User) { u.TOTP = &format.TOTPAuthenticator{Secret: "S3CRET18901890"} })), []string{"totp_invalid: line 2: user 2: totp.secret"}},
		"no number":             {file(t, headLine(), edit(func(u *format.User) { u.Phone = &format.Phone{Number: "0123"} })), []string{"phone_invalid: line 2: user 2: phone.number"}},
		"two numbers":           {file(t, headLine(), edit(func(u *format.User) { u.Phone = &format.Phone{Number: number, Verified: true} }), &format.User{ID: "3", Password: djangoHash, Phone: &format.Phone{Number: number, Verified: true}}), []string{"phone_twice: line 3: user 3: phone"}},
		"an id that is none":    {file(t, headLine(), edit(func(u *format.User) { u.ID = "007" })), []string{"id_invalid: line 2: user 007: id"}},
		"an account twice": {file(t, headLine(), edit(func(u *format.User) {
			u.Providers = []format.ProviderAccount{{Provider: "google", UID: "1"}, {Provider: "google", UID: "1"}}
		})), []string{"provider_twice: line 2: user 2: providers"}},
		"an unknown tenant":  {file(t, headLine(), edit(func(u *format.User) { u.Tenants = []format.Membership{{ID: "77"}} })), []string{"tenant_unknown: line 2: user 2: tenants"}},
		"nobody's session":   {file(t, headLine(), one, session), []string{"session_of_unknown_user: line 3: user 9: user"}},
		"a user who is here": {file(t, headLine(), edit(func(u *format.User) { u.ID = format.ID(query[string](w, "SELECT id::text FROM users")) })), []string{"id_taken: line 2", "a user who was not imported has this id"}},
	} {
		for _, flags := range [][]string{{"import", "--dry-run", "-"}, {"import", "-"}} {
			r := w.mover(test.text, flags...)
			if r.code != 1 || strings.Contains(r.out+r.err, "S3CRET") {
				t.Errorf("%s, %v: exit code %d, want 1 and no secret:\n%s%s", name, flags, r.code, r.out, r.err)
				continue
			}
			for _, says := range append(test.says, "conflicts are open: nothing was stored") {
				if !strings.Contains(r.out+r.err, says) {
					t.Errorf("%s, %v: it does not say %q:\n%s%s", name, flags, says, r.out, r.err)
				}
			}
		}
		if after := w.everyRow(); after != before {
			t.Errorf("%s: the database has changed", name)
			before = after
		}
	}
}

func lineOf(t *testing.T, line any) string {
	t.Helper()
	text, err := format.Encode(line)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// verifiedNative is a user whom no import made.
func (w *world) verifiedNative(address string) {
	w.t.Helper()
	w.signedUp(address)
	w.markVerified(address)
}

// An operator accepts losses: what cannot be stored is left out, and all else is stored.
func TestMovingIn_acceptedLossesAreLeftOut(t *testing.T) {
	t.Parallel()
	w := moved(t)
	u := userLine("1", ada)
	u.Password = "S3CRET-canary"
	u.Emails = append(u.Emails, format.Email{Address: "none"})
	c := registered(t, softkey.New(passkeyOrigin), []byte("1"))
	c.RPIDHash = sum("api.example.com")
	u.WebAuthn = []format.Credential{c}
	text := file(t, headLine(), u)
	path := filepath.Join(t.TempDir(), "conflicts.jsonl")

	w.mover(text, "import", "--accept=everything", "-").wants(2, "--accept=everything")
	w.mover(text, "import", "--accept=hash_unknown,email_invalid", "-").wants(1, "1 conflicts are open")
	w.mover(text, "import", "--accept=hash_unknown,email_invalid,passkey_of_another_domain", "--conflicts="+path, "-").wants(0, "1 new")
	list, err := os.ReadFile(path)
	if err != nil || strings.Count(string(list), "\n") != 3 || strings.Count(string(list), `"accepted":true`) != 3 {
		t.Errorf("the conflicts: %s %v", list, err)
	}
	if got := query[string](w, "SELECT string_agg(address, ' ') FROM email_addresses"); got != ada {
		t.Errorf("addresses: %s", got)
	}
	if n := query[int](w, "SELECT count(*) FROM users WHERE password_hash IS NULL") - query[int](w, "SELECT count(*) FROM authenticators"); n != 1 {
		t.Error("the hash or the passkey was stored")
	}
}

// One byte that is changed in the database is found, and named by line, user and member.
func TestMovingIn_verifyFindsOneChangedByte(t *testing.T) {
	t.Parallel()
	w, key := moved(t), softkey.New(passkeyOrigin)
	text := djangoFile(t, key)
	w.mover(text, "import", "-").wants(0)
	digests := regexp.MustCompile(`digest of the \w+: +([0-9a-f]{64})`)
	same := digests.FindAllStringSubmatch(w.mover(text, "import", "--verify", "-").wants(0).out, -1)
	if len(same) != 2 || same[0][1] != same[1][1] {
		t.Errorf("the digests: %v, want two equal ones", same)
	}

	const user1, user4 = "UPDATE users SET ", " WHERE id = 1"
	for statement, want := range map[string]string{
		user1 + "display = 'User 2'" + user4:                                                                  "line 3: user 1: display:",
		user1 + "password_hash = replace(password_hash, 'DXUHSVUB', 'DXUHSVUC')" + user4:                      "line 3: user 1: password:",
		user1 + "created_at = created_at + interval '1 microsecond'" + user4:                                  "line 3: user 1: created_at:",
		user1 + "disabled_at = now()" + user4:                                                                 "line 3: user 1: disabled:",
		"UPDATE users SET password_hash = overlay(password_hash PLACING 'x' FROM 95) WHERE id = 2":            "line 4: user 2: password:",
		"UPDATE users SET username = 'boc' WHERE id = 2":                                                      "line 4: user 2: username:",
		"UPDATE users SET webauthn_handle = '4' WHERE id = 3":                                                 "line 5: user 3: webauthn_handle:",
		"UPDATE users SET phone = '+31612345679' WHERE id = 6":                                                "line 8: user 6: phone.number:",
		"UPDATE email_addresses SET verified_at = now() WHERE user_id = 7":                                    "line 9: user 7: emails[0].verified:",
		"UPDATE email_addresses SET address = 'ant@example.com' WHERE user_id = 1":                            "line 3: user 1: emails[0].address:",
		"UPDATE webauthn_credentials SET public_key = public_key || '\\x00'":                                  "line 5: user 3: webauthn[0].public_key:",
		"UPDATE webauthn_credentials SET sign_count = 1":                                                      "line 5: user 3: webauthn[0].sign_count:",
		"UPDATE authenticators SET spent = 0 WHERE id = 41":                                                   "line 6: user 4: recovery_codes.used:",
		"UPDATE authenticators SET spent = spent - 1 WHERE id = 40":                                           "line 6: user 4: totp",
		"UPDATE memberships SET is_primary = false":                                                           "line 4: user 2: tenants[0].primary:",
		"UPDATE sessions SET methods = '[]' WHERE user_id = 1":                                                "line 10: user 1: methods:",
		"UPDATE sessions SET refresh_expires_at = refresh_expires_at + interval '1 second' WHERE user_id = 1": "line 10: user 1: expires_at:",
		"UPDATE old_refresh_tokens SET jti_hash = sha256('x')":                                                "line 10: user 1: refresh[0].jti_sha256:",
		"DELETE FROM sessions WHERE user_id = 4":                                                              "line 11: user 4: is not in the database",
		"DELETE FROM users WHERE id = 7":                                                                      "line 9: user 7: is not in the database",
	} {
		c := moved(t)
		c.mover(text, "import", "-").wants(0)
		c.exec(statement)
		r := c.mover(text, "import", "--verify", "-").wants(1, "difference: "+want, "differences: 1\n")
		different := digests.FindAllStringSubmatch(r.out, -1)
		if len(different) != 2 || different[0][1] == different[1][1] {
			t.Errorf("%s: the digests: %v, want two different ones", statement, different)
		}
	}
}

// The importer warns of a file that others can read, and takes a pipe.
func TestMovingIn_warnsOfAFileThatOthersCanRead(t *testing.T) {
	t.Parallel()
	w := moved(t)
	path := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(path, []byte(file(t, headLine(), userLine("1", ada))), 0o644); err != nil {
		t.Fatal(err)
	}
	w.mover("", "import", path).wants(0, "others can read "+path)
}
