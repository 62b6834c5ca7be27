package flow

import (
	"context"
	"errors"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// reauthenticateByProvider lets a signed-in user prove who they are by a provider that is
// connected to their account, where the account has neither password nor second factor.
func (f *Flow) reauthenticateByProvider(ctx context.Context, who caller.Caller, in ProviderToken) (Entry, error) {
	own, err := f.ownProofs(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	if own.guarded() {
		return Entry{}, f.askAgain(ctx, who, own)
	}

	after, err := f.proveByProvider(ctx, who, in)
	if isRefusedToken(err) {
		err = errors.Join(err, f.notProved(ctx, f.DB.Queries, f.DB.Now(), who))
	}
	if err != nil {
		return Entry{}, err
	}
	return after, nil
}

// isRefusedToken reports whether it is the token that proves nothing.
func isRefusedToken(err error) bool {
	refusals := []error{problem.InvalidToken, problem.TokenTooOld, problem.TokenUsed, problem.NonceRequired}
	return slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) })
}

// proveByProvider verifies the token and records the proof.
//
// Security: the token carries a nonce that this very session asked for, for this purpose, and
// comes from the account at the provider that is connected here. A token of a sign-in, or of
// another account, proves nothing (TestReauthenticateByProvider_whatIsNoProof).
func (f *Flow) proveByProvider(ctx context.Context, who caller.Caller, in ProviderToken) (Entry, error) {
	var after Entry
	told, err := f.verifyProviderToken(ctx, in)
	if err != nil {
		return after, err
	}
	b := brought{in, told}
	if told.Nonce == "" {
		return after, f.refusedBecause(b, "it carries no nonce")
	}

	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := f.spend(ctx, tx, who, b); err != nil {
			return err
		}
		if err := session.Hold(ctx, tx, who.Session.UserID, who.Session.ID); err != nil {
			return err
		}

		owner, err := tx.FindProviderAccount(ctx, db.FindProviderAccountParams{Provider: told.Provider, Uid: told.UID})
		strange := postgres.IsNotFound(err) || err == nil && owner.UserID != who.Session.UserID
		if strange {
			return f.refusedBecause(b, "it is not of an account that is connected to the caller's")
		}
		if err != nil {
			return err
		}

		m := session.Method{Method: session.ByProvider, Provider: told.Provider, UID: told.UID, Reauthenticated: true}
		after, err = f.prove(ctx, tx, who, m)
		return err
	})
	return after, err
}
