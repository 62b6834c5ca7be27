package flow

import (
	"context"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
	"github.com/latchkey-auth/latchkey/internal/unverified"
)

// Verification is what a code or key would verify.
type Verification struct {
	Address string
	// User is whose address it becomes. Where a link shows it outside the user's own sessions, it
	// is shortened: see [shortened].
	User db.UserDetail
	// Waiting: a sign-in of the same session waits for it.
	Waiting bool
	// Asked is when and on which platform a link was asked for; nil for a code.
	Asked *Asked
}

// Asked is when and on which platform a link was asked for.
type Asked struct {
	At       time.Time
	Platform string
}

// ShowEmailVerification tells which address a code or key would verify. By code, a wrong
// one costs an attempt, as it does when it is posted.
func (f *Flow) ShowEmailVerification(ctx context.Context, who caller.Caller, key string) (Verification, error) {
	var v Verification
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		v.Waiting = a.Stage == VerifyEmail
		if !f.Policy.EmailVerificationByCode {
			return f.peekLink(ctx, tx, ownership{who, a}, linkShown{key, &v})
		}

		userID, address, refusal, err := f.peekCode(ctx, tx, who, a, key)
		if err != nil || refusal != nil {
			return refusal, err
		}
		v.Address = address
		v.User, err = tx.FindUser(ctx, userID)
		return nil, err
	})
	return v, err
}

func (f *Flow) peekCode(ctx context.Context, tx postgres.Tx, who caller.Caller, a Attempt, typed string) (int64, string, *problem.Problem, error) {
	process, refusal, err := f.tryEmail(ctx, tx, who, a, typed)
	if err != nil || refusal != nil {
		return 0, "", refusal, err
	}
	return *process.UserID, process.Target, nil, f.Codes.Keep(ctx, tx, process)
}

// tryEmail judges a code that verifies an address. A right one for an address that
// somebody else has verified meanwhile counts as a miss.
func (f *Flow) tryEmail(ctx context.Context, tx postgres.Tx, who caller.Caller, a Attempt, typed string) (code.Process, *problem.Problem, error) {
	g := guess{code.VerifyEmail, typed, "key"}
	if !who.SignedIn() && a.Stage != VerifyEmail {
		return code.Process{}, problem.FlowNotPending, nil
	}
	process, refusal, err := f.try(ctx, tx, who, g)
	if err != nil || refusal != nil {
		return process, refusal, err
	}
	owner := a.UserID
	if who.SignedIn() {
		owner = who.Session.UserID
	}
	if *process.UserID != owner { // a code of an earlier attempt in the same session
		return process, problem.FlowNotPending, nil
	}
	taken, err := VerifiedByAnother(ctx, tx, owner, process.Target)
	if err != nil || !taken {
		return process, nil, err
	}
	refusal, err = f.strike(ctx, tx, who, struck{g, process, problem.EmailTaken})
	return process, refusal, err
}

// VerifiedByAnother reports whether another user has verified an address. No other user can do so
// until the commit.
func VerifiedByAnother(ctx context.Context, tx postgres.Tx, userID int64, address string) (bool, error) {
	if err := tx.LockAddress(ctx, address); err != nil {
		return false, err
	}
	holder, err := tx.FindVerifiedHolder(ctx, address)
	if postgres.IsNotFound(err) {
		return false, nil
	}
	return holder != userID, err
}

// VerifyEmail verifies an address by a code or the key of a link, and goes on with a
// sign-in that waits for it.
func (f *Flow) VerifyEmail(ctx context.Context, who caller.Caller, key string) (Entry, error) {
	verify := f.verifyByLink
	if f.Policy.EmailVerificationByCode {
		verify = f.verifyByCode
	}
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		var refusal *problem.Problem
		p, refusal, err = verify(ctx, tx, who, a, key)
		return refusal, err
	})
	if err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return f.current(ctx, who)
	}
	return f.answer(p)
}

func (f *Flow) verifyByCode(ctx context.Context, tx postgres.Tx, who caller.Caller, a Attempt, typed string) (progress, *problem.Problem, error) {
	process, refusal, err := f.tryEmail(ctx, tx, who, a, typed)
	if err != nil || refusal != nil {
		return progress{}, refusal, err
	}
	if err := f.Codes.Use(ctx, tx, process); err != nil {
		return progress{}, nil, err
	}
	c := confirmation{*process.UserID, process.Target, who.SignedIn()}
	if theirs, err := f.confirmEmail(ctx, tx, c, who.Device); err != nil || !theirs {
		return progress{}, problem.FlowNotPending, err
	}
	if who.SignedIn() {
		return progress{}, nil, nil
	}
	p, err := f.advance(ctx, tx, who, &a)
	return p, nil, err
}

// confirmation is an address that somebody has shown to be theirs. adds: it may be new to
// the account; otherwise one that is not there any more stays away.
type confirmation struct {
	userID  int64
	address string
	adds    bool
}

// confirmEmail stores that an address is a person's. It reports false where somebody else
// has shown that before, or where it is not the person's. The address becomes the primary
// one if there is none, or if the policy is that a person has one: then the others go.
func (f *Flow) confirmEmail(ctx context.Context, tx postgres.Tx, c confirmation, from session.Device) (bool, error) {
	userID, address := c.userID, c.address
	// Of two addresses of a user that are verified in parallel, only one may become the primary one. Take
	// locks the user.
	ways, err := snapshot.Take(ctx, tx, userID)
	if err != nil {
		return false, err
	}
	taken, err := VerifiedByAnother(ctx, tx, userID, address)
	if err != nil || taken {
		return false, err
	}
	known := slices.IndexFunc(ways.Emails, func(e snapshot.Email) bool { return e.Address == address })
	if known < 0 && !c.adds {
		return false, nil
	}
	becomesPrimary, err := f.makeWay(ctx, tx, newcomer{userID, address, ways.Primary(), known < 0})
	if err != nil {
		return false, err
	}
	err = tx.UpdateEmailAddressVerified(ctx, db.UpdateEmailAddressVerifiedParams{
		UserID: userID, Address: address, Now: tx.Now, IsPrimary: becomesPrimary,
	})
	if err != nil {
		return false, err
	}
	done := db.DeleteLinksOfAddressParams{UserID: userID, Purpose: string(code.VerifyEmail), Address: address}
	if err := tx.DeleteLinksOfAddress(ctx, done); err != nil {
		return false, err
	}
	if err := code.DropStray(ctx, tx, userID); err != nil { // of addresses that are gone
		return false, err
	}
	if err := f.tellOfAddress(ctx, tx, c, ways, from); err != nil {
		return false, err
	}
	return true, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.EmailVerified, UserID: userID, Device: from, Email: address})
}

// newcomer is an address that is about to become a verified one of an account.
type newcomer struct {
	userID  int64
	address string
	primary string // the primary address before; empty for none
	added   bool   // it is new to the account
}

// makeWay removes the addresses that a verified one replaces. It reports whether the address
// becomes the primary one.
func (f *Flow) makeWay(ctx context.Context, tx postgres.Tx, n newcomer) (bool, error) {
	unproved, err := unverified.Refuses(ctx, tx, f.Policy, n.userID)
	if err != nil {
		return false, err
	}

	// An account that has verified nothing has no further address: the new one replaces it.
	one := f.Policy.ChangeEmail || unproved && n.added
	if one && n.primary != "" && n.primary != n.address {
		_, err := tx.DeleteOtherEmailAddresses(ctx, db.DeleteOtherEmailAddressesParams{UserID: n.userID, Address: n.address})
		return true, err
	}

	return n.primary == "", nil
}

// tellOfAddress tells a user that an address of the account was verified, where that changes the
// ways in: the address was added, takes the place of the others (SEC-51), or is another one that
// is verified.
func (f *Flow) tellOfAddress(ctx context.Context, tx postgres.Tx, c confirmation, before snapshot.Ways, from session.Device) error {
	change := notice.Change{UserID: c.userID, Before: before, BySession: c.adds, From: from}

	primary := before.Primary()
	known := slices.ContainsFunc(before.Emails, func(e snapshot.Email) bool { return e.Address == c.address })
	another, verified := false, false
	for _, e := range before.Emails {
		verified = verified || e.VerifiedAt != nil && e.Address == c.address
		another = another || e.VerifiedAt != nil && e.Address != c.address
	}

	switch {
	case f.Policy.ChangeEmail && primary != "" && primary != c.address:
		change.Kind, change.Email = outbox.EmailChanged, primary
	case !known:
		change.Kind = outbox.EmailAdded
	case !verified && another:
		change.Kind = outbox.EmailConfirmed
	default:
		return nil
	}

	return f.Notices.Changed(ctx, tx, change)
}

// ResendEmailVerification mails another code for the verification that is pending.
func (f *Flow) ResendEmailVerification(ctx context.Context, who caller.Caller) error {
	if !f.Policy.EmailVerificationByCode {
		return problem.FlowNotPending
	}
	return f.resend(ctx, who, VerifyEmail, code.VerifyEmail, f.Notices.PostEmailCode)
}

// ChangeSignupEmail sends the code of a sign-up that is pending to another address. The
// answer is the same for one that somebody has.
func (f *Flow) ChangeSignupEmail(ctx context.Context, who caller.Caller, in string) (string, error) {
	a := f.pending(who)
	if !f.Policy.EmailVerificationByCode || a.Stage != VerifyEmail || !a.Signup {
		return "", problem.FlowNotPending
	}
	address, bad := email.Check(in)
	if bad != nil {
		return "", bad.At("email")
	}
	return address, f.DB.Tx(ctx, func(tx postgres.Tx) error {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return err
		}
		process, found, err := code.Find(ctx, tx.Queries, who.Pending.ID, code.VerifyEmail, tx.Now)
		switch {
		case err != nil:
			return err
		case !found || a.Stage != VerifyEmail || !a.Signup || process.ChangesLeft == 0:
			return problem.FlowNotPending
		case process.Target == address:
			return problem.SameAsCurrent.At("email")
		}
		return f.retarget(ctx, tx, who, &a, move{process, address})
	})
}

// move is a verification that goes to another address or number.
type move struct {
	process code.Process
	to      string
}

// retarget moves the verification of a sign-up to another address.
func (f *Flow) retarget(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, m move) error {
	address := m.to
	if err := f.Limiter.TakeTx(ctx, tx, limit.ConfirmEmail, limit.Subject{Address: who.Device.Address, Key: address}); err != nil {
		return err
	}
	if err := tx.LockAddress(ctx, address); err != nil {
		return err
	}
	owners := db.CountAddressOwnersParams{Address: address, Besides: a.UserID, WithFactor: f.Factors.Settings.AllowUnverified}
	holders, err := tx.CountAddressOwners(ctx, owners)
	if err != nil {
		return err
	}
	to := notice.Recipient{Session: who.Pending.ID, UserID: a.UserID, Email: address, Device: who.Device, Signup: true, Free: holders == 0}
	if holders > 0 {
		to.UserID = 0
	}
	text, ok, err := f.Codes.Retarget(ctx, tx, m.process, address, to.UserID)
	if err != nil {
		return err
	}
	if !ok {
		return problem.FlowNotPending
	}
	stored := db.UpdateSignupEmailAddressParams{UserID: to.UserID, Address: address, Now: tx.Now} // of nobody, too
	if err := tx.UpdateSignupEmailAddress(ctx, stored); err != nil {
		return err
	}
	a.Email = address
	if _, _, err := f.keep(ctx, tx, who, a); err != nil {
		return err
	}
	return f.Notices.PostEmailCode(ctx, tx, to, text)
}
