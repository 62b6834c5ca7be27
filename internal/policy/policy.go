// Package policy owns the operator's choices about accounts: allauth's ACCOUNT_…
// settings, and what follows from several of them together. It does nothing itself.
package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Settings of accounts. Durations in seconds unless the name says otherwise.
type Settings struct {
	LoginMethods []string `env:"ACCOUNT_LOGIN_METHODS" default:"email" doc:"What users can sign in with: email, username, phone."`
	SignupFields []string `env:"ACCOUNT_SIGNUP_FIELDS" default:"email*,password1*" doc:"What sign-up asks for: email, email2, username, phone, password1; a star makes one required. password2 is accepted and ignored."`
	SignupOpen   bool     `env:"LATCHKEY_SIGNUP_OPEN" default:"true" doc:"Whether the API accepts sign-ups."`
	Enumeration  string   `env:"ACCOUNT_PREVENT_ENUMERATION" default:"true" doc:"true: responses do not reveal whether an account exists, unless another setting makes that unavoidable. strict: not even with unverified addresses; then several accounts may have the same unverified address. false: responses may reveal it."`

	EmailVerification       string `env:"ACCOUNT_EMAIL_VERIFICATION" default:"optional" doc:"mandatory: signing in requires a verified address. optional: a mail is sent at sign-up. none: no mail."`
	EmailVerificationByCode bool   `env:"ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED" default:"false" doc:"Verify addresses by a code rather than a link. Needs mandatory verification."`
	LoginOnConfirmation     bool   `env:"ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION" default:"false" doc:"Opening the link signs in the session that waits for it."`
	ChangeEmail             bool   `env:"ACCOUNT_CHANGE_EMAIL" default:"false" doc:"Users have one address: a new one replaces it once it is verified."`
	MaxEmailAddresses       int    `env:"ACCOUNT_MAX_EMAIL_ADDRESSES" default:"0" min:"0" max:"1000" doc:"Maximum number of addresses of a user; 0 means 20."`
	EmailNotifications      bool   `env:"ACCOUNT_EMAIL_NOTIFICATIONS" default:"false" doc:"Mail users about a new device and a stolen token. Changes to how users sign in (address, number, password, second factor, passkey, provider) are always mailed. Such mails go to verified addresses only."`
	EmailUnknownAccounts    bool   `env:"ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS" default:"true" doc:"Send a mail if a code or a reset is requested for an address without an account. A number without an account gets no text."`

	PhoneVerification bool `env:"ACCOUNT_PHONE_VERIFICATION_ENABLED" default:"true" doc:"Verify phone numbers by a code."`

	UsernameMinLength int      `env:"ACCOUNT_USERNAME_MIN_LENGTH" default:"1" min:"1" max:"150" doc:"Minimum number of characters of a user name."`
	UsernameBlacklist []string `env:"ACCOUNT_USERNAME_BLACKLIST" doc:"User names that are not allowed, regardless of case."`
	PreserveCasing    bool     `env:"ACCOUNT_PRESERVE_USERNAME_CASING" default:"true" doc:"Store user names as they are written; they are always compared without case."`

	LoginTimeout        int    `env:"ACCOUNT_LOGIN_TIMEOUT" default:"900" min:"60" max:"86400" doc:"Seconds that a sign-in may take from its first step to its last."`
	LoginByCode         bool   `env:"ACCOUNT_LOGIN_BY_CODE_ENABLED" default:"false" doc:"Allow signing in with a mailed or texted code instead of the password."`
	LoginByCodeRequired string `env:"ACCOUNT_LOGIN_BY_CODE_REQUIRED" default:"false" doc:"true: every sign-in also requires a code. Or a comma-separated list of methods that also require a code, such as password. Sign-up always does."`

	ResetByCode              bool `env:"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED" default:"false" doc:"Reset passwords by a code rather than a link."`
	LoginOnReset             bool `env:"ACCOUNT_LOGIN_ON_PASSWORD_RESET" default:"false" doc:"Resetting a password signs in, after a second factor where there is one."`
	LogoutOnPasswordChange   bool `env:"ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE" default:"false" doc:"Changing the password also ends the session that changes it."`
	ReauthenticationTimeout  int  `env:"ACCOUNT_REAUTHENTICATION_TIMEOUT" default:"300" min:"10" max:"86400" doc:"Seconds for which a proof of identity counts (x-recent-auth in the spec)."`
	ReauthenticationRequired bool `env:"ACCOUNT_REAUTHENTICATION_REQUIRED" default:"true" doc:"Adding, moving and removing addresses, the phone number and providers needs a proof of identity. false: not for adding, moving or removing an address, for the phone number, nor for disconnecting a provider, as by default in allauth; a stolen access token can then move the account to another address, and the server warns of it at its start. Connecting a provider, a first password, export and deletion always need the proof."`

	DeletionGraceSeconds int `env:"LATCHKEY_ACCOUNT_DELETION_GRACE" default:"1209600" min:"0" max:"7776000" doc:"Seconds between a deletion request and the deletion (14 days); signing in cancels it. 0: at once."`

	UserIDs string `env:"LATCHKEY_USER_IDS" default:"int52" doc:"How the ids of new users are generated: sub of their tokens, which is always text, and id in responses. int52: a number below 2^52. int31: a number from 2^30 to 2^31-1, for clients and backends with 32-bit ints. int63: a number from 2^53 to 2^63-1; id is text, since JavaScript does not keep it exact. uuid: a random UUID; id is text. text: 26 capital letters and digits; id is text. Existing users keep their ids. Set it once all servers run this release."`

	ClaimsFunction string `env:"LATCHKEY_CLAIMS_FUNCTION" doc:"schema.function of a PostgreSQL function (user_id bigint) returns jsonb: its members are added to every access token. At most 512 bytes as compact JSON, without the names that JWT and Latchkey use. With other claims, sign-up, sign-in and refresh are 500 (invalid_claims), and the log says why."`
}

// UndoLifetime is how long a change to the ways into an account can be undone by a link.
const UndoLifetime = 7 * 24 * time.Hour

var (
	loginMethods = []string{"email", "username", "phone"}
	signupFields = []string{"email", "email2", "username", "phone", "password1", "password2"}
)

// Check reports what is wrong with the settings, all of it.
func (s Settings) Check() []error {
	errs := s.checkFields()
	if !slices.Contains([]string{"true", "false", "strict"}, strings.ToLower(s.Enumeration)) {
		errs = append(errs, errors.New("ACCOUNT_PREVENT_ENUMERATION: want true, false or strict"))
	}

	if !slices.Contains([]string{"mandatory", "optional", "none"}, s.EmailVerification) {
		errs = append(errs, errors.New("ACCOUNT_EMAIL_VERIFICATION: want mandatory, optional or none"))
	}

	if s.EmailVerificationByCode && s.EmailVerification != "mandatory" {
		errs = append(errs, errors.New("ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED: needs ACCOUNT_EMAIL_VERIFICATION=mandatory"))
	}

	if !s.IDs().Known() {
		errs = append(errs, errors.New("LATCHKEY_USER_IDS: want int52, int31, int63, uuid or text"))
	}

	return errs
}

// IDs is how the subjects of new users are drawn.
func (s Settings) IDs() userid.Kind { return userid.Kind(s.UserIDs) }

func (s Settings) checkFields() []error {
	var errs []error
	if len(s.LoginMethods) == 0 {
		errs = append(errs, errors.New("ACCOUNT_LOGIN_METHODS: want at least one of email, username, phone"))
	}

	for _, m := range s.LoginMethods {
		if !slices.Contains(loginMethods, m) {
			errs = append(errs, fmt.Errorf("ACCOUNT_LOGIN_METHODS: %q is not one of email, username, phone", m))
		}
	}

	for _, f := range s.SignupFields {
		if !slices.Contains(signupFields, strings.TrimSuffix(f, "*")) {
			errs = append(errs, fmt.Errorf("ACCOUNT_SIGNUP_FIELDS: %q is not one of email, email2, username, phone, password1, password2", f))
		}
	}

	if !s.Asks("email") && !s.Asks("username") && !s.Asks("phone") {
		errs = append(errs, errors.New("ACCOUNT_SIGNUP_FIELDS: want at least one of email, username, phone"))
	}

	return errs
}

// Asks reports whether sign-up takes a field.
func (s Settings) Asks(field string) bool {
	return slices.Contains(s.SignupFields, field) || s.Requires(field)
}

// Requires reports whether sign-up insists on a field.
func (s Settings) Requires(field string) bool { return slices.Contains(s.SignupFields, field+"*") }

// LoginBy reports whether people can sign in with email, username or phone.
func (s Settings) LoginBy(method string) bool { return slices.Contains(s.LoginMethods, method) }

// HasUsernames reports whether people here have user names, asked for or made up.
func (s Settings) HasUsernames() bool { return s.LoginBy("username") || s.Asks("username") }

// MustVerifyEmail reports whether nobody gets in with an address that is not verified.
func (s Settings) MustVerifyEmail() bool { return s.EmailVerification == "mandatory" }

// Hides reports whether answers must not tell who has an account.
func (s Settings) Hides() bool { return !strings.EqualFold(s.Enumeration, "false") }

// HidesStrictly reports whether that goes before the uniqueness of unverified addresses.
func (s Settings) HidesStrictly() bool { return strings.EqualFold(s.Enumeration, "strict") }

// NeedsCode reports whether a sign-in whose last proof was by a method needs a code as
// well; sign-up has no method.
func (s Settings) NeedsCode(method string) bool {
	switch strings.ToLower(s.LoginByCodeRequired) {
	case "true", "1", "yes", "on":
		return true
	case "", "false", "0", "no", "off":
		return false
	}

	if method == "" {
		return true
	}

	return slices.ContainsFunc(strings.Split(s.LoginByCodeRequired, ","), func(m string) bool {
		return strings.Trim(m, "[]{}() '\"") == method // Python's forms too: settings are copied from Django
	})
}

// MostEmailAddresses is the maximum number of addresses of a user.
func (s Settings) MostEmailAddresses() int {
	if s.MaxEmailAddresses == 0 {
		return 20
	}

	return s.MaxEmailAddresses
}

// LoginTime is how long a sign-in may take.
func (s Settings) LoginTime() time.Duration { return time.Duration(s.LoginTimeout) * time.Second }

// Recent is for how long a proof counts as recent.
func (s Settings) Recent() time.Duration {
	return time.Duration(s.ReauthenticationTimeout) * time.Second
}

// DeletionGrace is the time between the wish to leave and the end.
func (s Settings) DeletionGrace() time.Duration {
	return time.Duration(s.DeletionGraceSeconds) * time.Second
}
