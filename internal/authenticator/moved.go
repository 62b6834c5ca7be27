package authenticator

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// ErrNoSealingKeys is a secret of another system that cannot be sealed.
var ErrNoSealingKeys = errors.New("LATCHKEY_SEALING_KEYS is not set")

// Moved is what is known of an authenticator of another system beside its secret.
type Moved struct {
	CreatedAt            time.Time
	LastUsedAt, ViewedAt *time.Time
}

// MoveTOTP stores the authenticator app of a user of another system. The code that was used last there does not
// work again.
func (a *Authenticators) MoveTOTP(ctx context.Context, tx postgres.Tx, userID int64, secret []byte, m Moved) error {
	spent := int64(0)
	if m.LastUsedAt != nil {
		spent = m.LastUsedAt.Unix() / int64(a.Settings.TOTPPeriod)
	}

	return a.move(ctx, tx, userID, secretOf{factor.TOTP, secret, spent}, m)
}

// MovedCodes are recovery codes of another system. Used are the positions of those that were used.
type MovedCodes struct {
	Moved
	Codes []string
	Used  []int
}

// MoveRecoveryCodes stores the recovery codes of a user of another system.
func (a *Authenticators) MoveRecoveryCodes(ctx context.Context, tx postgres.Tx, userID int64, c MovedCodes) error {
	spent := int64(0)
	for _, position := range c.Used {
		spent |= 1 << position
	}

	return a.move(ctx, tx, userID, secretOf{factor.RecoveryCodes, factor.EncodeRecoveryCodes(c.Codes), spent}, c.Moved)
}

// MovedKey is a security key or passkey of another system.
type MovedKey struct {
	Moved
	Name string
	Key  factor.Credential
}

// MoveKey stores a security key or passkey of another system. It returns factor.ErrIncorrect where another user has it.
func (a *Authenticators) MoveKey(ctx context.Context, tx postgres.Tx, userID int64, k MovedKey) error {
	added, err := a.addKey(ctx, tx, userID, k.Name, k.Key)
	if err != nil {
		return err
	}

	return update(ctx, tx, added.ID, 0, k.Moved)
}

// secretOf is a secret of a kind, and what was used of it.
type secretOf struct {
	kind  string
	text  []byte
	spent int64
}

func (a *Authenticators) move(ctx context.Context, tx postgres.Tx, userID int64, s secretOf, m Moved) error {
	if a.lasting == nil {
		return ErrNoSealingKeys
	}

	row, err := a.insert(ctx, tx, userID, s.kind, s.text)
	if err != nil {
		return err
	}

	return update(ctx, tx, row.ID, s.spent, m)
}

func update(ctx context.Context, tx postgres.Tx, id, spent int64, m Moved) error {
	return tx.UpdateAuthenticatorMoved(ctx, db.UpdateAuthenticatorMovedParams{
		ID: id, Spent: spent, CreatedAt: m.CreatedAt, LastUsedAt: m.LastUsedAt, ViewedAt: m.ViewedAt,
	})
}
