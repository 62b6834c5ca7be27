package notice

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Security notices say what happened to an account. Some are sent only if the operator wants
// them (ACCOUNT_EMAIL_NOTIFICATIONS); a change to what the user can sign in with always. Each
// is posted in the transaction of the change (SEC-58).
//
// Security: they go to verified addresses only. Nobody has shown that an unverified address is
// the user's, and a stranger could make the server mail its owner
// (TestNotice_anUnverifiedAddressGetsNone).

// Address is an address of an account, verified or not.
type Address = db.ListEmailAddressesRow

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

// EmailChanged tells an address that it is no longer the primary one.
func (n *Notices) EmailChanged(ctx context.Context, tx postgres.Tx, userID int64, old Address, from session.Device) error {
	return n.tellAddress(ctx, tx, old, outbox.Message{Kind: outbox.EmailChanged, UserID: userID, Device: deviceOf(from)})
}

// EmailAdded tells the user that the account has another address. Call it before that one is
// verified, so that the notice goes to an address of before.
func (n *Notices) EmailAdded(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.tellUser(ctx, tx, outbox.Message{Kind: outbox.EmailAdded, UserID: userID, Device: deviceOf(from)})
}

// EmailDeleted tells an address that it was removed.
func (n *Notices) EmailDeleted(ctx context.Context, tx postgres.Tx, userID int64, removed Address, from session.Device) error {
	if !n.Policy.EmailNotifications {
		return nil
	}
	return n.tellAddress(ctx, tx, removed, outbox.Message{Kind: outbox.EmailDeleted, UserID: userID, Device: deviceOf(from)})
}

// DeletionScheduled tells when the account goes. It does not depend on settings: the user must
// learn the date.
func (n *Notices) DeletionScheduled(ctx context.Context, tx postgres.Tx, userID int64, at time.Time, from session.Device) error {
	return n.tellUser(ctx, tx, outbox.Message{Kind: outbox.AccountDeletionScheduled, UserID: userID, Date: at, Device: deviceOf(from)})
}

// DeletionCancelled tells that the account stays.
func (n *Notices) DeletionCancelled(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.tellUser(ctx, tx, outbox.Message{Kind: outbox.AccountDeletionCancelled, UserID: userID, Device: deviceOf(from)})
}

// AccountDeleted tells that the account is gone. Call it before the account goes. The message
// must outlive the account, so it belongs to no user.
func (n *Notices) AccountDeleted(ctx context.Context, tx postgres.Tx, userID int64) error {
	to, err := noticeAddress(ctx, tx, userID)
	if err != nil {
		return err
	}
	return n.tell(ctx, tx, outbox.Message{Kind: outbox.AccountDeleted, To: to})
}

// WayInChanged tells that a second factor, a passkey or a provider was added or removed, as
// EmailAdded and EmailChanged do of an address, whatever ACCOUNT_EMAIL_NOTIFICATIONS says: a
// thief who adds one stays in (NIST SP 800-63B-4, section 4.1.2).
func (n *Notices) WayInChanged(ctx context.Context, tx postgres.Tx, userID int64, kind outbox.Kind, from session.Device) error {
	return n.tellUser(ctx, tx, outbox.Message{Kind: kind, UserID: userID, Device: deviceOf(from)})
}

// Disowned tells an address that the providers which were connected before are not any more.
// The address has just been proved, and becomes the verified primary one in this transaction.
func (n *Notices) Disowned(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) error {
	return n.tell(ctx, tx, outbox.Message{Kind: outbox.ProviderDisconnected, UserID: userID, To: proved, Device: deviceOf(from)})
}

// security sends a notice that the operator can switch off.
func (n *Notices) security(ctx context.Context, tx postgres.Tx, userID int64, kind outbox.Kind, from session.Device) error {
	if !n.Policy.EmailNotifications {
		return nil
	}
	return n.tellUser(ctx, tx, outbox.Message{Kind: kind, UserID: userID, Device: deviceOf(from)})
}

// tellUser sends a notice to the user's verified address, if there is one.
func (n *Notices) tellUser(ctx context.Context, tx postgres.Tx, m outbox.Message) error {
	var err error
	if m.To, err = noticeAddress(ctx, tx, m.UserID); err != nil {
		return err
	}
	return n.tell(ctx, tx, m)
}

// tellAddress sends a notice to one address of the user, if it is verified.
func (n *Notices) tellAddress(ctx context.Context, tx postgres.Tx, to Address, m outbox.Message) error {
	if to.VerifiedAt != nil {
		m.To = to.Address
	}
	return n.tell(ctx, tx, m)
}

// tell sends a notice, unless it has no recipient. A caller who changes such things all day
// long must not fill a mailbox: beyond the limit the change is made, and no notice is sent.
func (n *Notices) tell(ctx context.Context, tx postgres.Tx, m outbox.Message) error {
	if m.To == "" {
		return nil
	}

	err := n.Limiter.TakeTx(ctx, tx, limit.Notice, limit.Subject{Key: m.To})
	if errors.Is(err, problem.TooManyRequests) {
		return nil
	}
	if err != nil {
		return err
	}

	if m.Date.IsZero() {
		m.Date = tx.Now
	}
	return n.Outbox.Post(ctx, tx, m)
}

// noticeAddress is where notices about an account go: a verified address, the primary one
// first; empty where the user has verified none.
func noticeAddress(ctx context.Context, tx postgres.Tx, userID int64) (string, error) {
	address, err := tx.FindNoticeAddress(ctx, userID)
	if postgres.IsNotFound(err) {
		return "", nil
	}
	return address, err
}
