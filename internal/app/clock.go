package app

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

const (
	// clockEvery is how often the server's clock is compared with the database's.
	clockEvery = time.Minute
	// clockWarning is a difference that says that a machine has no NTP.
	clockWarning = time.Second
)

// TrustClock makes the server go by the clock that it was given, and not by the database's: for tests that
// move the clock to let time pass.
func TrustClock() Option {
	return func(a *App) { a.trustClock = true }
}

// syncClock compares the server's clock with the database's, and goes by the latter from now on.
func (a *App) syncClock(ctx context.Context) error {
	if a.trustClock {
		return nil
	}
	ahead, err := a.DB.SyncClock(ctx)
	if err != nil {
		return err
	}
	before := time.Duration(a.ahead.Swap(int64(ahead)))
	if ahead.Abs() >= clockWarning && (ahead-before).Abs() >= clockWarning {
		a.log.Warn("the clocks of this server and of the database differ; going by the database's: set both by NTP",
			"ahead_seconds", ahead.Seconds())
	}
	return nil
}

// followClock repeats that while the server runs: a fail-over changes the database's clock, and NTP the
// server's.
func (a *App) followClock(ctx context.Context) {
	every(ctx, clockEvery, func() bool {
		err := a.syncClock(ctx)
		if err != nil && ctx.Err() == nil && !errors.Is(err, problem.TemporarilyUnavailable) {
			a.log.Warn("the database's time cannot be read", "cause", err.Error())
		}
		return true
	})
}
