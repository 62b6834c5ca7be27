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

// Spending is an attempt to spend a refresh token whose signature is ours, or a session token.
type Spending struct {
	SessionID uuid.UUID
	Token     Presented
	// SessionToken is the hash of the session token that is exchanged; nil where a refresh token is
	// spent. Of Token only the key is set then: the row says the rest.
	SessionToken []byte
	// Keeps: the token is foreign, and its client expects to keep it. It gets no other.
	Keeps bool
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
	// Evidence is what is known of a reuse; nil for every other verdict.
	Evidence *Evidence
}

// Evidence lets support tell a thief from a broken client: what was presented, and what the session had.
type Evidence struct {
	Presented, Current int64 // generations
	// Confirmed: the current generation was seen in use, so that a client has it.
	Confirmed bool
	// SentKey: an Idempotency-Key came with the refresh. SendsKeys: one has come with an earlier refresh.
	SentKey, SendsKeys bool
}

// RotateFast moves the session on in one statement when the presented token is the
// current one, is not young, and nothing else is against it. It reports false when that is
// not so: then the session has to be judged.
func (s *Sessions) RotateFast(ctx context.Context, d *postgres.DB, sp Spending) (Rotation, bool, error) {
	now := d.Now()
	isExpired := sp.Token.Foreign && !now.Before(sp.Token.ExpiresAt)
	if !s.rotates(sp) || isExpired {
		return Rotation{}, false, nil
	}
	row, err := d.UpdateSessionGeneration(ctx, db.UpdateSessionGenerationParams{
		ID: sp.SessionID, Generation: sp.Token.Generation, Subject: sp.Token.Subject, Now: now,
		RefreshIssuedAt: now.Truncate(time.Second), RefreshExpiresAt: s.idleEnd(now),
		IdempotencyKeyHash: sp.Token.KeyHash, Grace: s.grace().Seconds(),
		EndsSessionToken: s.endsToken(sp.Token.KeyHash),
	})
	if postgres.IsNotFound(err) {
		return Rotation{}, false, nil
	}
	if err != nil {
		return Rotation{}, false, err
	}
	return Rotation{
		Verdict:   Rotate,
		Successor: Successor{Generation: row.Generation, IssuedAt: now.Truncate(time.Second), ExpiresAt: row.RefreshExpiresAt},
		Methods:   row.Methods,
		Holder: Holder{
			ID: row.UserID, Subject: sp.Token.Subject, Display: row.Display, HasUsablePassword: row.HasUsablePassword,
			Email: row.Email, TenantID: row.TenantID, Username: row.Username,
		},
	}, true, nil
}

// Look reports whether a refresh would be granted now, and to which user, without a lock and without
// writing.
func (s *Sessions) Look(ctx context.Context, d *postgres.DB, sp Spending) (userID int64, granted bool, err error) {
	r, _, err := s.Repeat(ctx, d, sp) // which reads alone
	switch r.Verdict {
	case Rotate, Repeat, Replay, Adopt:
		return r.Holder.ID, err == nil, err
	}
	return 0, false, err
}

// Repeat answers the current token of a young generation with that same token, in one statement
// that reads. It reports false where anything else becomes of the token: then the session has to
// be locked. Without the lock the answer is as good: a session that ends at this moment refuses
// the tokens of the answer, and one that rotates takes the repeated token for a predecessor.
func (s *Sessions) Repeat(ctx context.Context, d *postgres.DB, sp Spending) (Rotation, bool, error) {
	row, err := d.FindSessionToRefresh(ctx, sp.SessionID)
	if postgres.IsNotFound(err) {
		return Rotation{}, false, nil
	}
	if err != nil {
		return Rotation{}, false, err
	}

	verdict := s.verdict(&row, s.presented(&row, sp), d.Now())
	return rotationOf(verdict, &row), verdict == Repeat, nil
}

// RotateJudged locks the session, judges the token and does what follows. It returns
// an error only when it could not find out: a refusal is an outcome, so that what it
// writes is committed.
func (s *Sessions) RotateJudged(ctx context.Context, tx postgres.Tx, sp Spending) (Rotation, error) {
	// Race: lock alone, then read. A join with FOR UPDATE would read the row as it was
	// before the wait, and rotate twice
	// (TestSEC22andTREF05_aHundredParallelRefreshesOnTwoProcessesMakeOneGeneration).
	if _, err := tx.LockSession(ctx, sp.SessionID); err != nil {
		if postgres.IsNotFound(err) {
			return refused(Invalid, problem.RefreshTokenInvalid), nil
		}
		return Rotation{}, err
	}
	row, err := tx.FindSessionToRefresh(ctx, sp.SessionID)
	if err != nil {
		return Rotation{}, err
	}

	d := &row.SessionDetail
	sp = s.presented(&row, sp)
	verdict := s.verdict(&row, sp, tx.Now)
	switch verdict {
	case Invalid:
		return refused(verdict, problem.RefreshTokenInvalid), nil
	case Ended:
		if p := Alive(d, tx.Now); p != nil {
			return refused(verdict, p), nil
		}
		return refused(verdict, problem.SessionExpired.Ended(expiryOf(d, sp))), nil
	case Conflict:
		return refused(verdict, problem.RefreshConflict), nil
	case Reuse:
		r := refused(verdict, problem.RefreshTokenReused.Ended(tx.Now))
		r.Holder.ID = d.UserID // the user who gets the notice
		r.Evidence = &Evidence{
			Presented: sp.Token.Generation, Current: d.Generation, Confirmed: d.ConfirmedAt != nil,
			SentKey: sp.Token.KeyHash != nil, SendsKeys: d.SendsIdempotencyKeys,
		}

		return r, End(ctx, tx, d.ID, ReuseDetected)
	case Replay:
		return rotationOf(verdict, &row), expectKeys(ctx, tx, d, sp)
	case Repeat:
		return rotationOf(verdict, &row), nil
	}
	if sp.SessionToken != nil {
		return s.moveOnByExchange(ctx, tx, d, sp, rotationOf(verdict, &row))
	}
	return s.moveOn(ctx, tx, d, sp, rotationOf(verdict, &row))
}

// moveOn makes the successor of the presented generation, for Rotate and Adopt.
func (s *Sessions) moveOn(ctx context.Context, tx postgres.Tx, d *Details, sp Spending, r Rotation) (Rotation, error) {
	ends := s.endsToken(sp.Token.KeyHash)
	if !s.rotates(sp) && r.Verdict == Rotate {
		if ends && tx.Now.Before(d.TokenExpiresAt) {
			if err := tx.EndSessionToken(ctx, d.ID); err != nil {
				return r, err
			}
		}

		return r, Confirm(ctx, tx.Queries, d, sp.Token.Generation, tx.Now)
	}
	r.Successor = s.successor(sp.Token.Generation+1, tx.Now, d.ExpiresAt)
	return r, tx.MarkSessionRotated(ctx, db.MarkSessionRotatedParams{
		ID: d.ID, Generation: r.Successor.Generation, RefreshIssuedAt: r.Successor.IssuedAt,
		RefreshExpiresAt: r.Successor.ExpiresAt, IdempotencyKeyHash: sp.Token.KeyHash, EndsSessionToken: ends,
	})
}

// expectKeys notes that a session sends keys, where the first caller with one gets a successor that a
// caller without one made.
//
// Security: otherwise a thief who sends no key, and comes first each time, is never noticed by an
// owner who sends them (TestPromise_aThiefWithoutKeysIsCaughtFromTheFirstRefreshOn).
func expectKeys(ctx context.Context, tx postgres.Tx, d *Details, sp Spending) error {
	if d.SendsIdempotencyKeys || sp.Token.KeyHash == nil {
		return nil
	}
	return tx.MarkSessionSendsKeys(ctx, db.MarkSessionSendsKeysParams{ID: d.ID, IdempotencyKeyHash: sp.Token.KeyHash})
}

// rotates reports whether a refresh with the current token hands out another one. A foreign token is
// replaced also where ours are not: its system rotated, so its client expects it.
func (s *Sessions) rotates(sp Spending) bool {
	if sp.Token.Foreign {
		return !sp.Keeps
	}

	return s.settings.RotateRefreshToken
}

// expiryOf is when an expired token of a living session has expired. Of the foreign tokens of a session
// each has its own end.
func expiryOf(d *Details, sp Spending) time.Time {
	if sp.Token.Foreign && sp.Token.ExpiresAt.Before(d.RefreshExpiresAt) {
		return sp.Token.ExpiresAt
	}

	return d.RefreshExpiresAt
}

func refused(v Verdict, p *problem.Problem) Rotation { return Rotation{Verdict: v, Refused: p} }

func (s *Sessions) idleEnd(now time.Time) time.Time {
	return now.Truncate(time.Second).Add(seconds(s.settings.RefreshExpiresIn))
}

func (s *Sessions) grace() time.Duration { return seconds(s.settings.RefreshGrace) }

// verdict says what becomes of a presented token, by the row.
func (s *Sessions) verdict(row *db.FindSessionToRefreshRow, sp Spending, now time.Time) Verdict {
	d := &row.SessionDetail
	verdict := Judge(Row{
		Subject: d.Subject, Over: d.EndedAt != nil || d.DisabledAt != nil, Generation: d.Generation,
		Age: time.Duration(row.Age * float64(time.Second)), Confirmed: d.ConfirmedAt != nil,
		RefreshExpiresAt: d.RefreshExpiresAt, ExpiresAt: d.ExpiresAt,
		KeyHash: d.IdempotencyKeyHash, SendsKeys: d.SendsIdempotencyKeys,
	}, sp.Token, now, s.grace())
	if sp.SessionToken != nil {
		return s.verdictOfExchange(d, sp, verdict, now)
	}
	return verdict
}

// rotationOf is the outcome that hands out the current generation of a row.
func rotationOf(verdict Verdict, row *db.FindSessionToRefreshRow) Rotation {
	d := &row.SessionDetail
	return Rotation{
		Verdict:   verdict,
		Successor: currentOf(row),
		Methods:   d.Methods,
		Holder: Holder{
			ID: d.UserID, Subject: d.Subject, Display: d.Display, HasUsablePassword: d.HasUsablePassword,
			Email: d.Email, TenantID: d.TenantID, Username: d.Username,
		},
	}
}
