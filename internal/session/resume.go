package session

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Reissue hands out the tokens of a session again whose first answer may never have arrived: the
// refresh token of its generation, which can be made again, and another session token. The
// session must be locked.
func (s *Sessions) Reissue(ctx context.Context, tx postgres.Tx, id uuid.UUID) (Opened, error) {
	row, err := tx.FindSessionToRefresh(ctx, id)
	if err != nil {
		return Opened{}, err
	}

	token, err := s.ReplaceToken(ctx, tx, &row.SessionDetail)
	if err != nil {
		return Opened{}, err
	}
	return Opened{ID: id, Token: token, Methods: row.SessionDetail.Methods, Successor: currentOf(&row)}, nil
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
