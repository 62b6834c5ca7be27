package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Reseal seals messages that are still to be sent with the newest key, and returns how many
// it moved. It can be repeated, and run beside servers.
func Reseal(ctx context.Context, q *db.Queries, keys *secret.Sealer) (moved int, err error) {
	after := uuid.UUID{}
	for {
		rows, err := q.ListSealedMessages(ctx, after)
		if err != nil || len(rows) == 0 {
			return moved, err
		}
		for _, row := range rows {
			after = row.ID
			fresh, old, err := keys.Renew(row.Sealed, about(row.ID, Kind(row.Kind)))
			if err != nil {
				return moved, fmt.Errorf("message %s: %w", row.ID, err)
			}
			if !old {
				continue
			}
			n, err := q.UpdateMessageSealed(ctx, db.UpdateMessageSealedParams{ID: row.ID, Before: row.Sealed, Sealed: fresh})
			if err != nil {
				return moved, err
			}
			moved += int(n)
		}
	}
}
