package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/config"
)

func TestRead_defaultsAreAllauths(t *testing.T) {
	t.Parallel()
	c, warnings, err := config.Read(config.Environment{})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if c.Token.AccessExpiresIn != 300 || c.Session.RefreshExpiresIn != 86400 || !c.Session.RotateRefreshToken || c.Token.HeaderScheme != "Bearer" {
		t.Errorf("defaults: %+v", c)
	}
	if c.Factor.TOTPTolerance != 1 {
		t.Error("a code that was read at the end of its step is refused by default")
	}
	const balancers = 60 // seconds that ALB and nginx keep a connection without a request
	if c.Server.IdleTimeout <= balancers {
		t.Errorf("connections stay for %d seconds, balancers keep them for %d", c.Server.IdleTimeout, balancers)
	}
}

func TestRead_reportsAllMistakesAtOnceAndNoSecret(t *testing.T) {
	t.Parallel()
	_, _, err := config.Read(config.Environment{
		"HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN": "soon", "LATCHKEY_AUTO_MIGRATE": "perhaps", "LATCHKEY_SESSION_MAX_AGE": "1",
		"HEADLESS_JWT_PRIVATE_KEY": "s3cret", "HEADLESS_JWT_PRIVATE_KEY_FILE": "/also",
	})
	var all *config.Error
	if !errors.As(err, &all) || len(all.Problems) != 4 {
		t.Fatalf("want four problems: %v", err)
	}
	for _, name := range []string{"HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN", "LATCHKEY_AUTO_MIGRATE", "LATCHKEY_SESSION_MAX_AGE", "HEADLESS_JWT_PRIVATE_KEY"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "soon") {
		t.Errorf("a value is shown: %v", err)
	}
}

func TestRead_refusesWhatCannotGoTogether(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]config.Environment{
		"LATCHKEY_REFRESH_GRACE":                     {"HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN": "60"},
		"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN":      {"LATCHKEY_SESSION_MAX_AGE": "3600"},
		"HEADLESS_JWT_ALGORITHM":                     {"HEADLESS_JWT_ALGORITHM": "RS256"},
		"HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED":   {"HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED": "False"},
		"LATCHKEY_ISSUER":                            {"LATCHKEY_ISSUER": strings.Repeat("x", 129)},
		"LATCHKEY_AUDIENCE":                          {"LATCHKEY_AUDIENCE": `a"b`},
		"ACCOUNT_LOGIN_METHODS":                      {"ACCOUNT_LOGIN_METHODS": "pigeon"},
		"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": {"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED": "true"},
		"ACCOUNT_PREVENT_ENUMERATION":                {"ACCOUNT_PREVENT_ENUMERATION": "maybe"},
		"ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND":      {"ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND": "often"},
		"ALLAUTH_USER_CODE_FORMAT":                   {"ALLAUTH_USER_CODE_FORMAT": `{"length": 4}`},
		"HEADLESS_FRONTEND_URLS":                     {"HEADLESS_FRONTEND_URLS": `{"account_confirm_email": "https://app.example.com/verify"}`},
		"LATCHKEY_SEALING_KEYS":                      {"LATCHKEY_SEALING_KEYS": "a:b"},
		"EMAIL_HOST":                                 {"LATCHKEY_MAIL": "smtp"},
		"LATCHKEY_SMS_WEBHOOK_URL":                   {"LATCHKEY_SMS_WEBHOOK_URL": "http://sms.example.com/", "LATCHKEY_SMS_WEBHOOK_SECRET": strings.Repeat("x", 32)},
		"ACCOUNT_SIGNUP_FIELDS":                      {"ACCOUNT_SIGNUP_FIELDS": "password1*"},
	} {
		if _, _, err := config.Read(env); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v", env, err)
		}
	}
}

// A token that is repeated while it is young does not slide, and a client must not be handed the same
// one at each expiry of its access token.
func TestRead_boundsTheGrace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grace, refresh, access string
		taken                  bool
	}{
		"half of the refresh token's lifetime": {"60", "120", "300", true},
		"above half of it":                     {"61", "121", "300", false},
		"at the access token's lifetime":       {"60", "86400", "60", false},
		"just below it":                        {"59", "86400", "60", true},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Read(config.Environment{
				"LATCHKEY_REFRESH_GRACE": c.grace, "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN": c.refresh, "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN": c.access,
			})
			if refused := err != nil && strings.Contains(err.Error(), "LATCHKEY_REFRESH_GRACE"); refused == c.taken {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestRead_takesPythonsSpellings(t *testing.T) {
	t.Parallel()
	c, _, err := config.Read(config.Environment{
		"ACCOUNT_LOGIN_METHODS": `{"email"}`, "ACCOUNT_SIGNUP_FIELDS": `['email*', 'password1*', 'password2*']`,
		"HEADLESS_JWT_ROTATE_REFRESH_TOKEN": "False",
	})
	if err != nil || c.Session.RotateRefreshToken || strings.Join(c.Policy.SignupFields, " ") != "email* password1* password2*" {
		t.Errorf("%+v %v", c.Policy, err)
	}
}

func TestRead_warnsOfSettingsThatWeDoNotHave(t *testing.T) {
	t.Parallel()
	_, warnings, err := config.Read(config.Environment{"LATCHKEY_TYPO": "1", "MFA_WHATEVER": "2", "HOME": "/", "ACCOUNT_RATE_LIMITS": "false"})
	if err != nil || len(warnings) != 2 || !strings.HasPrefix(warnings[0], "LATCHKEY_TYPO ") || !strings.HasPrefix(warnings[1], "MFA_WHATEVER ") {
		t.Errorf("%q %v", warnings, err)
	}
}

func TestRead_secretsComeFromFilesToo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte("the key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, err := config.Read(config.Environment{"HEADLESS_JWT_PRIVATE_KEY_FILE": file})
	if err != nil || c.Token.PrivateKey != "the key" {
		t.Errorf("%q %v", c.Token.PrivateKey, err)
	}
	if _, _, err := config.Read(config.Environment{"HEADLESS_JWT_PRIVATE_KEY_FILE": file + ".missing"}); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestRead_aSecretFileThatOthersCanChangeIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode            os.FileMode
		refused, warned bool
	}{
		{0o400, false, false},
		{0o600, false, false},
		{0o640, false, false},
		{0o444, false, true},
		{0o644, false, true},
		{0o620, true, false},
		{0o660, true, false},
		{0o602, true, false},
		{0o666, true, true},
	} {
		t.Run(row.mode.String(), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "hmac")
			if err := os.WriteFile(file, []byte(strings.Repeat("k", 32)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(file, row.mode); err != nil {
				t.Fatal(err)
			}

			_, warnings, err := config.Read(config.Environment{"LATCHKEY_HMAC_KEY_FILE": file})
			if refused := err != nil; refused != row.refused || refused && !strings.Contains(err.Error(), "LATCHKEY_HMAC_KEY_FILE can be changed by other accounts") {
				t.Errorf("refused %v, want %v: %v", refused, row.refused, err)
			}
			if warned := len(warnings) > 0; warned != row.warned {
				t.Errorf("warnings %q, want any: %v", warnings, row.warned)
			}
		})
	}
}

func TestFields_secretsAreMaskedAndEverythingIsDescribed(t *testing.T) {
	t.Parallel()
	c, _, err := config.Read(config.Environment{"HEADLESS_JWT_PRIVATE_KEY": "s3cret", "DATABASE_URL": "postgres://u:s3cret@h/d"})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range config.Fields(&c) {
		if f.Name == "" || f.Doc == "" {
			t.Errorf("a setting without name or description: %+v", f)
		}
		if strings.Contains(f.Text(), "s3cret") {
			t.Errorf("%s shows its value", f.Name)
		}
	}
}

func TestRead_longUserIDsLeaveLessForIssuerAndAudience(t *testing.T) {
	t.Parallel()

	for kind, most := range map[string]int{"int31": 144, "int52": 144, "int63": 141, "text": 134, "uuid": 124} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			env := func(length int) config.Environment {
				return config.Environment{
					"LATCHKEY_USER_IDS": kind, "LATCHKEY_AUDIENCE": strings.Repeat("a", 20), "LATCHKEY_ISSUER": strings.Repeat("i", length-20),
				}
			}

			if _, _, err := config.Read(env(most)); err != nil {
				t.Error(err)
			}
			var all *config.Error
			if _, _, err := config.Read(env(most + 1)); !errors.As(err, &all) || len(all.Problems) != 1 || !strings.HasPrefix(err.Error(), "LATCHKEY_ISSUER: ") {
				t.Errorf("%d characters: %v", most+1, err)
			}
		})
	}

	if _, _, err := config.Read(config.Environment{"LATCHKEY_USER_IDS": "int64"}); err == nil || !strings.Contains(err.Error(), "LATCHKEY_USER_IDS: want int52, int31, int63, uuid or text") {
		t.Errorf("an unknown kind: %v", err)
	}
}
