package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Grant is the refresh token that ExchangeCode returns and Revoke takes, sealed for the
// account with the provider that it belongs to.
type Grant struct {
	Provider, UID, ClientID string
	Sealed                  []byte
}

// GrantOf is the grant of a connected account; without Sealed where there is none.
func GrantOf(row db.ProviderAccount) Grant {
	return Grant{Provider: row.Provider, UID: row.Uid, ClientID: row.ClientID, Sealed: row.GrantSealed}
}

// GrantAbout is what the sealed grant of an account belongs to: it opens nowhere else.
func GrantAbout(provider, uid string) string { return "grant " + provider + " " + uid }

// RevocationAbout is what a sealed grant belongs to once it waits to be revoked.
func RevocationAbout(id string) string { return "revocation " + id }

// Open reads a grant; nil where there is none. The error is secret.ErrSealed, also where
// there are no keys.
func (g Grant) Open(keys *secret.Sealer) ([]byte, error) {
	if len(g.Sealed) == 0 {
		return nil, nil
	}

	if keys == nil {
		return nil, fmt.Errorf("%w: LATCHKEY_SEALING_KEYS is not set", secret.ErrSealed)
	}

	return keys.Open(g.Sealed, GrantAbout(g.Provider, g.UID))
}

// Enqueue has a grant revoked, if there is one: with the transaction of q, where it is one.
// The row is nobody's: it outlives the person. An error that is secret.ErrSealed means that
// nobody can revoke it any more; then nothing was asked of the database.
func (g Grant) Enqueue(ctx context.Context, q *db.Queries, keys *secret.Sealer, now time.Time) error {
	token, err := g.Open(keys)
	if err != nil || token == nil {
		return err
	}

	id, err := uuid.NewV7()
	if err != nil {
		return err
	}

	return q.InsertRevocation(ctx, db.InsertRevocationParams{
		ID: id, Provider: g.Provider, ClientID: g.ClientID, Now: now, GrantSealed: keys.Seal(token, RevocationAbout(id.String())),
	})
}
