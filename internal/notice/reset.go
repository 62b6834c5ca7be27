package notice

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/platform"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// ResetCode makes a code that resets a password and sends it.
func (n *Notices) ResetCode(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.resetCode(ctx, tx, to, n.mail)
}

// ResetLink makes a link that resets a password and sends it.
func (n *Notices) ResetLink(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.resetLink(ctx, tx, to, n.mail)
}

// RestoredResetLink makes a link that sets a new password for an account that an undo link has
// just restored, or that a provider has left without a way in, and sends it.
//
// Security: it takes from no budget. Strangers who use up that of an address must not keep its
// owner from undoing what a thief has done (TestUndo_strangersCannotKeepTheOwnerFromIt).
func (n *Notices) RestoredResetLink(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.resetLink(ctx, tx, to, n.post)
}

// RestoredResetCode is RestoredResetLink by code.
func (n *Notices) RestoredResetCode(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.resetCode(ctx, tx, to, n.post)
}

// sending is mail, or post for what takes from no budget.
type sending func(ctx context.Context, tx postgres.Tx, to Recipient, kind outbox.Kind, text string) error

func (n *Notices) resetCode(ctx context.Context, tx postgres.Tx, to Recipient, send sending) error {
	order := code.Order{Session: to.Session, Purpose: code.ResetPassword, UserID: to.UserID, Target: to.Email}

	text, err := n.Codes.Issue(ctx, tx, order)
	if err != nil {
		return err
	}

	return send(ctx, tx, to, outbox.PasswordResetCode, text)
}

func (n *Notices) resetLink(ctx context.Context, tx postgres.Tx, to Recipient, send sending) error {
	order := code.LinkOrder{
		Purpose: code.ResetPassword, UserID: to.UserID, Address: to.Email, Platform: platform.Of(to.Device.UserAgent),
	}

	key, err := n.Codes.IssueLink(ctx, tx, order)
	if err != nil {
		return err
	}

	return send(ctx, tx, to, outbox.PasswordResetLink, key)
}
