package flow

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Signup is what a new account is made of; empty is not given.
type Signup struct {
	Email, Email2, Username, Phone, Password string
	// Passkey: the account gets a passkey and no password.
	Passkey bool
	// identity: the account is for one with another service, and gets no password.
	identity *Identity
	// automatic: it is made of what a provider told, before anybody was asked for more; names are
	// those that it told.
	automatic bool
	names     []string
}

// hasPassword reports whether the account is to have a password at all.
func (s *Signup) hasPassword() bool { return !s.Passkey && s.identity == nil }

// NewUser is an account about to be stored.
type NewUser struct {
	Address, Username, Phone string // empty for none
	PasswordHash             *string
	Verified                 bool
	// AnyPhone: a number is taken also by an account that has verified nothing.
	AnyPhone bool
	// WithFactor: an account that has verified nothing keeps its address also where it has a
	// second factor: a reset that is mailed to the address opens it (MFA_ALLOW_UNVERIFIED_EMAIL).
	WithFactor bool
	// Signup: a sign-up makes the account. It goes again if nobody ever signs in to it.
	Signup bool
	// VerifiedOnly: only a verified address is taken.
	VerifiedOnly bool
	// Invent: a user name is made up where none was given.
	Invent bool
	// Names are what it is made of, before the address.
	Names []string
	// Shared: an address that others hold, unverified, is no obstacle.
	Shared bool
	// Vouched: a service has seen the address to be theirs: it is verified, unless somebody
	// has shown that before. Those who hold it without are no obstacle.
	Vouched bool
	// Display is what to call the person; empty: what their name or address offers.
	Display string
	// IDs is how the user's subject is drawn.
	IDs userid.Kind
}

// Signup makes an account and starts its owner's sign-in. Bad input is told before
// "signed in already" and "closed", as allauth does.
func (f *Flow) Signup(ctx context.Context, who caller.Caller, in Signup) (Entry, error) {
	bad, err := f.checkSignup(&in)
	mayJoin := !who.SignedIn() && f.Policy.SignupOpen

	var slot *password.Slot
	willHash := mayJoin && in.Password != "" && len(bad) == 0
	if err == nil && willHash {
		// Security: before anything is looked up, so that shedding tells nothing of an address
		// (TestSEC39_aFullGateShedsBeforeTheAccountIsLookedUp).
		if slot, err = f.Gate.EnterSignup(ctx); err == nil {
			defer slot.Leave()
		}
	}
	if err == nil && mayJoin {
		err = f.DB.Look(ctx, func(tx postgres.Tx) error { return f.addTaken(ctx, tx, in, &bad) })
	}
	switch {
	case err != nil:
		return Entry{}, err
	case len(bad) > 0:
		return Entry{}, bad
	case who.SignedIn():
		return Entry{}, problem.AlreadyAuthenticated
	case !f.Policy.SignupOpen:
		return Entry{}, problem.SignupClosed
	}

	var hash *string
	if in.Password != "" {
		// Timing: also where the address is taken and the answer must not tell (T-ENU,
		// TestSEC48andTENU_answersAreEqual).
		h, err := slot.Hash(in.Password)
		if err != nil {
			return Entry{}, err
		}
		slot.Leave() // what follows waits for the database, and others for the slot
		hash = &h
	}
	var p progress
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if err != nil {
			return err
		}
		p, err = f.register(ctx, tx, who, in, hash)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// register stores the account, or walks on without one where the address or number is
// taken and the answer must not tell.
func (f *Flow) register(ctx context.Context, tx postgres.Tx, who caller.Caller, in Signup, hash *string) (progress, error) {
	a := in.attempt(tx.Now)
	a.Stamp = stamp(hash)
	verification := f.emailVerification(a)
	n := f.newUser(in, verification)
	n.PasswordHash = hash
	id, verified, taken, err := insert(ctx, tx, n)
	if err != nil {
		return progress{}, err
	}
	if told := f.told(taken, verification); len(told) > 0 {
		return progress{}, told
	}
	hidden := len(taken) > 0
	if a.UserID = id; hidden {
		a.UserID, a.Free = 0, taken[0].Code == problem.EmailTaken.Code
	}
	if err := f.link(ctx, tx, who, a.UserID, in.identity); err != nil {
		return progress{}, err
	}
	p, err := f.advance(ctx, tx, who, a)
	if err != nil || p.in != nil && (verification != "optional" || verified) {
		return p, err
	}
	if p.in != nil { // in already, and asked to verify the address all the same
		to := notice.Recipient{Session: p.in.opened.ID, UserID: id, Email: in.Email, Device: who.Device, Signup: true}
		if in.Email != "" {
			_, err = f.Notices.VerifyEmail(ctx, tx, to)
		}
		return p, err
	}
	// Timing: for nobody, too (TestSEC48andTENU_answersAreEqual).
	return p, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.UserCreated, Failed: hidden, UserID: a.UserID, Device: who.Device, Email: in.Email})
}

// attempt is the sign-in of a sign-up.
func (s *Signup) attempt(now time.Time) *Attempt {
	a := &Attempt{
		Email: s.Email, Phone: s.Phone, Username: s.Username, Signup: true, PasskeySignup: s.Passkey, event: audit.UserCreated,
	}
	if s.identity != nil {
		a.Methods = []session.Method{s.identity.method(now)}
	}
	return a
}

// newUser is the account that a sign-up makes.
func (f *Flow) newUser(in Signup, verification string) NewUser {
	n := NewUser{
		Address: in.Email, Username: in.Username, Phone: in.Phone, Signup: true,
		Shared:   f.Policy.HidesStrictly() && verification != "mandatory",
		Invent:   f.Policy.HasUsernames(),
		AnyPhone: !f.Policy.PhoneVerification, WithFactor: f.Factors.Settings.AllowUnverified,
		IDs: f.Policy.IDs(),
	}
	f.vouch(in, &n)
	return n
}

// told is what of a sign-up is taken and may be said to be.
//
// Security: a user name may be said to be taken. With protection against enumeration an address
// or a number may not where its verification is mandatory: the message to its owner says it
// instead (TestSignup_aHiddenAddressIsNotAmongTheProblems).
func (f *Flow) told(taken problem.List, verification string) problem.List {
	var told problem.List
	for _, p := range taken {
		address := p.Code == problem.EmailTaken.Code && verification == "mandatory"
		number := p.Code == problem.PhoneTaken.Code && f.Policy.PhoneVerification
		if hidden := f.Policy.Hides() && (address || number); !hidden {
			told = append(told, p)
		}
	}
	return told
}

// addTaken adds to the problems of a sign-up what is taken and may be said to be, so that a form
// shows all of them at once, and no password is hashed for a sign-up that is refused.
//
// Timing: the statements are the same ones for what is taken and for what is free
// (TestSEC48andTENU_answersAreEqual).
func (f *Flow) addTaken(ctx context.Context, tx postgres.Tx, in Signup, bad *problem.List) error {
	for _, p := range *bad { // what is wrong in itself belongs to nobody
		switch p.Param {
		case "email":
			in.Email = ""
		case "username":
			in.Username = ""
		case "phone":
			in.Phone = ""
		}
	}

	verification := f.emailVerification(in.attempt(tx.Now))
	n := f.newUser(in, verification)
	taken, err := n.taken(ctx, tx)
	*bad = append(*bad, f.told(taken, verification)...)
	slices.SortStableFunc(*bad, func(a, b *problem.Problem) int {
		return slices.Index(signupOrder, a.Param) - slices.Index(signupOrder, b.Param)
	})
	return err
}

// signupOrder is the order of the fields of a form.
var signupOrder = []string{"email", "email2", "username", "phone", "password"}

// CheckSignup returns what is wrong with the fields of a sign-up, as far as no other account is
// looked at. provider: its account gets no password.
func (f *Flow) CheckSignup(in Signup, provider bool) (problem.List, error) {
	if provider {
		in.identity = &Identity{}
	}
	return f.checkSignup(&in)
}

// checkSignup brings the fields into the form in which they are stored, and returns what is
// wrong with them.
func (f *Flow) checkSignup(in *Signup) (problem.List, error) {
	var bad problem.List
	for _, field := range []struct {
		name  string
		value *string
	}{{"email", &in.Email}, {"email2", &in.Email2}, {"username", &in.Username}, {"phone", &in.Phone}} {
		if !f.Policy.Asks(field.name) && !f.requires(field.name, in) || field.name == "email2" && !in.hasPassword() {
			*field.value = ""
			continue
		}
		fixed, p := f.checkField(field.name, *field.value, f.requires(field.name, in))
		if *field.value = fixed; p != nil {
			bad = append(bad, p.At(field.name))
		}
	}
	bothRead := !slices.ContainsFunc(bad, func(p *problem.Problem) bool { return p.Param == "email" || p.Param == "email2" })
	if f.Policy.Asks("email2") && in.hasPassword() && bothRead && in.Email != in.Email2 {
		bad = append(bad, problem.InvalidValue.Saying("Enter the same email address twice.").At("email2"))
	}

	in.Password = password.Normalize(in.Password)
	switch {
	case !f.Policy.Asks("password1"), !in.hasPassword():
		in.Password = ""
	case in.Password != "":
		found, err := f.Passwords.Check(in.Password, "password", in.Email, in.Username)
		if err != nil {
			return nil, err
		}
		bad = append(bad, found...)
	case f.Policy.Requires("password1"):
		bad = append(bad, problem.Required.At("password"))
	}
	return bad, nil
}

// checkField returns a field as it is stored, and what is wrong with it.
func (f *Flow) checkField(name, value string, required bool) (string, *problem.Problem) {
	value = typed.Given(value)
	if value == "" {
		if required {
			return "", problem.Required
		}
		return "", nil
	}
	switch name {
	case "username":
		return f.checkUsername(value)
	case "phone":
		return f.checkPhone(value)
	}
	return email.Check(value)
}

// hashPassword waits for a slot and hashes a new password.
func (f *Flow) hashPassword(ctx context.Context, pass string) (string, error) {
	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Leave()
	return slot.Hash(pass)
}

// Insert stores a user, and returns problem.EmailTaken, UsernameTaken and PhoneTaken where
// somebody has what only one can have.
//
// Timing: the statements are the same ones for a taken address; then they store nothing
// (TestSEC48andTENU_answersAreEqual).
func Insert(ctx context.Context, tx postgres.Tx, n NewUser) (int64, error) {
	id, _, taken, err := insert(ctx, tx, n)
	if err == nil {
		err = taken.Err()
	}
	return id, err
}

// insert is Insert, and reports whether the address is verified.
func insert(ctx context.Context, tx postgres.Tx, n NewUser) (id int64, verified bool, taken problem.List, err error) {
	if err := n.lock(ctx, tx); err != nil {
		return 0, false, nil, err
	}
	if taken, err = n.taken(ctx, tx); err != nil {
		return 0, false, nil, err
	}

	user := db.InsertUserParams{
		Display: cmp.Or(n.Display, n.Username, email.LocalPart(n.Address), n.Phone), PasswordHash: n.PasswordHash, Now: tx.Now,
		Username: some(n.Username), UsernameKey: some(typed.Key(n.Username)), Phone: some(n.Phone), Wanted: len(taken) == 0, Signup: n.Signup,
	}
	if id, err = store(ctx, tx, n.IDs, user); err != nil {
		return 0, false, nil, err
	}
	if n.Address == "" {
		return id, false, taken, nil
	}

	address := db.InsertEmailAddressParams{UserID: id, Address: n.Address, IsPrimary: true, Now: tx.Now}
	verified = n.Verified || n.Vouched
	if verified {
		address.VerifiedAt = &tx.Now
	}
	if err := tx.InsertEmailAddress(ctx, address); err != nil {
		return 0, false, nil, err
	}
	return id, verified, taken, nil
}

// invent makes up a user name where one is wanted: what the names that a provider told or the
// address offer, with six random digits where somebody has that.
func (n *NewUser) invent(ctx context.Context, tx postgres.Tx) error {
	if !n.Invent || n.Username != "" {
		return nil
	}
	n.Username = nameFrom(append(slices.Clone(n.Names), email.LocalPart(n.Address))...)
	if err := tx.LockAddress(ctx, typed.Key(n.Username)); err != nil {
		return err
	}
	holders, err := countUsernames(ctx, tx, n.Username)
	if holders > 0 {
		n.Username += strconv.FormatInt(100_000+secret.ID52()%900_000, 10)
	}
	return err
}

// lock makes up what is not given, and locks what only one account can have, until the commit.
func (n *NewUser) lock(ctx context.Context, tx postgres.Tx) error {
	if err := n.invent(ctx, tx); err != nil {
		return err
	}
	for _, name := range []string{typed.Key(n.Username), n.exclusiveAddress(), n.Phone} {
		if name == "" {
			continue
		}
		if err := tx.LockAddress(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// exclusiveAddress is the address, unless others may have it too.
func (n *NewUser) exclusiveAddress() string {
	if n.Shared && !n.Vouched {
		return ""
	}
	return n.Address
}

// taken returns what of a new account another one has. An unverified address or number keeps
// nobody out, unless its owner can get into the account by it.
func (n *NewUser) taken(ctx context.Context, tx postgres.Tx) (problem.List, error) {
	var found problem.List
	for _, c := range []struct {
		value string
		count func(context.Context, string) (int64, error)
		found *problem.Problem
	}{
		{n.Username, func(ctx context.Context, name string) (int64, error) { return countUsernames(ctx, tx, name) }, problem.UsernameTaken.At("username")},
		{n.exclusiveAddress(), func(ctx context.Context, address string) (int64, error) {
			return tx.CountAddressOwners(ctx, db.CountAddressOwnersParams{Address: address, Verified: n.Vouched || n.VerifiedOnly, WithFactor: n.WithFactor})
		}, problem.EmailTaken.At("email")},
		{n.Phone, func(ctx context.Context, number string) (int64, error) {
			return tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: &number, Verified: !n.AnyPhone, WithFactor: n.WithFactor})
		}, problem.PhoneTaken.At("phone")},
	} {
		if c.value == "" {
			continue
		}
		holders, err := c.count(ctx, c.value)
		if err != nil {
			return nil, err
		}

		isAddress := c.found.Param == "email"     // a user name may look like one
		if isAddress && n.Shared && holders > 0 { // only where it is vouched for: it stays unverified
			n.Vouched, holders = false, 0
		}
		// Timing: the others are asked for all the same (TestSEC48andTENU_answersAreEqual).
		if holders > 0 {
			found = append(found, c.found)
		}
	}
	return found, nil
}

// countUsernames counts the users whose names nobody can tell apart from a name.
func countUsernames(ctx context.Context, tx postgres.Tx, name string) (int64, error) {
	return tx.CountUsernames(ctx, db.CountUsernamesParams{Key: typed.Key(name), Username: name})
}

func some(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
