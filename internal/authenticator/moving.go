package authenticator

import (
	"errors"

	"github.com/latchkey-auth/latchkey/internal/db"
)

// ErrNoKeys says that secrets cannot be sealed.
var ErrNoKeys = errors.New("LATCHKEY_SEALING_KEYS: is needed, since users have secrets that are stored sealed")

// Seal seals the secret of an authenticator that moves in.
func (a *Authenticators) Seal(userID, id int64, secret []byte) ([]byte, error) {
	if a.lasting == nil {
		return nil, ErrNoKeys
	}

	return a.lasting.Seal(secret, about(userID, id)), nil
}

// Secret opens what is sealed: the secret of an authenticator app.
func (a *Authenticators) Secret(row db.Authenticator) ([]byte, error) { return a.open(row) }

// Codes opens what is sealed: a set of recovery codes, used ones included.
func (a *Authenticators) Codes(row db.Authenticator) ([]string, error) { return a.codes(row) }
