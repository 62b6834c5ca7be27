package config

import (
	"slices"
	"strings"
	"testing"
)

func TestTranslate_settingsOfAllauthTakeEffect(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		env  Environment
		want Environment
	}{
		"sign-in by user name": {
			Environment{"ACCOUNT_AUTHENTICATION_METHOD": "username"}, Environment{"ACCOUNT_LOGIN_METHODS": "username"},
		},
		"sign-in by both": {
			Environment{"ACCOUNT_AUTHENTICATION_METHOD": "username_email"}, Environment{"ACCOUNT_LOGIN_METHODS": "username,email"},
		},
		"an address is optional": {
			Environment{"ACCOUNT_EMAIL_REQUIRED": "False"}, Environment{"ACCOUNT_SIGNUP_FIELDS": "email,password1*"},
		},
		"a user name": {
			Environment{"ACCOUNT_USERNAME_REQUIRED": "True"}, Environment{"ACCOUNT_SIGNUP_FIELDS": "email*,username*,password1*"},
		},
		"no user name, an address twice, a password once": {
			Environment{"ACCOUNT_USERNAME_REQUIRED": "False", "ACCOUNT_SIGNUP_EMAIL_ENTER_TWICE": "True", "ACCOUNT_SIGNUP_PASSWORD_ENTER_TWICE": "False"},
			Environment{"ACCOUNT_SIGNUP_FIELDS": "email*,email2*,password1*"},
		},
		"a longer password": {
			Environment{"ACCOUNT_PASSWORD_MIN_LENGTH": "12"}, Environment{"LATCHKEY_PASSWORD_MIN_LENGTH": "12"},
		},
		"attempts": {
			Environment{"ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "3"}, Environment{"ACCOUNT_RATE_LIMITS": `{"login_failed":"10/m/ip,3/300s/key"}`},
		},
		"attempts and their time": {
			Environment{"ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "3", "ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT": "86400", "ACCOUNT_RATE_LIMITS": `{"signup":false}`},
			Environment{"ACCOUNT_RATE_LIMITS": `{"login_failed":"10/m/ip,3/1440m/key","signup":false}`},
		},
		"any number of attempts": {
			Environment{"ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "0"}, Environment{"ACCOUNT_RATE_LIMITS": `{"login_failed":"10/m/ip"}`},
		},
		"no limit of attempts": {
			Environment{"ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "None"}, Environment{"ACCOUNT_RATE_LIMITS": `{"login_failed":"10/m/ip"}`},
		},
		"nothing, as Python writes it": {
			Environment{"ACCOUNT_EMAIL_SUBJECT_PREFIX": "None", "ACCOUNT_MAX_EMAIL_ADDRESSES": " None ", "EMAIL_HOST_USER": "None", "MFA_TOTP_ISSUER": "None", "LATCHKEY_PASSWORD_WORDS": "None"},
			Environment{"ACCOUNT_EMAIL_SUBJECT_PREFIX": "", "ACCOUNT_MAX_EMAIL_ADDRESSES": "", "EMAIL_HOST_USER": "", "MFA_TOTP_ISSUER": "", "LATCHKEY_PASSWORD_WORDS": "None"},
		},
		"second factors": {
			Environment{"MFA_RATE_LIMITS": `{"mfa_failed":"5/5m/key"}`}, Environment{"ACCOUNT_RATE_LIMITS": `{"mfa_failed":"5/5m/user"}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			got := translate(c.env)
			if len(got.problems)+len(got.warnings) > 0 {
				t.Error(got.problems, got.warnings)
			}
			for name, want := range c.want {
				if got.env[name] != want {
					t.Errorf("%s: got %q, want %q", name, got.env[name], want)
				}
			}
			if _, warnings, err := Read(c.env); err != nil || len(warnings) > 0 {
				t.Error(warnings, err)
			}
		})
	}
}

func TestTranslate_ourNamesGoBeforeAllauths(t *testing.T) {
	t.Parallel()

	env := Environment{
		"ACCOUNT_AUTHENTICATION_METHOD": "username", "ACCOUNT_LOGIN_METHODS": "email",
		"ACCOUNT_EMAIL_REQUIRED": "false", "ACCOUNT_SIGNUP_FIELDS": "email*,password1*",
		"ACCOUNT_PASSWORD_MIN_LENGTH": "6", "ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "3", "ACCOUNT_RATE_LIMITS": `{"login_failed":"1/m/ip"}`,
	}
	_, warnings, err := Read(env)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ACCOUNT_AUTHENTICATION_METHOD has no effect: ACCOUNT_LOGIN_METHODS is set",
		"ACCOUNT_EMAIL_REQUIRED has no effect: ACCOUNT_SIGNUP_FIELDS is set",
		"ACCOUNT_PASSWORD_MIN_LENGTH: 6 is too short; passwords have at least 8 characters",
		"ACCOUNT_LOGIN_ATTEMPTS_LIMIT has no effect: ACCOUNT_RATE_LIMITS names login_failed",
	} {
		if !slices.Contains(warnings, want) {
			t.Errorf("no warning %q in %q", want, warnings)
		}
	}
}

func TestTranslate_whatMakesNoSenseStopsTheStart(t *testing.T) {
	t.Parallel()

	for name, value := range map[string]string{
		"ACCOUNT_AUTHENTICATION_METHOD": "phone_number", "ACCOUNT_EMAIL_REQUIRED": "maybe", "ACCOUNT_USERNAME_REQUIRED": "2",
		"ACCOUNT_PASSWORD_MIN_LENGTH": "six", "ACCOUNT_LOGIN_ATTEMPTS_LIMIT": "-1", "ACCOUNT_LOGIN_ATTEMPTS_TIMEOUT": "5m",
		"MFA_RATE_LIMITS": `{"login":"1/m/ip"}`, "ACCOUNT_EMAIL_VERIFICATION": "None",
	} {
		_, _, err := Read(Environment{name: value})
		if err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
