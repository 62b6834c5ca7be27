package outbox

import (
	"context"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Reseal seals messages that are still to be sent with the newest key. It can be repeated, and
// run beside servers.
func Reseal(ctx context.Context, q *db.Queries, r *secret.Resealing) error {
	after := uuid.UUID{}
	for {
		rows, err := q.ListSealedMessages(ctx, after)
		if err != nil || len(rows) == 0 {
			return err
		}

		for _, row := range rows {
			after = row.ID

			err := r.Move(row.Sealed, about(row.ID, Kind(row.Kind)), func(fresh []byte) (int64, error) {
				return q.UpdateMessageSealed(ctx, db.UpdateMessageSealedParams{ID: row.ID, Before: row.Sealed, Sealed: fresh})
			})
			if err != nil {
				return err
			}
		}
	}
}
