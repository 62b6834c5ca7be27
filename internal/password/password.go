// Package password owns how passwords are stored, checked and judged: argon2id
// behind a gate, and Django's validators with Django's codes. It does not own
// whose password it is.
package password

import (
	"fmt"
	"strings"

	"github.com/alexedwards/argon2id"
	"github.com/latchkey-auth/latchkey/internal/trace"
	"golang.org/x/text/unicode/norm"
)

// params is OWASP's first choice for argon2id (SEC-33): memory in KiB.
var params = argon2id.Params{Memory: 19456, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// decoy is the hash of a random text that was thrown away, with the parameters
// above: what a password is compared with where there is none to compare.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$PRNnqqQcRGY2OL5GJ5/1/w$6ypiAgl9eOgwEGQ8Qz6aylOk8UEBfPlmNjJr4EJ6ZvE"

// Bounds on stored parameters. What the database says is input, too: a hash with
// m=4 GiB would stop the server (SEC-33), and one with t=0, p=0 or no tag makes the
// library panic.
const (
	minTag         = 16
	maxMemory      = 262144
	maxIterations  = 10
	maxParallelism = 16
)

// Normalize strips outer blanks, as allauth does on every endpoint, and brings the
// rest to NFC, so that one password typed on two keyboards is one (SEC-37).
func Normalize(password string) string {
	return norm.NFC.String(strings.TrimSpace(password))
}

// Hash returns the PHC string to store for a normalised password.
func (s *Slot) Hash(password string) (string, error) {
	defer s.hashing().End()

	return argon2id.CreateHash(password, &params)
}

// Verify compares a normalised password with a stored hash. A nil hash never
// matches. Timing: it costs one hash with today's parameters whatever stored is
// (SEC-40; TestSEC40_fourFailuresAreOne).
//
// A stored text that is no hash of ours matches nothing, at the same cost: an error would tell
// that the account exists (TestLogin_aHashThatCannotBeReadIsAMismatch).
//
// weak says that the password is right and should be stored anew with today's
// parameters.
func (s *Slot) Verify(password string, stored *string) (ok, weak bool, err error) {
	defer s.hashing().End()

	if stored == nil {
		_, _, err := argon2id.CheckHash(password, decoy)
		return false, false, err
	}
	p, _, _, err := argon2id.DecodeHash(*stored)
	if err != nil {
		return s.mismatch(password, err)
	}
	tooMuch := p.Memory > maxMemory || p.Iterations > maxIterations || p.Parallelism > maxParallelism
	if tooMuch || p.Iterations < 1 || p.Parallelism < 1 || p.KeyLength < minTag {
		return s.mismatch(password, fmt.Errorf("parameters out of bounds (m=%d t=%d p=%d, a tag of %d bytes)", p.Memory, p.Iterations, p.Parallelism, p.KeyLength))
	}
	ok, _, err = argon2id.CheckHash(password, *stored)
	weak = p.Memory < params.Memory || p.Iterations < params.Iterations
	return ok, ok && weak, err
}

// hashing counts a hash, and begins its step of the trace.
func (s *Slot) hashing() trace.Span {
	s.gate.hashes.Add(1)
	_, span := trace.Start(s.ctx, "password hash")

	return span
}

// mismatch answers for a stored hash that cannot be used, and reports why.
func (s *Slot) mismatch(password string, cause error) (ok, weak bool, err error) {
	if s.gate.Unreadable != nil {
		s.gate.Unreadable(cause)
	}

	_, _, err = argon2id.CheckHash(password, decoy)
	return false, false, err
}
