package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// ResetRestored mails a code that resets the password of an account which an undo link has just
// restored, and returns the token of the session that the code belongs to. It is empty where no
// code may be sent: the account is disabled.
func (f *Flow) ResetRestored(ctx context.Context, from session.Device, address string) (string, error) {
	user, err := f.whoHas(ctx, CodeRequest{Email: address})
	if err != nil || user.ID == 0 {
		return "", err
	}

	token := ""
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		to := notice.Recipient{UserID: user.ID, Email: address, Device: from}

		var err error
		if to.Session, token, err = f.ownSession(ctx, tx, caller.Caller{Device: from}); err != nil {
			return err
		}

		return f.Notices.RestoredResetCode(ctx, tx, to)
	})

	return token, err
}
