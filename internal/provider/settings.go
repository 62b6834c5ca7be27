package provider

import (
	"errors"
	"fmt"
	"strings"
)

// Settings of sign-in with other providers, under allauth's names.
type Settings struct {
	Providers string `env:"SOCIALACCOUNT_PROVIDERS" secret:"true" doc:"Apps at Apple, Google and OpenID Connect providers: a JSON object as allauth has it, such as {\"google\": {\"APPS\": [{\"client_id\": \"…\"}]}}."`

	AutoSignup        bool   `env:"SOCIALACCOUNT_AUTO_SIGNUP" default:"true" doc:"Create the account at once if the provider supplies everything that is required."`
	EmailRequired     string `env:"SOCIALACCOUNT_EMAIL_REQUIRED" doc:"Whether an account created with a provider needs an address: true or false. Default: as at sign-up."`
	EmailVerification string `env:"SOCIALACCOUNT_EMAIL_VERIFICATION" doc:"ACCOUNT_EMAIL_VERIFICATION for accounts created with a provider: mandatory, optional or none. Default: the same. If it is weaker than ACCOUNT_EMAIL_VERIFICATION, users of a provider can find out which addresses are taken."`

	EmailAuthentication bool `env:"SOCIALACCOUNT_EMAIL_AUTHENTICATION" default:"false" doc:"Let an address that the provider is authoritative for sign in to the account that has verified it. Can be set per app and provider."`
	AutoConnect         bool `env:"SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT" default:"false" doc:"Connect the provider to an account that was signed in to by address."`
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	if _, err := Parse(s.Providers); err != nil {
		var many interface{ Unwrap() []error }
		if !errors.As(err, &many) {
			wrong = append(wrong, fmt.Errorf("SOCIALACCOUNT_PROVIDERS: %w", err))
		} else {
			for _, one := range many.Unwrap() {
				wrong = append(wrong, fmt.Errorf("SOCIALACCOUNT_PROVIDERS: %w", one))
			}
		}
	}

	if _, _, err := s.NeedsEmail(); err != nil {
		wrong = append(wrong, fmt.Errorf("SOCIALACCOUNT_EMAIL_REQUIRED: %w", err))
	}

	switch s.EmailVerification {
	case "", "mandatory", "optional", "none":
	default:
		wrong = append(wrong, errors.New("SOCIALACCOUNT_EMAIL_VERIFICATION: want mandatory, optional or none"))
	}

	return wrong
}

// NeedsEmail is what EmailRequired says; set is false where it follows sign-up.
func (s Settings) NeedsEmail() (needs, set bool, err error) {
	switch strings.ToLower(s.EmailRequired) {
	case "":
		return false, false, nil
	case "true", "1", "yes", "on":
		return true, true, nil
	case "false", "0", "no", "off":
		return false, true, nil
	}

	return false, false, errors.New("want true or false")
}
