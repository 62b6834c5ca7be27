package notice

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// What people are told of if the operator wants it (ACCOUNT_EMAIL_NOTIFICATIONS); a change to
// what they can sign in with always. Each goes to the primary address, in the transaction of
// the change (SEC-58).

// PasswordChanged tells that the password was changed; first: that there is one now.
func (n *Notices) PasswordChanged(ctx context.Context, tx postgres.Tx, userID int64, first bool, from session.Device) error {
	if first {
		return n.security(ctx, tx, userID, outbox.PasswordSet, from)
	}
	return n.security(ctx, tx, userID, outbox.PasswordChanged, from)
}

// PasswordReset tells that the password was reset.
func (n *Notices) PasswordReset(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.security(ctx, tx, userID, outbox.PasswordReset, from)
}

// RefreshTokenReused tells that a session was ended because its token was stolen.
func (n *Notices) RefreshTokenReused(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.security(ctx, tx, userID, outbox.RefreshTokenReused, from)
}

// EmailChanged tells an address that it is not the account's any more.
func (n *Notices) EmailChanged(ctx context.Context, tx postgres.Tx, userID int64, old string, from session.Device) error {
	return n.wayIn(ctx, tx, outbox.Message{Kind: outbox.EmailChanged, UserID: userID, To: old, Device: deviceOf(from)})
}

// EmailAdded tells an address that the account has another one.
func (n *Notices) EmailAdded(ctx context.Context, tx postgres.Tx, userID int64, to string, from session.Device) error {
	return n.wayIn(ctx, tx, outbox.Message{Kind: outbox.EmailAdded, UserID: userID, To: to, Device: deviceOf(from)})
}

// EmailDeleted tells an address that it was removed.
func (n *Notices) EmailDeleted(ctx context.Context, tx postgres.Tx, userID int64, removed string, from session.Device) error {
	return n.securityTo(ctx, tx, outbox.Message{Kind: outbox.EmailDeleted, UserID: userID, To: removed, Device: deviceOf(from)})
}

// DeletionScheduled tells when the account goes. It is no matter of settings: the person
// must learn the date.
func (n *Notices) DeletionScheduled(ctx context.Context, tx postgres.Tx, userID int64, at time.Time, from session.Device) error {
	return n.primary(ctx, tx, outbox.Message{Kind: outbox.AccountDeletionScheduled, UserID: userID, Date: at, Device: deviceOf(from)})
}

// DeletionCancelled tells that the account stays.
func (n *Notices) DeletionCancelled(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.primary(ctx, tx, outbox.Message{Kind: outbox.AccountDeletionCancelled, UserID: userID, Device: deviceOf(from)})
}

// AccountDeleted tells that the account is gone. The message must outlive it: it is not
// the user's.
func (n *Notices) AccountDeleted(ctx context.Context, tx postgres.Tx, userID int64) error {
	user, err := tx.FindUser(ctx, userID)
	if err != nil || user.Email == nil {
		return err
	}
	return n.Outbox.Post(ctx, tx, outbox.Message{Kind: outbox.AccountDeleted, To: *user.Email})
}

// WayInChanged tells that a second factor, a passkey or another service was added or
// removed, as EmailAdded and EmailChanged do of an address, whatever
// ACCOUNT_EMAIL_NOTIFICATIONS says: somebody else who adds one stays in (NIST SP 800-63B-4,
// section 4.1.2).
func (n *Notices) WayInChanged(ctx context.Context, tx postgres.Tx, userID int64, kind outbox.Kind, from session.Device) error {
	user, err := tx.FindUser(ctx, userID)
	if err != nil || user.Email == nil {
		return err
	}
	return n.wayIn(ctx, tx, outbox.Message{Kind: kind, UserID: userID, To: *user.Email, Device: deviceOf(from)})
}

// Disowned tells an address whose holder has just shown that it is theirs that the services
// which were connected before are not any more.
func (n *Notices) Disowned(ctx context.Context, tx postgres.Tx, userID int64, to string, from session.Device) error {
	return n.wayIn(ctx, tx, outbox.Message{Kind: outbox.ProviderDisconnected, UserID: userID, To: to, Device: deviceOf(from)})
}

// wayIn sends what does not depend on ACCOUNT_EMAIL_NOTIFICATIONS. Whoever changes such
// things all day long must not fill somebody's mailbox: then the change is made, and not told.
func (n *Notices) wayIn(ctx context.Context, tx postgres.Tx, m outbox.Message) error {
	err := n.Limiter.TakeTx(ctx, tx, "notice", limit.Subject{Key: m.To})
	if errors.Is(err, problem.TooManyRequests) {
		return nil
	}
	if err != nil {
		return err
	}
	m.Date = tx.Now
	return n.Outbox.Post(ctx, tx, m)
}

func (n *Notices) security(ctx context.Context, tx postgres.Tx, userID int64, kind outbox.Kind, from session.Device) error {
	if !n.Policy.EmailNotifications {
		return nil
	}
	return n.primary(ctx, tx, outbox.Message{Kind: kind, UserID: userID, Device: deviceOf(from)})
}

func (n *Notices) securityTo(ctx context.Context, tx postgres.Tx, m outbox.Message) error {
	if !n.Policy.EmailNotifications {
		return nil
	}
	m.Date = tx.Now
	return n.Outbox.Post(ctx, tx, m)
}

// primary sends to the person's primary address, if they have one.
func (n *Notices) primary(ctx context.Context, tx postgres.Tx, m outbox.Message) error {
	user, err := tx.FindUser(ctx, m.UserID)
	if err != nil || user.Email == nil {
		return err
	}
	m.To = *user.Email
	if m.Date.IsZero() {
		m.Date = tx.Now
	}
	return n.Outbox.Post(ctx, tx, m)
}
