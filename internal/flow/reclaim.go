package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// unproved reports whether nobody has shown yet that an address or the number of an account
// is theirs. Whoever made it then may be anybody.
func unproved(ctx context.Context, tx postgres.Tx, userID int64) (bool, error) {
	found, err := tx.FindSignInFacts(ctx, db.FindSignInFactsParams{ID: userID})
	return err == nil && !found.HasVerifiedEmail && !found.PhoneVerified, err
}

// disown removes the services that are connected to an account, before somebody proves for
// the first time that its address is theirs.
//
// Security: somebody else may have made the account with that address and waited. What they
// can come in by must not outlive the proof (SEC-72,
// TestSEC72_aServiceConnectedBeforeTheProofIsGoneAfterIt).
func disown(ctx context.Context, tx postgres.Tx, userID int64) error {
	alone, err := unproved(ctx, tx, userID)
	if err != nil || !alone {
		return err
	}
	_, err = tx.DeleteProviderAccountsOfUser(ctx, userID)
	return err
}

// reclaim is disown for a proof that sets no new password: a code that somebody asked for,
// and that is all they have shown. The password and the sessions of whoever was there before
// go, too; the attempt goes on without a password.
func reclaim(ctx context.Context, tx postgres.Tx, a *Attempt) error {
	if a.Signup || len(a.Methods) > 0 {
		return nil // the same person has shown something else, or is just making the account
	}
	alone, err := unproved(ctx, tx, a.UserID)
	if err != nil || !alone {
		return err
	}
	if _, err := tx.DeleteProviderAccountsOfUser(ctx, a.UserID); err != nil {
		return err
	}
	if err := tx.UpdateUserNoPassword(ctx, a.UserID); err != nil {
		return err
	}
	a.Stamp = stamp(nil)
	if _, err := session.EndAll(ctx, tx, a.UserID, session.PasswordChanged); err != nil {
		return err
	}
	return code.DropAll(ctx, tx, a.UserID)
}
