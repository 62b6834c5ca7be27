package session

import (
	"bytes"
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// presented completes an attempt by what the row says of its session token: which generation that
// spends, and until when it works. The first exchange spends the current generation, and every
// later one the same again, so that the rules for a refresh token that comes twice apply.
//
// Race: by the row as it is under the lock, since an exchange or a refresh at the same moment moves
// both generations (TestExchange_aBurstMakesOneSuccessor).
func (s *Sessions) presented(row *db.FindSessionToRefreshRow, sp Spending) Spending {
	if sp.SessionToken == nil {
		return sp
	}

	d := &row.SessionDetail
	spent := d.Generation
	if row.ExchangedGeneration != nil {
		spent = *row.ExchangedGeneration
	}
	sp.Token = Presented{
		Subject: d.Subject, Generation: spent, ExpiresAt: d.TokenExpiresAt, KeyHash: sp.Token.KeyHash, Exchange: true,
	}

	return sp
}

// verdictOfExchange limits what is judged of a session token to the tokens that work. Of those that
// do not, the one that was handed out last may still show that it was exchanged twice.
//
// Security: without that, a thief who exchanges a session token, and refreshes once, has ended the
// token of its owner, whose own exchange would learn nothing and end nothing
// (TestExchange_aThiefWhoComesFirstIsCaught).
func (s *Sessions) verdictOfExchange(d *Details, sp Spending, verdict Verdict, now time.Time) Verdict {
	isLast := bytes.Equal(sp.SessionToken, d.TokenHash)
	isPrevious := d.PreviousTokenWorks && bytes.Equal(sp.SessionToken, d.PreviousTokenHash)
	works := (isLast || isPrevious) && s.TokenWorks(d, sp.SessionToken, now)
	showsCopy := isLast && verdict == Reuse

	if works || showsCopy || verdict == Ended {
		return verdict
	}
	return Invalid
}

// moveOnByExchange makes the successor of the current generation for an exchange. The session token
// works until the successor is spent: the answer that carries it may be lost.
func (s *Sessions) moveOnByExchange(ctx context.Context, tx postgres.Tx, d *Details, sp Spending, r Rotation) (Rotation, error) {
	isCurrentGood := tx.Now.Before(d.RefreshExpiresAt)
	if !s.settings.RotateRefreshToken && isCurrentGood {
		return r, nil
	}

	r.Successor = s.successor(d.Generation+1, tx.Now, d.ExpiresAt)
	return r, tx.MarkSessionRotated(ctx, db.MarkSessionRotatedParams{
		ID: d.ID, Generation: r.Successor.Generation, RefreshIssuedAt: r.Successor.IssuedAt,
		RefreshExpiresAt: r.Successor.ExpiresAt, IdempotencyKeyHash: sp.Token.KeyHash, ExchangedGeneration: &d.Generation,
	})
}
