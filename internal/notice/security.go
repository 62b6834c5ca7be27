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

// Security notices say what happened to an account. Some are sent only if the operator wants
// them (ACCOUNT_EMAIL_NOTIFICATIONS); a change to what the user can sign in with always. Each
// is posted in the transaction of the change (SEC-58).
//
// Security: they go to verified addresses only. Nobody has shown that an unverified address is
// the user's, and a stranger could make the server mail its owner
// (TestNotice_anUnverifiedAddressGetsNone).

// PasswordReset tells that the password was reset.
func (n *Notices) PasswordReset(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.security(ctx, tx, userID, outbox.PasswordReset, from)
}

// RefreshTokenReused tells that a session was ended because its token was stolen.
func (n *Notices) RefreshTokenReused(ctx context.Context, tx postgres.Tx, userID int64, from session.Device) error {
	return n.security(ctx, tx, userID, outbox.RefreshTokenReused, from)
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

// Disowned tells an address that the providers which were connected before are not any more.
// The address has just been proved, and becomes the verified primary one in this transaction.
func (n *Notices) Disowned(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) error {
	return n.tell(ctx, tx, outbox.Message{Kind: outbox.ProviderDisconnected, UserID: userID, To: proved, Device: deviceOf(from)})
}

// PasswordUnproved tells an address that the password of before needs a code from now on, and that the
// devices of before are signed out. The address has just been proved, and becomes the verified primary
// one in this transaction.
func (n *Notices) PasswordUnproved(ctx context.Context, tx postgres.Tx, userID int64, proved string, from session.Device) error {
	return n.tell(ctx, tx, outbox.Message{Kind: outbox.PasswordUnproved, UserID: userID, To: proved, Device: deviceOf(from)})
}

// ProviderGone tells the user that an account at a provider is not connected any more, since the
// provider says so. It carries no undo link: nobody changed anything here.
func (n *Notices) ProviderGone(ctx context.Context, tx postgres.Tx, userID int64, told outbox.Restored) error {
	return n.tellUser(ctx, tx, outbox.Message{Kind: outbox.ProviderDisconnected, UserID: userID, Restored: told})
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
