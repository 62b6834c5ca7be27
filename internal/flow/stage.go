package flow

// Stage is one thing that a visitor may have to do on the way in. Its text is the id of
// the flow that clients know it by.
type Stage string

// The stages.
const (
	LoginByCode Stage = "login_by_code"
	VerifyPhone Stage = "verify_phone"
	VerifyEmail Stage = "verify_email"
	// MFAAuthenticate: the second factor.
	MFAAuthenticate Stage = "mfa_authenticate"
	// MFASignup: the passkey that a new account is to have.
	MFASignup Stage = "mfa_signup_webauthn"
)

// Facts are what the stages ask about a visitor.
type Facts struct {
	// CodeNeeded: the visitor asked for a sign-in code, or the settings demand one of them.
	CodeNeeded bool
	// CodeProved: they have confirmed one.
	CodeProved bool
	// PhoneOpen: there is a number that has to be verified.
	PhoneOpen bool
	// EmailOpen: there is an address that has to be verified.
	EmailOpen bool
	// FactorNeeded: the person has a second factor.
	FactorNeeded bool
	// FactorShown: they have shown one in this attempt, or signed in with a passkey.
	FactorShown bool
	// PasskeyAwaited: the account is being made with a passkey, and has none yet.
	PasskeyAwaited bool
}

// stages is the machine: in this order, the first open one is what the visitor must do
// next; when none is open they may come in. It has no database, no clock and no context.
var stages = []struct {
	stage Stage
	open  func(Facts) bool
	when  string // for docs/flows.md
	by    string // for docs/flows.md
}{
	{LoginByCode, func(f Facts) bool { return f.CodeNeeded && !f.CodeProved }, "a sign-in code was asked for, or is demanded, and is not confirmed", "`confirmLoginCode`"},
	{VerifyPhone, func(f Facts) bool { return f.PhoneOpen }, "the number has to be verified", "`verifyPhone`"},
	{VerifyEmail, func(f Facts) bool { return f.EmailOpen }, "the address has to be verified", "`verifyEmail`"},
	{MFAAuthenticate, func(f Facts) bool { return f.FactorNeeded && !f.FactorShown }, "the person has a second factor and has not shown it", "`submitSecondFactor`, `submitSecondFactorCredential`"},
	{MFASignup, func(f Facts) bool { return f.PasskeyAwaited }, "the account is made with a passkey, and has none yet", "`completePasskeySignup`"},
}

// Next returns the stage that a visitor has to pass now, and false when they may come in.
func Next(f Facts) (Stage, bool) {
	for _, s := range stages {
		if s.open(f) {
			return s.stage, true
		}
	}
	return "", false
}
