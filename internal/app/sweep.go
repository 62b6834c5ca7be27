package app

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
)

const (
	sweepEvery   = time.Minute
	keepSessions = 90 * 24 * time.Hour // after their end: so long a device is no new one
	keepPersonal = 90 * 24 * time.Hour // addresses and user agents in the audit log
)

// Sweep removes what nobody needs any more: idle counters, sessions that ended 90 days ago,
// what is personal in the audit log of 90 days ago, codes and links that are too old, what
// old messages said, and people whose account was to go by now; it has grants of other
// services revoked. Several servers may sweep
// at once, and a sweep that was cut off goes on with the next.
func (a *App) Sweep(ctx context.Context) error {
	_, idle := a.limiter.Sweep(ctx)
	_, old := a.DB.DeleteOldSessions(ctx, db.DeleteOldSessionsParams{Before: a.DB.Now().Add(-keepSessions), Now: a.DB.Now()})
	_, personal := a.DB.UpdateOldAuditEvents(ctx, a.DB.Now().Add(-keepPersonal))
	_, codes := code.Sweep(ctx, a.DB.Queries, a.DB.Now())
	_, messages := a.outbox.Sweep(ctx)
	proofs := a.sweepProofs(ctx)
	_, left := a.account.Purge(ctx) // these two may wait for others
	_, revoked := a.account.Revoke(ctx)
	return errors.Join(idle, old, personal, codes, messages, proofs, left, revoked)
}

// sweepProofs removes questions that nobody has answered, nonces that nobody has used, and
// id_tokens that have expired.
func (a *App) sweepProofs(ctx context.Context) error {
	now := a.DB.Now()
	_, ceremonies := a.DB.DeleteOldCeremonies(ctx, now)
	_, nonces := a.DB.DeleteOldProviderNonces(ctx, now)
	_, spent := a.DB.DeleteOldSpentIDTokens(ctx, now)
	return errors.Join(ceremonies, nonces, spent)
}

// sweep is the janitor of a running server.
func (a *App) sweep(ctx context.Context) {
	every(ctx, sweepEvery, func() bool {
		if err := a.Sweep(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("sweeping failed; trying again in a minute", "cause", err.Error())
		}
		return true
	})
}
