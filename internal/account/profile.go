// Package account owns what signed-in people do to their own account. How they
// signed in is internal/flow's.
package account

import (
	"context"
	"log/slog"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// Parts are what accounts are changed with.
type Parts struct {
	DB        *postgres.DB
	Tokens    *session.Sessions // session tokens
	Gate      *password.Gate
	Passwords password.Policy
	Policy    policy.Settings
	Limiter   *limit.Limiter
	Trail     *audit.Trail
	Codes     *code.Codes
	Notices   *notice.Notices
	Factors   *authenticator.Authenticators
	Services  *provider.Providers
	// Keys seals grants of other services; nil where the operator has given no keys.
	Keys *secret.Sealer
	Log  *slog.Logger
}

// Account changes accounts.
type Account struct{ Parts }

// New returns the accounts of a database.
func New(parts Parts) *Account { return &Account{parts} }

// held runs a change with the caller's row locked and their session alive: of two changes at
// once, one sees what the other has done.
func (a *Account) held(ctx context.Context, who caller.Caller, do func(tx postgres.Tx) error) error {
	return a.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID); err != nil {
			return err
		}

		return do(tx)
	})
}

// changed tells the user of a change that the caller made to the ways into the account.
func (a *Account) changed(ctx context.Context, tx postgres.Tx, who caller.Caller, before snapshot.Ways, kind outbox.Kind) error {
	return a.Notices.Changed(ctx, tx, notice.Change{
		UserID: who.Session.UserID, Kind: kind, Before: before, BySession: true, From: who.Device,
	})
}

// note records a change that a signed-in user made to their account.
func (a *Account) note(ctx context.Context, tx postgres.Tx, who caller.Caller, name, address string) error {
	return a.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
		Name: name, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device, Email: address,
	})
}

// UpdateProfile sets the display name, unless it is empty (not given), and returns the
// session as it is after that.
func (a *Account) UpdateProfile(ctx context.Context, who caller.Caller, display string) (session.Details, error) {
	after := *who.Session
	if display == "" {
		return after, nil
	}

	after.Display = strings.TrimSpace(display)
	if after.Display == "" {
		return after, problem.Required.At("display")
	}

	return after, a.held(ctx, who, func(tx postgres.Tx) error {
		_, err := tx.UpdateUserDisplay(ctx, db.UpdateUserDisplayParams{ID: after.UserID, Display: after.Display})
		return err
	})
}
