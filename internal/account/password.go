package account

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// PasswordChange is a new password, and the one before it where there is one.
type PasswordChange struct{ Current, New string }

// PasswordChanged is what the caller's session has become.
type PasswordChanged struct {
	Session session.Details
	// SessionToken is new; the one before is dead. Empty where the session has ended, too, and
	// where it had no session token that works.
	SessionToken string
	// Out: the session has ended (ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE).
	Out bool
}

// ChangePassword sets the caller's password and ends their other sessions, in one
// transaction. The caller's own session goes on with the same access and refresh token:
// only a refresh moves a generation, since an answer that is lost here could not be
// repeated (contract: docs/differences.md).
func (a *Account) ChangePassword(ctx context.Context, who caller.Caller, in PasswordChange) (PasswordChanged, error) {
	if _, err := a.Limiter.Take(ctx, limit.ChangePassword, who.Subject()); err != nil {
		return PasswordChanged{}, err
	}

	in.Current, in.New = password.Given(in.Current), password.Normalize(in.New)

	stored, fresh, err := a.newPassword(ctx, who, in)
	if err != nil {
		return PasswordChanged{}, err
	}

	out := PasswordChanged{Out: a.Policy.LogoutOnPasswordChange}
	changed := false

	err = a.held(ctx, who, func(tx postgres.Tx) error {
		// Race: a sign-in with the old password commits before this lock, and its session ends here, or it waits
		// and fails. Of two parallel changes, the second one finds another password
		// (TestPasswordChange_twoAtOnce).
		now, err := tx.FindUserPassword(ctx, who.Session.UserID)
		if err != nil || !same(now, stored) {
			return err
		}

		changed = true

		return a.storePassword(ctx, tx, who, fresh, &out)
	})
	if err == nil && !changed {
		err = problem.EnterCurrentPassword.At("current_password")
	}

	return out, err
}

// newPassword checks the current password and the new one, and returns the stored hash
// and the fresh one.
func (a *Account) newPassword(ctx context.Context, who caller.Caller, in PasswordChange) (stored *string, fresh string, err error) {
	if stored, err = a.DB.FindUserPassword(ctx, who.Session.UserID); err != nil {
		return nil, "", err
	}

	bad, err := a.problemsOf(who, stored != nil, in)
	if err != nil {
		return nil, "", err
	}

	if len(bad) > 0 && (stored == nil || in.Current == "") { // there is nothing to verify besides
		return nil, "", bad
	}

	slot, err := a.Gate.Enter(ctx)
	if err != nil {
		return nil, "", err
	}
	defer slot.Leave()

	if stored != nil && in.Current != "" {
		right, err := a.guessPassword(ctx, who, func() bool {
			right, _ := slot.Verify(in.Current, stored)
			return right
		})
		if err != nil {
			return nil, "", err
		}

		if !right {
			bad = append(problem.List{problem.EnterCurrentPassword.At("current_password")}, bad...)
		}
	}

	if len(bad) > 0 {
		return nil, "", bad
	}

	fresh, err = slot.Hash(in.New)

	return stored, fresh, err
}

// problemsOf is what is wrong with a change, as far as no hash is needed for it.
func (a *Account) problemsOf(who caller.Caller, hasPassword bool, in PasswordChange) (problem.List, error) {
	var bad problem.List
	switch {
	case hasPassword && in.Current == "":
		bad = append(bad, problem.Required.At("current_password"))
	case !hasPassword && in.Current != "":
		bad = append(bad, problem.EnterCurrentPassword.At("current_password"))
	}

	if in.New == "" {
		return append(bad, problem.Required.At("new_password")), nil
	}

	about := password.About(who.Session.Email, who.Session.Username, who.Session.Display)
	found, err := a.Passwords.Check(in.New, "new_password", about...)

	return append(bad, found...), err
}

// CheckFirstPassword returns what is wrong with the first password of an account that has none.
func (a *Account) CheckFirstPassword(ctx context.Context, who caller.Caller, in PasswordChange) error {
	if _, err := a.Limiter.Take(ctx, limit.ChangePassword, who.Subject()); err != nil {
		return err
	}

	bad, err := a.CheckPasswordChange(who, in)
	if err != nil {
		return err
	}

	return bad.Err()
}

// CheckPasswordChange returns what is wrong with a change, as far as no password is verified for
// it.
func (a *Account) CheckPasswordChange(who caller.Caller, in PasswordChange) (problem.List, error) {
	in.Current, in.New = password.Given(in.Current), password.Normalize(in.New)
	return a.problemsOf(who, who.Session.HasUsablePassword, in)
}

// takeGuess takes one guess of a signed-in caller, before it is known whether it is right.
func (a *Account) takeGuess(ctx context.Context, who caller.Caller, param string) (limit.Taken, error) {
	taken, err := a.Limiter.Take(ctx, limit.ReauthenticateFailed, who.Subject())
	if errors.Is(err, problem.TooManyRequests) {
		return taken, problem.TooManyLoginAttempts.At(param)
	}

	return taken, err
}

// guessPassword takes one guess at the caller's current password before it is verified, and
// refunds it if it was right. A wrong one leaves an audit row.
func (a *Account) guessPassword(ctx context.Context, who caller.Caller, verify func() bool) (bool, error) {
	taken, err := a.takeGuess(ctx, who, "current_password")
	if err != nil {
		return false, err
	}

	if verify() {
		return true, taken.GiveBack(ctx)
	}

	return false, a.Trail.Add(ctx, a.DB.Queries, a.DB.Now(), audit.Event{
		Name: audit.PasswordChanged, Failed: true, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device,
	})
}

func (a *Account) storePassword(ctx context.Context, tx postgres.Tx, who caller.Caller, fresh string, out *PasswordChanged) error {
	user := who.Session.UserID

	before, err := snapshot.Take(ctx, tx, user)
	if err != nil {
		return err
	}

	if _, err := tx.UpdateUserPassword(ctx, db.UpdateUserPasswordParams{ID: user, PasswordHash: fresh}); err != nil {
		return err
	}

	if out.Out {
		_, err = session.EndAll(ctx, tx, user, session.PasswordChanged)
	} else {
		_, err = tx.EndOtherSessionsOfUser(ctx, db.EndOtherSessionsOfUserParams{
			UserID: user, ID: who.Session.ID, EndReason: session.PasswordChanged, Now: tx.Now,
		})
	}

	if err != nil {
		return err
	}

	if err := code.DropAll(ctx, tx, user); err != nil {
		return err
	}

	names, err := tx.ListUserNames(ctx, user)
	if err != nil {
		return err
	}

	if err := a.Limiter.ForgetGuesses(ctx, tx, user, names...); err != nil {
		return err
	}

	if err := a.note(ctx, tx, who, audit.PasswordChanged, ""); err != nil {
		return err
	}

	kind := outbox.PasswordChanged
	if !who.Session.HasUsablePassword {
		kind = outbox.PasswordSet
	}

	if err := a.changed(ctx, tx, who, before, kind); err != nil {
		return err
	}

	if out.Session, err = tx.FindSession(ctx, who.Session.ID); err != nil || out.Out {
		return err
	}

	out.SessionToken, err = a.Tokens.ReplaceToken(ctx, tx, &out.Session)

	return err
}

func same(a, b *string) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
