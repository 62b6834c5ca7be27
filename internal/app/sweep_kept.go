package app

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
)

// sweepAudit removes audit events after their retention.
func (a *App) sweepAudit(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	return audit.Sweep(ctx, q, a.config.Audit, now)
}

// sweepSharedKeys removes what is encrypted for keys that no server has had for 90 days, so that a key which
// is found later decrypts nothing.
func sweepSharedKeys(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) {
	return q.DeleteUnseenSharedSecrets(ctx)
}
