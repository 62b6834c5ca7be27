package flow

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Reauthenticate lets a signed-in person prove by password that it is still them.
func (f *Flow) Reauthenticate(ctx context.Context, who caller.Caller, pass string) (Entry, error) {
	user := who.Session.UserID
	if _, err := f.Limiter.Take(ctx, limit.Reauthenticate, limit.Subject{Address: who.Device.Address, UserID: user, Session: who.Session.ID}); err != nil {
		return Entry{}, err
	}
	right, err := f.checkOwnPassword(ctx, who, password.Normalize(pass))
	if err != nil {
		return Entry{}, err
	}
	if !right {
		return Entry{}, problem.IncorrectPassword.At("password")
	}
	return f.reproved(ctx, who, session.Method{Method: "password", Reauthenticated: true})
}

// checkOwnPassword reports whether a password is that of the signed-in caller. A guess is
// counted before it is made, like one at the front door.
func (f *Flow) checkOwnPassword(ctx context.Context, who caller.Caller, pass string) (bool, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer slot.Leave()
	subject := limit.OwnPassword(who.Session.UserID)
	subject.Address = who.Device.Address
	counted, err := f.Limiter.Take(ctx, limit.LoginFailed, subject)
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
	right, _, err := slot.Verify(pass, stored)
	if err != nil || !right {
		return false, err
	}
	return true, counted.GiveBack(ctx)
}

// reproved notes a proof that a signed-in person gave, on their session.
func (f *Flow) reproved(ctx context.Context, who caller.Caller, m session.Method) (Entry, error) {
	var after session.Details
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID)
		if err != nil {
			return err
		}
		after, err = f.prove(ctx, tx, who, m)
		return err
	})
	return Shown(&after), err
}

// prove is reproved in a transaction; the session is held. It returns the session after
// that.
func (f *Flow) prove(ctx context.Context, tx postgres.Tx, who caller.Caller, m session.Method) (session.Details, error) {
	d, err := session.Prove(ctx, tx, who.Session.ID, m)
	if err != nil {
		return d, err
	}
	return d, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.Reauthenticated, UserID: d.UserID, SessionID: d.ID, Device: who.Device})
}

// RequireRecent returns an *Incomplete unless the signed-in caller has proved lately that
// it is still them. Only proofs given while signed in count: a sign-in with a stolen
// password must not be enough to lock its owner out. Somebody who could prove nothing, for
// want of a password and of a factor, passes.
func (f *Flow) RequireRecent(ctx context.Context, who caller.Caller) error {
	since := session.Epoch(f.DB.Now().Add(-f.Policy.Recent()))
	for _, m := range session.Methods(who.Session) {
		if m.Reauthenticated && m.At > since {
			return nil
		}
	}
	types, err := f.DB.ListAuthenticatorTypes(ctx, who.Session.UserID)
	if err != nil {
		return err
	}
	var steps []Step
	if who.Session.HasUsablePassword {
		steps = append(steps, Step{ID: "reauthenticate"})
	}
	if len(types) > 0 {
		steps = append(steps, Step{ID: "mfa_reauthenticate", Types: types})
	}
	if len(steps) == 0 {
		return nil
	}
	_, resetting, err := code.Find(ctx, f.DB.Queries, who.Session.ID, code.ResetPassword, f.DB.Now())
	if err != nil {
		return err
	}
	again := Shown(who.Session)
	return &Incomplete{Steps: f.withReset(steps, resetting), Again: &again}
}
