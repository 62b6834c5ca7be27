package flow

// Stage is one thing that a visitor may have to do on the way in. Its text is the id of
// the flow that clients know it by.
type Stage string

// The stages.
const (
	LoginByCode Stage = "login_by_code"
	VerifyPhone Stage = "verify_phone"
	VerifyEmail Stage = "verify_email"
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
