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

// sweepSharedKeys removes what is sealed for keys that no server has had for 90 days: whoever finds one of
// them later opens nothing with it.
func sweepSharedKeys(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) {
	return q.DeleteUnseenSharedSecrets(ctx)
}
