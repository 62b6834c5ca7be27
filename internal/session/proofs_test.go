package session_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/session"
)

func TestProofs_areSaidInTheWordsOfRFC8176(t *testing.T) {
	t.Parallel()
	password := session.Method{Method: "password", At: 1790000000.75}
	totp := session.Method{Method: "mfa", At: 1790000010.5, Type: "totp"}
	key := session.Method{Method: "mfa", At: 1790000020, Type: "webauthn"}
	passkey := session.Method{Method: "mfa", At: 1790000030, Type: "webauthn", Passwordless: true}
	again := session.Method{Method: "password", At: 1790000040, Reauthenticated: true}

	for name, row := range map[string]struct {
		methods []session.Method
		at      int64
		amr     string
	}{
		"nothing, as after a sign-up":         {nil, 0, ""},
		"a password":                          {[]session.Method{password}, 1790000000, "pwd"},
		"a mailed code":                       {[]session.Method{{Method: "code", At: 1790000001, Email: "a@b.c"}}, 1790000001, "otp"},
		"a code by SMS":                       {[]session.Method{{Method: "code", At: 1790000001, Phone: "+49"}}, 1790000001, "otp sms"},
		"a provider has no word":              {[]session.Method{{Method: "socialaccount", At: 1790000002}}, 1790000002, ""},
		"a reset has no word":                 {[]session.Method{{Method: "password_reset", At: 1790000002}}, 1790000002, ""},
		"password and mailed code are no mfa": {[]session.Method{password, {Method: "code", At: 1790000003}}, 1790000003, "otp pwd"},
		"password and TOTP":                   {[]session.Method{password, totp}, 1790000010, "mfa otp pwd"},
		"password and recovery code":          {[]session.Method{password, {Method: "mfa", At: 1790000010, Type: "recovery_codes"}}, 1790000010, "mfa otp pwd"},
		"password and security key":           {[]session.Method{password, key}, 1790000020, "mfa pwd swk user"},
		"provider and TOTP":                   {[]session.Method{{Method: "socialaccount", At: 1790000002}, totp}, 1790000010, "mfa otp"},
		"a second factor alone is one factor": {[]session.Method{totp}, 1790000010, "otp"},
		"two second factors are one kind":     {[]session.Method{totp, key}, 1790000020, "otp swk user"},
		"a passkey alone is both":             {[]session.Method{passkey}, 1790000030, "mfa swk user"},
		"the last proof counts, each once":    {[]session.Method{password, totp, again}, 1790000040, "mfa otp pwd"},
		"out of order":                        {[]session.Method{again, password}, 1790000040, "pwd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored, err := json.Marshal(row.methods)
			if err != nil {
				t.Fatal(err)
			}

			at, amr := session.Proofs(stored)
			if got := strings.Join(amr, " "); got != row.amr {
				t.Errorf("amr: got %q, want %q", got, row.amr)
			}
			if row.at == 0 && at.IsZero() {
				return
			}
			if want := time.Unix(row.at, 0).UTC(); at != want {
				t.Errorf("auth_time: got %s, want %s", at, want)
			}
		})
	}

	t.Run("what cannot be read proves nothing", func(t *testing.T) {
		t.Parallel()
		if at, amr := session.Proofs(json.RawMessage(`{"x":`)); !at.IsZero() || amr != nil {
			t.Errorf("got %s %v, want nothing", at, amr)
		}
	})
}
