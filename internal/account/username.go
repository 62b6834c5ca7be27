package account

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// UsernameStep is how many user names KeyUsernames looks at.
const UsernameStep = 500

// KeyUsernames looks at a step of user names that have no key yet, and returns how many those were.
// A name that nobody can tell apart from another user's keeps its stored form, and signs in by
// exactly that: nothing is merged. q belongs to a transaction.
func (a *Account) KeyUsernames(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) {
	users, err := q.ListUsersWithoutUsernameKey(ctx, UsernameStep)
	if err != nil {
		return 0, err
	}

	for _, u := range users {
		for _, key := range []string{typed.Key(u.Username), typed.TwinKey(u.Username)} {
			set, err := q.UpdateUsernameKey(ctx, db.UpdateUsernameKeyParams{ID: u.ID, Key: key})
			if err != nil {
				return 0, err
			}

			if set > 0 {
				break
			}
		}
	}

	return int64(len(users)), nil
}
