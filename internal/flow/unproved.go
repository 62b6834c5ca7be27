package flow

import (
	"context"
	"crypto/subtle"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// An unproved password was set by the user who made the account, before a sign-in code showed for the first
// time whose the address is. That may have been its owner on another device, or a stranger. It signs in
// together with a code that is sent to the owner, and is proved by that. Nothing else takes it: for
// everything but a sign-in the account has no password.

// passwordToVerify is the hash that a password is compared with at a sign-in; nil where there is none.
func passwordToVerify(user holder) *string {
	if user.PasswordHash == nil {
		return user.UnprovedPasswordHash
	}

	return user.PasswordHash
}

// markUnproved notes in an attempt that the password that it has shown is an unproved one.
func (a *Attempt) markUnproved(user holder) {
	if user.PasswordHash == nil && user.UnprovedPasswordHash != nil {
		a.Unproved = stamp(user.UnprovedPasswordHash)
	}
}

// needsOwner reports whether the attempt has shown nothing but an unproved password.
func (a *Attempt) needsOwner() bool { return len(a.Unproved) > 0 }

// lostUnproved reports whether the unproved password that the attempt has shown is another one by now.
func (a *Attempt) lostUnproved(stored *string) bool {
	return a.needsOwner() && subtle.ConstantTimeCompare(a.Unproved, stamp(stored)) != 1
}

// chooseOwner makes the owner of the account the recipient of a code: a verified address, otherwise the
// verified number, otherwise nobody.
//
// Security: what the caller named the account by plays no role. A stranger may know the password
// (TestUnprovedPassword_theCodeGoesToTheOwnerAlone).
func (f *Flow) chooseOwner(ctx context.Context, tx postgres.Tx, to *notice.Recipient, found db.FindSignInFactsRow) error {
	to.Phone = ""
	if found.PhoneVerified {
		to.Phone = found.Phone
	}

	address, err := tx.FindNoticeAddress(ctx, to.UserID)
	if postgres.IsNotFound(err) {
		address, err = "", nil
	}
	to.Email = address

	return err
}

// releasePassword makes the password of an account an unproved one and ends all sessions, since the owner
// of an address or number has proved it for the first time. It tells the owner.
//
// Security: the session and the password may be a stranger's
// (TestTrap_aPasswordOfBeforeOpensNothingWithoutTheOwnersCode).
func (f *Flow) releasePassword(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) error {
	had, err := tx.UpdateUserPasswordUnproved(ctx, userID)
	if err != nil {
		return err
	}
	// A password at the system that the user comes from may be the stranger's as well.
	if err := tx.UpdateUserPasswordHookEnded(ctx, userID); err != nil {
		return err
	}
	if _, err := session.EndAll(ctx, tx, userID, session.OwnershipVerified); err != nil {
		return err
	}
	if had == 0 || !isEmail(proved) { // it is the primary one in a moment
		return nil
	}

	return f.Notices.PasswordUnproved(ctx, tx, userID, proved, from)
}

// provePassword makes the unproved password that an attempt has shown, together with a code, the
// password of the account. It tells the user.
func (f *Flow) provePassword(ctx context.Context, tx postgres.Tx, who caller.Caller, userID int64) error {
	before, err := snapshot.Take(ctx, tx, userID)
	if err != nil {
		return err
	}
	proved, err := tx.UpdateUserPasswordProved(ctx, userID)
	if err != nil || proved == 0 {
		return err
	}

	event := audit.Event{Name: audit.PasswordChanged, UserID: userID, Device: who.Device}
	if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return err
	}

	return f.Notices.Changed(ctx, tx, notice.Change{UserID: userID, Kind: outbox.PasswordSet, Before: before, From: who.Device})
}
