package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/latchkey-auth/latchkey/internal/ops"
	"github.com/latchkey-auth/latchkey/internal/server"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// openTraces makes what traces requests, where the settings ask for it, and returns what is wrong with
// these settings.
func (a *App) openTraces(ctx context.Context) []error {
	var wrong []error
	a.traces, wrong = trace.New(ctx, a.config.Trace, Version, a.log, time.Now)
	if a.traces == nil {
		return wrong
	}

	a.metrics.Register(ops.NewTraces(a.traces.Figures))
	a.log = slog.New(trace.NewHandler(a.log.Handler()))

	return nil
}

// drain notes that the server is about to end, and by when.
func (a *App) drain() {
	over := time.Now().Add(time.Duration(a.config.Server.DrainDelay)*time.Second + server.DrainTimeout)
	a.drained.Store(&over)
	a.health.Drain()
}

// Bounds of the time in which the last spans are sent.
const (
	leastFlush = time.Second // where the drain took all its time
	mostFlush  = 5 * time.Second
)

// flushTraces sends the spans that wait, in what is left of the time of the drain. A second call does
// nothing.
func (a *App) flushTraces() {
	left := leastFlush
	if over := a.drained.Load(); over != nil {
		left = min(max(left, time.Until(*over)), mostFlush)
	}

	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()

	a.traces.Close(ctx)
}
