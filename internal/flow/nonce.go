package flow

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Nonce is a nonce for an id_token.
type Nonce struct {
	Raw, Hash string
	ExpiresAt time.Time
}

const (
	// nonceLives is for how long a nonce is accepted.
	nonceLives = 10 * time.Minute
	// nonceSkew is by how much the provider's clock may be behind ours.
	nonceSkew = 10 * time.Second
)

// NewNonce makes a nonce that one id_token may carry. It serves for the process alone, or for
// a sign-in or a connection where that is empty, and in the caller's session alone, where
// there is one.
func (f *Flow) NewNonce(ctx context.Context, who caller.Caller, process string) (Nonce, error) {
	known := []string{"", processLogin, processConnect, processReauthenticate}
	if !slices.Contains(known, process) {
		return Nonce{}, problem.InvalidChoice.At("process")
	}
	needsSession := process == processConnect || process == processReauthenticate
	if needsSession && !who.SignedIn() {
		return Nonce{}, f.Anonymous(who)
	}

	raw := provider.NewNonce()
	n := Nonce{raw, provider.HashNonce(raw), f.DB.Now().Add(nonceLives)}
	row := db.InsertProviderNonceParams{NonceHash: secret.Hash(raw), ExpiresAt: n.ExpiresAt}
	if id, ok := sessionOf(who); ok {
		row.SessionID = &id
	}
	if process != "" {
		row.Process = &process
	}
	return n, f.DB.InsertProviderNonce(ctx, row)
}

// brought is an id_token that a caller brought, and what its provider says in it.
type brought struct {
	in   ProviderToken
	told provider.Identity
}

// spend makes sure that a token, and the nonce in it, serve once (SEC-70, SEC-71).
func (f *Flow) spend(ctx context.Context, tx postgres.Tx, who caller.Caller, b brought) error {
	if err := keepOthersFrom(ctx, tx, b.told.Provider, b.told.UID); err != nil {
		return err
	}

	n, err := tx.InsertSpentIDToken(ctx, db.InsertSpentIDTokenParams{TokenHash: b.told.Digest, ExpiresAt: b.told.ExpiresAt})
	if err != nil {
		return err
	}
	if n == 0 {
		f.logRefusedToken(b.told.Provider, b.told.ClientID, "it was used before")
		return problem.TokenUsed.At("token")
	}

	if !b.told.HasNonce && b.in.Process != processReauthenticate {
		return nil
	}
	return f.spendNonce(ctx, tx, who, b)
}

// spendNonce uses up the nonce that a token carries.
//
// Security: it is looked up by what the caller has shown, not by what the token carries: a
// token that carries the hash does not tell the nonce (TestProviderNonce_theRawOneMustBeShown).
func (f *Flow) spendNonce(ctx context.Context, tx postgres.Tx, who caller.Caller, b brought) error {
	of := db.DeleteProviderNonceParams{NonceHash: secret.Hash(b.in.Nonce), Now: tx.Now, Process: b.in.Process}
	if id, ok := sessionOf(who); ok {
		of.SessionID = &id
	}
	expires, err := tx.DeleteProviderNonce(ctx, of)
	if postgres.IsNotFound(err) {
		return f.refusedBecause(b, "its nonce is not out for this session and process")
	}
	if err != nil {
		return err
	}

	asked := expires.Add(-nonceLives).Truncate(time.Second)
	older := b.told.IssuedAt.Before(asked.Add(-nonceSkew))
	if older && b.in.Process == processReauthenticate {
		return f.refusedBecause(b, "it is older than its nonce")
	}
	return nil
}

func (f *Flow) refusedBecause(b brought, why string) error {
	f.logRefusedToken(b.told.Provider, b.told.ClientID, why)
	return problem.InvalidToken.At("token").Because(errors.New(why))
}
