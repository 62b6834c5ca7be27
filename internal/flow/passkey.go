package flow

import (
	"context"
	"encoding/json"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// PasskeyLoginOptions is what to ask for a passkey to sign in with. It names no account, so
// that it tells nothing (SEC-65). token is that of a session that was made for it; empty
// where the caller has one.
func (f *Flow) PasskeyLoginOptions(ctx context.Context, who caller.Caller) (options json.RawMessage, token string, err error) {
	if !f.Factors.Settings.PasskeyLogin {
		return nil, "", problem.PathNotFound
	}
	if who.SignedIn() {
		return nil, "", problem.AlreadyAuthenticated
	}
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if err != nil {
			return err
		}
		id, made, err := f.ownSession(ctx, tx, who)
		if err != nil {
			return err
		}
		token = made
		asked, ceremony, err := f.Factors.StartAssertion(nil, tx.Now)
		if err != nil {
			return err
		}
		options = asked
		return f.Factors.Ask(ctx, tx, id, authenticator.LoginByPasskey, ceremony)
	})
	return options, token, err
}

// LoginByPasskey signs in whoever the passkey belongs to. It is both factors in one: it was
// made to sign in alone, and has verified its person.
func (f *Flow) LoginByPasskey(ctx context.Context, who caller.Caller, answer json.RawMessage) (Entry, error) {
	if !f.Factors.Settings.PasskeyLogin {
		return Entry{}, problem.PathNotFound
	}
	if who.SignedIn() {
		return Entry{}, problem.AlreadyAuthenticated
	}
	incorrect := problem.IncorrectCode.At("credential")
	if who.Pending == nil { // it was asked nothing
		return Entry{}, incorrect
	}
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		if err := f.still(ctx, tx, who); err != nil {
			return nil, err
		}
		ceremony, found, err := f.Factors.Answered(ctx, tx, who.Pending.ID, authenticator.LoginByPasskey)
		if err != nil || !found {
			return incorrect, err
		}
		key, err := f.Factors.FindPasskey(ctx, tx, ceremony, answer)
		proof, right, err := f.judge(ctx, tx, key.UserID, key.Proof, err)
		if err != nil {
			return nil, err
		}
		if !right {
			event := audit.Event{Name: audit.Login, Failed: true, UserID: key.UserID, Device: who.Device}
			return incorrect, f.Trail.Add(ctx, tx.Queries, tx.Now, event)
		}
		m := method(proof, session.Epoch(tx.Now))
		m.Passwordless = true
		p, err = f.advance(ctx, tx, who, &Attempt{UserID: key.UserID, Stamp: stamp(key.PasswordHash), Methods: []session.Method{m}})
		return nil, err
	})
	if err != nil {
		return Entry{}, err
	}
	if p.refused() {
		return Entry{}, incorrect
	}
	return f.answer(p)
}

// SignupByPasskey makes an account without a password. Its owner has to verify the address,
// and to make a passkey, before they are in.
func (f *Flow) SignupByPasskey(ctx context.Context, who caller.Caller, in Signup) (Entry, error) {
	if !f.Factors.Settings.PasskeySignup {
		return Entry{}, problem.PathNotFound
	}
	in.Passkey = true
	return f.Signup(ctx, who, in)
}

// PasskeySignupOptions is what to ask for a new passkey that finishes the sign-up.
func (f *Flow) PasskeySignupOptions(ctx context.Context, who caller.Caller) (json.RawMessage, error) {
	if !f.Factors.Settings.PasskeySignup {
		return nil, problem.PathNotFound
	}
	var options json.RawMessage
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil || a.Stage != MFASignup {
			return problem.FlowNotPending, err
		}
		user, err := tx.FindUser(ctx, a.UserID)
		if err != nil {
			return nil, err
		}
		r := registration(who, a.UserID)
		r.Account, r.Display, r.Passwordless = user.Display, user.Display, true
		if user.Email != nil {
			r.Account = *user.Email
		}
		options, err = f.Factors.AskToRegister(ctx, tx, r)
		return nil, err
	})
	return options, err
}

func registration(who caller.Caller, userID int64) authenticator.Registration {
	return authenticator.Registration{Session: who.Pending.ID, Purpose: authenticator.SignupPasskey, UserID: userID}
}

// CompletePasskeySignup stores the passkey of a new account, with recovery codes, and lets
// its owner in.
func (f *Flow) CompletePasskeySignup(ctx context.Context, who caller.Caller, name string, answer json.RawMessage) (Entry, error) {
	if !f.Factors.Settings.PasskeySignup {
		return Entry{}, problem.PathNotFound
	}
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil || a.Stage != MFASignup {
			return problem.FlowNotPending, err
		}
		_, err = f.Factors.Register(ctx, tx, registration(who, a.UserID), name, answer)
		if authenticator.IsIncorrect(err) {
			f.Log.InfoContext(ctx, "a WebAuthn answer was refused", "user", a.UserID, "why", err.Error())
			return problem.IncorrectCode, nil
		}
		if err != nil {
			return nil, err
		}
		event := audit.Event{Name: audit.FactorAdded, UserID: a.UserID, Device: who.Device}
		if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
			return nil, err
		}
		a.PasskeyMade = true
		p, err = f.advance(ctx, tx, who, &a)
		return nil, err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}
