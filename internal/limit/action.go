package limit

import (
	"slices"
	"strings"
)

// Action is something that callers ask for and that is counted. The actions are declared
// below and nowhere else: the zero value is none, and another package cannot make one.
type Action struct{ *declaration }

// declaration says what an action counts, and how much of it by default.
type declaration struct {
	name     string
	rates    string   // the default, in allauth's notation
	subjects []string // what a rate of it may count
}

// The subjects of rates.
const (
	perIP      = "ip"      // the client's address; see network
	perUser    = "user"    // the account
	perKey     = "key"     // what the action is about, such as the address that a mail goes to
	perSession = "session" // the session of the caller
	perAll     = "all"     // every request together
)

// The actions with allauth's names and defaults.
//
// ConfirmEmail has the default of links here; see confirmByCode.
var (
	Login                = declare("login", "30/m/ip", perIP)
	LoginFailed          = declare("login_failed", "10/m/ip,5/5m/key", perIP, perKey)
	Signup               = declare("signup", "20/m/ip", perIP)
	RequestLoginCode     = declare("request_login_code", "20/m/ip,3/m/key", perIP, perKey)
	ResetPassword        = declare("reset_password", "20/m/ip,5/m/key", perIP, perKey)
	ResetPasswordFromKey = declare("reset_password_from_key", "20/m/ip", perIP)
	Reauthenticate       = declare("reauthenticate", "10/m/session", perIP, perUser, perSession)
	ChangePassword       = declare("change_password", "5/m/session", perIP, perUser, perSession)
	ManageEmail          = declare("manage_email", "10/m/user", perIP, perUser, perSession)
	ChangePhone          = declare("change_phone", "1/m/user", perIP, perUser, perSession)
	ConfirmEmail         = declare("confirm_email", "1/3m/key", perIP, perKey)
	VerifyPhone          = declare("verify_phone", "1/30s/key,3/m/ip", perIP, perKey)
	WebAuthnLogin        = declare("webauthn_login", "10/m/ip", perIP)
)

// The actions that allauth has no limit for.
var (
	WebAuthnOptions = declare("webauthn_options", "60/m/ip", perIP)
	WebAuthnAdd     = declare("webauthn_add", "20/m/user", perIP, perUser, perSession)
	ProviderNonce   = declare("provider_nonce", "60/m/ip", perIP)
	ProviderEvent   = declare("provider_event", "600/m/ip", perIP)
	MFAFailed       = declare("mfa_failed", "10/h/user,30/d/user", perUser)
	// ReauthenticateFailed is a wrong password or code of a signed-in caller. Security: it counts
	// the session, not the user, so that a thief with a token does not use up the guesses of the
	// owner's own session (TestGuesses_ofOneSessionDoNotStopAnother).
	ReauthenticateFailed = declare("reauthenticate_failed", "10/m/ip,5/5m/session,10/h/session,30/d/session", perIP, perUser, perSession)
	Mail                 = declare("mail", "10/h/key,20/d/key", perKey)
	SMS                  = declare("sms", "5/h/key,10/d/key", perKey)
	SMSUnverified        = declare("sms_unverified", "500/d/all", perAll)
	SMSTotal             = declare("sms_total", "1000/d/all", perAll)
	Notice               = declare("notice", "20/h/key", perKey)
	// ChangeNotice counts changes to the ways into an account by signed-in callers, and nothing
	// else: beyond it the messages about them are delayed; see Later.
	ChangeNotice = declare("change_notice", "20/h/user", perUser)
	// ChangeText counts the texts about such changes: they cost money.
	ChangeText  = declare("change_text", "10/d/user", perUser)
	AccountUndo = declare("account_undo", "20/m/ip", perIP)
)

// The actions of devices that a user has signed in with before.
var (
	LoginFailedDevice = declare("login_failed_device", "5/5m/session,30/d/session,100/d/user", perIP, perUser, perSession)
	MFAFailedDevice   = declare("mfa_failed_device", "5/5m/session,30/d/session,100/d/user", perIP, perUser, perSession)
)

// confirmByCode is the default of ConfirmEmail where addresses are verified by code.
const confirmByCode = "1/10s/key"

// uncounted are actions that allauth's settings may name and that Latchkey does not count.
var uncounted = map[string]string{ //nolint:gosec // names of actions, no credentials
	"reset_password_email": "it is the old name for reset_password per key",
}

var declared = map[string]Action{}

func declare(name, rates string, subjects ...string) Action {
	a := Action{&declaration{name, rates, subjects}}
	declared[name] = a

	return a
}

// Named finds the action that the spec calls so (x-rate-limit).
func Named(name string) (Action, bool) {
	a, ok := declared[name]

	return a, ok
}

// names lists all actions.
func names() []string {
	list := make([]string, 0, len(declared))
	for name := range declared {
		list = append(list, name)
	}

	slices.Sort(list)

	return list
}

// Name is what the settings call the action.
func (a Action) Name() string { return a.name }

func (a Action) counts(subject string) bool { return slices.Contains(a.subjects, subject) }

// allowed lists what a rate of the action may count, for a message.
func (a Action) allowed() string { return strings.Join(a.subjects, ", ") }
