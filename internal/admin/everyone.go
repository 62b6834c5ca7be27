package admin

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// endStep is how many sessions one statement ends where all users are signed out.
const endStep = 1000

// SignOutEveryone ends the sessions of all users, and unfinished sign-ins, a step at a time, so that no
// refresh waits long. One that was interrupted can be repeated. It returns how many sessions ended.
func (a *Admin) SignOutEveryone(ctx context.Context) (ended int, err error) {
	err = a.DB.Tx(ctx, func(tx postgres.Tx) error {
		return a.record(ctx, tx, audit.Event{Name: audit.SessionsEnded})
	})
	if err != nil {
		return 0, err
	}

	now, after := a.DB.Now(), uuid.Nil
	for {
		ids, err := a.DB.EndSessionsOfAllUsers(ctx, db.EndSessionsOfAllUsersParams{
			Now: now, EndReason: session.EndedByAdmin, After: after, Most: endStep,
		})
		if err != nil {
			return ended, err
		}

		ended += len(ids)
		if len(ids) < endStep {
			return ended, nil
		}

		after = greatest(ids)
	}
}

// greatest is the last id in the order of the database.
func greatest(ids []uuid.UUID) uuid.UUID {
	last := uuid.Nil
	for _, id := range ids {
		if bytes.Compare(id[:], last[:]) > 0 {
			last = id
		}
	}

	return last
}
