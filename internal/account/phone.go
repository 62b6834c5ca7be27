package account

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/unverified"
)

// ChangePhone texts a code to a new number and returns the number as it will be stored. The old number stays until
// the code is confirmed. For a number of another user the answer is the same, and what is texted there cannot verify it.
func (a *Account) ChangePhone(ctx context.Context, who caller.Caller, in string) (string, error) {
	number, err := a.takePhone(ctx, who, in)
	if err != nil {
		return "", err
	}

	return number, a.held(ctx, who, func(tx postgres.Tx) error {
		if err := a.mayHavePhone(ctx, tx, who, number); err != nil {
			return err
		}

		to := notice.Recipient{Session: who.Session.ID, UserID: who.Session.UserID, Phone: number, Device: who.Device}

		return a.Notices.VerifyPhone(ctx, tx, to)
	})
}

// CheckPhone returns what keeps a number from becoming the caller's. It needs no proof of
// identity: a caller can read the number that they have, and a sign-up tells the same of other
// accounts.
func (a *Account) CheckPhone(ctx context.Context, who caller.Caller, in string) error {
	number, err := a.takePhone(ctx, who, in)
	if err != nil {
		return err
	}

	return a.DB.Look(ctx, func(tx postgres.Tx) error { return a.mayHavePhone(ctx, tx, who, number) })
}

// takePhone takes from the limit of changes, and returns a number as it is stored.
func (a *Account) takePhone(ctx context.Context, who caller.Caller, in string) (string, error) {
	subject := limit.Subject{Address: who.Device.Address, UserID: who.Session.UserID, Session: who.Session.ID}
	if _, err := a.Limiter.Take(ctx, limit.ChangePhone, subject); err != nil {
		return "", err
	}

	number, valid := phone.Normalize(in)
	switch {
	case !valid:
		return "", problem.InvalidPhone.At("phone")
	case a.Notices.Unserved(number) != nil:
		return "", problem.PhoneNotServed.At("phone")
	case who.Session.Phone != nil && *who.Session.Phone == number:
		return "", problem.SameAsCurrent.At("phone")
	}

	return number, nil
}

// mayHavePhone returns what keeps a number from becoming the caller's, as far as the database
// knows.
func (a *Account) mayHavePhone(ctx context.Context, tx postgres.Tx, who caller.Caller, number string) error {
	refused, err := unverified.Refuses(ctx, tx, a.Policy, who.Session.UserID)
	if err != nil || refused {
		return orProblem(err, problem.UnverifiedAccount)
	}

	if a.Policy.Hides() {
		return nil
	}

	owners, err := tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: &number, Verified: true})
	if err != nil {
		return err
	}

	if owners > 0 {
		return problem.PhoneTaken.At("phone")
	}

	return nil
}
