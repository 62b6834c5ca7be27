package session

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Values of LATCHKEY_SESSION_TOKENS.
const (
	// TokensAuto ends the session token at the first refresh that comes with an
	// Idempotency-Key, and keeps it otherwise.
	TokensAuto = "auto"
	// TokensKeep keeps it for as long as the session lives and the token is used.
	TokensKeep = "keep"
	// TokensUntilRefresh ends it at the first refresh.
	TokensUntilRefresh = "until_refresh"
	// TokensNone hands out none with a completed sign-in, and accepts none.
	TokensNone = "none"
)

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	if slices.Contains([]string{TokensAuto, TokensKeep, TokensUntilRefresh, TokensNone}, s.SessionTokens) {
		return nil
	}

	return []error{errors.New("LATCHKEY_SESSION_TOKENS: want auto, keep, until_refresh or none")}
}

// tokenDead is token_expires_at of a session without a session token that works. It is long
// past, so that no use that came at the same moment moves it on.
var tokenDead = time.Unix(0, 0).UTC()

// tokenEnd is when a session token ends that is used at now, and not again.
func (s *Sessions) tokenEnd(now, sessionEnd time.Time) time.Time {
	if s.settings.SessionTokens == TokensNone {
		return tokenDead
	}

	end := now.Add(seconds(s.settings.SessionIdle))
	if end.After(sessionEnd) {
		return sessionEnd
	}

	return end
}

// endsToken reports whether a refresh with this key ends the session token.
func (s *Sessions) endsToken(keyHash []byte) bool {
	switch s.settings.SessionTokens {
	case TokensUntilRefresh, TokensNone:
		return true
	case TokensAuto:
		return len(keyHash) > 0
	}

	return false
}

// TokenWorks reports whether a session token, by whose hash a living session was found, still
// works: it may have ended by a refresh, for want of use, or because a newer one is in use.
func (s *Sessions) TokenWorks(d *Details, hash []byte, now time.Time) bool {
	if s.settings.SessionTokens == TokensNone || !now.Before(d.TokenExpiresAt) {
		return false
	}

	return bytes.Equal(hash, d.TokenHash) || d.PreviousTokenWorks
}

// slideEvery is how often the idle end of a session token moves on: once an hour, and more
// often where the tokens end so early that an hour is a great part of it.
func (s *Sessions) slideEvery() time.Duration {
	return min(time.Hour, seconds(s.settings.SessionIdle)/10)
}

// NoteTokenUse moves the idle end of a session token on, and ends the token before it at its
// first use. It is called by requests that do something else, and its failure is theirs to
// ignore: the next use writes again.
func (s *Sessions) NoteTokenUse(ctx context.Context, q *db.Queries, d *Details, hash []byte, now time.Time) error {
	end := s.tokenEnd(now, d.ExpiresAt)
	dueBefore := end.Add(-s.slideEvery())
	due := d.TokenExpiresAt.Before(dueBefore)
	endsPrevious := d.PreviousTokenWorks && bytes.Equal(hash, d.TokenHash)
	if !due && !endsPrevious {
		return nil
	}

	return q.MarkSessionTokenUsed(ctx, db.MarkSessionTokenUsedParams{
		ID: d.ID, TokenHash: hash, TokenExpiresAt: end, DueBefore: dueBefore, EndsPrevious: endsPrevious, Now: now,
	})
}

// renewalWait is how long a session token that a reauthentication handed out is not replaced
// by another reauthentication: its client may be about to store it.
const renewalWait = time.Minute

// RenewToken gives a session whose user has just proved again who they are another session
// token. The one before works until the new one is first used, because the answer that carries
// the new one may be lost. It returns "" where the session has no token that works, and where
// the token of another proof is still on its way. The session must be locked, and d is as
// [Prove] returned it.
func (s *Sessions) RenewToken(ctx context.Context, tx postgres.Tx, d *Details) (string, error) {
	if s.settings.SessionTokens == TokensNone || !tx.Now.Before(d.TokenExpiresAt) {
		return "", nil
	}
	if d.PreviousTokenWorks && renewedSince(d, tx.Now.Add(-renewalWait)) {
		return "", nil
	}

	token := secret.SessionToken()
	return token, tx.UpdateSessionTokenKeepingPrevious(ctx, db.UpdateSessionTokenKeepingPreviousParams{
		ID: d.ID, TokenHash: secret.Hash(token), TokenExpiresAt: s.tokenEnd(tx.Now, d.ExpiresAt),
	})
}

// renewedSince reports whether a proof before the last one was given after a moment.
func renewedSince(d *Details, since time.Time) bool {
	methods := Methods(d)
	if len(methods) == 0 {
		return false
	}

	return slices.ContainsFunc(methods[:len(methods)-1], func(m Method) bool {
		return m.Reauthenticated && m.At > Epoch(since)
	})
}

// ReplaceToken gives a session another session token; the one before is dead at once. It
// returns "" where the session has no token that works. The session must be locked.
func (s *Sessions) ReplaceToken(ctx context.Context, tx postgres.Tx, d *Details) (string, error) {
	if s.settings.SessionTokens == TokensNone || !tx.Now.Before(d.TokenExpiresAt) {
		return "", nil
	}

	token := secret.SessionToken()
	return token, tx.UpdateSessionToken(ctx, db.UpdateSessionTokenParams{
		ID: d.ID, TokenHash: secret.Hash(token), TokenExpiresAt: s.tokenEnd(tx.Now, d.ExpiresAt),
	})
}

// RefreshLifetime is how long a refresh token lives.
func (s *Sessions) RefreshLifetime() time.Duration { return seconds(s.settings.RefreshExpiresIn) }
