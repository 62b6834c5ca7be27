package password

import (
	"errors"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
)

// Canonical returns how a hash of another system is stored here; "" where the user has no password. wrap
// hashes what is too fast to be stored. See foreignhash.Canonical.
func (g *Gate) Canonical(stored string, wrap func(text string) (string, error)) (string, error) {
	return foreignhash.Canonical(stored, g.foreignKeys, wrap)
}

var errOther = errors.New("another hash")

// IsStoredAs reports whether a hash of another system is what is stored here. A fast hash is stored inside
// argon2id, with a salt that was drawn.
func (g *Gate) IsStoredAs(stored, here string) bool {
	canonical, err := g.Canonical(stored, func(text string) (string, error) {
		at := strings.Index(here, "$argon2id$")
		if at < 0 {
			return "", errOther
		}

		outer, err := foreignhash.Read(here[at:], g.foreignKeys)
		if err != nil || !outer.Matches(text) {
			return "", errOther
		}

		return here[at:], nil
	})

	return err == nil && canonical == here
}

// IsOwn reports whether a stored hash has the parameters of today's: it was made here.
func IsOwn(stored string) bool { return strings.HasPrefix(stored, ownPrefix) }

const ownPrefix = "$argon2id$v=19$m=19456,t=2,p=1$"
