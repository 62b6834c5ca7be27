package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/arrival"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

const (
	// sweepEvery is the time between two sweeps of a server.
	sweepEvery = time.Minute
	// sweepStep is the LIMIT of the statements in queries/ that the janitor runs. 5,000 took up to two
	// seconds beside 10,000,000 sessions on a busy machine; a step is to take one at most.
	sweepStep = 2000
	// accountStep is the LIMIT for accounts: each takes rows of a dozen tables along.
	accountStep = 500

	sweepPages = 50 // the most pages of sessions that a sweep reads
	// idlePages is how many pages with nothing to remove a sweep reads: 10,000,000 sessions are read in a
	// day and a half.
	idlePages = 3

	keepSessions = 90 * 24 * time.Hour // after their end: so long a device is no new one
	keepPersonal = 90 * 24 * time.Hour // addresses and user agents in the audit log
)

// chore is one thing that the janitor does: it looks at a step of rows at most, or a step each of two
// kinds, and returns how many that were.
type chore struct {
	name   string
	step   int64
	remove func(context.Context, *db.Queries, time.Time) (int64, error)
}

// chores are all of them. Each statement takes its rows by an index, and no more than a step:
// its time does not grow with the table.
func (a *App) chores() []chore {
	return []chore{
		{"rate limits", sweepStep, func(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) { return limit.Sweep(ctx, q) }},
		{"pending sessions", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.DeleteOldPendingSessions(ctx, now)
		}},
		{"audit events", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.UpdateOldAuditEvents(ctx, now.Add(-keepPersonal))
		}},
		{"reasons in audit events", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.UpdateOldAuditReasons(ctx, now.Add(-keepPersonal))
		}},
		{"codes and links", sweepStep, code.Sweep},
		{"messages", sweepStep, outbox.Sweep},
		{"changes to be undone", sweepStep, snapshot.Sweep},
		{"ceremonies", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.DeleteOldCeremonies(ctx, now)
		}},
		{"provider nonces", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.DeleteOldProviderNonces(ctx, now)
		}},
		{"tokens of another system", sweepStep, arrival.Sweep},
		{"spent id_tokens", sweepStep, func(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
			return q.DeleteOldSpentIDTokens(ctx, now)
		}},
		{"old audit events", sweepStep, a.sweepAudit},
		{"keys that servers shared", sweepStep, sweepSharedKeys},
		{"unverified addresses", sweepStep, a.account.ExpireAddresses},
		{"unused accounts", accountStep, a.account.ExpireAccounts},
		{"addresses of before", address.MarkStep, address.Mark},
		{"normal forms of addresses", address.NormalizeStep, address.Normalize},
		{"keys of user names", account.UsernameStep, a.account.KeyUsernames},
	}
}

// SweepStep is one transaction of a sweep, for who measures it.
type SweepStep struct {
	Chore string
	Rows  int64
	Took  time.Duration
}

// Sweep removes what nobody needs any more: idle counters, sessions that ended 90 days ago,
// what is personal in the audit log of 90 days ago, codes and links that are too old, what
// old messages said, changes that cannot be undone any more, questions that nobody has answered, nonces that nobody has used,
// id_tokens that nobody takes any more, and accounts that were to be deleted by now; it has
// grants of other services revoked. One server sweeps at a time: where another one is at it,
// Sweep leaves it the work. A sweep that was cut off goes on with the next.
func (a *App) Sweep(ctx context.Context) error {
	return a.SweepMeasured(ctx, func(SweepStep) {})
}

// SweepMeasured is Sweep, and reports each step.
func (a *App) SweepMeasured(ctx context.Context, report func(SweepStep)) error {
	_, err := a.DB.AsJanitor(ctx, func(ctx context.Context) error {
		var failed []error // one must not keep the others
		for _, c := range a.chores() {
			if err := a.repeat(ctx, c, report); err != nil {
				failed = append(failed, fmt.Errorf("%s: %w", c.name, err))
			}
		}
		failed = append(failed, a.sweepSessions(ctx, report))
		_, left := a.account.Purge(ctx)

		return errors.Join(append(failed, left)...)
	})

	// Last, and without the lock: it may wait for other services, and leases what it does.
	return errors.Join(err, a.account.Revoke(ctx))
}

// repeat does a chore until there is less than a step left: what has piled up goes, and no
// single statement takes long.
func (a *App) repeat(ctx context.Context, c chore, report func(SweepStep)) error {
	return inSteps(ctx, c.step, func(ctx context.Context) (n int64, err error) {
		began := time.Now()
		err = a.DB.BackgroundTx(ctx, func(tx postgres.Tx) error {
			n, err = c.remove(ctx, tx.Queries, tx.Now)
			return err
		})
		report(SweepStep{c.name, n, time.Since(began)})

		return n, err
	})
}

// swept is how far the janitor has read the sessions.
type swept struct {
	mu sync.Mutex
	to uuid.UUID
}

// sweepSessions reads pages of the sessions, until idlePages had nothing to remove. The next sweep goes on
// where this one has stopped.
func (a *App) sweepSessions(ctx context.Context, report func(SweepStep)) error {
	a.swept.mu.Lock()
	defer a.swept.mu.Unlock()
	before := a.DB.Now().Add(-keepSessions)

	idle := 0
	for range sweepPages {
		var page db.DeleteOldSessionsOfPageRow
		began := time.Now()
		err := a.DB.BackgroundTx(ctx, func(tx postgres.Tx) (err error) {
			page, err = tx.DeleteOldSessionsOfPage(ctx, db.DeleteOldSessionsOfPageParams{After: a.swept.to, Before: before})
			return err
		})
		if err != nil {
			return fmt.Errorf("sessions: %w", err)
		}
		report(SweepStep{"a page of sessions", page.Removed, time.Since(began)})

		a.swept.to = page.Last
		if page.Found < sweepStep { // the end of the table
			a.swept.to = uuid.UUID{}
			return nil
		}
		if page.Removed == 0 {
			idle++
		}
		if idle == idlePages || ctx.Err() != nil {
			return nil
		}
	}

	return nil
}

// inSteps repeats what removes a step, or two of two kinds, until there is less than one left.
func inSteps(ctx context.Context, step int64, remove func(context.Context) (int64, error)) error {
	for {
		n, err := remove(ctx)
		if err != nil || n < step || ctx.Err() != nil {
			return err
		}
	}
}

// SweepEvery changes the time between two sweeps: for tests that wait for one.
func SweepEvery(interval time.Duration) Option {
	return func(a *App) { a.sweepEvery = interval }
}

// sweep is the janitor of a running server. It waits until the keys are known: the audit log hashes with them
// (TestSweep_waitsForTheKeys).
func (a *App) sweep(ctx context.Context) {
	every(ctx, a.sweepEvery, func() bool {
		if !a.ready.Load() {
			return true
		}
		count := func(s SweepStep) { a.metrics.CountStep(s.Chore, s.Rows, s.Took) }
		if err := a.SweepMeasured(ctx, count); err != nil && ctx.Err() == nil {
			a.log.Warn("sweeping failed; trying again with the next sweep", "cause", err.Error())
		}
		return true
	})
}
