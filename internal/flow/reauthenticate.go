package flow

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Reauthenticate lets a signed-in person prove by password that it is still them.
func (f *Flow) Reauthenticate(ctx context.Context, who caller.Caller, pass string) (Entry, error) {
	if _, err := f.Limiter.Take(ctx, limit.Reauthenticate, who.Subject()); err != nil {
		return Entry{}, err
	}
	right, err := f.checkOwnPassword(ctx, who, pass)
	if err != nil {
		return Entry{}, err
	}
	if !right {
		if err := f.notProved(ctx, f.DB.Queries, f.DB.Now(), who); err != nil {
			return Entry{}, err
		}
		return Entry{}, problem.IncorrectPassword.At("password")
	}
	return f.reproved(ctx, who, session.Method{Method: session.ByPassword, Reauthenticated: true})
}

// checkOwnPassword reports whether a password is that of the signed-in caller. A guess is
// counted before it is made, like one at the front door.
func (f *Flow) checkOwnPassword(ctx context.Context, who caller.Caller, pass string) (bool, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer slot.Leave()
	counted, err := f.Limiter.Take(ctx, limit.ReauthenticateFailed, who.Subject())
	if errors.Is(err, problem.TooManyRequests) {
		return false, problem.TooManyLoginAttempts.At("password")
	}
	if err != nil {
		return false, err
	}
	stored, err := f.DB.FindUserPassword(ctx, who.Session.UserID)
	if err != nil {
		return false, err
	}
	if right, _ := slot.Verify(pass, stored); !right {
		return false, nil
	}
	return true, counted.GiveBack(ctx)
}

// reproved notes a proof that a signed-in person gave, on their session.
func (f *Flow) reproved(ctx context.Context, who caller.Caller, m session.Method) (Entry, error) {
	var after Entry
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID)
		if err != nil {
			return err
		}
		after, err = f.prove(ctx, tx, who, m)
		return err
	})
	return after, err
}

// prove is reproved in a transaction; the session is locked. It returns the answer: the session
// after that, and its new session token.
func (f *Flow) prove(ctx context.Context, tx postgres.Tx, who caller.Caller, m session.Method) (Entry, error) {
	d, err := session.Prove(ctx, tx, who.Session.ID, m)
	if err != nil {
		return Entry{}, err
	}

	// A client that came with an access token has no use for a session token.
	after := Shown(&d)
	if who.BySessionToken {
		if after.SessionToken, err = f.Sessions.RenewToken(ctx, tx, &d); err != nil {
			return Entry{}, err
		}
	}

	return after, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.Reauthenticated, UserID: d.UserID, SessionID: d.ID, Device: who.Device})
}

// notProved records a wrong proof of a signed-in caller.
func (f *Flow) notProved(ctx context.Context, q *db.Queries, now time.Time, who caller.Caller) error {
	return f.Trail.Add(ctx, q, now, audit.Event{
		Name: audit.Reauthenticated, Failed: true, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device,
	})
}
