package admin

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// SetPassword stores the hash of a new password, ends every session, and clears the counters of wrong
// guesses. It returns how many sessions ended.
func (a *Admin) SetPassword(ctx context.Context, userID int64, hash string) (int64, error) {
	e := ending{audit.Event{Name: audit.PasswordChanged, UserID: userID}, session.PasswordChanged}

	return a.endAll(ctx, e, func(tx postgres.Tx) error {
		if _, err := tx.UpdateUserPassword(ctx, db.UpdateUserPasswordParams{ID: userID, PasswordHash: hash}); err != nil {
			return err
		}

		return flow.Forgive(ctx, tx, a.Limiter, userID)
	})
}

// Disable disables an account and ends every session. It returns how many sessions ended.
func (a *Admin) Disable(ctx context.Context, userID int64) (int64, error) {
	e := ending{audit.Event{Name: audit.AccountDisabled, UserID: userID}, session.AccountDisabled}

	return a.endAll(ctx, e, func(tx postgres.Tx) error {
		_, err := tx.MarkUserDisabled(ctx, db.MarkUserDisabledParams{ID: userID, Now: tx.Now})
		return err
	})
}

// errNothingToDo undoes a change that would change nothing, so that the audit log does not name it.
var errNothingToDo = errors.New("nothing to do")

// Enable enables an account. It reports false where the account was not disabled.
func (a *Admin) Enable(ctx context.Context, userID int64) (bool, error) {
	err := a.change(ctx, audit.Event{Name: audit.AccountEnabled, UserID: userID}, func(tx postgres.Tx) error {
		enabled, err := tx.MarkUserEnabled(ctx, userID)
		if err == nil && enabled == 0 {
			return errNothingToDo
		}

		return err
	})

	return changed(err)
}

// changed turns errNothingToDo into false.
func changed(err error) (bool, error) {
	if errors.Is(err, errNothingToDo) {
		return false, nil
	}

	return err == nil, err
}

// SignOut ends every session of a user. It returns how many ended.
func (a *Admin) SignOut(ctx context.Context, userID int64) (int64, error) {
	return a.endAll(ctx, ending{audit.Event{Name: audit.SessionsEnded, UserID: userID}, session.EndedByAdmin}, nothingElse)
}

// removedKinds are the kinds of factors that RemoveFactors removes, and the mail that tells the user.
// Recovery codes go with the factor that they recover, and have no mail of their own.
var removedKinds = []struct {
	kind string
	mail outbox.Kind
}{
	{factor.TOTP, outbox.TOTPDeactivated},
	{factor.WebAuthn, outbox.WebAuthnRemoved},
	{factor.RecoveryCodes, ""},
}

// RemoveFactors removes every second factor and passkey of a user, ends every session, and mails the
// user. It returns how many sessions ended.
func (a *Admin) RemoveFactors(ctx context.Context, userID int64) (int64, error) {
	e := ending{audit.Event{Name: audit.FactorRemoved, UserID: userID}, session.EndedByAdmin}

	return a.endAll(ctx, e, func(tx postgres.Tx) error {
		before, err := snapshot.Take(ctx, tx, userID)
		if err != nil {
			return err
		}

		for _, removed := range removedKinds {
			gone, err := tx.DeleteAuthenticators(ctx, db.DeleteAuthenticatorsParams{UserID: userID, Type: removed.kind})
			if err != nil {
				return err
			}

			if len(gone) == 0 || removed.mail == "" || a.Notices == nil {
				continue
			}

			told := notice.Change{UserID: userID, Kind: removed.mail, Before: before}
			if err := a.Notices.Changed(ctx, tx, told); err != nil {
				return err
			}
		}

		return nil
	})
}

// Delete ends every session of a user, and sets when the account is deleted: after the time that users
// have to change their mind, or at once. A server deletes it then, and revokes the grants of providers.
// The user is mailed. Delete returns the time, and how many sessions ended.
func (a *Admin) Delete(ctx context.Context, userID int64, atOnce bool) (at time.Time, ended int64, err error) {
	e := ending{audit.Event{Name: audit.DeletionRequested, UserID: userID}, session.AccountDeleted}

	ended, err = a.endAll(ctx, e, func(tx postgres.Tx) error {
		at = tx.Now.Add(a.Policy.DeletionGrace())
		if atOnce {
			at = tx.Now
		}

		if err := tx.UpdateUserDeletion(ctx, db.UpdateUserDeletionParams{ID: userID, DeletesAt: &at}); err != nil {
			return err
		}

		if a.Notices == nil || !at.After(tx.Now) { // the end itself has a mail of its own
			return nil
		}

		return a.Notices.DeletionScheduled(ctx, tx, userID, at, session.Device{})
	})

	return at, ended, err
}

// CancelDeletion keeps an account that was to be deleted. It reports false where it was not.
func (a *Admin) CancelDeletion(ctx context.Context, userID int64) (bool, error) {
	err := a.change(ctx, audit.Event{Name: audit.DeletionCancelled, UserID: userID}, func(tx postgres.Tx) error {
		user, err := tx.FindUser(ctx, userID)
		if err != nil {
			return err
		}

		if user.DeletesAt == nil {
			return errNothingToDo
		}

		if err := tx.UpdateUserDeletion(ctx, db.UpdateUserDeletionParams{ID: userID}); err != nil || a.Notices == nil {
			return err
		}

		return a.Notices.DeletionCancelled(ctx, tx, userID, session.Device{})
	})

	return changed(err)
}

// ErrNoSuchAddress says that the user does not have the address.
var ErrNoSuchAddress = errors.New("the user does not have this address")

// ErrVerifiedElsewhere says that another user has verified the address.
var ErrVerifiedElsewhere = errors.New("another user has verified this address")

// VerifyAddress marks an address of a user as verified. It reports false where it was. It returns
// ErrNoSuchAddress or ErrVerifiedElsewhere where it cannot.
func (a *Admin) VerifyAddress(ctx context.Context, userID int64, address string) (bool, error) {
	err := a.change(ctx, audit.Event{Name: audit.EmailVerified, UserID: userID}, func(tx postgres.Tx) error {
		before, err := snapshot.Take(ctx, tx, userID)
		if err != nil {
			return err
		}

		if err := verifiable(ctx, tx, before, userID, address); err != nil {
			return err
		}

		err = tx.UpdateEmailAddressVerified(ctx, db.UpdateEmailAddressVerifiedParams{
			UserID: userID, Address: address, Now: tx.Now, IsPrimary: before.Primary() == "",
		})
		if err != nil {
			return err
		}

		// Security: a stranger may have made the account and connected a provider of theirs; the first
		// reset by the owner of the address removes it (TestCommand_usersCreateIsNotBlockedByAStranger).
		if len(before.Verified()) == 0 {
			return tx.UpdateUserProvedElsewhere(ctx, db.UpdateUserProvedElsewhereParams{ID: userID, Now: tx.Now})
		}

		if a.Notices == nil {
			return nil
		}

		return a.Notices.Changed(ctx, tx, notice.Change{UserID: userID, Kind: outbox.EmailConfirmed, Before: before})
	})

	return changed(err)
}

// verifiable returns why an address cannot be marked as verified.
func verifiable(ctx context.Context, tx postgres.Tx, ways snapshot.Ways, userID int64, address string) error {
	found, has := ways.Find(address)
	if !has {
		return ErrNoSuchAddress
	}

	if found.VerifiedAt != nil {
		return errNothingToDo
	}

	taken, err := flow.VerifiedByAnother(ctx, tx, userID, address)
	if err == nil && taken {
		return ErrVerifiedElsewhere
	}

	return err
}
