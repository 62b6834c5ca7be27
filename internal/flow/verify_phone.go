package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// VerifyPhone verifies a number by the code that was texted to it: the number of a
// sign-in that is pending, or the one that a signed-in person changes to.
func (f *Flow) VerifyPhone(ctx context.Context, who caller.Caller, typed string) (Entry, error) {
	g := guess{code.VerifyPhone, typed, "code"}
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil || !who.SignedIn() && a.Stage != VerifyPhone {
			return problem.FlowNotPending, err
		}
		process, refusal, err := f.try(ctx, tx, who, g)
		if err != nil || refusal != nil {
			return refusal, err
		}
		owner := a.UserID
		if who.SignedIn() {
			owner = who.Session.UserID
		}
		if *process.UserID != owner { // a code of an earlier attempt in the same session
			return problem.FlowNotPending, nil
		}
		before, err := snapshot.Take(ctx, tx, owner)
		if err != nil {
			return nil, err
		}
		verified, err := f.confirmPhone(ctx, tx, owner, process.Target, who.SignedIn())
		if err != nil {
			return nil, err
		}
		if !verified {
			return f.strike(ctx, tx, who, struck{g, process, problem.PhoneTaken})
		}
		if who.SignedIn() {
			if err := f.tellOfPhone(ctx, tx, who, before); err != nil {
				return nil, err
			}
		}
		p, err = f.afterPhone(ctx, tx, who, &a, process)
		return nil, err
	})
	if err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return f.current(ctx, who)
	}
	return f.answer(p)
}

// tellOfPhone tells a signed-in user that the account has another number: at the addresses and,
// by a text, at the number that it replaces.
func (f *Flow) tellOfPhone(ctx context.Context, tx postgres.Tx, who caller.Caller, before snapshot.Ways) error {
	change := notice.Change{UserID: who.Session.UserID, Kind: outbox.PhoneAdded, Before: before, BySession: true, From: who.Device}
	if before.PhoneVerifiedAt != nil {
		change.Kind = outbox.PhoneChanged
	}

	return f.Notices.Changed(ctx, tx, change)
}

func (f *Flow) afterPhone(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, process code.Process) (progress, error) {
	if err := f.Codes.Use(ctx, tx, process); err != nil {
		return progress{}, err
	}
	if !who.SignedIn() {
		return f.advance(ctx, tx, who, a)
	}
	return progress{}, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{
		Name: audit.PhoneChanged, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device,
	})
}

// confirmPhone stores that a number is a person's. It reports false where somebody else
// has shown that before, or where it is not the person's and may not be added.
func (f *Flow) confirmPhone(ctx context.Context, tx postgres.Tx, userID int64, number string, adds bool) (bool, error) {
	if err := tx.LockAddress(ctx, number); err != nil {
		return false, err
	}
	person, err := tx.FindUser(ctx, userID)
	if err != nil {
		return false, err
	}
	has := person.Phone != nil && *person.Phone == number
	if !adds && !has {
		return false, nil
	}
	// Security: a number that was verified long ago stays so; an undo link goes to old ones first
	// (TestUndo_aSignInByTextDoesNotMakeTheNumberANewOne).
	if has && person.PhoneVerifiedAt != nil {
		return true, nil
	}
	holder, err := tx.FindUserByPhone(ctx, db.FindUserByPhoneParams{Phone: &number})
	if err != nil && !postgres.IsNotFound(err) {
		return false, err
	}
	others, err := tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: &number, Verified: true})
	if err != nil {
		return false, err
	}
	if others > 0 && holder.ID != userID {
		return false, nil
	}
	if _, err = tx.UpdateUserPhone(ctx, db.UpdateUserPhoneParams{ID: userID, Phone: &number, VerifiedAt: &tx.Now}); err != nil {
		return false, err
	}
	return true, code.DropStray(ctx, tx, userID) // of a number that is gone
}

// ResendPhoneVerification texts another code for the sign-in that is pending.
func (f *Flow) ResendPhoneVerification(ctx context.Context, who caller.Caller) error {
	return f.resend(ctx, who, VerifyPhone, code.VerifyPhone, f.Notices.PostPhoneCode)
}

// ChangeSignupPhone sends the code of a sign-up that is pending to another number. The
// answer is the same for one that somebody has.
func (f *Flow) ChangeSignupPhone(ctx context.Context, who caller.Caller, in string) (string, error) {
	if a := f.pending(who); a.Stage != VerifyPhone || !a.Signup {
		return "", problem.FlowNotPending
	}
	number, bad := f.checkPhone(in)
	if bad != nil {
		return "", bad.At("phone")
	}
	return number, f.DB.Tx(ctx, func(tx postgres.Tx) error {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return err
		}
		process, found, err := code.Find(ctx, tx.Queries, who.Pending.ID, code.VerifyPhone, tx.Now)
		switch {
		case err != nil:
			return err
		case !found || a.Stage != VerifyPhone || !a.Signup || process.ChangesLeft == 0:
			return problem.FlowNotPending
		case process.Target == number:
			return problem.SameAsCurrent.At("phone")
		}
		return f.redial(ctx, tx, who, &a, move{process, number})
	})
}

// redial moves the verification of a sign-up to another number.
func (f *Flow) redial(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, m move) error {
	number := m.to
	if err := f.Limiter.TakeTx(ctx, tx, limit.VerifyPhone, limit.Subject{Address: who.Device.Address, Key: number}); err != nil {
		return err
	}
	holders, err := tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: &number, Verified: true})
	if err != nil {
		return err
	}
	to := notice.Recipient{Session: who.Pending.ID, UserID: a.UserID, Phone: number, Device: who.Device, Signup: true, Free: holders == 0}
	if holders > 0 {
		to.UserID = 0
	}
	text, ok, err := f.Codes.Retarget(ctx, tx, m.process, number, to.UserID)
	if err != nil {
		return err
	}
	if !ok {
		return problem.FlowNotPending
	}
	if _, err := tx.UpdateUserPhone(ctx, db.UpdateUserPhoneParams{ID: to.UserID, Phone: &number}); err != nil { // of nobody, too
		return err
	}
	a.Phone = number
	if _, _, err := f.keep(ctx, tx, who, a); err != nil {
		return err
	}
	return f.Notices.PostPhoneCode(ctx, tx, to, text)
}
