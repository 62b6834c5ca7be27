package flow

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
	"github.com/latchkey-auth/latchkey/internal/unverified"
)

// ProviderToken is what an app got from another service.
type ProviderToken struct {
	Provider, Process, ClientID, IDToken string
	// Nonce is the raw nonce; needed where the token carries one.
	Nonce string
	// Code is an authorization code that came along.
	Code string
	// Name is what the app says that the person is called. It is no proof of anything.
	Name string
}

// What an id_token is brought for.
const (
	processLogin          = "login"
	processConnect        = "connect"
	processReauthenticate = "reauthenticate"
)

// SubmitProviderToken signs a user in with a provider, connects it to the account of a
// signed-in user, or lets them prove by it who they are.
func (f *Flow) SubmitProviderToken(ctx context.Context, who caller.Caller, in ProviderToken) (Entry, error) {
	in.ClientID, in.IDToken = trimmed(in.ClientID), trimmed(in.IDToken)
	if err := f.checkProviderToken(who, in); err != nil {
		return Entry{}, err
	}
	if in.Process == processReauthenticate {
		return f.reauthenticateByProvider(ctx, who, in)
	}

	told, err := f.verifyProviderToken(ctx, in)
	if err != nil {
		return Entry{}, err
	}
	i, err := f.identity(ctx, in, told)
	if err != nil {
		return Entry{}, err
	}
	b := brought{in, told}
	if in.Process == processConnect {
		return f.connect(ctx, who, b, i)
	}

	var p progress
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if errors.Is(err, problem.FlowNotPending) { // its session ended meanwhile
			return f.Gone(nil)
		}
		if err != nil {
			return err
		}
		if err := f.spend(ctx, tx, who, b); err != nil {
			return err
		}
		if who, err = f.leave(ctx, tx, who, i); err != nil {
			return err
		}
		p, err = f.byIdentity(ctx, tx, who, told, i)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// checkProviderToken reports what of a request is missing.
func (f *Flow) checkProviderToken(who caller.Caller, in ProviderToken) error {
	known := []string{processLogin, processConnect, processReauthenticate}
	switch {
	case !slices.Contains(known, in.Process):
		return problem.InvalidChoice.At("process")
	case in.ClientID == "":
		return problem.ClientIDRequired.At("token")
	case in.IDToken == "":
		return problem.TokenRequired.At("token")
	case in.Process != processLogin && !who.SignedIn():
		return f.Anonymous(who)
	}
	return nil
}

// verifyProviderToken asks the provider's keys whether a token is good.
func (f *Flow) verifyProviderToken(ctx context.Context, in ProviderToken) (provider.Identity, error) {
	told, err := f.Providers.Verify(ctx, provider.Token{
		Provider: in.Provider, ClientID: in.ClientID, IDToken: in.IDToken, Nonce: in.Nonce,
	})
	if err != nil {
		return told, f.refusedToken(in.Provider, in.ClientID, err)
	}

	// Security: the raw nonce shows that the token comes from the app that asked for it. A token
	// that carries the hash is worth nothing to its finder
	// (TestProviderNonce_theRawOneMustBeShown).
	if told.Nonce != "" && in.Nonce == "" {
		return told, problem.NonceRequired.At("token")
	}
	return told, nil
}

// refusedToken returns the problem of a token that is refused, and logs why; or that its
// provider could not be asked, which says nothing about it. The caller sees a reason only where
// a new token of the provider would be taken.
func (f *Flow) refusedToken(id, clientID string, err error) error {
	if errors.Is(err, provider.ErrUnavailable) {
		return problem.TemporarilyUnavailable.Because(err)
	}
	f.logRefusedToken(id, clientID, provider.Reason(err))
	if errors.Is(err, provider.ErrTokenTooOld) {
		return problem.TokenTooOld.At("token").Because(err)
	}
	return problem.InvalidToken.At("token").Because(err)
}

// logRefusedToken logs why an id_token is refused. Security: never the token, none of its
// claims, and of the request only the id of a provider that is set up
// (TestProvider_theLogSaysWhyATokenIsRefused).
func (f *Flow) logRefusedToken(id, clientID, reason string) {
	name := "unknown"
	if app, ok := f.Providers.Find(id, clientID); ok {
		name = app.ID
	}
	f.Log.Info("an id_token is refused", "provider", name, "reason", reason)
}

// identity is what of a token is kept. The authorization code is exchanged here, before the
// transaction: it is good once, and the answer is all that can revoke the grant.
func (f *Flow) identity(ctx context.Context, in ProviderToken, told provider.Identity) (*Identity, error) {
	app, ok := f.Providers.Find(in.Provider, told.ClientID)
	if !ok {
		return nil, problem.InvalidToken.At("token")
	}
	i := &Identity{
		Provider: told.Provider, UID: told.UID, ClientID: told.ClientID,
		Display: called(told.Name, in.Name, told.GivenName+" "+told.FamilyName),
	}
	// As we store addresses: in another spelling it would be none of ours.
	if address, ok := email.Claimed(told.Email); ok {
		i.Email, i.Vouched = address, told.Authoritative || told.EmailVerified && app.Kind != provider.OpenIDConnect
	}
	i.Label = cmp.Or(i.Email, i.Display, told.UID)
	if in.Code == "" || !app.CanRevoke() || f.Keys == nil {
		return i, nil
	}
	grant, err := f.Providers.ExchangeCode(ctx, provider.Code{Provider: in.Provider, ClientID: told.ClientID, Code: in.Code, UID: told.UID})
	if err != nil { // the sign-in is worth more than the grant, and a call that is repeated has no other code
		f.Log.WarnContext(ctx, "an authorization code was not exchanged; the grant cannot be revoked when the account goes", "provider", i.Provider, "cause", err.Error())
		return i, nil
	}
	i.Grant = f.Keys.Seal([]byte(grant), provider.GrantAbout(i.Provider, i.UID))
	return i, nil
}

// keepOthersFrom holds an identity until the commit; it comes before the lock on a person.
//
// Race: of many sign-ins of one new person at once, the first makes the account, and the
// others find it (TestProvider_manySignUpsOfOnePersonAtOnceMakeOneAccount).
func keepOthersFrom(ctx context.Context, tx postgres.Tx, service, uid string) error {
	return tx.LockAddress(ctx, provider.LockName(service, uid))
}

// leave signs out whoever is signed in: another person may come in now, whose identity it is.
func (f *Flow) leave(ctx context.Context, tx postgres.Tx, who caller.Caller, i *Identity) (caller.Caller, error) {
	if !who.SignedIn() {
		return who, nil
	}
	left := who.Session
	who.Session = nil
	people := []int64{left.UserID}
	owner, err := tx.FindProviderAccount(ctx, db.FindProviderAccountParams{Provider: i.Provider, Uid: i.UID})
	if postgres.IsNotFound(err) && i.Email != "" { // or whom the address leads to; see byAddress
		owner.UserID, err = tx.FindVerifiedHolder(ctx, i.Email)
	}
	if err == nil {
		people = append(people, owner.UserID)
	} else if !postgres.IsNotFound(err) {
		return who, err
	}
	// Race: the person before their session; and of two clients that change places, both
	// lock the two people in the same order (TestProvider_twoClientsMayChangePlaces).
	slices.Sort(people)
	for _, id := range people {
		if _, err := tx.LockUserForSignIn(ctx, id); err != nil && !postgres.IsNotFound(err) {
			return who, err
		}
	}
	if err := session.End(ctx, tx, left.ID, session.SignedOut); err != nil {
		return who, err
	}
	return who, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.Logout, UserID: left.UserID, SessionID: left.ID, Device: who.Device})
}

// byIdentity finds the account that an identity opens, or makes one.
func (f *Flow) byIdentity(ctx context.Context, tx postgres.Tx, who caller.Caller, told provider.Identity, i *Identity) (progress, error) {
	owner, err := f.lockedOwner(ctx, tx, i)
	if err == nil {
		a := &Attempt{UserID: owner.UserID, Stamp: stamp(owner.PasswordHash), Methods: []session.Method{i.method(tx.Now)}}
		if err := f.touch(ctx, tx, owner.UserID, i); err != nil {
			return progress{}, err
		}
		return f.advance(ctx, tx, who, a)
	}
	if !postgres.IsNotFound(err) {
		return progress{}, err
	}
	if p, found, err := f.byAddress(ctx, tx, who, told, i); err != nil || found {
		return p, err
	}
	if !f.Policy.SignupOpen {
		return progress{}, problem.SignupClosed
	}
	if exists, err := f.accountExists(ctx, tx, told, i); err != nil || exists {
		if err != nil {
			return progress{}, err
		}
		i.AccountExists = true
		return f.await(ctx, tx, who, i)
	}

	in := Signup{Email: i.Email, identity: i, automatic: true, names: []string{told.GivenName, told.FamilyName}}
	if !f.suffices(&in) {
		return f.await(ctx, tx, who, i)
	}
	p, err := f.register(ctx, tx, who, in, nil)
	if isTaken(err) {
		return f.await(ctx, tx, who, i)
	}
	return p, err
}

// byAddress signs in to the account that has verified the address which the service is the
// authority for, where the operator wants that.
//
// Security: nothing else leads from an address into an account. One that its holder has not
// verified may be a trap, and one that the service only heard of may be anybody's (SEC-72,
// TestSEC72_noAddressTakesAnAccountOver).
func (f *Flow) byAddress(ctx context.Context, tx postgres.Tx, who caller.Caller, told provider.Identity, i *Identity) (progress, bool, error) {
	app, ok := f.Providers.Find(i.Provider, i.ClientID)
	if !ok || !app.EmailAuthentication || !told.Authoritative || i.Email == "" {
		return progress{}, false, nil
	}
	userID, err := lockVerifiedUser(ctx, tx, i.Email)
	if postgres.IsNotFound(err) {
		return progress{}, false, nil
	}
	if err != nil {
		return progress{}, false, err
	}
	hash, err := tx.FindUserPassword(ctx, userID)
	if err != nil {
		return progress{}, false, err
	}
	p, err := f.advance(ctx, tx, who, &Attempt{UserID: userID, Email: i.Email, Stamp: stamp(hash), Methods: []session.Method{i.method(tx.Now)}})
	if err != nil || p.in == nil || !app.AutoConnect {
		return p, true, err
	}
	// Security: only of somebody who is in: whoever has the address and not the second factor
	// must not leave a way in behind (TestSEC72_anAddressAddedToAFactorOpensNothing).
	before, err := snapshot.Take(ctx, tx, userID)
	if err != nil {
		return progress{}, false, err
	}
	if err := f.link(ctx, tx, who, userID, i); err != nil {
		return progress{}, false, err
	}

	return p, true, f.Notices.Changed(ctx, tx, notice.Change{
		UserID: userID, Kind: outbox.ProviderConnected, Before: before, From: who.Device,
	})
}

// accountExists reports whether the address that a provider told is that of an account, where the
// caller may know it.
//
// Security: only where the provider is the authority for the address, so that the caller is its
// owner, and the account has verified it. Anybody else must not learn which addresses have
// accounts (TestProviderSignup_saysThatAnAccountExistsToItsOwnerAlone). With strict protection
// against enumeration nobody does.
func (f *Flow) accountExists(ctx context.Context, tx postgres.Tx, told provider.Identity, i *Identity) (bool, error) {
	if !told.Authoritative || i.Email == "" || f.Policy.HidesStrictly() {
		return false, nil
	}
	return isVerified(ctx, tx, i.Email)
}

// isVerified reports whether any user has verified an address.
func isVerified(ctx context.Context, tx postgres.Tx, address string) (bool, error) {
	_, err := tx.FindVerifiedHolder(ctx, address)
	if postgres.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// lockVerifiedUser finds the user who has verified an address, and locks them.
//
// The address is read again once the user is locked: it may have been removed meanwhile.
func lockVerifiedUser(ctx context.Context, tx postgres.Tx, address string) (int64, error) {
	owner, err := tx.FindVerifiedHolder(ctx, address)
	if err != nil {
		return 0, err
	}

	if _, err := tx.LockUserForSignIn(ctx, owner); err != nil {
		return 0, err
	}

	again, err := tx.FindVerifiedHolder(ctx, address)
	if err == nil && again != owner { // it moved to another user; the call may be repeated
		return 0, problem.TemporarilyUnavailable
	}

	return again, err
}

// lockedOwner finds whose an identity is, and locks them.
//
// The user is locked before the identity, as everywhere. The identity is then read again, since it may
// have been disconnected meanwhile.
func (f *Flow) lockedOwner(ctx context.Context, tx postgres.Tx, i *Identity) (db.FindProviderAccountRow, error) {
	of := db.FindProviderAccountParams{Provider: i.Provider, Uid: i.UID}
	owner, err := tx.FindProviderAccount(ctx, of)
	if err != nil {
		return owner, err
	}
	if _, err := tx.LockUserForSignIn(ctx, owner.UserID); err != nil && !postgres.IsNotFound(err) {
		return owner, err
	}
	return tx.FindProviderAccount(ctx, of)
}

// suffices reports whether the service told all that an account needs.
func (f *Flow) suffices(in *Signup) bool {
	bad, err := f.checkSignup(in)
	return f.Social.AutoSignup && err == nil && len(bad) == 0
}

func isTaken(err error) bool {
	return errors.Is(err, problem.EmailTaken) || errors.Is(err, problem.UsernameTaken) || errors.Is(err, problem.PhoneTaken)
}

// await keeps an identity until what is missing is there.
func (f *Flow) await(ctx context.Context, tx postgres.Tx, who caller.Caller, i *Identity) (progress, error) {
	a := &Attempt{Identity: i, StartedAt: session.Epoch(tx.Now)}
	_, token, err := f.keep(ctx, tx, who, a)
	p := progress{underWay: a.underWay(), token: token}
	p.resetting = who.Pending != nil && who.Pending.Resetting
	return p, err
}

// CheckConnect returns what keeps an id_token from connecting a provider to the account of a
// signed-in caller, before the caller has proved who they are. The token stays good.
func (f *Flow) CheckConnect(ctx context.Context, who caller.Caller, in ProviderToken) error {
	in.ClientID, in.IDToken = trimmed(in.ClientID), trimmed(in.IDToken)
	if err := f.checkProviderToken(who, in); err != nil {
		return err
	}
	if _, err := f.verifyProviderToken(ctx, in); err != nil {
		return err
	}
	return f.DB.Look(ctx, func(tx postgres.Tx) error {
		refused, err := unverified.Refuses(ctx, tx, f.Policy, who.Session.UserID)
		if err == nil && refused {
			return problem.UnverifiedAccount
		}
		return err
	})
}

// connect adds an identity to the account of somebody signed in.
func (f *Flow) connect(ctx context.Context, who caller.Caller, b brought, i *Identity) (Entry, error) {
	user := who.Session.UserID
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := f.spend(ctx, tx, who, b); err != nil {
			return err
		}
		if err := session.Hold(ctx, tx, user, who.Session.ID); err != nil {
			return err
		}
		owner, err := tx.FindProviderAccount(ctx, db.FindProviderAccountParams{Provider: i.Provider, Uid: i.UID})
		switch {
		case err == nil && owner.UserID != user:
			return problem.ConnectedOther // it moves nothing (SEC-74)
		case err == nil:
			return f.touch(ctx, tx, user, i)
		case !postgres.IsNotFound(err):
			return err
		}
		refused, err := unverified.Refuses(ctx, tx, f.Policy, user)
		if err != nil {
			return err
		}
		if refused {
			return problem.UnverifiedAccount
		}

		before, err := snapshot.Take(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := f.link(ctx, tx, who, user, i); err != nil {
			if errors.Is(err, problem.FlowNotPending) {
				return problem.ConnectedOther
			}
			return err
		}

		return f.Notices.Changed(ctx, tx, notice.Change{
			UserID: user, Kind: outbox.ProviderConnected, Before: before, BySession: true, From: who.Device,
		})
	})
	if err != nil {
		return Entry{}, err
	}
	return f.current(ctx, who)
}
