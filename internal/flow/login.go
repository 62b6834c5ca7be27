package flow

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// Login is what a person signs in with: a password, and one of the others; empty is not
// given.
type Login struct{ Email, Username, Phone, Password string }

// named is the account as the person named it.
type named struct {
	by    string // email, username or phone
	value string
}

// mismatch is the one answer to everything that is wrong with a name and a password.
func (n named) mismatch() *problem.Problem {
	switch n.by {
	case "username":
		return problem.UsernameMismatch.At("password")
	case "phone":
		return problem.PhoneMismatch.At("password")
	}
	return problem.CredentialsMismatch.At("password")
}

// attempt is a sign-in that names the account so.
func (n named) attempt(user holder, at float64) *Attempt {
	a := &Attempt{UserID: user.ID, Stamp: stamp(user.PasswordHash), Email: user.Address}
	m := session.Method{Method: "password", At: at}
	switch n.by {
	case "email":
		m.Email = n.value
	case "username":
		a.Username, m.Username = n.value, n.value
	case "phone":
		a.Phone, m.Phone = n.value, n.value
	}
	a.Methods = []session.Method{m}
	a.markUnproved(user)

	return a
}

// Login signs a person in with a password.
func (f *Flow) Login(ctx context.Context, who caller.Caller, in Login) (Entry, error) {
	n, err := f.checkLogin(ctx, &in)
	if err != nil {
		return Entry{}, err
	}
	user, err := f.checkPassword(ctx, who, n, in.Password)
	if err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return Entry{}, problem.AlreadyAuthenticated
	}
	var p progress
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if err != nil {
			return err
		}
		p, err = f.advance(ctx, tx, who, n.attempt(user, session.Epoch(tx.Now)))
		return err
	})
	if errors.Is(err, problem.TooManyRequests) { // a code was mailed a moment ago
		return Entry{}, problem.TooManyLoginAttempts
	}
	if err != nil {
		return Entry{}, err
	}
	if p.refused() {
		return Entry{}, n.mismatch()
	}
	return f.answer(p)
}

// CheckLogin returns what is wrong with the fields of a sign-in. It looks at no account.
func (f *Flow) CheckLogin(in Login) problem.List {
	n, bad := f.name(in)
	if len(bad) == 0 && n.by == "email" {
		if _, p := email.Read(n.value); p != nil {
			bad = append(bad, p.At("email"))
		}
	}
	if _, valid := phone.Normalize(n.value); n.by == "phone" && !valid {
		bad = append(bad, problem.InvalidPhone.At("phone"))
	}

	return addMissingPassword(bad, password.Normalize(in.Password))
}

// checkLogin finds out how the account is named, and returns all that is wrong with a sign-in.
func (f *Flow) checkLogin(ctx context.Context, in *Login) (named, error) {
	n, bad := f.name(*in)
	if len(bad) == 0 {
		var err error
		n, err = f.normalName(ctx, n)
		invalid := address.Invalid(err)
		if err != nil && invalid == nil {
			return n, err
		}
		if invalid != nil {
			bad = append(bad, invalid)
		}
	}
	in.Password = password.Given(in.Password)

	return n, addMissingPassword(bad, in.Password).Err()
}

func addMissingPassword(bad problem.List, pass string) problem.List {
	if pass == "" {
		bad = append(bad, problem.Required.At("password"))
	}

	return bad
}

// name finds out how the account is named.
func (f *Flow) name(in Login) (named, problem.List) {
	var given []named
	for _, n := range []named{{"username", typed.Given(in.Username)}, {"email", typed.Given(in.Email)}, {"phone", typed.Given(in.Phone)}} {
		if n.value != "" && f.Policy.LoginBy(n.by) {
			given = append(given, n)
		}
	}
	if len(f.Policy.LoginMethods) == 1 && len(given) == 0 {
		return named{}, problem.List{problem.Required.At(f.Policy.LoginMethods[0])}
	}
	if len(given) != 1 {
		return named{}, problem.List{problem.InvalidLogin}
	}

	return given[0], nil
}

// normalName is a name as it is stored; a problem for what can be none.
func (f *Flow) normalName(ctx context.Context, n named) (named, error) {
	var err error
	switch n.by {
	case "email":
		n.value, err = address.Find(ctx, f.DB.Queries, n.value)
	case "phone":
		number, valid := phone.Normalize(n.value)
		if n.value = number; !valid {
			return n, problem.InvalidPhone.At("phone")
		}
	}

	return n, err
}

// holder is the account behind a name: what a password is checked against.
type holder = db.FindUserByEmailRow

// find looks the account up, in one statement whether or not there is one.
func (f *Flow) find(ctx context.Context, n named) (holder, error) {
	withFactor := f.Factors.Settings.AllowUnverified
	switch {
	case n.by == "phone":
		u, err := f.DB.FindUserByPhone(ctx, db.FindUserByPhoneParams{Phone: &n.value, WithFactor: withFactor})
		return holder{ID: u.ID, PasswordHash: u.PasswordHash, UnprovedPasswordHash: u.UnprovedPasswordHash, PasswordHook: u.PasswordHook, DisabledAt: u.DisabledAt, Proved: u.Proved}, err
	case n.by == "email":
		return f.DB.FindUserByEmail(ctx, db.FindUserByEmailParams{Address: n.value, WithFactor: withFactor})
	case isEmail(n.value) && f.Policy.LoginBy("email"):
		// A user name that could be an address is taken for one first, where addresses sign in.
		u, err := f.findByAddress(ctx, n.value)
		if !postgres.IsNotFound(err) {
			return u, err
		}
	}
	u, err := f.DB.FindUserByUsername(ctx, db.FindUserByUsernameParams{
		Key: typed.Key(n.value), Twin: typed.TwinKey(n.value), Username: n.value,
	})
	return holder{ID: u.ID, PasswordHash: u.PasswordHash, UnprovedPasswordHash: u.UnprovedPasswordHash, PasswordHook: u.PasswordHook, DisabledAt: u.DisabledAt, Proved: true}, err
}

// findByAddress is find for what may be an address.
func (f *Flow) findByAddress(ctx context.Context, text string) (holder, error) {
	found, err := address.Find(ctx, f.DB.Queries, text)
	if err != nil && address.Invalid(err) == nil {
		return holder{}, err
	}

	// Timing: what is no address is looked up, too (TestSEC40_fourFailuresAreOne).
	return f.DB.FindUserByEmail(ctx, db.FindUserByEmailParams{Address: found, WithFactor: f.Factors.Settings.AllowUnverified})
}

// checkPassword returns the user whose password this is.
//
// Timing: unknown account, no password, disabled and wrong password take the same
// path: a slot before the look-up, one statement, one hash, one answer (SEC-39,
// SEC-40; TestSEC40_fourFailuresAreOne).
func (f *Flow) checkPassword(ctx context.Context, who caller.Caller, n named, pass string) (holder, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return holder{}, err
	}
	defer slot.Leave()
	user, err := f.find(ctx, n)
	if err != nil && !postgres.IsNotFound(err) {
		return holder{}, err
	}

	counted, err := f.takeGuess(ctx, who, guesses{
		actions: []limit.Action{limit.LoginFailed}, subject: limit.Subject{Address: who.Device.Address, Key: limit.Name(n.value)},
		known: limit.LoginFailedDevice, userID: user.ID,
	})
	if errors.Is(err, problem.TooManyRequests) {
		return holder{}, problem.TooManyLoginAttempts
	}
	if err != nil {
		return holder{}, err
	}

	right, anew := slot.VerifyOf(n.value, pass, passwordToVerify(user))
	if anew && user.DisabledAt == nil && user.PasswordHash != nil {
		f.strengthen(ctx, slot, &user, pass)
	}
	slot.Leave() // what follows waits for the database, and others for the slot
	isRefused := !right || user.DisabledAt != nil
	if isRefused && f.PasswordHook.IsOn(f.DB.Now()) {
		moved, err := f.askPasswordHook(ctx, n, pass, user)
		if err != nil {
			return holder{}, err
		}
		if moved != nil {
			return *moved, counted.giveBack(ctx)
		}
	}
	if isRefused {
		why := whyRefused(user, right)
		err := f.Trail.Add(ctx, f.DB.Queries, f.DB.Now(), audit.Event{
			Name: audit.Login, Failed: true, UserID: user.ID, Device: who.Device, Email: n.value, Details: map[string]any{"reason": why},
		})
		if err != nil {
			return holder{}, err
		}
		return holder{}, n.mismatch().Because(why)
	}
	return user, counted.giveBack(ctx)
}

// whyRefused is why a sign-in with a password is refused: for the log and the audit log alone.
func whyRefused(user holder, right bool) problem.Reason {
	switch {
	case user.ID == 0:
		return "no_such_user"
	case !right && user.PasswordHash == nil && user.UnprovedPasswordHash == nil:
		return "no_password"
	case !right:
		return "wrong_password"
	}

	return "account_disabled"
}

// strengthen stores the password anew with today's parameters. Its failure is no
// failure of the sign-in (SEC-34).
func (f *Flow) strengthen(ctx context.Context, slot *password.Slot, user *holder, pass string) {
	fresh, err := slot.Hash(pass)
	if err != nil {
		return
	}
	n, err := f.DB.UpdateUserPasswordHash(ctx, db.UpdateUserPasswordHashParams{ID: user.ID, OldHash: *user.PasswordHash, NewHash: fresh})
	if err == nil && n == 1 {
		user.PasswordHash = &fresh
	}
}
