package limit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Settings of the limits.
type Settings struct {
	HMACKey string `env:"LATCHKEY_HMAC_KEY" secret:"true" doc:"Key of the HMACs of codes, rate limits and the audit log: at least 32 characters. Default: a generated key that all servers share; it is stored in the database, encrypted with the keys of the other settings."`
	Rates   string `env:"ACCOUNT_RATE_LIMITS" default:"true" doc:"false turns all rate limits off. A JSON object changes some, in allauth's notation, requests/period/subject: {\"login\": \"30/m/ip\", \"signup\": false}. Subjects: ip, user, key, session, all; an action takes those that it counts, and the start refuses others. ip is one IPv4 address, or an IPv6 /64; its /56 may use twice as much, its /48 four times. Defaults: login 30/m/ip; login_failed 10/m/ip,5/5m/key; signup 20/m/ip; request_login_code 20/m/ip,3/m/key; reset_password 20/m/ip,5/m/key; reset_password_from_key 20/m/ip; reauthenticate 10/m/session; change_password 5/m/session; reauthenticate_failed 10/m/ip,5/5m/session,10/h/session,30/d/session (wrong passwords and codes of signed-in callers); manage_email 10/m/user; change_phone 1/m/user; confirm_email 1/3m/key by link, 1/10s/key by code; verify_phone 1/30s/key,3/m/ip; webauthn_login 10/m/ip; webauthn_options 60/m/ip; webauthn_add 20/m/user (asking for a key to add, and adding it); provider_nonce 60/m/ip; provider_event 600/m/ip (notifications of Apple); mfa_failed 10/h/user,30/d/user; login_failed_device 5/5m/session,30/d/session,100/d/user; mfa_failed_device 5/5m/session,30/d/session,100/d/user (both on a device that has signed in before and sends X-Latchkey-Device); mail 10/h/key,20/d/key (codes and links to one address); sms 5/h/key,10/d/key (to one number); sms_total 1000/d/all (texts in all), of which sms_unverified 500/d/all go to numbers that are not verified yet; notice 20/h/key (mails about what happened to an account); change_notice 20/h/user (changes to what signs in, by a signed-in caller: the messages about more of them are sent later); change_text 10/d/user (texts about such changes: more of them are sent later, and none is added while 30 wait); account_undo 20/m/ip."`
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	if s.HMACKey != "" && len(s.HMACKey) < 32 {
		wrong = append(wrong, errors.New("LATCHKEY_HMAC_KEY: want at least 32 characters"))
	}

	if _, err := s.rules(false); err != nil {
		wrong = append(wrong, fmt.Errorf("ACCOUNT_RATE_LIMITS: %w", err))
	}

	return wrong
}

// Warnings reports what has no effect in settings that are otherwise right.
func (s Settings) Warnings() []string {
	var given map[string]any
	if json.Unmarshal([]byte(s.Rates), &given) != nil {
		return nil
	}

	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if why, ignored := uncounted[name]; ignored {
			warnings = append(warnings, fmt.Sprintf("ACCOUNT_RATE_LIMITS: %q counts nothing in Latchkey: %s", name, why))
		}
	}

	return warnings
}
