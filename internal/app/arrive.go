package app

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/arrival"
)

const (
	// lookEvery is how often a server looks whether a service moves in, and
	// lookEveryArriving how often it does while requests wait.
	lookEvery         = time.Second
	lookEveryArriving = 100 * time.Millisecond
)

// loadPhase tells the gate whether requests have to wait.
func (a *App) loadPhase(ctx context.Context) error {
	state, err := arrival.Read(ctx, a.DB.BackgroundQueries()) // beside the requests, as everything that repeats
	if err != nil {
		return err
	}
	before := a.Arrival.Closed()
	a.Arrival.Set(state.Phase)

	switch after := a.Arrival.Closed(); {
	case after && !before:
		a.log.Info("a service is moving in: requests wait until `latchkey moving live`")
	case before && !after:
		a.log.Info("requests go on", "phase", state.Phase)
	}

	return nil
}

// followPhase repeats that while the server runs. In an outage the phase stays what it was.
func (a *App) followPhase(ctx context.Context) {
	timer := time.NewTimer(lookEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}

		_ = a.loadPhase(ctx) // the ping of the database reports an outage
		if a.Arrival.Closed() {
			timer.Reset(lookEveryArriving)
		} else {
			timer.Reset(lookEvery)
		}
	}
}

// warnOfOldTokens says that clients of the system before will be signed out because the settings do not
// say how it signs its tokens.
func (a *App) warnOfOldTokens(ctx context.Context) {
	if a.config.Old.Algorithm != "" || !a.ready.Load() {
		return
	}
	if has, err := a.DB.HasOldRefreshTokens(ctx); err == nil && has {
		a.log.Warn("refresh tokens of another system were imported, and LATCHKEY_OLD_JWT_ALGORITHM is not set: " +
			"clients that show one are signed out")
	}
}
