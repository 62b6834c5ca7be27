package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Logout ends the caller's session. It always returns an *Incomplete on success: the
// caller is not in any more, whether or not they were.
func (f *Flow) Logout(ctx context.Context, who caller.Caller) error {
	if who.SignedIn() {
		err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
			return session.End(ctx, tx, who.Session.ID, session.SignedOut)
		})
		if err != nil {
			return err
		}
	}
	return f.Anonymous(caller.Caller{})
}
