package code

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// Link is a link that is out.
type Link = db.Link

// LinkOrder says what a link is for.
type LinkOrder struct {
	Purpose Purpose
	// UserID is whom it serves; 0: nobody.
	UserID  int64
	Address string
	// Session is the pending session that waits for it; zero: none.
	Session uuid.UUID
	// Platform is what asked for it: a name of internal/platform.
	Platform string
}

// IssueLink makes the key of a link, 256 random bits in unpadded base64url. For user 0,
// who is nobody, nothing is stored: the key opens nothing.
func (c *Codes) IssueLink(ctx context.Context, tx postgres.Tx, o LinkOrder) (string, error) {
	key := secret.Text(32)

	lives := seconds(c.settings.ResetLinkTimeout)
	if o.Purpose == VerifyEmail {
		lives = time.Duration(c.settings.EmailLinkDays) * 24 * time.Hour
	}

	row := db.InsertLinkParams{
		KeyHash: secret.Hash(key), Purpose: string(o.Purpose), UserID: o.UserID, Address: o.Address,
		Now: tx.Now, ExpiresAt: tx.Now.Add(lives), Platform: o.Platform,
	}
	if o.Session != (uuid.UUID{}) {
		row.SessionID = &o.Session
	}

	return key, tx.InsertLink(ctx, row)
}

// hashOfKey is the hash of a key that came out of a mail.
func hashOfKey(key string) []byte { return secret.Hash(typed.LinkKey(key)) }

// FindLink looks at a link without using it, and reports false where the key opens nothing.
func FindLink(ctx context.Context, q *db.Queries, purpose Purpose, key string, now time.Time) (Link, bool, error) {
	l, err := q.FindLink(ctx, db.FindLinkParams{KeyHash: hashOfKey(key), Purpose: string(purpose), Now: now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}

	return l, err == nil, err
}

// UseLink uses a link up, and reports false where the key opens nothing, any more.
func UseLink(ctx context.Context, tx postgres.Tx, purpose Purpose, key string) (Link, bool, error) {
	l, err := tx.DeleteLink(ctx, db.DeleteLinkParams{KeyHash: hashOfKey(key), Purpose: string(purpose), Now: tx.Now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}

	return l, err == nil, err
}

// UseVerification uses a link up that verifies an address, and reports false where the key opens
// nothing, any more. The pending session that waits for it learns of it; see [Verified].
func UseVerification(ctx context.Context, tx postgres.Tx, key string) (Link, bool, error) {
	l, err := tx.MarkLinkUsed(ctx, db.MarkLinkUsedParams{KeyHash: hashOfKey(key), Purpose: string(VerifyEmail), Now: tx.Now})
	if postgres.IsNotFound(err) {
		return Link{}, false, nil
	}

	return l, err == nil, err
}

// Verified reports whether a link that was made for a pending session has verified an address of
// a user.
func Verified(ctx context.Context, q *db.Queries, userID int64, session uuid.UUID) (bool, error) {
	return q.FindLinkUsed(ctx, db.FindLinkUsedParams{UserID: userID, SessionID: session})
}

// Sweep removes codes and links that nobody can use any more.
func Sweep(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	codes, err := q.DeleteOldCodes(ctx, now)
	if err != nil {
		return codes, err
	}

	links, err := q.DeleteOldLinks(ctx, now)
	if err != nil {
		return codes + links, err
	}

	resumptions, err := q.DeleteOldResumptions(ctx, now)

	return codes + links + resumptions, err
}
