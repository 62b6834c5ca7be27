package snapshot

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// Change is a change to the ways into an account.
type Change struct {
	UserID int64
	// Kind is that of the message about it.
	Kind string
	// Before are the ways in before the change.
	Before Ways
	// Platform and Network say where the request came from, as messages show it.
	Platform, Network string
}

// Recorded is a change that is stored, and can be undone.
type Recorded struct {
	userID, number int64
}

// Record stores a change. Its user must be locked; see [Take].
func Record(ctx context.Context, tx postgres.Tx, c Change) (Recorded, error) {
	number, err := tx.InsertAccountChange(ctx, db.InsertAccountChangeParams{
		UserID: c.UserID, Kind: c.Kind, Platform: c.Platform, Network: c.Network, Ways: c.Before.stored,
		Now: tx.Now, ExpiresAt: tx.Now.Add(policy.UndoLifetime),
	})

	return Recorded{c.UserID, number}, err
}

// Issue makes the key of a link that undoes the change: 256 random bits in unpadded base64url.
func (r Recorded) Issue(ctx context.Context, tx postgres.Tx, target string) (string, error) {
	key := secret.Text(32)

	return key, tx.InsertUndoLink(ctx, db.InsertUndoLinkParams{
		KeyHash: secret.Hash(key), UserID: r.userID, Change: r.number, Target: target,
	})
}

// Link is an undo link that was found by its key.
type Link struct {
	UserID int64
	// Target is the address or number that it was sent to.
	Target string
	// Before are the ways in before the change.
	Before    Ways
	ExpiresAt time.Time
	// Spent: it was used, or another link made it void.
	Spent bool

	change int64
}

// Find finds a link by its key. It reports false where no change that can be undone has it.
func Find(ctx context.Context, q *db.Queries, key string, now time.Time) (Link, bool, error) {
	row, err := q.FindUndoLink(ctx, db.FindUndoLinkParams{KeyHash: secret.Hash(typed.LinkKey(key)), Now: now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}

	if err != nil {
		return Link{}, false, err
	}

	before, err := parse(row.Ways)

	return Link{
		UserID: row.UserID, Target: row.Target, Before: before, ExpiresAt: row.ExpiresAt, Spent: row.SpentAt != nil, change: row.Change,
	}, err == nil, err
}

// Listed is a change as an answer shows it.
type Listed = db.ListAccountChangesRow

// Changes lists what the link undoes, the oldest first, and counts the changes before those,
// which stay.
func (l Link) Changes(ctx context.Context, q *db.Queries, now time.Time) (undone []Listed, earlier int, err error) {
	all, err := q.ListAccountChanges(ctx, db.ListAccountChangesParams{UserID: l.UserID, Now: now})
	if err != nil {
		return nil, 0, err
	}

	for _, change := range all {
		if change.Number < l.change {
			earlier++
			continue
		}

		undone = append(undone, change)
	}

	return undone, earlier, nil
}

// Spend voids the link, and those of the changes that it undoes. Links of earlier changes stay.
//
// Security: a thief whose own address got a link must neither undo the undo
// (TestUndo_cannotItselfBeUndone) nor void the links of an owner whose address is gone
// (TestUndo_aThiefsLinkDoesNotVoidTheOwners).
func (l Link) Spend(ctx context.Context, tx postgres.Tx) error {
	err := tx.MarkChangesUndone(ctx, db.MarkChangesUndoneParams{Now: tx.Now, UserID: l.UserID, Number: l.change})
	if err != nil {
		return err
	}

	return tx.MarkUndoLinksSpent(ctx, db.MarkUndoLinksSpentParams{Now: tx.Now, UserID: l.UserID, Number: l.change})
}
