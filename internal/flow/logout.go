package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Logout ends the caller's session. It always returns an *Incomplete on success: the
// caller is not in any more, whether or not they were.
func (f *Flow) Logout(ctx context.Context, who caller.Caller) error {
	if who.Pending != nil {
		err := f.DB.Tx(ctx, func(tx postgres.Tx) error { return session.End(ctx, tx, who.Pending.ID, session.SignedOut) })
		if err != nil {
			return err
		}
	}
	if who.SignedIn() {
		err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
			if err := session.End(ctx, tx, who.Session.ID, session.SignedOut); err != nil {
				return err
			}
			return f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
				Name: audit.Logout, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device,
			})
		})
		if err != nil {
			return err
		}
	}
	return f.Anonymous(caller.Caller{})
}
