// Package arrival owns the phases of a service that moves in from another system: what comes before
// its requests are answered, and what is left of that system afterwards. It does not own the data that
// is imported.
package arrival

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Phases: the values of moving.phase.
const (
	// Arriving: requests wait until the last of the data is there.
	Arriving = "arriving"
	// Live: requests are answered, and tokens of the system before are accepted until they expire.
	Live = "live"
)

// State is how far a service has come. The zero value: none moves in.
type State struct {
	Phase string
	Since time.Time
	// WindowEndsAt is when the last refresh token of the system before expires; nil before Live.
	WindowEndsAt *time.Time
}

// Read reads the state.
func Read(ctx context.Context, q *db.Queries) (State, error) {
	row, err := q.FindMoving(ctx)
	if postgres.IsNotFound(err) {
		return State{}, nil
	}

	return State{row.Phase, row.Since, row.WindowEndsAt}, err
}

// Start lets requests wait. It does nothing where they wait already.
func Start(ctx context.Context, d *postgres.DB) (s State, err error) {
	err = d.Tx(ctx, func(tx postgres.Tx) error {
		if _, err := tx.InsertMoving(ctx, tx.Now); err != nil {
			return err
		}
		if s, err = lock(ctx, tx); err != nil {
			return err
		}
		if s.Phase == Live {
			return fmt.Errorf("the service is live since %s: nothing can be imported any more. `latchkey moving end` ends the move",
				s.Since.UTC().Format(time.RFC3339))
		}

		return nil
	})

	return s, err
}

// GoLive lets requests go on. It does nothing where they do already.
func GoLive(ctx context.Context, d *postgres.DB) (s State, err error) {
	err = d.Tx(ctx, func(tx postgres.Tx) error {
		if s, err = lock(ctx, tx); err != nil || s.Phase == Live {
			return err
		}

		row, err := tx.MarkMovingLive(ctx, tx.Now)
		s = State{row.Phase, row.Since, row.WindowEndsAt}

		return err
	})

	return s, err
}

// lock reads the state, and keeps it until the transaction ends.
func lock(ctx context.Context, tx postgres.Tx) (State, error) {
	state, err := readLocked(ctx, tx)
	if err == nil && state.Phase == "" {
		err = errors.New("nobody moves in: `latchkey moving start` comes first")
	}

	return state, err
}

// readLocked is lock where nobody may be moving in.
func readLocked(ctx context.Context, tx postgres.Tx) (State, error) {
	row, err := tx.LockMoving(ctx)
	if postgres.IsNotFound(err) {
		return State{}, nil
	}

	return State{row.Phase, row.Since, row.WindowEndsAt}, err
}

// step is the LIMIT of DeleteOldRefreshTokens and of DeleteImportedUserMarks.
const step = 2000

// End removes what is left of the system before, and returns how many of its refresh tokens that were.
// None of its tokens is accepted afterwards.
//
// Security: once the service was live its users belong to it. A later import, of a file of before or of another
// system, neither changes nor deletes them (TestMovingIn_afterTheEndNobodyIsChanged).
func End(ctx context.Context, d *postgres.DB) (removed int64, err error) {
	for {
		var tokens int64
		isDone := false
		err := d.Tx(ctx, func(tx postgres.Tx) error {
			state, err := readLocked(ctx, tx)
			if err != nil {
				return err
			}
			marks := int64(0)
			if state.Phase == Live {
				if marks, err = tx.DeleteImportedUserMarks(ctx); err != nil {
					return err
				}
			}
			if tokens, err = tx.DeleteOldRefreshTokens(ctx); err != nil {
				return err
			}

			// The row goes last: an end that was interrupted is given again.
			if isDone = marks < step && tokens < step; isDone {
				_, err = tx.DeleteMoving(ctx)
			}

			return err
		})
		if err != nil {
			return removed, err
		}
		removed += tokens
		if isDone {
			return removed, nil
		}
	}
}

// Left is what is left of the system before.
type Left struct {
	State
	// Tokens are its refresh tokens that can still be used, and Sessions those whose clients have
	// not used one yet.
	Tokens, Sessions int64
	// Passwords are the hashes that it has made.
	Passwords int64
}

// Count returns what is left.
func Count(ctx context.Context, d *postgres.DB) (Left, error) {
	state, err := Read(ctx, d.Queries)
	if err != nil {
		return Left{}, err
	}
	row, err := d.CountMoving(ctx, d.Now())
	if err != nil {
		return Left{}, err
	}
	passwords, err := d.CountPasswords(ctx)
	if state.WindowEndsAt != nil {
		state.WindowEndsAt = &row.WindowEndsAt
	}

	return Left{State: state, Tokens: row.OldTokens, Sessions: row.SessionsWaiting, Passwords: passwords.Other}, err
}

// Sweep removes the refresh tokens of the system before once the last of them has expired.
func Sweep(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	return q.DeleteExpiredOldRefreshTokens(ctx, now)
}
