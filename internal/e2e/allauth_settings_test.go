package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestAllauthSettings_takeEffect(t *testing.T) {
	t.Parallel()

	t.Run("the document is below /_allauth/ when asked for", func(t *testing.T) {
		t.Parallel()

		w := start(t, "HEADLESS_SERVE_SPECIFICATION=True")
		if a := w.call("GET", "/_allauth/openapi.json", "").wants(200); a.text("openapi") != "3.0.3" || a.Body != w.call("GET", "/openapi.json", "").Body {
			t.Errorf("%.200s", a.Body)
		}
		off := start(t)
		off.call("GET", "/_allauth/openapi.json", "").wants(404, "not_found")
		off.call("GET", "/openapi.json", "").wants(200)
	})

	t.Run("sign-in by user name", func(t *testing.T) {
		t.Parallel()

		w := start(t, "ACCOUNT_AUTHENTICATION_METHOD=username", "ACCOUNT_USERNAME_REQUIRED=True", "ACCOUNT_EMAIL_REQUIRED=False")
		w.call("POST", signupPath, object("password", goodPassword)).wants(400, "required@username")
		w.call("POST", signupPath, object("username", "ada", "password", goodPassword)).wants(200)
		w.call("POST", loginPath, object("username", "ada", "password", goodPassword)).wants(200)
	})

	t.Run("a longer password", func(t *testing.T) {
		t.Parallel()

		w := start(t, "ACCOUNT_PASSWORD_MIN_LENGTH=30")
		a := w.call("POST", signupPath, credentials(ada, goodPassword)).wants(400, "password_too_short@password")
		if !strings.Contains(a.Body, "at least 30 characters") {
			t.Error(a.Body)
		}
	})

	t.Run("fewer attempts", func(t *testing.T) {
		t.Parallel()

		w := start(t, "ACCOUNT_RATE_LIMITS=true", "ACCOUNT_LOGIN_ATTEMPTS_LIMIT=2")
		w.signedUp(ada)
		for range 2 {
			w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400, "email_password_mismatch@password")
		}
		w.call("POST", loginPath, credentials(ada, goodPassword)).wants(400, "too_many_login_attempts")
	})
}

func TestDev_startsWithPasskeysAmongTheFactors(t *testing.T) {
	t.Parallel()

	for name, types := range map[string]string{
		"as the documents have it": "totp,recovery_codes,webauthn", "alone": "webauthn", "in Python's form": "['webauthn', 'totp']",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			p := launch{env: []string{"MFA_SUPPORTED_TYPES=" + types}}.dev(t, filepath.Join(short(t), "d"))
			if a := p.call("GET", configPath, "").wants(200); !strings.Contains(a.Body, `"webauthn"`) {
				t.Error(a.Body)
			}
		})
	}
}

// latchkey dev knows webauthn by itself: what needs it can be switched on without naming it.
func TestDev_takesWhatNeedsWebAuthnWithoutNamingIt(t *testing.T) {
	t.Parallel()
	signup := []string{"ACCOUNT_EMAIL_VERIFICATION=mandatory", "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true", "MFA_PASSKEY_SIGNUP_ENABLED=true"}
	for name, env := range map[string][]string{
		"sign-up by passkey":                  signup,
		"and sign-in by passkey":              append([]string{"MFA_PASSKEY_LOGIN_ENABLED=true"}, signup...),
		"with other second factors named":     append([]string{"MFA_SUPPORTED_TYPES=totp"}, signup...),
		"with the domain of passkeys as well": append([]string{"LATCHKEY_WEBAUTHN_RP_ID=localhost", "MFA_SUPPORTED_TYPES=webauthn"}, signup...),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := launch{env: env}.dev(t, filepath.Join(short(t), "d"))
			a := p.call("GET", configPath, "").wants(200)
			if a.get("data.mfa.passkey_signup_enabled") != true || !strings.Contains(fmt.Sprint(a.get("data.mfa.supported_types")), "webauthn") {
				t.Error(a.Body)
			}
			p.call("POST", "/_allauth/app/v1/auth/webauthn/signup", object("email", ada)).wants(401)
		})
	}

	launch{args: []string{"dev", "--addr", "127.0.0.1:0"}, env: []string{"MFA_SUPPORTED_TYPES=telepathy"}}.run(t).
		wants(2, `MFA_SUPPORTED_TYPES: "telepathy": want totp, recovery_codes or webauthn`)
}

// A client that is generated from allauth's document knows no mfa_login_webauthn.
func TestDev_switchesSignInByPasskeyOffWhereTheSettingsSaySo(t *testing.T) {
	t.Parallel()

	p := launch{env: []string{"MFA_PASSKEY_LOGIN_ENABLED=false"}}.dev(t, filepath.Join(short(t), "d"))
	if a := p.call("GET", configPath, "").wants(200); !strings.Contains(a.Body, `"passkey_login_enabled":false`) {
		t.Error(a.Body)
	}
	if a := p.call("GET", sessionPath, "").wants(401); strings.Contains(a.Body, "mfa_login_webauthn") {
		t.Error(a.Body)
	}
}

func TestTOTP_theIssuerIsTheServicesName(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct{ settings, want string }{
		"the domain of passkeys": {"LATCHKEY_WEBAUTHN_RP_ID=example.com", "issuer=example.com"},
		"the name":               {"LATCHKEY_WEBAUTHN_RP_ID=example.com LATCHKEY_WEBAUTHN_RP_NAME=Example", "issuer=Example"},
		"its own":                {"LATCHKEY_WEBAUTHN_RP_ID=example.com LATCHKEY_WEBAUTHN_RP_NAME=Example MFA_TOTP_ISSUER=Own", "issuer=Own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := mailing(t, withFactors, c.settings)
			v := w.signedIn(ada).proved()
			w.exec("UPDATE email_addresses SET verified_at = created_at")
			if a := v.do("GET", totpPath, "").wants(404); !strings.Contains(a.Body, c.want) {
				t.Error(a.Body)
			}
		})
	}
}
