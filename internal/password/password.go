// Package password owns how passwords are stored, checked and judged: argon2id
// behind a gate, and Django's validators with Django's codes. It does not own
// whose password it is.
package password

import (
	"fmt"
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
// some user costs, for each name always the same.
func (s *Slot) VerifyOf(name, typed string, stored *string) (ok, anew bool) {
	defer s.hashing().End()

	if stored == nil {
		s.compareWithDecoy(name, typed)
		return false, false
	}
	if !strings.HasPrefix(*stored, "$argon2id$") {
		return s.verifyForeign(name, typed, *stored)
	}

	p, salt, tag, err := decode(*stored)
	if err != nil {
		s.reportUnreadable(err)
		s.compareWithDecoy(name, typed)

		return false, false
	}

	ok = s.matches(Normalize(typed), salt, tag, p)
	ofToday := p.Memory == params.Memory && p.Iterations == params.Iterations && p.Parallelism == params.Parallelism

	return ok, ok && !ofToday
}

// reportUnreadable is the alarm for a hash that nobody can sign in with.
func (s *Slot) reportUnreadable(cause error) {
	if s.gate.Unreadable != nil {
		s.gate.Unreadable(cause)
	}
}

// decode reads a PHC string. It returns an error for what is none, and for parameters out of bounds.
func decode(stored string) (p argon2id.Params, salt, tag []byte, err error) {
	read, salt, tag, err := argon2id.DecodeHash(stored)
	if err != nil {
		return p, nil, nil, err
	}

	p = *read
	tooMuch := p.Memory > maxMemory || p.Iterations > maxIterations || p.Parallelism > maxParallelism
	tooLittle := p.Iterations < 1 || p.Parallelism < 1 || p.KeyLength < minTag
	if tooMuch || tooLittle {
		return p, nil, nil, fmt.Errorf("parameters out of bounds (m=%d t=%d p=%d, a tag of %d bytes)",
			p.Memory, p.Iterations, p.Parallelism, p.KeyLength)
	}

	return p, salt, tag, nil
}

// hashing counts a hash, and begins its step of the trace.
func (s *Slot) hashing() trace.Span {
	s.gate.hashes.Add(1)
	_, span := trace.Start(s.ctx, "password hash")

	return span
}
