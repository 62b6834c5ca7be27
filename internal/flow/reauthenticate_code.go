package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// RequestReauthenticationCode sends a signed-in user a code by which they prove who they are,
// where the account has neither password nor second factor.
func (f *Flow) RequestReauthenticationCode(ctx context.Context, who caller.Caller) error {
	own, err := f.ownProofs(ctx, who)
	if err != nil {
		return err
	}
	if own.guarded() || own.target == "" {
		return f.askAgain(ctx, who, own)
	}

	subject := limit.Subject{Address: who.Device.Address, Key: own.target}
	if _, err := f.Limiter.Take(ctx, limit.RequestLoginCode, subject); err != nil {
		return err
	}

	to := notice.Recipient{Session: who.Session.ID, UserID: who.Session.UserID, Device: who.Device}
	if isEmail(own.target) {
		to.Email = own.target
	} else {
		to.Phone = own.target
	}
	return f.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID); err != nil {
			return err
		}
		if err := f.stillGoesTo(ctx, tx, who, own.target); err != nil {
			return err
		}
		return f.Notices.ProofCode(ctx, tx, to)
	})
}

// stillGoesTo returns a problem where a code of the caller would not go to a target any more. The
// caller's user must be locked.
//
// Race: the target was found before the user was locked, and may have been removed since. A code
// that goes there would prove somebody else (TestReauthenticateByCode_isNotSentToWhatIsBeingRemoved).
func (f *Flow) stillGoesTo(ctx context.Context, tx postgres.Tx, who caller.Caller, target string) error {
	d, err := tx.FindSession(ctx, who.Session.ID)
	if err != nil {
		return err
	}
	now, err := f.codeTarget(ctx, tx.Queries, &d)
	if err == nil && now != target { // the call may be repeated
		err = problem.TemporarilyUnavailable
	}
	return err
}

// ConfirmReauthenticationCode records the proof that a code is.
func (f *Flow) ConfirmReauthenticationCode(ctx context.Context, who caller.Caller, typed string) (Entry, error) {
	own, err := f.ownProofs(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	if own.guarded() {
		return Entry{}, f.askAgain(ctx, who, own)
	}

	var after Entry
	err = f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		if err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID); err != nil {
			return nil, err
		}
		process, refusal, err := f.try(ctx, tx, who, guess{code.Reauthenticate, typed, "code"})
		if err != nil || refusal != nil {
			return refusal, err
		}
		if err := f.Codes.Use(ctx, tx, process); err != nil {
			return nil, err
		}

		m := session.Method{Method: session.ByCode, Reauthenticated: true}
		if isEmail(process.Target) {
			m.Email = process.Target
		} else {
			m.Phone = process.Target
		}
		after, err = f.prove(ctx, tx, who, m)
		return nil, err
	})
	if err != nil {
		return Entry{}, err
	}
	return after, nil
}
