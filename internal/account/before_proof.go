package account

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// The functions of this file answer what the operations on factors can answer without a proof of
// identity. They look (postgres.DB.Look) and change nothing; a wrong answer to a question uses
// the question up. The operations check everything again once the proof is there.

// FindFactor returns the caller's authenticator of a kind; nil for none.
func (a *Account) FindFactor(ctx context.Context, who caller.Caller, kind string) (*authenticator.Listed, error) {
	found, ok, err := a.Factors.Find(ctx, a.DB.Queries, who.Session.UserID, kind)
	if err != nil || !ok {
		return nil, err
	}

	return &found, nil
}

// CheckNewTOTP returns what keeps the caller from adding a TOTP authenticator.
func (a *Account) CheckNewTOTP(ctx context.Context, who caller.Caller) error {
	if !a.Factors.Supports(factor.TOTP) {
		return problem.PathNotFound
	}

	return a.DB.Look(ctx, func(tx postgres.Tx) error { return a.refuseUnverified(ctx, tx, who) })
}

// refuseUnverified returns a problem where an address keeps the caller from adding a factor.
func (a *Account) refuseUnverified(ctx context.Context, tx postgres.Tx, who caller.Caller) error {
	if bad, err := a.unverified(ctx, tx, who); err != nil || bad {
		return orProblem(err, problem.UnverifiedFirst)
	}

	return nil
}

// CheckTOTP returns what keeps a code from adding the TOTP authenticator whose secret TOTP has
// shown. A wrong code takes a guess, as in ActivateTOTP.
func (a *Account) CheckTOTP(ctx context.Context, who caller.Caller, typed string) error {
	return a.guessTOTP(ctx, who, typed, func() error {
		var refusal *problem.Problem

		err := a.DB.Look(ctx, func(tx postgres.Tx) (err error) {
			if bad, err := a.unverified(ctx, tx, who); err != nil || bad {
				return orProblem(err, problem.UnverifiedEmail.At("code"))
			}

			refusal, err = a.Factors.CheckTOTP(ctx, tx, who.Session.ID, who.Session.UserID, typed)

			return err
		})
		if err != nil || refusal == nil {
			return err
		}

		if refusal.Code == problem.IncorrectCode.Code {
			err = a.notAdded(ctx, a.DB.Queries, who, a.DB.Now())
		}

		return orProblem(err, refusal)
	})
}

// CheckNewRecoveryCodes returns what keeps the caller from making recovery codes.
func (a *Account) CheckNewRecoveryCodes(ctx context.Context, who caller.Caller) error {
	return a.DB.Look(ctx, func(tx postgres.Tx) error {
		able, err := a.Factors.CanGenerateCodes(ctx, tx, who.Session.UserID)
		if err != nil || able {
			return err
		}

		return problem.CannotGenerateCodes
	})
}

// CheckNewCredential returns what keeps the caller from adding a security key or passkey.
func (a *Account) CheckNewCredential(ctx context.Context, who caller.Caller) error {
	if !a.Factors.Supports(factor.WebAuthn) {
		return problem.PathNotFound
	}

	return a.DB.Look(ctx, func(tx postgres.Tx) error {
		if err := a.refuseUnverified(ctx, tx, who); err != nil {
			return err
		}

		full, err := a.Factors.HasMostKeys(ctx, tx, who.Session.UserID)
		if err != nil || full {
			return orProblem(err, problem.MaxKeys)
		}

		return nil
	})
}

// CheckCredential returns what keeps the answer of a key from adding it. A right answer stays
// good until the proof is there; a wrong one uses its question up, as in AddCredential.
func (a *Account) CheckCredential(ctx context.Context, who caller.Caller, answer json.RawMessage) error {
	if err := a.CheckNewCredential(ctx, who); err != nil {
		return err
	}

	if err := a.takeToAdd(ctx, who); err != nil {
		return err
	}

	wrong := a.DB.Look(ctx, func(tx postgres.Tx) error {
		return a.Factors.CheckRegistration(ctx, tx, registration(who), answer)
	})
	switch {
	case errors.Is(wrong, authenticator.ErrTooMany):
		return problem.MaxKeys
	case !authenticator.IsIncorrect(wrong):
		return wrong
	}

	a.logRefusedAnswer(who, wrong)

	return a.change(ctx, who, func(tx postgres.Tx) (*problem.Problem, error) {
		_, _, err := a.Factors.Answered(ctx, tx, who.Session.ID, authenticator.AddWebAuthn)
		return problem.IncorrectCode, err
	})
}

// CheckOwnCredentials returns a problem at a member where not all of the named keys are the
// caller's.
func (a *Account) CheckOwnCredentials(ctx context.Context, who caller.Caller, param string, ids ...int64) error {
	return a.DB.Look(ctx, func(tx postgres.Tx) error {
		own, err := a.Factors.OwnsKeys(ctx, tx, who.Session.UserID, ids)
		if err != nil || own {
			return err
		}

		return problem.InvalidChoice.At(param)
	})
}
