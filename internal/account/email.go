package account

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// Address is an address of a user.
type Address = db.ListEmailAddressesRow

// EmailAddresses lists the caller's addresses. By code, one that is being verified stands
// at the end.
func (a *Account) EmailAddresses(ctx context.Context, who caller.Caller) ([]Address, error) {
	return a.addresses(ctx, a.DB.Queries, who, a.DB.Now())
}

func (a *Account) addresses(ctx context.Context, q *db.Queries, who caller.Caller, now time.Time) ([]Address, error) {
	list, err := q.ListEmailAddresses(ctx, who.Session.UserID)
	if err != nil || !a.Policy.EmailVerificationByCode {
		return list, err
	}

	process, found, err := code.Find(ctx, q, who.Session.ID, code.VerifyEmail, now)
	if found && position(list, process.Target) < 0 {
		list = append(list, Address{Address: process.Target})
	}

	return list, err
}

func position(list []Address, address string) int {
	return slices.IndexFunc(list, func(e Address) bool { return e.Address == address })
}

// edit is a step of a change to the caller's addresses: a check, or the change itself.
type edit func(tx postgres.Tx, list []Address, address string) error

// editAddresses checks an address and runs the steps of a change with the user's row locked, so
// that two of them cannot both leave the user without a primary address.
func (a *Account) editAddresses(ctx context.Context, who caller.Caller, in string, steps ...edit) ([]Address, error) {
	if err := a.takeAddressChange(ctx, who); err != nil {
		return nil, err
	}

	var after []Address
	err := a.held(ctx, who, func(tx postgres.Tx) error {
		list, err := a.addresses(ctx, tx.Queries, who, tx.Now)
		if err != nil {
			return err
		}

		address, bad := meant(list, in)
		if bad != nil {
			return bad.At("email")
		}

		for _, step := range steps {
			if err := step(tx, list, address); err != nil {
				return err
			}
		}

		after, err = a.addresses(ctx, tx.Queries, who, tx.Now)

		return err
	})

	return after, err
}

// checkAddress runs the check of a change alone. It changes nothing.
func (a *Account) checkAddress(ctx context.Context, who caller.Caller, in string, check edit) error {
	if err := a.takeAddressChange(ctx, who); err != nil {
		return err
	}

	return a.DB.Look(ctx, func(tx postgres.Tx) error {
		list, err := a.addresses(ctx, tx.Queries, who, tx.Now)
		if err != nil {
			return err
		}

		address, bad := meant(list, in)
		if bad != nil {
			return bad.At("email")
		}

		return check(tx, list, address)
	})
}

// takeAddressChange takes from the limit of changes.
func (a *Account) takeAddressChange(ctx context.Context, who caller.Caller) error {
	subject := limit.Subject{Address: who.Device.Address, UserID: who.Session.UserID, Session: who.Session.ID}
	_, err := a.Limiter.Take(ctx, limit.ManageEmail, subject)

	return err
}

// meant returns the address of the list that was typed, in any spelling, or else what was typed as it
// is stored. An address of before may be in the list in its former form.
func meant(list []Address, in string) (string, *problem.Problem) {
	if former, possible := email.Former(in); possible && position(list, former) >= 0 {
		return former, nil
	}

	address, bad := email.Check(in)
	if bad != nil || position(list, address) >= 0 {
		return address, bad
	}

	for _, e := range list {
		if normal, _ := email.Normalize(e.Address); normal == address {
			return e.Address, nil
		}
	}

	return address, nil
}

// AddEmailAddress starts the verification of another address. By link it is stored at once, by code when it is
// verified. For an address of another user the answer is the same, and what is mailed there cannot verify it.
func (a *Account) AddEmailAddress(ctx context.Context, who caller.Caller, in string) ([]Address, error) {
	return a.editAddresses(ctx, who, in, a.mayAdd(ctx, who), func(tx postgres.Tx, list []Address, address string) error {
		user := who.Session.UserID
		if !a.Policy.EmailVerificationByCode {
			if err := a.storeOrReplace(ctx, tx, who, list, address); err != nil {
				return err
			}
		}

		if a.Policy.EmailVerification == "none" && !a.Policy.ChangeEmail {
			return nil
		}

		_, err := a.Notices.VerifyEmail(ctx, tx, notice.Recipient{Session: who.Session.ID, UserID: user, Email: address, Device: who.Device})

		return err
	})
}

// CheckNewEmailAddress returns what keeps an address from being added. It needs no proof of
// identity: a caller can list the addresses, and a sign-up tells the same of other accounts.
func (a *Account) CheckNewEmailAddress(ctx context.Context, who caller.Caller, in string) error {
	return a.checkAddress(ctx, who, in, a.mayAdd(ctx, who))
}

func (a *Account) mayAdd(ctx context.Context, who caller.Caller) edit {
	return func(tx postgres.Tx, list []Address, address string) error {
		stored := slices.DeleteFunc(slices.Clone(list), func(e Address) bool {
			return e.VerifiedAt == nil && !e.IsPrimary && a.Policy.EmailVerificationByCode
		})
		if position(stored, address) >= 0 {
			return problem.DuplicateEmail.At("email")
		}

		if !a.Policy.ChangeEmail && len(stored) >= a.Policy.MostEmailAddresses() {
			return problem.MaxEmailAddresses.At("email")
		}

		return a.refuseTaken(ctx, tx, who, address)
	}
}

// refuseTaken tells that another user has an address, where answers may tell.
func (a *Account) refuseTaken(ctx context.Context, tx postgres.Tx, who caller.Caller, address string) error {
	if a.Policy.Hides() {
		return nil
	}

	owners, err := tx.CountAddressOwners(ctx, db.CountAddressOwnersParams{
		Address: address, Besides: who.Session.UserID, WithFactor: a.Factors.Settings.AllowUnverified,
	})
	if err == nil && owners > 0 {
		err = problem.EmailTaken.At("email")
	}

	return err
}

// store writes an address that a link will verify. The user is notified at the previous address (SEC-51, SEC-58).
func (a *Account) store(ctx context.Context, tx postgres.Tx, who caller.Caller, list []Address, address string) error {
	user := who.Session.UserID

	before, err := snapshot.Take(ctx, tx, user)
	if err != nil {
		return err
	}

	if a.Policy.ChangeEmail { // an earlier candidate gives way
		if err := tx.DeleteUnverifiedEmailAddresses(ctx, user); err != nil {
			return err
		}

		if err := code.DropStray(ctx, tx, user); err != nil {
			return err
		}
	}

	primary := slices.IndexFunc(list, func(e Address) bool { return e.IsPrimary })

	err = tx.InsertEmailAddress(ctx, db.InsertEmailAddressParams{UserID: user, Address: address, IsPrimary: primary < 0, Now: tx.Now})
	if err != nil {
		return err
	}

	if err := a.note(ctx, tx, who, audit.EmailAdded, address); err != nil {
		return err
	}

	if primary < 0 || a.Policy.ChangeEmail {
		return nil
	}

	return a.changed(ctx, tx, who, before, outbox.EmailAdded)
}

// ResendEmailAddress mails the verification of one of the caller's addresses again.
func (a *Account) ResendEmailAddress(ctx context.Context, who caller.Caller, in string) error {
	_, err := a.editAddresses(ctx, who, in, func(tx postgres.Tx, list []Address, address string) error {
		at := position(list, address)
		if at < 0 {
			return problem.UnknownEmail.At("email")
		}

		if list[at].VerifiedAt != nil {
			return problem.NotSent // there is nothing to verify
		}

		to := notice.Recipient{Session: who.Session.ID, UserID: who.Session.UserID, Email: address, Device: who.Device}

		process, running, err := code.Find(ctx, tx.Queries, who.Session.ID, code.VerifyEmail, tx.Now)
		if err != nil {
			return err
		}

		if !a.Policy.EmailVerificationByCode || !running || process.Target != address {
			sent, err := a.Notices.VerifyEmail(ctx, tx, to)
			if err == nil && !sent {
				err = problem.NotSent
			}

			return err
		}

		if process.ResendsLeft == 0 {
			return problem.NotSent
		}

		if err := a.Limiter.TakeTx(ctx, tx, limit.ConfirmEmail, limit.Subject{Address: who.Device.Address, Key: address}); err != nil {
			return err
		}

		text, ok, err := a.Codes.Resend(ctx, tx, process)
		if err == nil && !ok {
			err = problem.NotSent
		}

		if err != nil {
			return err
		}

		return a.Notices.PostEmailCode(ctx, tx, to, text)
	})

	return err
}

// MakePrimary makes one of the caller's addresses the primary one.
func (a *Account) MakePrimary(ctx context.Context, who caller.Caller, in string, primary bool) ([]Address, error) {
	check := a.mayBePrimary(ctx, who, primary)

	return a.editAddresses(ctx, who, in, check, func(tx postgres.Tx, list []Address, address string) error {
		if list[position(list, address)].IsPrimary {
			return nil
		}

		user := who.Session.UserID

		before, err := snapshot.Take(ctx, tx, user)
		if err != nil {
			return err
		}

		if err := tx.UpdateNoPrimaryEmailAddress(ctx, user); err != nil {
			return err
		}

		if _, err := tx.UpdatePrimaryEmailAddress(ctx, db.UpdatePrimaryEmailAddressParams{UserID: user, Address: address}); err != nil {
			return err
		}

		if err := a.note(ctx, tx, who, audit.PrimaryEmail, address); err != nil {
			return err
		}

		if before.Primary() == "" {
			return nil
		}

		return a.changed(ctx, tx, who, before, outbox.EmailChanged)
	})
}

// CheckPrimary returns what keeps an address from becoming the primary one.
func (a *Account) CheckPrimary(ctx context.Context, who caller.Caller, in string, primary bool) error {
	return a.checkAddress(ctx, who, in, a.mayBePrimary(ctx, who, primary))
}

func (a *Account) mayBePrimary(ctx context.Context, who caller.Caller, primary bool) edit {
	return func(tx postgres.Tx, list []Address, address string) error {
		at := position(list, address)
		verified := slices.ContainsFunc(list, func(e Address) bool { return e.VerifiedAt != nil })
		pending := at >= 0 && a.isPending(ctx, tx, who, list[at])

		var bad problem.List
		switch {
		case at < 0:
			bad = append(bad, problem.UnknownEmail.At("email"))
		case list[at].VerifiedAt == nil && (verified || pending):
			bad = append(bad, problem.UnverifiedPrimary.At("email"))
		}

		if !primary {
			bad = append(bad, problem.Required.At("primary"))
		}

		return bad.Err()
	}
}

// isPending reports whether an address is only being verified, and not stored.
func (a *Account) isPending(ctx context.Context, tx postgres.Tx, who caller.Caller, e Address) bool {
	if !a.Policy.EmailVerificationByCode || e.VerifiedAt != nil || e.IsPrimary {
		return false
	}

	process, found, err := code.Find(ctx, tx.Queries, who.Session.ID, code.VerifyEmail, tx.Now)

	return err == nil && found && process.Target == e.Address
}

// RemoveEmailAddress removes one of the caller's addresses, or drops the verification of
// one that is not stored yet.
func (a *Account) RemoveEmailAddress(ctx context.Context, who caller.Caller, in string) ([]Address, error) {
	return a.editAddresses(ctx, who, in, a.mayRemove(ctx, who), func(tx postgres.Tx, list []Address, address string) error {
		if a.isPending(ctx, tx, who, list[position(list, address)]) {
			if err := code.Drop(ctx, tx, who.Session.ID, code.VerifyEmail); err != nil {
				return err
			}
		}

		stored, err := tx.ListEmailAddresses(ctx, who.Session.UserID)
		if err != nil || position(stored, address) < 0 {
			return err
		}

		return a.remove(ctx, tx, who, address)
	})
}

// CheckRemoval returns what keeps an address from being removed.
func (a *Account) CheckRemoval(ctx context.Context, who caller.Caller, in string) error {
	return a.checkAddress(ctx, who, in, a.mayRemove(ctx, who))
}

func (a *Account) mayRemove(ctx context.Context, who caller.Caller) edit {
	return func(tx postgres.Tx, list []Address, address string) error {
		at := position(list, address)
		if at < 0 {
			return problem.UnknownEmail.At("email")
		}

		stored, err := tx.ListEmailAddresses(ctx, who.Session.UserID)
		if err != nil || position(stored, address) < 0 {
			return err
		}

		onlyByEmail := len(a.Policy.LoginMethods) == 1 && a.Policy.LoginBy("email")
		primaryOfMany := list[at].IsPrimary && len(stored) > 1

		lastWayIn := len(stored) == 1 && onlyByEmail
		if primaryOfMany || lastWayIn {
			return problem.CannotRemovePrimary.At("email")
		}

		return nil
	}
}

func (a *Account) remove(ctx context.Context, tx postgres.Tx, who caller.Caller, address string) error {
	user := who.Session.UserID

	before, err := snapshot.Take(ctx, tx, user)
	if err != nil {
		return err
	}

	if _, err := tx.DeleteEmailAddress(ctx, db.DeleteEmailAddressParams{UserID: user, Address: address}); err != nil {
		return err
	}

	if err := code.DropStray(ctx, tx, user); err != nil {
		return err
	}

	if err := a.note(ctx, tx, who, audit.EmailRemoved, address); err != nil {
		return err
	}

	return a.Notices.Changed(ctx, tx, notice.Change{
		UserID: user, Kind: outbox.EmailDeleted, Before: before, Email: address, BySession: true, From: who.Device,
	})
}
