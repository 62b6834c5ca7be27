package flow

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// Logout ends every session that the request names: by its credentials, by an access token that
// has expired, by a session token that works no more, or by a refresh token of any generation.
// It always returns an error: an *Incomplete is success, because the caller is anonymous now. It
// is the same whether or not a session was ended, so that nobody learns which tokens are real.
func (f *Flow) Logout(ctx context.Context, who caller.Caller, refreshToken string) error {
	if who.Pending != nil {
		err := f.DB.Tx(ctx, func(tx postgres.Tx) error { return session.End(ctx, tx, who.Pending.ID, session.SignedOut) })
		if err != nil {
			return err
		}
	}

	named, err := f.named(ctx, who, refreshToken)
	if err != nil {
		return err
	}
	for _, n := range named {
		if err := f.signOut(ctx, who, n); err != nil {
			return err
		}
	}

	if who.Gone != nil {
		return who.Gone
	}
	return f.Anonymous(caller.Caller{})
}

// named lists the sessions that a sign-out is about.
func (f *Flow) named(ctx context.Context, who caller.Caller, refreshToken string) ([]caller.Named, error) {
	named := who.Named
	if who.SignedIn() {
		named = append(named, caller.Named{SessionID: who.Session.ID, Subject: who.Session.Subject})
	}
	if refreshToken == "" {
		return named, nil
	}

	// A refresh token is not spent here, so its generation does not matter, and neither does its
	// exp: the session's row says whether there is anything to end.
	sp, err := f.spending(ctx, who, trimmed(refreshToken))
	if errors.Is(err, token.ErrInvalid) {
		return named, nil
	}

	return append(named, caller.Named{SessionID: sp.SessionID, Subject: sp.Token.Subject}), err
}

// signOut ends one session. One that has ended already, or is not its user's any more, is left
// as it is.
func (f *Flow) signOut(ctx context.Context, who caller.Caller, n caller.Named) error {
	return f.DB.Tx(ctx, func(tx postgres.Tx) error {
		userID, err := tx.EndSessionOfSubject(ctx, db.EndSessionOfSubjectParams{
			ID: n.SessionID, Subject: n.Subject, EndReason: session.SignedOut, Now: tx.Now,
		})
		if postgres.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}

		return f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
			Name: audit.Logout, UserID: userID, SessionID: n.SessionID, Device: who.Device,
		})
	})
}
