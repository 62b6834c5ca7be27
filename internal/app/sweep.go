package app

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

const (
	sweepEvery   = time.Minute
	sweepStep    = 5000                // the LIMIT of what a sweep removes at a time
	keepSessions = 90 * 24 * time.Hour // after their end: so long a device is no new one
	keepPersonal = 90 * 24 * time.Hour // addresses and user agents in the audit log
)

// Sweep removes what nobody needs any more: idle counters, sessions that ended 90 days ago,
// what is personal in the audit log of 90 days ago, codes and links that are too old, what
// old messages said, changes that cannot be undone any more, questions that nobody has answered,
// nonces that nobody has used,
// id_tokens that nobody takes any more, and people whose account was to go by now; it has
// grants of other services revoked. Several servers may sweep at once, and a sweep that was
// cut off goes on with the next.
func (a *App) Sweep(ctx context.Context) error {
	q, now := a.DB.Queries, a.DB.Now()
	var failed []error // one must not keep the others
	for _, remove := range []func(context.Context) (int64, error){
		a.limiter.Sweep,
		func(ctx context.Context) (int64, error) {
			return q.DeleteOldSessions(ctx, db.DeleteOldSessionsParams{Before: now.Add(-keepSessions), Now: now})
		},
		func(ctx context.Context) (int64, error) { return q.UpdateOldAuditEvents(ctx, now.Add(-keepPersonal)) },
		func(ctx context.Context) (int64, error) { return code.Sweep(ctx, q, now) },
		a.outbox.Sweep,
		func(ctx context.Context) (int64, error) { return snapshot.Sweep(ctx, q, now) },
		func(ctx context.Context) (int64, error) { return q.DeleteOldCeremonies(ctx, now) },
		func(ctx context.Context) (int64, error) { return q.DeleteOldProviderNonces(ctx, now) },
		func(ctx context.Context) (int64, error) { return q.DeleteOldSpentIDTokens(ctx, now) },
		a.expire(a.account.ExpireAddresses),
		a.expire(a.account.ExpireAccounts),
	} {
		failed = append(failed, inSteps(ctx, remove))
	}
	_, left := a.account.Purge(ctx)
	revoked := a.account.Revoke(ctx) // last: it may wait for others
	return errors.Join(append(failed, left, revoked)...)
}

// inSteps repeats what removes a step, or two of two kinds, until there is less than one left:
// what has piled up goes, and no single statement takes long.
func inSteps(ctx context.Context, remove func(context.Context) (int64, error)) error {
	for {
		n, err := remove(ctx)
		if err != nil || n < sweepStep || ctx.Err() != nil {
			return err
		}
	}
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
