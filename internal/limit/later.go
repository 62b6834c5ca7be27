package limit

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Later takes one request from every limit of an action, whether there is one left or not, and
// returns how long the caller has to wait before they do what was asked for: at most longest.
// It is for what must not be refused, such as a message to the owner of an account.
func (l *Limiter) Later(ctx context.Context, tx postgres.Tx, action Action, s Subject, longest time.Duration) (time.Duration, error) {
	ask, err := l.ask(action, s)
	if err != nil || len(ask.Keys) == 0 {
		return 0, err
	}

	waits, err := tx.UpdateRateLimitsLater(ctx, db.UpdateRateLimitsLaterParams{
		Keys: ask.Keys, Costs: ask.Costs, Periods: ask.Periods, MostSeconds: longest.Seconds(),
	})
	if err != nil {
		return 0, err
	}

	wait := time.Duration(slices.Max(waits) * float64(time.Second))

	return max(wait, 0), nil
}
