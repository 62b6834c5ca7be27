package outbox

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// rareHandler passes river's warnings on, one in a minute: while the database is away it
// has several to give each second.
type rareHandler struct {
	slog.Handler
	now  func() time.Time
	next atomic.Int64 // when another may pass, in Unix seconds
}

const rarely = 60 // seconds

// Enabled leaves out what is no warning.
func (h *rareHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}

// Handle passes a record on, or not.
func (h *rareHandler) Handle(ctx context.Context, r slog.Record) error {
	now, next := h.now().Unix(), h.next.Load()
	if now < next || !h.next.CompareAndSwap(next, now+rarely) {
		return nil
	}

	return h.Handler.Handle(ctx, r)
}

// WithAttrs and WithGroup return the handler itself: river's records say enough, and all
// count together.
func (h *rareHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup is WithAttrs.
func (h *rareHandler) WithGroup(string) slog.Handler { return h }
