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

// ChangePhone texts a code to a new number and returns the number as it will be stored.
// The old one stays until the code comes back. For a number that somebody else has the
// answer is the same, and what is texted there cannot verify it.
func (a *Account) ChangePhone(ctx context.Context, who caller.Caller, in string) (string, error) {
	user := who.Session.UserID
	if _, err := a.Limiter.Take(ctx, limit.ChangePhone, limit.Subject{Address: who.Device.Address, UserID: user, Session: who.Session.ID}); err != nil {
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
	return number, a.held(ctx, who, func(tx postgres.Tx) error {
		refused, err := unverified.Refuses(ctx, tx, a.Policy, user)
		if err != nil || refused {
			return orProblem(err, problem.UnverifiedAccount)
		}

		if !a.Policy.Hides() {
			holders, err := tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: &number, Verified: true})
			if err != nil {
				return err
			}
			if holders > 0 {
				return problem.PhoneTaken.At("phone")
			}
		}
		return a.Notices.VerifyPhone(ctx, tx, notice.Recipient{Session: who.Session.ID, UserID: user, Phone: number, Device: who.Device})
	})
}
