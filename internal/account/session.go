package account

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Listed is one of a user's sessions.
type Listed = db.ListSessionsRow

// Sessions lists the caller's living sessions, the newest first.
func (a *Account) Sessions(ctx context.Context, who caller.Caller) ([]Listed, error) {
	return a.DB.ListSessions(ctx, db.ListSessionsParams{UserID: who.Session.UserID, Now: a.DB.Now()})
}

// EndSessions ends the named sessions of the caller, all or, where one is not theirs,
// none. It returns those that are left, and whether the caller's own was among the ended.
func (a *Account) EndSessions(ctx context.Context, who caller.Caller, ids []int64) (left []Listed, out bool, err error) {
	known := true

	err = a.held(ctx, who, func(tx postgres.Tx) error {
		user := who.Session.UserID

		living, err := tx.ListSessions(ctx, db.ListSessionsParams{UserID: user, Now: tx.Now})
		if err != nil {
			return err
		}

		known = !slices.ContainsFunc(ids, func(id int64) bool {
			return !slices.ContainsFunc(living, func(l Listed) bool { return l.ListingID == id })
		})
		if !known {
			return nil
		}

		ended, err := tx.EndListedSessions(ctx, db.EndListedSessionsParams{UserID: user, ListingIds: ids, EndReason: session.EndedByUser, Now: tx.Now})
		left = slices.DeleteFunc(living, func(l Listed) bool { return slices.Contains(ids, l.ListingID) })

		if err != nil {
			return err
		}

		for _, id := range ended {
			err := a.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.SessionsEnded, UserID: user, SessionID: id, Device: who.Device})
			if err != nil {
				return err
			}
		}

		out = slices.ContainsFunc(ended, func(id uuid.UUID) bool { return id == who.Session.ID })

		return nil
	})
	if err == nil && !known {
		err = problem.InvalidChoice.At("sessions")
	}

	return left, out, err
}
