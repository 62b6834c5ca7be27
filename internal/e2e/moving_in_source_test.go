package e2e

import (
	"encoding/base32"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// vector is a password as another system stores it.
type vector struct {
	Name     string
	Password string
	Stored   json.RawMessage
}

// storedBy returns the stored form of a vector of goodPassword, as JSON.
func storedBy(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../foreignhash/testdata/passwords.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Name == name && v.Password == goodPassword {
			return string(v.Stored)
		}
	}
	t.Fatalf("no vector %q", name)

	return ""
}

// textOf reads a text of a JSON object.
func textOf(t *testing.T, object, name string) string {
	t.Helper()
	var read map[string]any
	if err := json.Unmarshal([]byte(object), &read); err != nil {
		t.Fatal(err)
	}
	text, _ := read[name].(string)

	return text
}

// quoted is a text as JSON.
func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

const (
	anyUUID   = "55da5b0c-9a3e-4a0e-9d56-0b1d2f3e4a5b"
	movedSeed = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	// firebaseKey is the one of the README of github.com/firebase/scrypt.
	firebaseKey = "LATCHKEY_FIREBASE_SIGNER_KEY=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
)

// exported is the export of another system with Ada in it.
type exported struct {
	name, file, config string
	flags              []string
	subject            string
	// hasTOTP: movedSeed is her second factor.
	hasTOTP bool
	// says is what the import says of what does not move.
	says []string
}

// exports are files of the documented shape of each system.
func exports(t *testing.T) []exported {
	t.Helper()
	kratos := func(hash string) string {
		return `[{"id":"` + anyUUID + `","state":"active","traits":{"mail":"` + ada +
			`"},"verifiable_addresses":[{"value":"` + ada + `","verified":true,"via":"email"}],` +
			`"credentials":{"password":{"type":"password","config":{"hashed_password":` + hash +
			`}},"totp":{"type":"totp","config":{"totp_url":"otpauth://totp/x:ada?algorithm=SHA1&digits=6&issuer=x&period=30&secret=` + movedSeed + `"}}}}]`
	}
	keycloak := func(password string) string {
		raw, _ := base32.StdEncoding.DecodeString(movedSeed)
		return `{"realm":"demo","users":[{"id":"` + anyUUID + `","username":"` + ada + `","email":"` + ada +
			`","emailVerified":true,"enabled":true,"createdTimestamp":1700000000123,"credentials":[` + password +
			`,{"type":"otp","secretData":` + quoted(`{"value":"`+movedSeed+`"}`) + `,"credentialData":` +
			quoted(`{"subType":"totp","digits":6,"counter":0,"period":30,"algorithm":"HmacSHA1","secretEncoding":"BASE32"}`) +
			`},{"type":"otp","secretData":` + quoted(`{"value":"`+string(raw[:0])+`x"}`) + `,"credentialData":` +
			quoted(`{"subType":"totp","digits":8,"period":30,"algorithm":"HmacSHA1"}`) + `}]}]}`
	}
	firebase := storedBy(t, "Firebase export, URL-safe base64")

	return []exported{
		{
			name: "supabase", subject: anyUUID, hasTOTP: true, says: []string{"line 1: user " + anyUUID +
				": a factor that was never verified"},
			file: `{"id":"` + anyUUID + `","email":"` + ada + `","encrypted_password":` + storedBy(t, "bcrypt $2a$") +
				`,"email_confirmed_at":"2024-01-02T03:04:05.123456+00:00","phone":null,"created_at":"2024-01-02T03:04:05.123456+00:00","raw_user_meta_data":{},` +
				`"identities":[{"provider":"email","provider_id":"x"}],"mfa_factors":[{"factor_type":"totp","status":"verified","secret":"` + movedSeed + `"},{"factor_type":"totp","status":"unverified","secret":"AAAA"}]}` + "\n",
		},
		{
			name: "firebase", subject: "AbCdEfGhIjKlMnOpQrStUvWxYz12",
			config: "hash_config {\n  algorithm: SCRYPT,\n  base64_salt_separator: Bw==,\n  rounds: 8,\n  mem_cost: 14,\n}\n",
			file: `{"users":[{"localId":"AbCdEfGhIjKlMnOpQrStUvWxYz12","email":"` + ada +
				`","emailVerified":true,"passwordHash":` + quoted(textOf(t, firebase, "passwordHash")) + `,"salt":` +
				quoted(textOf(t, firebase, "salt")) +
				`,"createdAt":"1700000000123","providerUserInfo":[{"providerId":"password","rawId":"` + ada + `"}]}]}`,
		},
		{
			name: "auth0", subject: "auth0_5f7c8ec7c33c6c004bbafe82",
			says: []string{"line 1: user auth0_5f7c8ec7c33c6c004bbafe82: second factors do not move"},
			file: `{"user_id":"auth0|5f7c8ec7c33c6c004bbafe82","email":"` + ada +
				`","email_verified":true,"created_at":"2024-01-02T03:04:05.678Z","identities":[{"user_id":"5f7c8ec7c33c6c004bbafe82","provider":"auth0","connection":"Users","isSocial":false}],"multifactor":["guardian"]}` + "\n",
			config: `{"_id":{"$oid":"5f7c8ec7c33c6c004bbafe82"},"email":"` + ada + `","email_verified":true,"passwordHash":` +
				storedBy(t, "bcrypt cost 10 (GoTrue, Auth0)") + `,"tenant":"t","connection":"Users"}` + "\n",
		},
		{
			name: "keycloak", subject: anyUUID, hasTOTP: true, file: keycloak(storedBy(t, "Keycloak argon2 default")),
			says: []string{"another algorithm, number of digits or period"},
		},
		{name: "keycloak", subject: anyUUID, hasTOTP: true, file: keycloak(storedBy(t, "Keycloak pbkdf2-sha512, 210000"))},
		{name: "keycloak", subject: anyUUID, hasTOTP: true, file: keycloak(storedBy(t, "Keycloak pbkdf2, 20000"))},
		{name: "kratos", subject: anyUUID, hasTOTP: true, config: `{"email":"mail"}`, file: kratos(storedBy(t,
			"GoTrue/Kratos argon2id"))},
		{name: "kratos", subject: anyUUID, hasTOTP: true, config: `{"email":"mail"}`, file: kratos(storedBy(t,
			"Kratos scrypt: its ln is N, not log2 N"))},
		{name: "csv", subject: "4711", file: "id,email,email_verified,password\n4711," + ada + ",true," + textOf(t,
			`{"x":`+storedBy(t, "bcrypt $2y$")+`}`, "x") + "\n"},
	}
}

// imports runs an import of an export.
func (w *world) imports(e exported, more ...string) result {
	w.t.Helper()
	dir := w.t.(*testing.T).TempDir()
	path := filepath.Join(dir, "export")
	if err := os.WriteFile(path, []byte(e.file), 0o600); err != nil {
		w.t.Fatal(err)
	}
	args := append([]string{"import", path, "--from", e.name}, e.flags...)
	if e.config != "" {
		config := filepath.Join(dir, "config")
		if err := os.WriteFile(config, []byte(e.config), 0o600); err != nil {
			w.t.Fatal(err)
		}
		args = append(args, "--from-config", config)
	}
	l := w.moverLaunch("", append(args, more...)...)
	l.env = append(l.env, firebaseKey)

	return l.run(w.t)
}

// A user of each system signs in by password, and by the second factor that moved.
func TestMovingIn_usersOfOtherSystemsSignIn(t *testing.T) {
	t.Parallel()
	for _, e := range exports(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			w := moved(t, firebaseKey)
			w.imports(e, "--dry-run").wants(0, append(e.says, "1 new")...)
			if n := query[int](w, "SELECT count(*)::int FROM users"); n != 0 {
				t.Errorf("a dry run stores %d users", n)
			}
			done := w.imports(e).wants(0, append(e.says, "1 new")...)
			for _, secret := range []string{movedSeed, "AAAA", "$2a$04$", "passwordHash"} {
				if strings.Contains(done.out+done.err, secret) {
					t.Errorf("the report has %q", secret)
				}
			}
			w.imports(e).wants(0, "1 unchanged")
			w.imports(e, "--verify").wants(0, "differences: 0")

			for range 2 { // the second one by the hash that is ours
				w.clock.Advance(time.Minute) // no code works twice
				v := w.visitor()
				a := v.post(loginPath, "email", ada, "password", goodPassword)
				if e.hasTOTP {
					a.waits("mfa_authenticate")
					seed, _ := base32.StdEncoding.DecodeString(movedSeed)
					a = v.post(factorPath, "code", authenticatorApp{seed: seed}.at(w.clock.Now()))
				}
				if got := claims(t, a.in().text("meta.access_token"))["sub"]; got != e.subject {
					t.Errorf("subject %v, want %s", got, e.subject)
				}
			}
			w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400, "email_password_mismatch@password")
			if isOurs := query[bool](w,
				"SELECT starts_with(password_hash, '$argon2id$v=19$m=19456,t=2,p=1$') FROM users"); !isOurs {
				t.Error("the hash is not stored anew")
			}
		})
	}
}

// Cognito hands out no hashes: its users sign in by the password hook.
func TestMovingIn_usersWithoutHashesSignInByTheHook(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	o.knows(ada, moving(anyUUID, ada))
	w := moved(t, o.settings()...)
	e := exported{
		name: "csv", flags: []string{"--from-password-hook"},
		file: "sub,cognito:username,name,email,email_verified,phone_number,phone_number_verified\n" + anyUUID + "," +
			anyUUID + ",Ada," + ada + ",TRUE,,FALSE\n",
	}
	w.imports(e).wants(0, "1 new")

	w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400, "email_password_mismatch@password")
	w.visitor().post(loginPath, "email", ada, "password", oldPassword).in()
	w.visitor().post(loginPath, "email", ada, "password", oldPassword).in()
	if asked := o.questions(); len(asked) != 2 || asked[0]["subject"] != anyUUID {
		t.Errorf("asked %v, want two questions about %s", asked, anyUUID)
	}
}

func TestMovingIn_anExportThatCannotBeReadStoresNothing(t *testing.T) {
	t.Parallel()
	good := `{"localId":"a","email":"a@example.com","emailVerified":true,"providerUserInfo":[{"providerId":"google.com","rawId":"g"}]}`
	for name, c := range map[string]struct {
		e    exported
		says string
	}{
		"a cut file": {
			exported{name: "firebase", file: `{"users":[` + good + `,{"localId":"b","email":"secret`},
			"line 1: the JSON behind this is malformed or cut",
		},
		"a user without an id": {exported{name: "firebase", file: `{"users":[` + good +
			`,{"email":"secret@example.com"}]}`}, "line 2: has no id"},
		"hashes without config": {exported{
			name: "firebase",
			file: `{"users":[{"localId":"b","email":"secret@example.com","passwordHash":"x","salt":"y"}]}`,
		}, "user b: has a password hash"},
		"a bad mapping":     {exported{name: "kratos", file: `[]`, config: `{"mails":"x"}`}, "--from-config"},
		"an unknown column": {exported{name: "csv", file: "id,secret\n1,2\n"}, "line 1: column 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := moved(t)
			r := w.imports(c.e).wants(1, c.says)
			if strings.Contains(r.out+r.err, "secret") {
				t.Errorf("the report quotes the file:\n%s%s", r.out, r.err)
			}
			if n := query[int](w, "SELECT count(*)::int FROM users"); n != 0 {
				t.Errorf("%d users, want none", n)
			}
		})
	}

	w := moved(t)
	w.mover("", "import", "--from", "okta", "x").wants(2, "--from=okta: want any of")
	w.mover("", "import", "--from-rp-id", "example.com", "x").wants(2, "need --from")
}
