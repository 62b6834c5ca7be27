package authenticator

import (
	"context"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Reseal seals every secret of authenticators with the newest key, and returns how many it
// moved. It can be repeated, and run beside servers: a secret that has changed meanwhile is
// left as it is.
func Reseal(ctx context.Context, q *db.Queries, keys *secret.Sealer) (moved int, err error) {
	var after int64
	for {
		rows, err := q.ListSealedAuthenticators(ctx, after)
		if err != nil || len(rows) == 0 {
			return moved, err
		}
		for _, row := range rows {
			after = row.ID
			fresh, old, err := keys.Renew(row.Sealed, about(row.UserID, row.ID))
			if err != nil {
				return moved, fmt.Errorf("authenticator %d: %w", row.ID, err)
			}
			if !old {
				continue
			}
			n, err := q.UpdateAuthenticatorSealed(ctx, db.UpdateAuthenticatorSealedParams{ID: row.ID, Before: row.Sealed, Sealed: fresh})
			if err != nil {
				return moved, err
			}
			moved += int(n)
		}
	}
}
