package code

import (
	"context"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Link is a link that is out.
type Link = db.Link

// IssueLink makes the key of a link, 256 random bits in unpadded base64url. For user 0,
// who is nobody, nothing is stored: the key opens nothing.
func (c *Codes) IssueLink(ctx context.Context, tx postgres.Tx, purpose Purpose, userID int64, address string) (string, error) {
	key := secret.Text(32)
	lives := seconds(c.settings.ResetLinkTimeout)
	if purpose == VerifyEmail {
		lives = time.Duration(c.settings.EmailLinkDays) * 24 * time.Hour
	}
	return key, tx.InsertLink(ctx, db.InsertLinkParams{
		KeyHash: secret.Hash(key), Purpose: string(purpose), UserID: userID, Address: address, Now: tx.Now, ExpiresAt: tx.Now.Add(lives),
	})
}

// FindLink looks at a link without using it, and reports false where the key opens nothing.
func FindLink(ctx context.Context, q *db.Queries, purpose Purpose, key string, now time.Time) (Link, bool, error) {
	l, err := q.FindLink(ctx, db.FindLinkParams{KeyHash: secret.Hash(key), Purpose: string(purpose), Now: now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}
	return l, err == nil, err
}

// UseLink uses a link up, and reports false where the key opens nothing, any more.
func UseLink(ctx context.Context, tx postgres.Tx, purpose Purpose, key string) (Link, bool, error) {
	l, err := tx.DeleteLink(ctx, db.DeleteLinkParams{KeyHash: secret.Hash(key), Purpose: string(purpose), Now: tx.Now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}
	return l, err == nil, err
}

// Sweep removes codes and links that nobody can use any more.
func Sweep(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	codes, err := q.DeleteOldCodes(ctx, now)
	if err != nil {
		return codes, err
	}
	links, err := q.DeleteOldLinks(ctx, now)
	return codes + links, err
}
