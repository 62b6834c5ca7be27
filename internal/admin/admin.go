// Package admin owns what operators do to users, sessions and tenants: the use cases behind the
// commands of the program. Each change is one transaction that locks the user, acts, and writes an
// audit event with who did it and why. It does not read arguments or print (internal/app does).
package admin

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Actor is the operator who acts.
type Actor struct {
	// ID is "cli:", the account and the host that runs the command; at most 200 characters.
	ID string
	// Reason is why, in the operator's words; empty: none was given.
	Reason string
}

// longestReason is how many characters a reason has at most.
const longestReason = 500

// Check returns an error for a reason that the audit log does not take.
func (a Actor) Check() error {
	if n := utf8.RuneCountInString(a.Reason); n > longestReason {
		return fmt.Errorf("a reason has at most %d characters, this one has %d", longestReason, n)
	}

	return nil
}

// Parts are what the use cases need.
type Parts struct {
	DB     *postgres.DB
	Policy policy.Settings
	// Limiter is nil where the settings do not open the key of the counters: they stay then.
	Limiter *limit.Limiter
	// Notices is nil where the settings do not open the key of the outbox: users get no mail then.
	Notices *notice.Notices
}

// Admin runs the use cases of one operator.
type Admin struct {
	Parts
	actor Actor
	trail *audit.Trail
}

// New returns the use cases for an operator.
func New(parts Parts, actor Actor) *Admin {
	return &Admin{parts, actor, audit.New(nil)} // its events have no address that is hashed
}

// ErrNotFound says that there is no such user, session or tenant.
var ErrNotFound = errors.New("not found")

// record writes an audit event that names the operator.
func (a *Admin) record(ctx context.Context, tx postgres.Tx, e audit.Event) error {
	e.Actor, e.ActorID, e.Reason = audit.Operator, a.actor.ID, a.actor.Reason

	return a.trail.Add(ctx, tx.Queries, tx.Now, e)
}

// change runs do with the user's row locked, and writes the event in the same transaction.
func (a *Admin) change(ctx context.Context, e audit.Event, do func(postgres.Tx) error) error {
	return a.DB.Tx(ctx, func(tx postgres.Tx) error {
		// A sign-in locks this row until its session is committed, so that the change sees the session.
		_, err := tx.LockUser(ctx, e.UserID)
		if postgres.IsNotFound(err) {
			return ErrNotFound
		}

		if err != nil {
			return err
		}

		if err := do(tx); err != nil {
			return err
		}

		return a.record(ctx, tx, e)
	})
}

// ending is a change after which every session of the user is over.
type ending struct {
	event  audit.Event
	reason string // why the sessions end: one of internal/session
}

// endAll runs do, ends every session of the user and drops the codes and links that are out, all in one
// transaction. It returns how many sessions ended.
func (a *Admin) endAll(ctx context.Context, e ending, do func(postgres.Tx) error) (ended int64, err error) {
	err = a.change(ctx, e.event, func(tx postgres.Tx) error {
		if err := do(tx); err != nil {
			return err
		}

		if ended, err = session.EndAll(ctx, tx, e.event.UserID, e.reason); err != nil {
			return err
		}

		return code.DropAll(ctx, tx, e.event.UserID)
	})

	return ended, err
}

// nothingElse is the change of a use case that only ends sessions.
func nothingElse(postgres.Tx) error { return nil }
