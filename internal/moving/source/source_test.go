package source_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/moving/source"
)

// converted is what a conversion makes of a file: the users by id, as JSON, and the notes.
func converted(t testing.TB, name, file string, o source.Options) (map[string]string, string, error) {
	t.Helper()

	var notes []string
	o.Note = func(n source.Note) { notes = append(notes, n.String()) }
	o.Now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	err := source.Convert(name, strings.NewReader(file), &out, o)

	users := map[string]string{}
	in := format.NewReader(&out)
	for {
		line, failed := in.Next()
		if errors.Is(failed, io.EOF) {
			break
		}
		if failed != nil {
			if err == nil {
				t.Fatalf("the output is no file of the format: %v", failed)
			}
			break
		}
		if line.User != nil {
			text, _ := format.Encode(line.User)
			users[string(line.User.ID)] = string(text)
		}
	}

	return users, strings.Join(notes, "\n"), err
}

// testdata reads the export of a system.
func testdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

// has compares members of a user with what is wanted, as JSON.
func has(t *testing.T, user string, want map[string]string) {
	t.Helper()

	var got map[string]json.RawMessage
	if err := json.Unmarshal([]byte(user), &got); err != nil {
		t.Fatalf("%v: %q", err, user)
	}
	for member, value := range want {
		if string(got[member]) != value {
			t.Errorf("%s: got %s, want %s", member, got[member], value)
		}
	}
}

func notesHave(t *testing.T, notes string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(notes, want) {
			t.Errorf("no note says %q:\n%s", want, notes)
		}
	}
}

func TestConvert_supabase(t *testing.T) {
	t.Parallel()
	const (
		ann  = "11111111-1111-4111-8111-111111111111"
		ben  = "22222222-2222-4222-8222-222222222222"
		carl = "33333333-3333-4333-8333-333333333333"
	)
	file := testdata(t, "supabase.jsonl")

	users, notes, err := converted(t, "supabase", file, source.Options{RPID: "example.com"})
	if err != nil || len(users) != 2 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	has(t, users[ann], map[string]string{
		"password": `"$2a$10$abc"`, "display": `"Ann Example"`, "created_at": `"2024-01-02T02:04:05.123456Z"`,
		"emails":    `[{"address":"ann@example.com","primary":true,"verified":true}]`,
		"phone":     `{"number":"+4915112345678"}`,
		"providers": `[{"display":"ann@gmail.com","provider":"google","uid":"g-1"}]`,
		"totp":      `{"secret":"JBSWY3DPEHPK3PXP"}`,
	})
	if !strings.Contains(users[ann], `"credential_id":"AQI"`) || !strings.Contains(users[ann], `"sign_count":3`) {
		t.Errorf("no passkey: %s", users[ann])
	}
	has(t, users[ben], map[string]string{
		"password": "", "disabled": "true",
		"emails": `[{"address":"ben@example.com","primary":true}]`,
	})
	notesHave(t, notes, "line 1: user "+ann+": a factor that was never verified", "no TOTP authenticator",
		"line 2: user "+ben+": signs in by SSO",
		"encrypted with a key of Supabase", "line 3: user "+carl+": is anonymous", "is deleted")
}

// The hash of this file is the one of the README of github.com/firebase/scrypt.
const (
	firebaseSigner = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
	firebaseConfig = "hash_config {\n  algorithm: SCRYPT,\n  base64_signer_key: " + firebaseSigner +
		",\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n"
)

func TestConvert_firebase(t *testing.T) {
	t.Parallel()
	file := testdata(t, "firebase.json")

	users, notes, err := converted(t, "firebase", file, source.Options{Config: strings.NewReader(firebaseConfig)})
	if err != nil || len(users) != 3 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	has(t, users["AbCdEfGhIjKlMnOpQrStUvWxYz12"], map[string]string{
		"created_at": `"2023-11-14T22:13:20.123Z"`, "display": `"Ann"`,
		"providers": `[{"display":"ann@gmail.com","provider":"google","uid":"g-1"}]`,
	})
	var ann struct{ Password string }
	_ = json.Unmarshal([]byte(users["AbCdEfGhIjKlMnOpQrStUvWxYz12"]), &ann)
	signer := []byte{}
	_ = json.Unmarshal([]byte(`"`+firebaseSigner+`"`), &signer)
	hash, err := foreignhash.Read(ann.Password, foreignhash.Keys{FirebaseSigner: signer})
	if err != nil || !hash.Matches("user1password") || hash.Matches("user2password") {
		t.Errorf("the hash does not verify the password of its vector: %s, %v", ann.Password, err)
	}
	has(t, users["imported"], map[string]string{"password": "", "disabled": "true", "password_hook": ""})
	has(t, users["phone"], map[string]string{"phone": `{"number":"+4915112345678","verified":true}`})
	notesHave(t, notes, "line 2: user imported: second factors do not move", "its hash is empty",
		"line 4: user anonymous: is anonymous")

	hooked, notes, err := converted(t, "firebase", file, source.Options{
		Config:       strings.NewReader(firebaseConfig),
		PasswordHook: true,
	})
	has(t, hooked["imported"], map[string]string{"password_hook": "true"})
	if err != nil || strings.Contains(notes, "password does not move") {
		t.Errorf("with the hook: %v\n%s", err, notes)
	}
	for config, want := range map[string]string{
		"": "hash_config",
		"hash_config { algorithm: BCRYPT, rounds: 8 }": "hash_config",
	} {
		o := source.Options{Config: strings.NewReader(config)}
		if _, _, err := converted(t, "firebase", file, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", config, err)
		}
	}
	if _, _, err := converted(t, "firebase", file, source.Options{}); err == nil || !strings.Contains(err.Error(),
		"line 1: user AbCdEfGhIjKlMnOpQrStUvWxYz12: has a password hash") {
		t.Errorf("without hash_config: got %v", err)
	}
}

func TestConvert_auth0(t *testing.T) {
	t.Parallel()
	profiles, hashes := testdata(t, "auth0.jsonl"), testdata(t, "auth0-hashes.jsonl")

	users, notes, err := converted(t, "auth0", profiles, source.Options{Config: strings.NewReader(hashes)})
	if err != nil || len(users) != 3 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	has(t, users["auth0_5f7c8ec7c33c6c004bbafe82"], map[string]string{
		"password": `"$2b$10$abc"`, "username": `"ann"`, "display": `"Ann Example"`,
		"created_at": `"2024-01-02T03:04:05.678Z"`,
		"providers":  `[{"display":"ann@example.com","provider":"google","uid":"g-1"}]`,
	})
	has(t, users["google-oauth2_118"], map[string]string{
		"disabled": "true", "password": "",
		"providers": `[{"display":"ben@gmail.com","provider":"google","uid":"118"}]`,
	})
	notesHave(t, notes, "user auth0_5f7c8ec7c33c6c004bbafe82: second factors do not move",
		"line 3: user auth0_lost: the password does not move: no file has its hash", "no phone signs in with")

	users, _, err = converted(t, "auth0", hashes, source.Options{})
	if err != nil || len(users) != 2 {
		t.Fatalf("hashes alone: %d users, %v", len(users), err)
	}
	has(t, users["auth0_other"], map[string]string{
		"password": `"$2b$10$def"`, "username": `"dora"`,
		"emails": `[{"address":"dora@example.com","primary":true,"verified":true}]`,
	})
}

func TestConvert_keycloak(t *testing.T) {
	t.Parallel()
	file := testdata(t, "keycloak.json")

	users, notes, err := converted(t, "keycloak", file, source.Options{})
	if err != nil || len(users) != 3 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	has(t, users["11111111-1111-4111-8111-111111111111"], map[string]string{
		"password": `"$argon2id$v=19$m=7168,t=5,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAECAwQFBgcICQoLDA0ODw"`, "username": "",
		"display":    `"Ann Example"`,
		"totp":       `{"secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}`,
		"providers":  `[{"display":"ann@gmail.com","provider":"google","uid":"g-1"}]`,
		"created_at": `"2023-11-14T22:13:20.123Z"`,
	})
	has(t, users["22222222-2222-4222-8222-222222222222"], map[string]string{
		"password": `"$pbkdf2-sha256$i=27500,l=16$c2FsdA$AAECAwQFBgcICQoLDA0ODw"`, "username": `"ben"`, "disabled": "true",
		"totp": `{"secret":"JBSWY3DPEHPK3PXP"}`,
	})
	if strings.Count(notes, "another algorithm, number of digits or period") != 2 {
		t.Errorf("want two notes about TOTP of another kind:\n%s", notes)
	}
	notesHave(t, notes, "HOTP", "no TOTP authenticator",
		"line 3: user 33333333-3333-4333-8333-333333333333: the password does not move",
		"line 4: user 44444444-4444-4444-8444-444444444444: is the service account")
}

func TestConvert_kratos(t *testing.T) {
	t.Parallel()
	file := testdata(t, "kratos.json")
	mapping := `{"email":"contact.mail","display":"name.first","username":"nick"}`

	users, notes, err := converted(t, "kratos", file, source.Options{
		Config: strings.NewReader(mapping),
		RPID:   "example.com",
	})
	if err != nil || len(users) != 3 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	ann := users["11111111-1111-4111-8111-111111111111"]
	has(t, ann, map[string]string{
		"emails":  `[{"address":"Ann@example.com","primary":true,"verified":true},{"address":"other@example.com"}]`,
		"display": `"Ann"`, "username": `"ann"`,
		"totp": `{"secret":"JBSWY3DPEHPK3PXP"}`, "recovery_codes": `{"codes":["abcd1234","efgh5678","ijkl9012"],"used":[0]}`,
		"providers": `[{"provider":"google","uid":"g-1"}]`, "created_at": `"2024-01-02T03:04:05.123456Z"`,
		"webauthn_handle": `"EREREREREREREREREREREQ"`,
	})
	if !strings.Contains(ann, `"credential_id":"AQI"`) || !strings.Contains(ann, `"passwordless":true`) {
		t.Errorf("no key: %s", ann)
	}
	has(t, users["22222222-2222-4222-8222-222222222222"], map[string]string{
		"disabled": "true", "password": "",
		"totp": "",
	})
	has(t, users["33333333-3333-4333-8333-333333333333"], map[string]string{"password": ""})
	if strings.Count(notes, "PBKDF2 of SHA-3") != 2 {
		t.Errorf("want two notes about SHA-3:\n%s", notes)
	}
	notesHave(t, notes, "line 2: user 22222222-2222-4222-8222-222222222222: a TOTP authenticator of another",
		"credentials of the kind oidc do not move")

	for _, bad := range []string{`{"mail":"email"}`, `[]`, `{`} {
		if _, _, err := converted(t, "kratos", file, source.Options{Config: strings.NewReader(bad)}); err == nil ||
			!strings.Contains(err.Error(), "--from-config") {
			t.Errorf("mapping %s: got %v", bad, err)
		}
	}
}

func TestConvert_csv(t *testing.T) {
	t.Parallel()
	file := "\ufeffid,email,email_verified,phone,phone_verified,display," +
		"username,password,password_hook,disabled,created_at\r\n" +
		"7,ann@example.com,true,+4915112345678,false,\"Example, Ann\",ann,$2a$10$abc,,false,2024-01-02 03:04:05\r\n" +
		"8,ben@example.com,,,,,ben@example.com,,TRUE,1,\n"
	users, _, err := converted(t, "csv", file, source.Options{})
	if err != nil || len(users) != 2 {
		t.Fatalf("%d users, %v", len(users), err)
	}
	has(t, users["7"], map[string]string{
		"emails": `[{"address":"ann@example.com","primary":true,"verified":true}]`, "display": `"Example, Ann"`,
		"username": `"ann"`, "password": `"$2a$10$abc"`,
		"phone": `{"number":"+4915112345678"}`, "created_at": `"2024-01-02T03:04:05Z"`,
	})
	has(t, users["8"], map[string]string{"username": "", "password_hook": "true", "disabled": "true"})

	cognito := "sub,cognito:username,name,given_name,email,email_verified,phone_number," +
		"phone_number_verified,cognito:mfa_enabled\n" +
		"11111111-1111-4111-8111-111111111111,11111111-1111-4111-8111-111111111111," +
		"Ann,Ann,ann@example.com,TRUE,+4915112345678,TRUE,FALSE\n"
	users, _, err = converted(t, "csv", cognito, source.Options{PasswordHook: true})
	if err != nil {
		t.Fatal(err)
	}
	has(t, users["11111111-1111-4111-8111-111111111111"], map[string]string{
		"password_hook": "true", "username": "",
		"display": `"Ann"`, "phone": `{"number":"+4915112345678","verified":true}`,
	})

	for file, want := range map[string]string{
		"":                              "the file is empty",
		"id,color\n":                    "column 2",
		"id,email,email\n":              "column 3 is there twice",
		"email\nann@example.com\n":      "no column id",
		"id,sub\n1,2\n":                 "is there twice",
		"id,disabled\n1,perhaps\n":      "line 2: user 1: disabled is neither true nor false",
		"id,created_at\n1,yesterday\n":  "line 2: user 1: created_at",
		"id,email\n1\n":                 "line 2: wrong number of fields",
		"id,email\n,ann@example.com\n":  "line 2: has no id",
		"id,email\na b,x@example.com\n": "line 2: has an id that is not",
		"id,email\n1,\"x\n":             "extraneous or missing",
	} {
		if _, _, err := converted(t, "csv", file, source.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", file, err, want)
		}
	}
}

// A file that is cut, malformed, or has an element that takes all memory is an error that names the line, and no
// part of the file is quoted.
func TestConvert_hostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3<<20)
	for name, file := range map[string]string{
		"cut":            `{"users":[{"localId":"a","email":"secret@example.com"},`,
		"cut in a user":  `{"users":[{"localId":"a","email":"secret@exa`,
		"no list":        `{"people":[]}`,
		"a number":       `7`,
		"nothing":        ``,
		"a long text":    `{"users":[{"localId":"a","email":"` + long + `"}]}`,
		"a long skipped": `{"other":"` + long + `","users":[]}`,
		"a name twice":   `{"users":[{"localId":"a","localId":"b","email":"secret@example.com"}]}`,
		"invalid UTF-8":  "{\"users\":[{\"localId\":\"a\",\"email\":\"secret\xff@example.com\"}]}",
		"another type":   `{"users":[{"localId":7,"email":"secret@example.com"}]}`,
		"users is none":  `{"users":{"a":1}}`,
		"no id":          `{"users":[{"email":"secret@example.com"}]}`,
		"a bad id":       `{"users":[{"localId":"a b","email":"secret@example.com"}]}`,
		"U+0000":         `{"users":[{"localId":"a","email":"secret\u0000@example.com"}]}`,
		"deep": `{"users":[{"localId":"a","mfaInfo":` + strings.Repeat("[", 20_000) + strings.Repeat("]",
			20_000) + `}]}`,
		"deep elsewhere":  `{"other":` + strings.Repeat("[", 20_000) + `}`,
		"garbage behind":  `{"users":[]} x`,
		"a string member": `{"users":["secret"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := converted(t, "firebase", file, source.Options{})
			var wrong *source.Error
			if !errors.As(err, &wrong) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want an error that quotes nothing", err)
			}
		})
	}
	for name, file := range map[string]string{
		"supabase": `{"id":"a","email":"` + long + `"}`, "auth0": `{"user_id":"` + long + `"}`, "csv": "id,email\n1,\"" +
			long,
		"kratos": `[{"id":"` + long + `"}]`, "keycloak": `{"users":[{"id":"` + long + `"}]}`,
	} {
		if _, _, err := converted(t, name, file, source.Options{}); err == nil || !strings.Contains(err.Error(),
			"has more than 1048576 bytes") {
			t.Errorf("%s: a user of 3 MiB: got %v", name, err)
		}
	}
}

func TestConvert_aUserHasAMebibyteAtMost(t *testing.T) {
	t.Parallel()
	file := `{"users":[{"localId":"a","photoUrl":"` + strings.Repeat("x", 3<<19) + `","email":"a@example.com"}]}`
	if _, _, err := converted(t, "firebase", file, source.Options{}); err == nil || !strings.Contains(err.Error(),
		"line 1: has more than 1048576 bytes") {
		t.Errorf("a user of 1.5 MiB: got %v", err)
	}
}

func TestConvert_aPasskeyOfAnUnknownDomainStays(t *testing.T) {
	t.Parallel()
	file := `{"id":"a","email":"a@example.com",` +
		`"webauthn_credentials":[{"credential_id":"\\x01","public_key":"\\x02","transports":[]}]}` + "\n"
	users, notes, err := converted(t, "supabase", file, source.Options{})
	if err != nil || strings.Contains(users["a"], "webauthn") {
		t.Errorf("got %s, %v", users["a"], err)
	}
	notesHave(t, notes, "line 1: user a: a passkey does not move")
}

// endless is a file that never ends.
type endless struct {
	head string
	sent int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head[min(e.sent, len(e.head)):])
	for i := n; i < len(p); i++ {
		p[i] = 'x'
	}
	e.sent += len(p)

	return len(p), nil
}

func TestConvert_anEndlessElementStopsTheReading(t *testing.T) {
	t.Parallel()
	for name, head := range map[string]string{
		"supabase": `{"id":"`, "firebase": `{"users":[{"localId":"`, "auth0": `{"user_id":"`, "keycloak": `{"clients":"`,
		"kratos": `[{"id":"`, "csv": "id\n\"",
	} {
		in := &endless{head: head}
		err := source.Convert(name, in, io.Discard, source.Options{})
		if err == nil || in.sent > 8<<20 {
			t.Errorf("%s: read %d bytes, %v", name, in.sent, err)
		}
	}
}

// Whatever a file has, a conversion ends, and what it writes without an error is a file of the format.
func FuzzConvert(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","email":"b","identities":[{"provider":"google","provider_id":"1"}]}`,
		`{"users":[{"localId":"a","email":"b","providerUserInfo":[]}]}`,
		`{"user_id":"auth0|a","identities":[{"provider":"auth0"}]}`,
		`{"users":[{"id":"a","credentials":[{"type":"password","secretData":"{}","credentialData":"{}"}]}]}`,
		`[{"id":"a","traits":{"email":"b"},"credentials":{"totp":{"config":{"totp_url":"otpauth://totp/x?secret=AAAA"}}}}]`,
		"id,email\n1,a\n",
	} {
		for i := range source.Names() {
			f.Add(seed, "", byte(i))
		}
	}
	f.Fuzz(func(t *testing.T, file, config string, which byte) {
		names := source.Names()
		name := names[int(which)%len(names)]
		o := source.Options{RPID: "example.com"}
		if config != "" {
			o.Config = strings.NewReader(config)
		}
		_, _, err := converted(t, name, file, o)
		if err != nil && len(err.Error()) > 400 {
			t.Error(fmt.Sprint("a long error: ", err))
		}
	})
}
