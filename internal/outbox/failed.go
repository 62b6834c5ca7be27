package outbox

import (
	"context"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Failed is a message that was given up.
type Failed = db.ListFailedMessagesRow

// ListFailed lists messages that were given up, the newest first, at most n.
func (o *Outbox) ListFailed(ctx context.Context, n int32) ([]Failed, error) {
	return o.DB.ListFailedMessages(ctx, n)
}

// Retry posts a message that was given up anew. It reports false where there is none, or
// where what it said has been erased.
func (o *Outbox) Retry(ctx context.Context, tx postgres.Tx, id uuid.UUID) (bool, error) {
	_, err := tx.MarkMessageRetried(ctx, id)
	if postgres.IsNotFound(err) {
		return false, nil
	}

	if err != nil {
		return false, err
	}

	return true, o.enqueue(ctx, tx, id, 0)
}

// CountWaiting is how many messages are neither sent nor given up.
func (o *Outbox) CountWaiting(ctx context.Context) (int64, error) {
	return o.DB.CountWaitingMessages(ctx)
}
