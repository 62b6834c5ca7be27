package account

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
	"github.com/latchkey-auth/latchkey/internal/unverified"
)

// Authenticators lists the caller's second factors and passkeys.
func (a *Account) Authenticators(ctx context.Context, who caller.Caller) ([]authenticator.Listed, error) {
	return a.Factors.List(ctx, a.DB.Queries, who.Session.UserID)
}

// unverified reports whether an unverified address keeps the caller from adding a factor: the factor of a stranger
// would lock out the owner of the address.
func (a *Account) unverified(ctx context.Context, tx postgres.Tx, who caller.Caller) (bool, error) {
	refused, err := unverified.Refuses(ctx, tx, a.Policy, who.Session.UserID)
	if err != nil || refused || a.Factors.Settings.AllowUnverified {
		return refused, err
	}

	list, err := tx.ListEmailAddresses(ctx, who.Session.UserID)
	for _, e := range list {
		if e.VerifiedAt == nil {
			return true, err
		}
	}

	return false, err
}

// TOTP is the caller's TOTP authenticator, or how to add one.
type TOTP struct {
	Found *authenticator.Listed
	Setup authenticator.Setup
}

// TOTP shows the caller's TOTP authenticator. Where there is none it makes a secret for one.
func (a *Account) TOTP(ctx context.Context, who caller.Caller) (TOTP, error) {
	var t TOTP
	err := a.held(ctx, who, func(tx postgres.Tx) error {
		l, found, err := a.Factors.Find(ctx, tx.Queries, who.Session.UserID, factor.TOTP)
		if err != nil {
			return err
		}

		if found {
			t.Found = &l
			return nil
		}

		if !a.Factors.Supports(factor.TOTP) {
			return problem.PathNotFound
		}

		if err := a.refuseUnverified(ctx, tx, who); err != nil {
			return err
		}

		t.Setup, err = a.Factors.StartTOTP(ctx, tx, who.Session.ID, called(who))

		return err
	})

	return t, err
}

// orProblem is err, or the problem where there is none.
func orProblem(err error, p *problem.Problem) error {
	if err != nil {
		return err
	}

	return p
}

// called is what authenticator apps and passkeys call the caller.
func called(who caller.Caller) string {
	switch s := who.Session; {
	case s.Email != nil:
		return *s.Email
	case s.Username != nil:
		return *s.Username
	case s.Phone != nil:
		return *s.Phone
	default:
		return s.Display
	}
}

// adding is change, where it adds a factor.
func (a *Account) adding(ctx context.Context, who caller.Caller, do func(tx postgres.Tx) (authenticator.Listed, *problem.Problem, error)) (authenticator.Listed, error) {
	var added authenticator.Listed
	err := a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		before, err := tx.ListAuthenticatorTypes(ctx, who.Session.UserID)
		if err != nil {
			return nil, err
		}

		var refusal *problem.Problem
		if added, refusal, err = do(tx); err != nil || refusal != nil {
			return refusal, err
		}

		if len(before) > 0 || who.Session.HasUsablePassword {
			return nil, nil
		}

		return nil, inheritProof(ctx, tx, who, added)
	})

	return added, err
}

// inheritProof lets the first factor of an account take the place of the proof that allowed
// it to be added, since a provider or a code proves nothing of an account with a factor. So
// the user is not asked at once for the code that they have just used up.
//
// Security: it keeps the time of that proof. A new factor proves nothing by itself: a thief
// could add one (TestRecent_aNewFactorIsNoProofOfItsOwn).
func inheritProof(ctx context.Context, tx postgres.Tx, who caller.Caller, added authenticator.Listed) error {
	var given float64
	for _, m := range session.Methods(who.Session) {
		if m.Reauthenticated {
			given = max(given, m.At)
		}
	}

	if given == 0 {
		return nil
	}

	m := session.Method{Method: session.BySecondFactor, At: given, ID: added.ID, Type: added.Type, Reauthenticated: true}
	_, err := session.Prove(ctx, tx, who.Session.ID, m)

	return err
}

// change runs a change to the caller's factors with their row locked, so that two at once
// see each other.
func (a *Account) change(ctx context.Context, who caller.Caller, do func(tx postgres.Tx) (*problem.Problem, error)) error {
	var refusal *problem.Problem

	err := a.held(ctx, who, func(tx postgres.Tx) (err error) {
		refusal, err = do(tx)
		return err
	})
	if err == nil && refusal != nil { // an outcome: a ceremony is used up all the same
		return refusal
	}

	return err
}

// added records a new factor, and notifies the user.
func (a *Account) added(ctx context.Context, tx postgres.Tx, who caller.Caller, before snapshot.Ways, kind outbox.Kind) error {
	if err := a.note(ctx, tx, who, audit.FactorAdded, ""); err != nil {
		return err
	}

	return a.changed(ctx, tx, who, before, kind)
}

// notAdded records a wrong code that would have added a factor.
func (a *Account) notAdded(ctx context.Context, q *db.Queries, who caller.Caller, now time.Time) error {
	return a.Trail.Add(ctx, q, now, audit.Event{
		Name: audit.FactorAdded, Failed: true, UserID: who.Session.UserID, SessionID: who.Session.ID, Device: who.Device,
	})
}

func (a *Account) removed(ctx context.Context, tx postgres.Tx, who caller.Caller, before snapshot.Ways, kind outbox.Kind) error {
	if err := a.note(ctx, tx, who, audit.FactorRemoved, ""); err != nil {
		return err
	}

	return a.changed(ctx, tx, who, before, kind)
}

// ActivateTOTP adds the TOTP authenticator whose secret TOTP has shown.
func (a *Account) ActivateTOTP(ctx context.Context, who caller.Caller, typed string) (authenticator.Listed, error) {
	var added authenticator.Listed
	err := a.guessTOTP(ctx, who, typed, func() (err error) {
		added, err = a.addTOTP(ctx, who, typed)
		return err
	})

	return added, err
}

// guessTOTP takes one guess before a code is verified that would add a TOTP authenticator, and
// refunds it unless the code was wrong.
func (a *Account) guessTOTP(ctx context.Context, who caller.Caller, typed string, verify func() error) error {
	if !a.Factors.Supports(factor.TOTP) {
		return problem.PathNotFound
	}

	if factor.Clean(typed) == "" {
		return problem.Required.At("code")
	}

	taken, err := a.takeGuess(ctx, who, "code")
	if err != nil {
		return err
	}

	err = verify()
	if errors.Is(err, problem.IncorrectCode) {
		return err
	}

	return errors.Join(err, taken.GiveBack(ctx))
}

func (a *Account) addTOTP(ctx context.Context, who caller.Caller, typed string) (authenticator.Listed, error) {
	return a.adding(ctx, who, func(tx postgres.Tx) (authenticator.Listed, *problem.Problem, error) {
		var none authenticator.Listed
		if bad, err := a.unverified(ctx, tx, who); err != nil || bad {
			return none, problem.UnverifiedEmail.At("code"), err
		}

		before, err := snapshot.Take(ctx, tx, who.Session.UserID)
		if err != nil {
			return none, nil, err
		}

		added, refusal, err := a.Factors.ActivateTOTP(ctx, tx, who.Session.ID, who.Session.UserID, typed)
		if err != nil {
			return none, nil, err
		}

		if refusal != nil && refusal.Code == problem.IncorrectCode.Code {
			return none, refusal, a.notAdded(ctx, tx.Queries, who, tx.Now)
		}

		if refusal != nil {
			return none, refusal, nil
		}

		return added, nil, a.added(ctx, tx, who, before, outbox.TOTPActivated)
	})
}

// DeactivateTOTP removes the caller's TOTP authenticator, if there is one.
func (a *Account) DeactivateTOTP(ctx context.Context, who caller.Caller) error {
	return a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		before, err := snapshot.Take(ctx, tx, who.Session.UserID)
		if err != nil {
			return nil, err
		}

		found, err := a.Factors.RemoveTOTP(ctx, tx, who.Session.UserID)
		if err != nil || !found {
			return nil, err
		}

		return nil, a.removed(ctx, tx, who, before, outbox.TOTPDeactivated)
	})
}

// RecoveryCodes shows the recovery codes that the caller has left. It reports false where there
// are none.
func (a *Account) RecoveryCodes(ctx context.Context, who caller.Caller) (codes authenticator.Codes, found bool, err error) {
	err = a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		var err error
		codes, found, err = a.Factors.RecoveryCodes(ctx, tx, who.Session.UserID)
		return nil, err
	})

	return codes, found, err
}

// GenerateRecoveryCodes makes new recovery codes; the old ones stop working.
func (a *Account) GenerateRecoveryCodes(ctx context.Context, who caller.Caller) (authenticator.Codes, error) {
	var codes authenticator.Codes
	err := a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		before, err := snapshot.Take(ctx, tx, who.Session.UserID)
		if err != nil {
			return nil, err
		}

		var able bool
		if codes, able, err = a.Factors.GenerateRecoveryCodes(ctx, tx, who.Session.UserID); err != nil {
			return nil, err
		}

		if !able {
			return problem.CannotGenerateCodes, nil
		}

		if err := a.note(ctx, tx, who, audit.RecoveryCodesGenerated, ""); err != nil {
			return nil, err
		}

		return nil, a.changed(ctx, tx, who, before, outbox.RecoveryCodesGenerated)
	})

	return codes, err
}

func registration(who caller.Caller) authenticator.Registration {
	return authenticator.Registration{Session: who.Session.ID, Purpose: authenticator.AddWebAuthn, UserID: who.Session.UserID}
}

// takeToAdd counts a step of adding a key: asking for options, and answering them.
func (a *Account) takeToAdd(ctx context.Context, who caller.Caller) error {
	subject := limit.Subject{Address: who.Device.Address, UserID: who.Session.UserID, Session: who.Session.ID}
	_, err := a.Limiter.Take(ctx, limit.WebAuthnAdd, subject)

	return err
}

// CreationOptions is what to ask for to add a security key, or a passkey that can sign in
// alone.
func (a *Account) CreationOptions(ctx context.Context, who caller.Caller, passwordless bool) (json.RawMessage, error) {
	if !a.Factors.Supports(factor.WebAuthn) {
		return nil, problem.PathNotFound
	}

	if err := a.takeToAdd(ctx, who); err != nil {
		return nil, err
	}

	var options json.RawMessage
	err := a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		if bad, err := a.unverified(ctx, tx, who); err != nil || bad {
			return problem.UnverifiedFirst, err
		}

		r := registration(who)
		r.Account, r.Display, r.Passwordless = called(who), who.Session.Display, passwordless
		var err error

		options, err = a.Factors.AskToRegister(ctx, tx, r)
		if errors.Is(err, authenticator.ErrTooMany) {
			return problem.MaxKeys, nil
		}

		return nil, err
	})

	return options, err
}

// AddCredential adds the security key that answers CreationOptions.
func (a *Account) AddCredential(ctx context.Context, who caller.Caller, name string, answer json.RawMessage) (authenticator.Listed, error) {
	if !a.Factors.Supports(factor.WebAuthn) {
		return authenticator.Listed{}, problem.PathNotFound
	}

	if err := a.takeToAdd(ctx, who); err != nil {
		return authenticator.Listed{}, err
	}

	return a.adding(ctx, who, func(tx postgres.Tx) (added authenticator.Listed, refusal *problem.Problem, err error) {
		if bad, err := a.unverified(ctx, tx, who); err != nil || bad {
			return added, problem.UnverifiedFirst, err
		}

		before, err := snapshot.Take(ctx, tx, who.Session.UserID)
		if err != nil {
			return added, nil, err
		}

		added, err = a.Factors.Register(ctx, tx, registration(who), name, answer)
		if authenticator.IsIncorrect(err) {
			a.logRefusedAnswer(who, err)
			return added, problem.IncorrectCode, nil
		}

		if errors.Is(err, authenticator.ErrTooMany) {
			return added, problem.MaxKeys, nil
		}

		if err != nil {
			return added, nil, err
		}

		return added, nil, a.added(ctx, tx, who, before, outbox.WebAuthnAdded)
	})
}

func (a *Account) logRefusedAnswer(who caller.Caller, why error) {
	a.Log.Info("a WebAuthn answer was refused", "user", who.Session.UserID, "why", why.Error())
}

// RenameCredential names one of the caller's keys.
func (a *Account) RenameCredential(ctx context.Context, who caller.Caller, id int64, name string) (authenticator.Listed, error) {
	var renamed authenticator.Listed
	err := a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		var found bool

		var err error
		if renamed, found, err = a.Factors.Rename(ctx, tx, who.Session.UserID, id, name); err != nil || found {
			return nil, err
		}

		return problem.InvalidChoice.At("id"), nil
	})

	return renamed, err
}

// RemoveCredentials removes keys of the caller: all of the named or, where one is not
// theirs, none.
func (a *Account) RemoveCredentials(ctx context.Context, who caller.Caller, ids []int64) error {
	return a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		wanted := map[int64]bool{}
		for _, id := range ids {
			wanted[id] = true
		}

		before, err := snapshot.Take(ctx, tx, who.Session.UserID)
		if err != nil {
			return nil, err
		}

		n, err := a.Factors.RemoveCredentials(ctx, tx, who.Session.UserID, ids)
		if err != nil {
			return nil, err
		}

		if n != len(wanted) {
			return nil, problem.InvalidChoice.At("authenticators") // an error: nothing is removed
		}

		for range n { // a mail a key, as allauth
			if err := a.removed(ctx, tx, who, before, outbox.WebAuthnRemoved); err != nil {
				return nil, err
			}
		}

		return nil, nil
	})
}
