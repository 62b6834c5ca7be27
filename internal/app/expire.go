package app

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// expire runs a step that removes what nobody has verified, in a transaction of its own.
func (a *App) expire(step func(context.Context, *db.Queries, time.Time) (int64, error)) func(context.Context) (int64, error) {
	return func(ctx context.Context) (removed int64, err error) {
		err = a.DB.Tx(ctx, func(tx postgres.Tx) error {
			removed, err = step(ctx, tx.Queries, tx.Now)
			return err
		})
		return removed, err
	}
}
