package config

import (
	"slices"
	"testing"
)

func TestFields_knowWhichAreChanged(t *testing.T) {
	changed := func(env Environment) []string {
		t.Helper()
		c, _, err := Read(env)
		if err != nil {
			t.Fatal(err)
		}

		var names []string
		for _, f := range Fields(&c) {
			if f.IsChanged() {
				names = append(names, f.Name)
			}
		}
		slices.Sort(names)

		return names
	}

	if names := changed(Environment{}); len(names) > 0 {
		t.Errorf("without settings: %v", names)
	}

	env := Environment{
		"LATCHKEY_IDLE_TIMEOUT": "80", "MFA_TOTP_ISSUER": "Example", "LATCHKEY_TRUSTED_PROXIES": "10.0.0.1",
		"HEADLESS_JWT_ROTATE_REFRESH_TOKEN": "no", "LATCHKEY_HMAC_KEY": "0123456789abcdef0123456789abcdef",
		"LATCHKEY_CONNECTIONS_PER_ADDRESS": "256", // the default
	}
	want := []string{
		"HEADLESS_JWT_ROTATE_REFRESH_TOKEN", "LATCHKEY_HMAC_KEY", "LATCHKEY_IDLE_TIMEOUT", "LATCHKEY_TRUSTED_PROXIES", "MFA_TOTP_ISSUER",
	}
	if names := changed(env); !slices.Equal(names, want) {
		t.Errorf("%v, want %v", names, want)
	}
}
