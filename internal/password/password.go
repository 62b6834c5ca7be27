// Package password owns how passwords are stored, checked and judged: argon2id
// behind a gate, and Django's validators with Django's codes. It does not own
// whose password it is.
package password

import (
	"strings"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"

	"github.com/latchkey-auth/latchkey/internal/trace"
)

// params is OWASP's first choice for argon2id (SEC-33): memory in KiB.
var params = argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// decoy is the hash of a random text that was thrown away, with the parameters
// above: what a password is compared with where there is none to compare.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$PRNnqqQcRGY2OL5GJ5/1/w$6ypiAgl9eOgwEGQ8Qz6aylOk8UEBfPlmNjJr4EJ6ZvE"

var _, decoySalt, decoyTag, _ = argon2id.DecodeHash(decoy)

// Normalize strips outer blanks, as allauth does on every endpoint, and brings the
// rest to NFC, so that one password typed on two keyboards is one (SEC-37).
func Normalize(password string) string {
	return norm.NFC.String(strings.TrimSpace(password))
}

// Given returns what was typed as it was, or nothing where it has blanks alone. It is for a password to
// verify: other systems hashed what was typed.
func Given(typed string) string {
	if Normalize(typed) == "" {
		return ""
	}

	return typed
}

// Hash returns the PHC string to store for a password.
func (s *Slot) Hash(typed string) (string, error) {
	defer s.hashing().End()

	return s.create(Normalize(typed))
}

// Verify compares what was typed with a stored hash: one of ours, or one of another system that
// internal/foreignhash reads. A nil hash never matches. Timing: without a hash that can be read it costs one
// hash with today's parameters (SEC-40; TestSEC40_fourFailuresAreOne).
//
// A stored text that cannot be read matches nothing, at the same cost: an error would tell that the account
// exists (TestLogin_aHashThatCannotBeReadIsAMismatch).
//
// anew says that the password is right and should be stored anew with today's parameters.
func (s *Slot) Verify(typed string, stored *string) (ok, anew bool) {
	return s.VerifyOf("", typed, stored)
}

// VerifyOf is Verify for a name that may belong to nobody. Timing: without a hash it costs what the hash of
// some user costs, for each name always the same (TestSEC40_anUnknownNameTakesAsLongAsAMovedUser).
func (s *Slot) VerifyOf(name, typed string, stored *string) (ok, anew bool) {
	defer s.hashing().End()

	if stored == nil {
		s.compareWithDecoy(name, typed)
		return false, false
	}

	salt, tag, isOurs := decode(*stored)
	if !isOurs {
		return s.verifyForeign(name, typed, *stored)
	}

	return s.matches(Normalize(typed), salt, tag), false
}

// reportUnreadable is the alarm for a hash that nobody can sign in with.
func (s *Slot) reportUnreadable(cause error) {
	if s.gate.Unreadable != nil {
		s.gate.Unreadable(cause)
	}
}

// decode reads a hash with today's parameters. All others are foreign: internal/foreignhash has their bounds.
func decode(stored string) (salt, tag []byte, isOurs bool) {
	p, salt, tag, err := argon2id.DecodeHash(stored)
	if err != nil {
		return nil, nil, false
	}

	p.SaltLength = params.SaltLength // any

	return salt, tag, *p == params
}

// hashing counts a hash, and begins its step of the trace.
func (s *Slot) hashing() trace.Span {
	s.gate.hashes.Add(1)
	_, span := trace.Start(s.ctx, "password hash")

	return span
}
