package flow

import (
	"context"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// RequestPasswordReset mails a code or a link that resets a password. For an address
// that nobody has the answer, the statements and the kind of job are the same (SEC-48).
// By code it ends in an *Incomplete: the client has to go on.
func (f *Flow) RequestPasswordReset(ctx context.Context, who caller.Caller, in string) error {
	target, err := address.Find(ctx, f.DB.Queries, in)
	if err != nil {
		return err
	}
	if long := email.TooLong(target); long != nil {
		return long.At("email")
	}
	user, err := f.whoHas(ctx, CodeRequest{Email: target})
	if err != nil {
		return err
	}

	known := who.Known.Of(user.ID)
	subject := limit.Subject{Address: who.Device.Address, Key: notice.Counter(target, known)}
	if _, err := f.Limiter.Take(ctx, limit.ResetPassword, subject); err != nil {
		return err
	}
	if user.ID == 0 && !f.Policy.Hides() {
		return problem.UnknownEmail.At("email")
	}
	to := notice.Recipient{UserID: user.ID, Email: target, Device: who.Device, Known: known}
	if !f.Policy.ResetByCode {
		return f.DB.Tx(ctx, func(tx postgres.Tx) error { return f.Notices.ResetLink(ctx, tx, to) })
	}
	token := ""
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if err != nil {
			return err
		}
		if to.Session, token, err = f.ownSession(ctx, tx, who); err != nil {
			return err
		}
		return f.Notices.ResetCode(ctx, tx, to)
	})
	if err != nil || who.SignedIn() {
		return err
	}
	a := f.pending(who)
	u := a.underWay()
	u.resetting = true
	return &Incomplete{Steps: f.menu(u), SessionToken: token}
}

// ownSession is the caller's session, or a new one with nothing pending in it.
func (f *Flow) ownSession(ctx context.Context, tx postgres.Tx, who caller.Caller) (id uuid.UUID, token string, err error) {
	if id, ok := sessionOf(who); ok {
		return id, "", nil
	}
	return f.keep(ctx, tx, who, &Attempt{})
}

// ShowPasswordReset tells whose password a code or key would reset. By code this starts the
// time anew. The address is verified by the reset alone: until then somebody else's password
// may still be good.
func (f *Flow) ShowPasswordReset(ctx context.Context, who caller.Caller, key string) (db.UserDetail, error) {
	var user db.UserDetail
	_, err := f.reset(ctx, who, key, func(tx postgres.Tx, r resetting) error {
		if err := f.stillOpens(ctx, tx, r); err != nil {
			return err
		}
		if r.process != nil {
			if err := f.Codes.Extend(ctx, tx, *r.process); err != nil {
				return err
			}
		}
		var err error
		user, err = tx.FindUser(ctx, r.userID)
		return err
	})
	return user, err
}

// resetting is a reset whose code or key was right.
type resetting struct {
	userID  int64
	address string
	process *code.Process // nil by link
}

// reset judges a code or key, and calls then for a right one, which stays usable. A wrong
// code is counted.
func (f *Flow) reset(ctx context.Context, who caller.Caller, key string, then func(postgres.Tx, resetting) error) (resetting, error) {
	var r resetting
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		var refusal *problem.Problem
		var err error
		if f.Policy.ResetByCode {
			r, refusal, err = f.resetByCode(ctx, tx, who, key)
		} else {
			r, refusal, err = f.resetByLink(ctx, tx, key)
		}
		if err != nil || refusal != nil {
			return refusal, err
		}
		return nil, then(tx, r)
	})
	return r, err
}

func (f *Flow) resetByCode(ctx context.Context, tx postgres.Tx, who caller.Caller, typed string) (resetting, *problem.Problem, error) {
	if _, err := f.locked(ctx, tx, who); err != nil {
		return resetting{}, nil, err
	}
	process, refusal, err := f.try(ctx, tx, who, guess{code.ResetPassword, typed, "key"})
	if err != nil || refusal != nil {
		return resetting{}, refusal, err
	}
	return resetting{*process.UserID, process.Target, &process}, nil, f.Codes.Keep(ctx, tx, process)
}

func (f *Flow) resetByLink(ctx context.Context, tx postgres.Tx, key string) (resetting, *problem.Problem, error) {
	if key == "" {
		return resetting{}, problem.Required.At("key"), nil
	}
	link, found, err := code.FindLink(ctx, tx.Queries, code.ResetPassword, key, tx.Now)
	if err != nil || !found {
		return resetting{}, problem.InvalidPasswordReset.At("key"), err
	}
	return resetting{link.UserID, link.Address, nil}, nil, nil
}

// stillOpens returns a problem where the address that a code or link was sent to would not get
// one for this account any more.
//
// Race: whoever asks for a reset finds the account before the code or link is stored. The address
// may be removed in between, and what drops stray codes and links comes too early for this one
// (TestUndo_whatIsAskedForMeanwhileOpensNothing).
func (f *Flow) stillOpens(ctx context.Context, tx postgres.Tx, r resetting) error {
	owner, err := tx.FindUserByOwnAddress(ctx, db.FindUserByOwnAddressParams{
		Address: r.address, WithFactor: f.Factors.Settings.AllowUnverified,
	})
	if err != nil && !postgres.IsNotFound(err) {
		return err
	}
	if err == nil && owner.ID == r.userID {
		return nil
	}

	if r.process != nil {
		return problem.FlowNotPending
	}
	return problem.InvalidPasswordReset.At("key")
}

// ResetPassword sets a new password by a code or key. The password is looked at only once
// the key is right: what is wrong with it must not tell whether there is an account.
func (f *Flow) ResetPassword(ctx context.Context, who caller.Caller, key, pass string) (Entry, error) {
	pass = password.Normalize(pass)
	var user db.UserDetail
	_, err := f.reset(ctx, who, key, func(tx postgres.Tx, r resetting) error {
		var err error
		user, err = tx.FindUser(ctx, r.userID)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	if pass == "" {
		return Entry{}, problem.Required.At("password")
	}
	bad, err := f.Passwords.Check(pass, "password", password.About(user.Email, user.Username, user.Display)...)
	if err != nil {
		return Entry{}, err
	}
	if len(bad) > 0 {
		return Entry{}, bad
	}
	hash, err := f.hashPassword(ctx, pass)
	if err != nil {
		return Entry{}, err
	}
	var p progress
	_, err = f.reset(ctx, who, key, func(tx postgres.Tx, r resetting) error {
		var err error
		p, err = f.setPassword(ctx, tx, who, r, resetOf{hash, key})
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// CheckNewPassword returns what is wrong with a new password of any user.
func (f *Flow) CheckNewPassword(pass string) (problem.List, error) {
	pass = password.Normalize(pass)
	if pass == "" {
		return problem.List{problem.Required.At("password")}, nil
	}
	return f.Passwords.Check(pass, "password")
}

// resetOf is what a reset sets, and with what.
type resetOf struct{ hash, key string }

// setPassword sets the password, ends every session of the person, uses the code or link
// up, and signs in where the policy says so: through the door, like any other proof.
func (f *Flow) setPassword(ctx context.Context, tx postgres.Tx, who caller.Caller, r resetting, o resetOf) (progress, error) {
	// A sign-in with the old password commits before this lock, and is ended here, or waits, and finds the
	// new password.
	if _, err := tx.LockUser(ctx, r.userID); err != nil {
		return progress{}, err
	}

	if err := f.stillOpens(ctx, tx, r); err != nil {
		return progress{}, err
	}

	before, err := snapshot.Take(ctx, tx, r.userID)
	if err != nil {
		return progress{}, err
	}

	if err := f.disownByReset(ctx, tx, r, who.Device); err != nil { // before the address is verified
		return progress{}, err
	}
	if err := f.useUp(ctx, tx, who, r, o.key); err != nil {
		return progress{}, err
	}
	if _, err := tx.UpdateUserPassword(ctx, db.UpdateUserPasswordParams{ID: r.userID, PasswordHash: o.hash}); err != nil {
		return progress{}, err
	}
	if _, err := session.EndAll(ctx, tx, r.userID, session.PasswordChanged); err != nil {
		return progress{}, err
	}
	if err := code.DropAll(ctx, tx, r.userID); err != nil {
		return progress{}, err
	}
	if err := Forgive(ctx, tx, f.Limiter, r.userID); err != nil {
		return progress{}, err
	}
	err = f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.PasswordReset, UserID: r.userID, Device: who.Device, Email: r.address})
	if err != nil {
		return progress{}, err
	}

	if err := f.tellOfReset(ctx, tx, r, before, who.Device); err != nil {
		return progress{}, err
	}

	if !f.Policy.LoginOnReset {
		return progress{}, nil
	}

	return f.signInAfterReset(ctx, tx, who, r, o)
}

func (f *Flow) signInAfterReset(ctx context.Context, tx postgres.Tx, who caller.Caller, r resetting, o resetOf) (progress, error) {
	a := &Attempt{UserID: r.userID, Email: r.address, Stamp: stamp(&o.hash), Methods: []session.Method{{Method: "password_reset", At: session.Epoch(tx.Now)}}}
	if r.process != nil {
		a.Methods[0].Email = r.address
	}
	if who.SignedIn() { // that session has just ended
		who.Session = nil
	}
	p, err := f.advance(ctx, tx, who, a)
	p.resetting = false // its code was out when the request came, and is used up now
	return p, err
}

// tellOfReset tells a user that the password was reset. An account whose first address was just
// verified by it has nothing that the reset could be undone by.
func (f *Flow) tellOfReset(ctx context.Context, tx postgres.Tx, r resetting, before snapshot.Ways, from session.Device) error {
	if len(before.Verified()) == 0 {
		return f.Notices.PasswordReset(ctx, tx, r.userID, from)
	}

	return f.Notices.Changed(ctx, tx, notice.Change{UserID: r.userID, Kind: outbox.PasswordReset, Before: before, From: from})
}

// Forgive clears the counters of failed sign-ins and of wrong second factors: others who knew the
// old password may have used them up. Without a limiter it clears what is counted with the factors.
func Forgive(ctx context.Context, tx postgres.Tx, limiter *limit.Limiter, userID int64) error {
	if err := tx.UpdateAuthenticatorsForgiven(ctx, userID); err != nil {
		return err
	}
	if limiter == nil {
		return nil
	}

	names, err := tx.ListUserNames(ctx, userID)
	if err != nil {
		return err
	}

	return limiter.ForgetGuesses(ctx, tx, userID, names...)
}

// useUp makes sure that the code or link works once, and verifies the address that it was
// sent to.
func (f *Flow) useUp(ctx context.Context, tx postgres.Tx, who caller.Caller, r resetting, key string) error {
	if r.process != nil {
		if err := f.Codes.Use(ctx, tx, *r.process); err != nil {
			return err
		}
	} else if _, found, err := code.UseLink(ctx, tx, code.ResetPassword, key); err != nil || !found {
		if err == nil { // somebody was faster
			err = problem.InvalidPasswordReset.At("key")
		}
		return err
	}
	_, err := f.confirmEmail(ctx, tx, confirmation{r.userID, r.address, false}, who.Device)
	return err
}
