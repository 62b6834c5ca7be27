package authenticator

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Reseal seals every secret of authenticators with the newest key. It can be repeated, and run
// beside servers.
func Reseal(ctx context.Context, q *db.Queries, r *secret.Resealing) error {
	var after int64
	for {
		rows, err := q.ListSealedAuthenticators(ctx, after)
		if err != nil || len(rows) == 0 {
			return err
		}

		for _, row := range rows {
			after = row.ID

			err := r.Move(row.Sealed, about(row.UserID, row.ID), func(fresh []byte) (int64, error) {
				return q.UpdateAuthenticatorSealed(ctx, db.UpdateAuthenticatorSealedParams{ID: row.ID, Before: row.Sealed, Sealed: fresh})
			})
			if err != nil {
				return err
			}
		}
	}
}
