package session

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Reissue hands out the tokens of a session again whose first answer may never have arrived: the
// refresh token of its generation, which can be made again, and its session token. token is what
// that was made as; where it is another one by now, because the key of the servers has changed, it
// is replaced. The session must be locked.
func (s *Sessions) Reissue(ctx context.Context, tx postgres.Tx, id uuid.UUID, token string) (Opened, error) {
	row, err := tx.FindSessionToRefresh(ctx, id)
	if err != nil {
		return Opened{}, err
	}

	d := &row.SessionDetail
	hash := secret.Hash(token)
	if !bytes.Equal(hash, d.TokenHash) || !s.TokenWorks(d, hash, tx.Now) {
		if token, err = s.ReplaceToken(ctx, tx, d); err != nil {
			return Opened{}, err
		}
	}
	return Opened{ID: id, Token: token, Methods: d.Methods, Successor: currentOf(&row)}, nil
}

// currentOf is the current generation of a row.
func currentOf(row *db.FindSessionToRefreshRow) Successor {
	d := &row.SessionDetail
	return Successor{
		Generation: d.Generation, IssuedAt: row.RefreshIssuedAt.Truncate(time.Second), ExpiresAt: d.RefreshExpiresAt,
	}
}

// Resumed reports whether a session is one that went on by itself, and whose tokens nobody is
// known to have used: the token of the pending session may ask for them again.
func Resumed(d *Details) bool {
	handedOut := d.PreviousTokenHash != nil && !d.PreviousTokenWorks && d.Generation == 1 && d.ConfirmedAt == nil
	if !handedOut {
		return false
	}

	// A reauthentication also leaves a session token behind.
	return !slices.ContainsFunc(Methods(d), func(m Method) bool { return m.Reauthenticated })
}
