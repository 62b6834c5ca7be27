package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Signup is what a new account is made of.
type Signup struct{ Email, Password string }

// NewUser is an account about to be stored.
type NewUser struct {
	Address      string
	PasswordHash *string
	Verified     bool
}

// Signup makes an account and signs its owner in. Bad input is told before "signed in
// already" and "closed", as allauth does.
func (f *Flow) Signup(ctx context.Context, who caller.Caller, in Signup) (Entry, error) {
	address, err := f.checkSignup(&in)
	if err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return Entry{}, problem.AlreadyAuthenticated
	}
	if !f.settings.SignupOpen {
		return Entry{}, problem.SignupClosed
	}
	hash, err := f.hash(ctx, in.Password)
	if err != nil {
		return Entry{}, err
	}
	var e entered
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		id, err := Insert(ctx, tx, NewUser{Address: address, PasswordHash: &hash})
		if err != nil {
			return err
		}
		// The account is new and locked by us: nothing can stand against it.
		e, _, err = f.advance(ctx, tx, who, attempt{userID: id, proved: &hash, event: audit.UserCreated})
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.welcome(e)
}

func (f *Flow) checkSignup(in *Signup) (address string, err error) {
	address, valid := email.Normalize(in.Email)
	in.Password = password.Normalize(in.Password)
	bad := required([]string{"email"}, address)
	switch {
	case address != "" && !valid:
		bad = append(bad, problem.InvalidValue.At("email"))
	case len(address) > email.MaxStored:
		bad = append(bad, problem.MaxLength.At("email"))
	}
	if in.Password == "" {
		bad = append(bad, problem.Required.At("password"))
	} else {
		bad = append(bad, f.Policy.Check(in.Password, "password")...)
	}
	return address, bad.Err()
}

// hash waits for a slot and hashes a new password.
func (f *Flow) hash(ctx context.Context, pass string) (string, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Leave()
	return slot.Hash(pass)
}

// Insert stores a user with one primary address, and returns problem.EmailTaken when
// anybody holds the address.
func Insert(ctx context.Context, tx postgres.Tx, n NewUser) (int64, error) {
	if err := tx.LockAddress(ctx, n.Address); err != nil {
		return 0, err
	}
	holders, err := tx.CountAddressHolders(ctx, n.Address)
	if err != nil {
		return 0, err
	}
	if holders > 0 {
		return 0, problem.EmailTaken.At("email")
	}
	id := secret.ID52()
	err = tx.InsertUser(ctx, db.InsertUserParams{ID: id, Display: email.LocalPart(n.Address), PasswordHash: n.PasswordHash, Now: tx.Now})
	if err != nil {
		return 0, err
	}
	address := db.InsertEmailAddressParams{UserID: id, Address: n.Address, IsPrimary: true, Now: tx.Now}
	if n.Verified {
		address.VerifiedAt = &tx.Now
	}
	return id, tx.InsertEmailAddress(ctx, address)
}
