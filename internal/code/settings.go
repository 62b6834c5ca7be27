package code

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Settings of codes and links. Durations in seconds unless the name says otherwise.
type Settings struct {
	Format string `env:"ALLAUTH_USER_CODE_FORMAT" doc:"How codes look: a JSON object with length (6 to 32), numeric and dashed; {} is 8 letters, XXXX-XXXX, and numeric alone is 9 digits, 999-999-999. Default: {} in mails, and in texts 8 digits without dashes, which phones fill in automatically. A format that is set applies to both."`

	LoginFormat   string `env:"ACCOUNT_LOGIN_BY_CODE_FORMAT" doc:"ALLAUTH_USER_CODE_FORMAT for sign-in codes."`
	LoginTimeout  int    `env:"ACCOUNT_LOGIN_BY_CODE_TIMEOUT" default:"180" min:"10" max:"600" doc:"Lifetime of a sign-in code in seconds."`
	LoginAttempts int    `env:"ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS" default:"3" min:"1" max:"10" doc:"Attempts at one sign-in code."`
	LoginResends  string `env:"ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND" default:"false" doc:"How often a sign-in code can be resent in one sign-in; true is 2."`

	EmailFormat   string `env:"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT" doc:"ALLAUTH_USER_CODE_FORMAT for the verification of addresses."`
	EmailTimeout  int    `env:"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_TIMEOUT" default:"900" min:"10" max:"3600" doc:"Lifetime of a code that verifies an address, in seconds."`
	EmailAttempts int    `env:"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_MAX_ATTEMPTS" default:"3" min:"1" max:"10" doc:"Attempts at one code that verifies an address."`
	EmailResends  string `env:"ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND" default:"false" doc:"How often a code can be resent in one verification of an address; true is 2."`
	EmailChanges  string `env:"ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE" default:"false" doc:"How often the address can be changed while it is being verified at sign-up; true is 2."`
	EmailLinkDays int    `env:"ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS" default:"3" min:"1" max:"30" doc:"Lifetime of a link that verifies an address, in days."`

	PhoneFormat   string `env:"ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT" doc:"ALLAUTH_USER_CODE_FORMAT for the verification of phone numbers."`
	PhoneTimeout  int    `env:"ACCOUNT_PHONE_VERIFICATION_TIMEOUT" default:"600" min:"10" max:"3600" doc:"Lifetime of a code that verifies a phone number, in seconds."`
	PhoneAttempts int    `env:"ACCOUNT_PHONE_VERIFICATION_MAX_ATTEMPTS" default:"3" min:"1" max:"10" doc:"Attempts at one code that verifies a phone number."`
	PhoneResends  string `env:"ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND" default:"false" doc:"How often a code can be resent in one verification of a phone number; true is 2."`
	PhoneChanges  string `env:"ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE" default:"false" doc:"How often the number can be changed while it is being verified at sign-up; true is 2."`

	ResetFormat      string `env:"ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT" doc:"ALLAUTH_USER_CODE_FORMAT for resetting a password."`
	ResetTimeout     int    `env:"ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT" default:"180" min:"10" max:"600" doc:"Lifetime of a code that resets a password, in seconds."`
	ResetAttempts    int    `env:"ACCOUNT_PASSWORD_RESET_BY_CODE_MAX_ATTEMPTS" default:"3" min:"1" max:"10" doc:"Attempts at one code that resets a password."`
	ResetLinkTimeout int    `env:"PASSWORD_RESET_TIMEOUT" default:"86400" min:"60" max:"604800" doc:"Lifetime of a link that resets a password, in seconds (Django's setting)."`
}

// rule is what holds for the codes of a purpose.
type rule struct {
	format                     format // of mails
	texted                     format // of texts
	timeout                    time.Duration
	attempts, resends, changes int16
}

// formatFor is how a code for a target looks: a number gets a text, an address a mail.
func (r rule) formatFor(target string) format {
	if strings.Contains(target, "@") {
		return r.format
	}

	return r.texted
}

// rules reads the settings that are more than a number, and reports all mistakes.
func (s Settings) rules() (map[Purpose]rule, error) {
	var wrong []error
	look := func(name, own string) format {
		f, err := parseFormat(cmp.Or(own, s.Format, mailedFormat))
		if err != nil {
			if own == "" {
				name = "ALLAUTH_USER_CODE_FORMAT"
			}

			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}

		return f
	}
	often := func(name, text string) int16 {
		n, err := quota(text)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}

		return n
	}
	text := func(own string) format {
		f, _ := parseFormat(cmp.Or(own, s.Format, textedFormat)) // what is wrong with it, look reports
		return f
	}
	rules := map[Purpose]rule{
		Login: {
			texted: text(s.LoginFormat),
			format: look("ACCOUNT_LOGIN_BY_CODE_FORMAT", s.LoginFormat), timeout: seconds(s.LoginTimeout), attempts: int16(s.LoginAttempts), //nolint:gosec // at most 10
			resends: often("ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND", s.LoginResends),
		},
		VerifyEmail: {
			format: look("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_FORMAT", s.EmailFormat), timeout: seconds(s.EmailTimeout), attempts: int16(s.EmailAttempts), //nolint:gosec // at most 10
			resends: often("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND", s.EmailResends),
			changes: often("ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE", s.EmailChanges),
		},
		VerifyPhone: {
			format: look("ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT", s.PhoneFormat), texted: text(s.PhoneFormat),
			timeout: seconds(s.PhoneTimeout), attempts: int16(s.PhoneAttempts), //nolint:gosec // at most 10
			resends: often("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND", s.PhoneResends),
			changes: often("ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE", s.PhoneChanges),
		},
		ResetPassword: {
			format:  look("ACCOUNT_PASSWORD_RESET_BY_CODE_FORMAT", s.ResetFormat),
			timeout: seconds(s.ResetTimeout), attempts: int16(s.ResetAttempts), //nolint:gosec // at most 10
		},
	}
	rules[Reauthenticate] = rules[Login] // but for resends: another one is asked for

	return rules, errors.Join(wrong...)
}

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	if _, err := s.rules(); err != nil {
		var many interface{ Unwrap() []error }
		if errors.As(err, &many) {
			return many.Unwrap()
		}
	}

	return nil
}

// quota reads a number of times; allauth's true means 2.
func quota(text string) (int16, error) {
	switch strings.ToLower(text) {
	case "true":
		return 2, nil
	case "false", "":
		return 0, nil
	}

	n, err := strconv.ParseInt(text, 10, 16)
	if err != nil || n < 0 || n > 10 {
		return 0, errors.New("want true, false, or a number from 0 to 10")
	}

	return int16(n), nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
