package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// Session is a session as operators see it.
type Session struct {
	SID        string          `json:"sid"`
	State      string          `json:"state"` // living, ended, expired
	CreatedAt  time.Time       `json:"created_at"`
	LastSeenAt time.Time       `json:"last_seen_at"`
	EndsAt     time.Time       `json:"ends_at"` // when it ends by itself
	EndedAt    *time.Time      `json:"ended_at"`
	EndReason  *string         `json:"end_reason"`
	Generation int64           `json:"generation"` // how many refresh tokens it has had
	DeviceName string          `json:"device_name"`
	UserAgent  string          `json:"user_agent"`
	Address    *string         `json:"address"`
	Methods    json.RawMessage `json:"methods"`
}

// States of a session.
const (
	living  = "living"
	ended   = "ended"
	expired = "expired"
)

// Sessions returns the sessions of a user, the newest first: those that live, or all that are kept.
func (a *Admin) Sessions(ctx context.Context, userID int64, all bool, most int32) ([]Session, error) {
	rows, err := a.DB.ListAllSessionsOfUser(ctx, db.ListAllSessionsOfUserParams{UserID: userID, Most: most})
	if err != nil {
		return nil, err
	}

	now := a.DB.Now()

	list := make([]Session, 0, len(rows))
	for _, r := range rows {
		s := toSession(r, now)
		if all || s.State == living {
			list = append(list, s)
		}
	}

	return list, nil
}

func toSession(r db.ListAllSessionsOfUserRow, now time.Time) Session {
	state := living
	switch {
	case r.EndedAt != nil:
		state = ended
	case !r.LivesUntil.After(now):
		state = expired
	}

	return Session{
		SID: token.FormatSessionID(r.ID), State: state, CreatedAt: r.CreatedAt.UTC(), LastSeenAt: r.LastSeenAt.UTC(), EndsAt: r.LivesUntil.UTC(),
		EndedAt: r.EndedAt, EndReason: r.EndReason, Generation: r.Generation, DeviceName: r.DeviceName, UserAgent: r.UserAgent,
		Address: r.Address, Methods: r.Methods,
	}
}

// EndSession ends one session. It reports false where the session had ended, and returns ErrNotFound where
// no user has it.
func (a *Admin) EndSession(ctx context.Context, id uuid.UUID) (bool, error) {
	userID, err := a.DB.FindUserOfSession(ctx, id)
	if postgres.IsNotFound(err) {
		return false, ErrNotFound
	}

	if err != nil {
		return false, err
	}

	e := audit.Event{Name: audit.SessionsEnded, UserID: userID, SessionID: id}
	err = a.change(ctx, e, func(tx postgres.Tx) error {
		reason := session.EndedByAdmin

		n, err := tx.EndSession(ctx, db.EndSessionParams{ID: id, Now: tx.Now, EndReason: reason})
		if err == nil && n == 0 {
			return errNothingToDo
		}

		return err
	})

	return changed(err)
}
