package passwordhook

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/webhook"
)

// Names of the settings.
const (
	urlSetting   = "LATCHKEY_PASSWORD_HOOK_URL"
	keySetting   = "LATCHKEY_PASSWORD_HOOK_KEY"
	untilSetting = "LATCHKEY_PASSWORD_HOOK_UNTIL"
)

// Settings of the hook.
type Settings struct {
	URL   string `env:"LATCHKEY_PASSWORD_HOOK_URL" secret:"url" doc:"https address at the system that users come from, for one that gives no password hashes away. A sign-in whose user has no password here posts {identifier, password, subject} there; {\"match\": true, \"user\": {…}} moves the user and stores the password. Signed as LATCHKEY_SMS_WEBHOOK_URL is. While it is set, a refused sign-in takes two seconds. docs/moving-in-sources.md describes it."`
	Key   string `env:"LATCHKEY_PASSWORD_HOOK_KEY" secret:"true" doc:"At least 32 characters that key the signatures of these requests."`
	Until string `env:"LATCHKEY_PASSWORD_HOOK_UNTIL" doc:"Last day of the hook, such as 2027-03-31 (UTC). Users who have not signed in by then reset their password."`
}

// Check returns everything that is wrong with the settings.
func (s Settings) Check() []error {
	if s.URL == "" {
		if s.Key != "" || s.Until != "" {
			return []error{errors.New(urlSetting + ": is needed for the other settings of the password hook")}
		}

		return nil
	}

	wrong := webhook.Check(urlSetting, s.URL, keySetting, s.Key)
	if _, err := s.end(); err != nil {
		wrong = append(wrong, err)
	}

	return wrong
}

// end is when the hook is off; the zero time where it has no end.
func (s Settings) end() (time.Time, error) {
	if s.Until == "" {
		return time.Time{}, nil
	}

	day, err := time.Parse(time.DateOnly, s.Until)
	if err != nil {
		return day, fmt.Errorf("%s: want a date such as 2027-03-31", untilSetting)
	}

	return day.AddDate(0, 0, 1), nil
}
