package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

type keysResealCommand struct{}

// Help is shown by `latchkey keys reseal --help`.
func (keysResealCommand) Help() string {
	return `Needs DATABASE_URL and LATCHKEY_SEALING_KEYS. To change the key:

  1. put a new one first:  LATCHKEY_SEALING_KEYS=new:…,old:…  and restart all servers;
  2. latchkey keys reseal
  3. seven days later, when no message is left that was given up before, drop the old one.

Runs beside servers, can be cut off and repeated, and says how many it has moved.`
}

// Run seals with the newest key what another one has sealed.
func (keysResealCommand) Run(sh *shell) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	if settings.Outbox.SealingKeys == "" {
		return errors.New("LATCHKEY_SEALING_KEYS is not set: there is no key to seal with")
	}
	keys, err := secret.ParseSealer(settings.Outbox.SealingKeys)
	if err != nil {
		return fmt.Errorf("LATCHKEY_SEALING_KEYS: %w", err)
	}
	for _, kind := range []struct {
		name   string
		reseal func(context.Context, *db.Queries, *secret.Sealer) (int, error)
	}{{"secrets of authenticators", authenticator.Reseal}, {"grants of other services", resealGrants}, {"messages", outbox.Reseal}} {
		moved, err := kind.reseal(sh.ctx, d.Queries, keys)
		if _, printed := fmt.Fprintf(sh.out, "%s: %d moved to the newest key\n", kind.name, moved); printed != nil {
			return printed
		}
		if err != nil {
			return fmt.Errorf("%w (a key must stay in LATCHKEY_SEALING_KEYS until everything is resealed)", err)
		}
	}
	return nil
}

// resealGrants moves the grants of accounts, and those that are being revoked.
func resealGrants(ctx context.Context, q *db.Queries, keys *secret.Sealer) (moved int, err error) {
	after := db.ListSealedGrantsParams{}
	for {
		rows, err := q.ListSealedGrants(ctx, after)
		if err != nil {
			return moved, err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			after = db.ListSealedGrantsParams{AfterProvider: row.Provider, AfterUid: row.Uid}
			about := provider.GrantAbout(row.Provider, row.Uid)
			n, err := reseal(keys, row.GrantSealed, about, func(sealed []byte) (int64, error) {
				return q.UpdateGrantSealed(ctx, db.UpdateGrantSealedParams{Provider: row.Provider, Uid: row.Uid, Before: row.GrantSealed, GrantSealed: sealed})
			})
			if moved += n; err != nil {
				return moved, fmt.Errorf("the grant of user %d: %w", row.UserID, err)
			}
		}
	}
	due, err := q.ListSealedRevocations(ctx)
	if err != nil {
		return moved, err
	}
	for _, r := range due {
		n, err := reseal(keys, r.GrantSealed, provider.RevocationAbout(r.ID.String()), func(sealed []byte) (int64, error) {
			return q.UpdateRevocationSealed(ctx, db.UpdateRevocationSealedParams{ID: r.ID, Before: r.GrantSealed, GrantSealed: sealed})
		})
		if moved += n; err != nil {
			return moved, fmt.Errorf("revocation %s: %w", r.ID, err)
		}
	}
	return moved, nil
}

// reseal stores a secret anew, unless the newest key has sealed it.
func reseal(keys *secret.Sealer, sealed []byte, about string, store func([]byte) (int64, error)) (int, error) {
	fresh, old, err := keys.Renew(sealed, about)
	if err != nil || !old {
		return 0, err
	}
	n, err := store(fresh)
	return int(n), err
}
