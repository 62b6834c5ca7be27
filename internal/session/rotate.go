package session

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Spending is an attempt to spend a refresh token whose signature is ours.
type Spending struct {
	SessionID uuid.UUID
	Token     Presented
}

// KeyHash is what is stored of an Idempotency-Key; nil for none.
func KeyHash(key string) []byte {
	if key == "" {
		return nil
	}
	return secret.Hash(key)
}

// Holder is the user behind a rotated session, as the answer shows them.
type Holder = db.UserDetail

// Rotation is the outcome of a refresh. Refused is nil where it is granted.
type Rotation struct {
	Verdict   Verdict
	Refused   *problem.Problem
	Successor Successor
	Methods   []byte
	Holder    Holder
}

// RotateFast moves the session on in one statement when the presented token is the
// current one and nothing stands against it. It reports false when that is not so:
// then the session has to be judged.
func (s *Sessions) RotateFast(ctx context.Context, d *postgres.DB, sp Spending) (Rotation, bool, error) {
	if !s.settings.RotateRefreshToken {
		return Rotation{}, false, nil
	}
	now := d.Now()
	row, err := d.UpdateSessionGeneration(ctx, db.UpdateSessionGenerationParams{
		ID: sp.SessionID, Generation: sp.Token.Generation, UserID: sp.Token.UserID, Now: now, RotatedAt: now,
		RefreshExpiresAt: s.idleEnd(now), IdempotencyKeyHash: sp.Token.KeyHash,
	})
	if postgres.IsNotFound(err) {
		return Rotation{}, false, nil
	}
	if err != nil {
		return Rotation{}, false, err
	}
	return Rotation{
		Verdict:   Rotate,
		Successor: Successor{Generation: row.Generation, IssuedAt: row.RotatedAt.Truncate(time.Second), ExpiresAt: row.RefreshExpiresAt},
		Methods:   row.Methods,
		Holder:    Holder{ID: sp.Token.UserID, Display: row.Display, HasUsablePassword: row.HasUsablePassword, Email: row.Email, TenantID: row.TenantID, Username: row.Username},
	}, true, nil
}

// RotateJudged locks the session, judges the token and does what follows. It returns
// an error only when it could not find out: a refusal is an outcome, so that what it
// writes is committed.
func (s *Sessions) RotateJudged(ctx context.Context, tx postgres.Tx, sp Spending) (Rotation, error) {
	// Race: lock alone, then read. A join with FOR UPDATE would read the row as it was
	// before the wait, and rotate twice.
	if _, err := tx.LockSession(ctx, sp.SessionID); err != nil {
		if postgres.IsNotFound(err) {
			return refused(Invalid, problem.RefreshTokenInvalid), nil
		}
		return Rotation{}, err
	}
	d, err := tx.FindSession(ctx, sp.SessionID)
	if err != nil {
		return Rotation{}, err
	}
	verdict := Judge(rowOf(&d), sp.Token, tx.Now, seconds(s.settings.RefreshGrace))
	r := Rotation{
		Verdict: verdict, Methods: d.Methods, Successor: current(&d),
		Holder: Holder{ID: d.UserID, Display: d.Display, HasUsablePassword: d.HasUsablePassword, Email: d.Email, TenantID: d.TenantID, Username: d.Username},
	}
	switch verdict {
	case Invalid:
		return refused(verdict, problem.RefreshTokenInvalid), nil
	case Ended:
		if p := Alive(&d, tx.Now); p != nil {
			return refused(verdict, p), nil
		}
		return refused(verdict, problem.SessionExpired.Ended(d.RefreshExpiresAt)), nil
	case Reuse:
		return refused(verdict, problem.RefreshTokenReused.Ended(tx.Now)), End(ctx, tx, d.ID, ReuseDetected)
	case Replay:
		return r, nil
	}
	return s.moveOn(ctx, tx, &d, sp, r)
}

// moveOn makes the successor of the presented generation, for Rotate and Adopt.
func (s *Sessions) moveOn(ctx context.Context, tx postgres.Tx, d *Details, sp Spending, r Rotation) (Rotation, error) {
	if !s.settings.RotateRefreshToken && r.Verdict == Rotate {
		return r, Confirm(ctx, tx.Queries, d, sp.Token.Generation, tx.Now)
	}
	r.Successor = s.successor(sp.Token.Generation+1, tx.Now, d.ExpiresAt)
	return r, tx.MarkSessionRotated(ctx, db.MarkSessionRotatedParams{
		ID: d.ID, Generation: r.Successor.Generation, RotatedAt: tx.Now,
		RefreshExpiresAt: r.Successor.ExpiresAt, IdempotencyKeyHash: sp.Token.KeyHash,
	})
}

func refused(v Verdict, p *problem.Problem) Rotation { return Rotation{Verdict: v, Refused: p} }

func (s *Sessions) idleEnd(now time.Time) time.Time {
	return now.Truncate(time.Second).Add(seconds(s.settings.RefreshExpiresIn))
}

func rowOf(d *Details) Row {
	return Row{
		UserID: d.UserID, Over: d.EndedAt != nil || d.DisabledAt != nil, Generation: d.Generation, RotatedAt: d.RotatedAt,
		Confirmed: d.ConfirmedAt != nil, RefreshExpiresAt: d.RefreshExpiresAt, ExpiresAt: d.ExpiresAt,
		KeyHash: d.IdempotencyKeyHash, SendsKeys: d.SendsIdempotencyKeys,
	}
}

func current(d *Details) Successor {
	return Successor{Generation: d.Generation, IssuedAt: d.RotatedAt.Truncate(time.Second), ExpiresAt: d.RefreshExpiresAt}
}
