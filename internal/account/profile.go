// Package account owns what signed-in people do to their own account. How they
// signed in is internal/flow's.
package account

import (
	"context"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Account changes accounts.
type Account struct {
	db    *postgres.DB
	trail *audit.Trail
}

// New returns the accounts of a database.
func New(d *postgres.DB, trail *audit.Trail) *Account { return &Account{d, trail} }

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
	_, err := a.db.UpdateUserDisplay(ctx, db.UpdateUserDisplayParams{ID: after.UserID, Display: after.Display})
	return after, err
}
