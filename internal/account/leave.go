package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Delete ends all sessions of the caller at once and sets the date at which the account
// goes; it returns that. Only a completed sign-in undoes it. Without grace the account
// goes here and now.
func (a *Account) Delete(ctx context.Context, who caller.Caller) (time.Time, error) {
	var at time.Time

	user := who.Session.UserID
	if a.Policy.DeletionGraceSeconds == 0 { // nothing calls this off any more
		if err := a.held(ctx, who, func(postgres.Tx) error { return nil }); err != nil {
			return at, err
		}

		if _, err := a.revokeFirst(ctx, a.DB.Queries, user); err != nil {
			return at, err
		}
	}

	err := a.held(ctx, who, func(tx postgres.Tx) error {
		// Race: a sign-in commits before, and is ended here, or after, and calls it off
		// (TestLeave_aCompletedSignInUndoesIt).
		at = tx.Now.Add(a.Policy.DeletionGrace())
		if err := tx.UpdateUserDeletion(ctx, db.UpdateUserDeletionParams{ID: user, DeletesAt: &at}); err != nil {
			return err
		}

		if _, err := session.EndAll(ctx, tx, user, session.AccountDeleted); err != nil {
			return err
		}

		if err := a.note(ctx, tx, who, audit.DeletionRequested, ""); err != nil {
			return err
		}

		if a.Policy.DeletionGraceSeconds == 0 {
			return a.purge(ctx, tx, user)
		}

		return a.Notices.DeletionScheduled(ctx, tx, user, at, who.Device)
	})

	return at, err
}

// purge deletes a user whose deletion date has passed. Foreign keys delete everything that belongs to the user;
// audit rows remain without personal data.
func (a *Account) purge(ctx context.Context, tx postgres.Tx, user int64) error {
	if err := a.Notices.AccountDeleted(ctx, tx, user); err != nil {
		return err
	}

	services, err := tx.ListProviderAccounts(ctx, user)
	if err != nil {
		return err
	}

	for _, row := range services { // what revokeFirst could not do
		if err := a.enqueue(ctx, tx, row); err != nil {
			return err
		}
	}

	n, err := tx.DeleteUser(ctx, db.DeleteUserParams{ID: user, Now: tx.Now})
	if err != nil {
		return err
	}

	if n == 0 {
		return errStays
	}

	if err := a.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.AccountDeleted, Actor: audit.Server, UserID: user}); err != nil {
		return err
	}

	_, err = tx.UpdateAuditEventsOfUser(ctx, user)

	return err
}

// errStays rolls a purge back: the user has signed in meanwhile, which cancels the deletion.
var errStays = errors.New("the account stays")

// Purge removes everybody whose date has come, and returns how many those were. It can be
// repeated at any time: what is gone is not found again.
func (a *Account) Purge(ctx context.Context) (int, error) {
	due, err := a.DB.ListUsersToDelete(ctx, a.DB.Now())
	if err != nil {
		return 0, err
	}

	gone, away := 0, false

	var failed []error // one that cannot go must not keep the others
	for _, user := range due {
		err := a.DB.Tx(ctx, func(tx postgres.Tx) error {
			// Race: who is signing in stays, with their grants
			// (TestProviderGrant_aSignInThatCallsTheDeletionOffKeepsIt).
			_, err := tx.LockUserToDelete(ctx, db.LockUserToDeleteParams{ID: user, Now: tx.Now})
			if err != nil {
				return err
			}

			if !away { // else the others do not wait for it, too
				if away, err = a.revokeFirst(ctx, tx.Queries, user); err != nil {
					return err
				}
			}

			return a.purge(ctx, tx, user)
		})
		switch {
		case err == nil:
			gone++
		case !errors.Is(err, errStays) && !postgres.IsNotFound(err):
			failed = append(failed, fmt.Errorf("delete user %d: %w", user, err))
		}
	}

	return gone, errors.Join(failed...)
}
