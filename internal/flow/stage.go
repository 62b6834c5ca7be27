package flow

// Stage is a step that a pending sign-in may require. Its text is the id of the flow that clients see.
type Stage string

// The stages.
const (
	LoginByCode Stage = "login_by_code"
	VerifyPhone Stage = "verify_phone"
	VerifyEmail Stage = "verify_email"
	// MFAAuthenticate asks for the second factor.
	MFAAuthenticate Stage = "mfa_authenticate"
	// MFASignup asks for the passkey of a new account.
	MFASignup Stage = "mfa_signup_webauthn"
)

// Facts are what the stages need to know about a pending sign-in.
type Facts struct {
	// CodeNeeded means that the user requested a sign-in code, or that the settings require one.
	CodeNeeded bool
	// CodeProved means that the user has confirmed a code.
	CodeProved bool
	// PhoneOpen means that a number has to be verified.
	PhoneOpen bool
	// EmailOpen means that an address has to be verified.
	EmailOpen bool
	// FactorNeeded means that the user has a second factor.
	FactorNeeded bool
	// FactorShown means that the user has shown one in this attempt, or signed in with a passkey.
	FactorShown bool
	// PasskeyAwaited means that the account is created with a passkey, and has none yet.
	PasskeyAwaited bool
}

// stages are checked in this order: the first open one is next, and if none is open the sign-in is complete.
// The table uses no database, no clock and no context.
var stages = []struct {
	stage Stage
	open  func(Facts) bool
	when  string // for docs/flows.md
	by    string // for docs/flows.md
}{
	{LoginByCode, func(f Facts) bool { return f.CodeNeeded && !f.CodeProved }, "a sign-in code was requested or is required, and is not confirmed", "`confirmLoginCode`"},
	{VerifyPhone, func(f Facts) bool { return f.PhoneOpen }, "the number has to be verified", "`verifyPhone`"},
	{VerifyEmail, func(f Facts) bool { return f.EmailOpen }, "the address has to be verified", "`verifyEmail`"},
	{MFAAuthenticate, func(f Facts) bool { return f.FactorNeeded && !f.FactorShown }, "the user has a second factor and has not shown it", "`submitSecondFactor`, `submitSecondFactorCredential`"},
	{MFASignup, func(f Facts) bool { return f.PasskeyAwaited }, "the account is created with a passkey, and has none yet", "`completePasskeySignup`"},
}

// Next returns the next stage, and false when the sign-in is complete.
func Next(f Facts) (Stage, bool) {
	for _, s := range stages {
		if s.open(f) {
			return s.stage, true
		}
	}
	return "", false
}
