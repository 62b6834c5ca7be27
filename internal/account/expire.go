package account

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
)

const (
	// keepUnverified is how long an unverified address stays that is not the primary one.
	keepUnverified = 7 * 24 * time.Hour
	// keepUnused is how long an account stays that a sign-up made and that nobody has used.
	keepUnused = 30 * 24 * time.Hour
)

// ExpireAddresses removes a step of addresses that nobody has verified for seven days, and
// returns how many those were. The primary address of an account stays. q belongs to a
// transaction.
func (a *Account) ExpireAddresses(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	gone, err := q.DeleteExpiredEmailAddresses(ctx, now.Add(-keepUnverified))
	if err != nil || len(gone) == 0 {
		return 0, err
	}

	subjects := make([]audit.Subject, 0, len(gone))

	users := make([]int64, 0, len(gone))
	for _, row := range gone {
		subjects = append(subjects, audit.Subject{UserID: row.UserID, Email: row.Address})
		users = append(users, row.UserID)
	}

	if err := q.DeleteStrayLinksOfUsers(ctx, users); err != nil {
		return 0, err
	}

	return int64(len(gone)), a.Trail.AddMany(ctx, q, now, audit.EmailExpired, subjects)
}

// ExpireAccounts looks at a step of accounts that a sign-up made thirty days ago, and returns how
// many those were. An account is deleted only if nobody has ever signed in to it, and if it has no
// verified address or number, no provider and no membership. The others stay for good. q
// belongs to a transaction.
//
// Foreign keys take everything else along; audit rows outlive the account, without what is
// personal.
func (a *Account) ExpireAccounts(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	unused, err := q.LockUnusedUsers(ctx, now.Add(-keepUnused))
	if err != nil || len(unused) == 0 {
		return 0, err
	}

	gone, err := q.DeleteUnusedUsers(ctx, unused)
	if err != nil {
		return 0, err
	}

	if err := q.UpdateUsersUsed(ctx, unused); err != nil {
		return 0, err
	}

	subjects := make([]audit.Subject, 0, len(gone))
	for _, id := range gone {
		subjects = append(subjects, audit.Subject{UserID: id})
	}

	if err := a.Trail.AddMany(ctx, q, now, audit.AccountDeleted, subjects); err != nil {
		return 0, err
	}

	return int64(len(unused)), q.UpdateAuditEventsOfUsers(ctx, gone)
}
