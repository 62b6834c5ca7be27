// Package factor owns the proofs beyond a password: codes of an authenticator app (TOTP),
// recovery codes and WebAuthn keys. It makes them and judges them, and is pure: it does
// not own what is stored, whether a code or a challenge was used before (the database
// decides), how often one may guess (internal/limit), nor what a proof opens
// (internal/flow, internal/account).
package factor

import (
	"errors"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey-auth/latchkey/internal/typed"
)

// The kinds of factors, as the protocol and MFA_SUPPORTED_TYPES name them.
const (
	TOTP          = "totp"
	RecoveryCodes = "recovery_codes"
	WebAuthn      = "webauthn"
)

// Factors makes and judges factors as its settings say.
type Factors struct {
	settings Settings
	// origins are those a WebAuthn client may report, byte for byte.
	origins map[string]bool
	// web and opaque are the same, as the library wants them: those of the web, and others.
	web, opaque []string
}

// New returns the factors that settings ask for, or all that is wrong with them.
func New(settings Settings) (*Factors, error) {
	f := &Factors{settings: settings, origins: map[string]bool{}}
	for _, o := range settings.origins() {
		f.origins[o] = true
		if protocol.IsOpaqueOrigin(o) {
			f.opaque = append(f.opaque, o)
		} else {
			f.web = append(f.web, o)
		}
	}

	return f, errors.Join(settings.Check()...)
}

// Clean returns what counts of a code that a user typed: people write 123 456 and 1234-5678.
func Clean(code string) string { return typed.Code(code) }
