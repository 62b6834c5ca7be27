package flow

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// disown takes from an account what somebody could come in by, before the holder of an
// address or a number (proved) shows for the first time that it is theirs: services, other
// addresses, and the links that verify them. It reports whether this is the first proof.
//
// Security: somebody else may have made the account with that address and waited. What they
// can come in by must not outlive the proof (SEC-72, TestSEC72_aTrapLaidBeforeTheProofIsGoneAfterIt); a
// number opens nothing beside an address that is verified (whoHas). Second factors stay:
// nobody comes in without them, and an account that has one is not given away by a mistyped
// address.
func (f *Flow) disown(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) (bool, error) {
	found, err := tx.FindSignInFacts(ctx, db.FindSignInFactsParams{ID: userID})
	if err != nil || found.HasVerifiedEmail || found.PhoneVerified || len(found.Factors) > 0 {
		return false, err
	}
	if theirs, err := provesOf(ctx, tx, userID, proved); err != nil || !theirs {
		return false, err
	}
	if _, err := tx.DeleteOtherEmailAddresses(ctx, db.DeleteOtherEmailAddressesParams{UserID: userID, Address: proved}); err != nil {
		return false, err
	}
	if err := tx.DeleteLinksOfUser(ctx, db.DeleteLinksOfUserParams{UserID: userID, Purpose: string(code.VerifyEmail)}); err != nil {
		return false, err
	}
	services, err := tx.DeleteProviderAccountsOfUser(ctx, userID)
	if err != nil {
		return false, err
	}
	return true, f.disconnected(ctx, tx, disownment{userID, proved, services}, from)
}

// provesOf reports whether an address or number can prove anything of a user: it is the user's, and no
// other user has verified the address.
//
// Race: it may have been replaced while its code was asked for
// (TestReclaim_notByAnAddressThatWasReplaced).
func provesOf(ctx context.Context, tx postgres.Tx, userID int64, proved string) (bool, error) {
	if !isEmail(proved) {
		user, err := tx.FindUser(ctx, userID)
		return user.Phone != nil && *user.Phone == proved, err
	}

	list, err := tx.ListEmailAddresses(ctx, userID)
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(list, func(e db.ListEmailAddressesRow) bool { return e.Address == proved }) {
		return false, nil
	}
	verified, err := isVerified(ctx, tx, proved)
	return err == nil && !verified, err
}

// disownByReset takes from an account what others than the owner of the address that resets its
// password may have left there.
func (f *Flow) disownByReset(ctx context.Context, tx postgres.Tx, r resetting, from session.Device) error {
	if _, err := f.disown(ctx, tx, r.userID, r.address, from); err != nil {
		return err
	}

	return f.disownEarlier(ctx, tx, r.userID, r.address, from)
}

// disownEarlier takes from an account the providers that were connected before its address was
// verified by a link that was opened elsewhere: only now, by a reset, its owner has shown that
// the account is theirs.
func (f *Flow) disownEarlier(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) error {
	services, err := tx.DeleteUnprovedProviderAccounts(ctx, userID)
	if err != nil {
		return err
	}
	if err := tx.UpdateUserProved(ctx, userID); err != nil {
		return err
	}
	return f.disconnected(ctx, tx, disownment{userID, proved, services}, from)
}

// disownment is what was taken from an account by the proof of an address or a number.
type disownment struct {
	userID   int64
	proved   string
	services []db.ProviderAccount
}

// disconnected has the grants of providers revoked that are gone from an account, and tells the
// address that was proved.
func (f *Flow) disconnected(ctx context.Context, tx postgres.Tx, d disownment, from session.Device) error {
	for _, s := range d.services {
		if err := provider.GrantOf(s).Enqueue(ctx, tx.Queries, f.Keys, tx.Now); err != nil && !errors.Is(err, secret.ErrSealed) {
			return err
		}
		event := audit.Event{Name: audit.ProviderDisconnected, Actor: audit.Server, UserID: d.userID, Device: from}
		if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
			return err
		}
	}

	if len(d.services) > 0 && isEmail(d.proved) { // it is the primary one in a moment
		return f.Notices.Disowned(ctx, tx, d.userID, d.proved, from)
	}
	return nil
}

// reclaim is disown for a proof that sets no new password: a code that was asked for, and nothing else
// that was shown. The sessions of before end, too, and the password of before opens the account only
// together with a code; the attempt goes on without a password.
func (f *Flow) reclaim(ctx context.Context, tx postgres.Tx, a *Attempt, proved string, from session.Device) error {
	if a.Signup || len(a.Methods) > 0 {
		return nil // the same person has shown something else, or is just making the account
	}
	first, err := f.disown(ctx, tx, a.UserID, proved, from)
	if err != nil || !first {
		return err
	}
	if err := f.releasePassword(ctx, tx, a.UserID, proved, from); err != nil {
		return err
	}
	a.Stamp = stamp(nil)

	return code.DropAll(ctx, tx, a.UserID)
}
