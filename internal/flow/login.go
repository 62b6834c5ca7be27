package flow

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Login is what a person signs in with.
type Login struct{ Email, Password string }

// Login signs a person in with a password.
func (f *Flow) Login(ctx context.Context, who caller.Caller, in Login) (Entry, error) {
	address, valid := email.Normalize(in.Email)
	in.Password = password.Normalize(in.Password)
	bad := required([]string{"email", "password"}, address, in.Password)
	if address != "" && !valid {
		bad = append(bad, problem.InvalidValue.At("email"))
	}
	if err := bad.Err(); err != nil {
		return Entry{}, err
	}
	user, err := f.checkPassword(ctx, who, address, in.Password)
	if err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return Entry{}, problem.AlreadyAuthenticated
	}
	var e entered
	var admitted bool
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		var err error
		e, admitted, err = f.advance(ctx, tx, who, attempt{
			userID: user.ID, proved: user.PasswordHash, event: audit.Login,
			methods: []session.Method{{Method: "password", At: session.Epoch(tx.Now), Email: address}},
		})
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	if !admitted {
		return Entry{}, problem.CredentialsMismatch.At("password")
	}
	return f.welcome(e)
}

// checkPassword returns the user whose password this is.
//
// Timing: unknown account, no password, disabled and wrong password take the same
// path: a slot before the look-up, one statement, one hash, one answer (SEC-39,
// SEC-40; TestSEC40_fourFailuresAreOne).
func (f *Flow) checkPassword(ctx context.Context, who caller.Caller, address, pass string) (db.FindUserByEmailRow, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return db.FindUserByEmailRow{}, err
	}
	defer slot.Leave()
	// A guess is counted before it is made, and given back when it was none: of many guesses
	// at once no more are compared than are left.
	counted, err := f.Limiter.Take(ctx, "login_failed", limit.Subject{Address: who.Device.Address, Key: address})
	if errors.Is(err, problem.TooManyRequests) {
		return db.FindUserByEmailRow{}, problem.TooManyLoginAttempts
	}
	if err != nil {
		return db.FindUserByEmailRow{}, err
	}
	user, err := f.DB.FindUserByEmail(ctx, address)
	if err != nil && !postgres.IsNotFound(err) {
		return db.FindUserByEmailRow{}, err
	}
	right, weak, err := slot.Verify(pass, user.PasswordHash)
	if err != nil {
		return db.FindUserByEmailRow{}, err
	}
	if weak && user.DisabledAt == nil {
		f.strengthen(ctx, slot, &user, pass)
	}
	slot.Leave() // what follows waits for the database, and others for the slot
	if !right || user.DisabledAt != nil {
		err := f.Trail.Add(ctx, f.DB.Queries, f.DB.Now(), audit.Event{
			Name: audit.Login, Failed: true, UserID: user.ID, Device: who.Device, Email: address,
		})
		if err != nil {
			return db.FindUserByEmailRow{}, err
		}
		return db.FindUserByEmailRow{}, problem.CredentialsMismatch.At("password")
	}
	return user, counted.GiveBack(ctx)
}

// strengthen stores the password anew with today's parameters. Its failure is no
// failure of the sign-in (SEC-34).
func (f *Flow) strengthen(ctx context.Context, slot *password.Slot, user *db.FindUserByEmailRow, pass string) {
	fresh, err := slot.Hash(pass)
	if err != nil {
		return
	}
	n, err := f.DB.UpdateUserPasswordHash(ctx, db.UpdateUserPasswordHashParams{ID: user.ID, OldHash: *user.PasswordHash, NewHash: fresh})
	if err == nil && n == 1 {
		user.PasswordHash = &fresh
	}
}
