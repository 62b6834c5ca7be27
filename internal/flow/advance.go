package flow

import (
	"context"
	"encoding/json"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// attempt is how far a visitor has come.
type attempt struct {
	userID int64
	// proved is the stored password hash that the visitor's password matched; nil where
	// the proof was another one.
	proved  *string
	methods []session.Method
	event   string // what the audit log calls it
}

// entered is a visitor for whom the door has opened, inside the transaction.
type entered struct {
	opened session.Opened
	user   db.UserDetail
	extra  json.RawMessage
}

// advance is the door: the one place where a visitor becomes a signed-in user. It
// reports false when the account has changed since the proof was given: disabled, or
// another password.
func (f *Flow) advance(ctx context.Context, tx postgres.Tx, who caller.Caller, a attempt) (entered, bool, error) {
	// Race: from here to the commit nobody can change the password or disable the account;
	// they come before, and are seen here, or after, and end the session.
	user, err := tx.LockUserForSignIn(ctx, a.userID)
	if postgres.IsNotFound(err) {
		return entered{}, false, nil
	}
	if err != nil {
		return entered{}, false, err
	}
	stale := a.proved != nil && (user.PasswordHash == nil || *user.PasswordHash != *a.proved)
	if user.DisabledAt != nil || stale {
		return entered{}, false, nil
	}
	var e entered
	e.opened, err = f.Sessions.Open(ctx, tx, session.Opening{UserID: a.userID, Device: who.Device, Methods: a.methods})
	if err != nil {
		return entered{}, false, err
	}
	err = f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: a.event, UserID: a.userID, SessionID: e.opened.ID, Device: who.Device})
	if err != nil {
		return entered{}, false, err
	}
	if e.user, err = tx.FindUser(ctx, a.userID); err != nil {
		return entered{}, false, err
	}
	e.extra, err = extra(ctx, func(ctx context.Context, id int64) (json.RawMessage, error) {
		return f.Claims.CallTx(ctx, tx, id)
	}, a.userID)
	return e, true, err
}

// welcome signs the tokens of a session that has been committed.
func (f *Flow) welcome(e entered) (Entry, error) {
	entry, err := f.sign(token.Claims{SessionID: e.opened.ID, Extra: e.extra}, e.opened.Successor, e.user)
	entry.SessionToken, entry.Methods = e.opened.Token, e.opened.Methods
	return entry, err
}

// sign makes the pair of a generation: its refresh token, and a fresh access token.
func (f *Flow) sign(c token.Claims, s session.Successor, user db.UserDetail) (Entry, error) {
	c.Subject, c.Generation, c.TenantID = user.ID, s.Generation, user.TenantID
	entry := Entry{User: user}
	var err error
	if entry.AccessToken, err = f.Issuer.Access(c, f.DB.Now()); err != nil {
		return Entry{}, err
	}
	c.IssuedAt, c.ExpiresAt = s.IssuedAt, s.ExpiresAt
	entry.RefreshToken, err = f.Issuer.Refresh(c)
	return entry, err
}
