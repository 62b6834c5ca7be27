package limit

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Settings of the limits.
type Settings struct {
	HMACKey string `env:"LATCHKEY_HMAC_KEY" secret:"true" doc:"At least 32 characters that key the HMACs under which limits and the audit log know addresses. Default: derived from the key that signs at start. Set it where several servers run: a server that starts after a key rotation would otherwise count by itself."`
	Rates   string `env:"ACCOUNT_RATE_LIMITS" default:"true" doc:"false turns all rate limits off. A JSON object changes some, in allauth's notation: {\"login\": \"30/m/ip\", \"signup\": false}. Defaults: login 30/m/ip; login_failed 10/m/ip,5/5m/key; signup 20/m/ip; request_login_code 20/m/ip,3/m/key; reset_password 20/m/ip,5/m/key; reset_password_from_key 20/m/ip; reauthenticate 10/m/user; change_password 5/m/user; manage_email 10/m/user; change_phone 1/m/user; confirm_email 1/10s/key by code, 1/3m/key by link; verify_phone 1/30s/key,3/m/ip; webauthn_login 10/m/ip; webauthn_options 60/m/ip; provider_nonce 60/m/ip; mfa_failed 10/h/user,30/d/user; notice 20/h/key (mails about changes to what signs in)."`
}

// defaults are allauth's. confirm_email is that of links.
var defaults = map[string]string{ //nolint:gosec // names of actions
	"login":                   "30/m/ip",
	"login_failed":            "10/m/ip,5/5m/key",
	"signup":                  "20/m/ip",
	"request_login_code":      "20/m/ip,3/m/key",
	"reset_password":          "20/m/ip,5/m/key",
	"reset_password_from_key": "20/m/ip",
	"reauthenticate":          "10/m/user",
	"change_password":         "5/m/user",
	"manage_email":            "10/m/user",
	"change_phone":            "1/m/user",
	"confirm_email":           "1/3m/key",
	"verify_phone":            "1/30s/key,3/m/ip",
	"webauthn_login":          "10/m/ip",
	// Ours: allauth has no limit for these.
	"webauthn_options": "60/m/ip",
	"provider_nonce":   "60/m/ip",
	"mfa_failed":       "10/h/user,30/d/user",
	"notice":           "20/h/key",
}

// confirmByCode is confirm_email where addresses are verified by code.
const confirmByCode = "1/10s/key"

// rate is n requests in a period, counted for one subject.
type rate struct {
	n      int
	period time.Duration
	per    string // ip, key or user
}

var notation = regexp.MustCompile(`^(\d{1,6})/(\d{0,4})(s|m|h|d|sec|min|hour|day)/(ip|key|user)$`)

// parseRates reads "10/m/ip,5/5m/key".
func parseRates(text string) ([]rate, error) {
	var rates []rate
	for _, part := range strings.Split(text, ",") {
		m := notation.FindStringSubmatch(strings.TrimSpace(part))
		if m == nil {
			return nil, fmt.Errorf("%q is not of the form 5/10m/key", part)
		}
		n, _ := strconv.Atoi(m[1])
		times := 1
		if m[2] != "" {
			times, _ = strconv.Atoi(m[2])
		}
		if n < 1 || times < 1 {
			return nil, fmt.Errorf("%q allows nothing", part)
		}
		unit := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}[m[3][0]]
		rates = append(rates, rate{n: n, period: time.Duration(times) * unit, per: m[4]})
	}
	return rates, nil
}

// rules is the rates of each action that has any.
func (s Settings) rules(byCode bool) (map[string][]rate, error) {
	if strings.EqualFold(s.Rates, "false") {
		return nil, nil
	}
	texts := map[string]string{}
	for action, text := range defaults {
		texts[action] = text
	}
	if byCode {
		texts["confirm_email"] = confirmByCode
	}
	if !strings.EqualFold(s.Rates, "true") && s.Rates != "" {
		var changes map[string]any
		if err := json.Unmarshal([]byte(s.Rates), &changes); err != nil {
			return nil, errors.New("want true, false, or a JSON object")
		}
		for action, value := range changes {
			if defaults[action] == "" {
				return nil, fmt.Errorf("%q is not an action", action)
			}
			switch v := value.(type) {
			case string:
				texts[action] = v
			case bool, nil:
				if v == true {
					return nil, fmt.Errorf("%s: want rates, or false", action)
				}
				delete(texts, action)
			default:
				return nil, fmt.Errorf("%s: want rates, or false", action)
			}
		}
	}
	rules := map[string][]rate{}
	for action, text := range texts {
		rates, err := parseRates(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", action, err)
		}
		rules[action] = rates
	}
	return rules, nil
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	if s.HMACKey != "" && len(s.HMACKey) < 32 {
		return []error{errors.New("LATCHKEY_HMAC_KEY: want at least 32 characters")}
	}
	if _, err := s.rules(false); err != nil {
		return []error{fmt.Errorf("ACCOUNT_RATE_LIMITS: %w", err)}
	}
	return nil
}
