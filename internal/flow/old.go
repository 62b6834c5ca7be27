package flow

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// The two uses of tokens of the other system, as metrics name them.
const (
	oldRefresh = string(token.Refresh)
	oldAccess  = string(token.Access)
)

// spendingOld reads a refresh token of the system that the service moves in from. It counts as the first
// generation of its session: see [session.Judge] for what that means. ours is why it is no token of ours.
//
// Security: the signature alone is not enough. Its jti must be one that was imported
// (TestOldRefresh_whatIsRefusedTouchesNothing).
func (f *Flow) spendingOld(ctx context.Context, who caller.Caller, compact string, ours error) (session.Spending, error) {
	claims, err := f.Old.Refresh(compact)
	if err != nil {
		return session.Spending{}, f.refuseOld(oldRefresh, err, ours)
	}

	row, err := f.DB.FindOldRefreshToken(ctx, claims.IDHash)
	if postgres.IsNotFound(err) {
		return session.Spending{}, f.refuseOld(oldRefresh, token.RefuseOld(token.OldUnknown), ours)
	}

	return session.Spending{
		SessionID: row.SessionID,
		Token: session.Presented{
			Subject: claims.Subject, Generation: session.FirstGeneration, ExpiresAt: claims.ExpiresAt.Add(who.Held), Foreign: true,
		},
		Keeps: !f.Old.Rotates,
	}, err
}

// refuseOld counts a token that is refused, and returns why. A token that is no token of the other system
// at all is refused as one of ours.
func (f *Flow) refuseOld(use string, err, ours error) error {
	switch {
	case !errors.Is(err, token.ErrInvalid): // we could not find out
	case errors.Is(err, token.OldForeign):
		return ours
	case errors.Is(err, token.OldUnknown):
		f.CountOld(use, "unknown")
	case errors.Is(err, token.OldExpired):
		f.CountOld(use, "expired")
	default:
		f.CountOld(use, "invalid")
	}

	return err
}

// OldSession finds the session of an access token of the system that the service moves in from, whatever
// has become of it. ours is why it is no token of ours. It returns token.ErrInvalid for what is none.
//
// Security: only while a service moves in, and only tokens from before it went live
// (TestOldAccess_whatIsRefused).
func (f *Flow) OldSession(ctx context.Context, compact string, now time.Time, ours error) (session.Details, error) {
	claims, hash, err := f.Old.Access(compact, now)
	if err != nil {
		return session.Details{}, f.refuseOld(oldAccess, err, ours)
	}

	moving, err := f.DB.FindMoving(ctx)
	if err != nil && !postgres.IsNotFound(err) {
		return session.Details{}, err
	}
	isFromBefore := err == nil && moving.Phase == "live" && claims.IssuedBy(moving.Since)
	if !isFromBefore {
		return session.Details{}, f.refuseOld(oldAccess, token.RefuseOld(token.OldUnknown), ours)
	}

	d, err := f.sessionOfOld(ctx, claims, hash)
	if err != nil {
		return d, f.refuseOld(oldAccess, err, ours)
	}
	f.CountOld(oldAccess, "accepted")

	return d, nil
}

// FormerOldSession finds the session of an access token of that system that may have expired: to end it,
// and for nothing else.
func (f *Flow) FormerOldSession(ctx context.Context, compact string) (session.Details, error) {
	if f.Old == nil {
		return session.Details{}, token.ErrInvalid
	}
	claims, hash, err := f.Old.Former(compact)
	if err != nil {
		return session.Details{}, err
	}
	if end := claims.ExpiresAt.Add(f.Sessions.RefreshLifetime()); !f.DB.Now().Before(end) {
		return session.Details{}, token.RefuseOld(token.OldExpired)
	}

	return f.sessionOfOld(ctx, claims, hash)
}

// sessionOfOld finds the session by the hash of its session token, which stays with it.
func (f *Flow) sessionOfOld(ctx context.Context, claims token.Old, hash []byte) (session.Details, error) {
	d, err := f.DB.FindSessionByToken(ctx, hash)
	if postgres.IsNotFound(err) || err == nil && d.Subject != claims.Subject {
		return session.Details{}, token.RefuseOld(token.OldUnknown)
	}

	return d, err
}
