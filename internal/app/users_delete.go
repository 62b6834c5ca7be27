package app

import (
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/userid"
)

type usersDeleteCommand struct {
	targetArguments
	Now bool `help:"Delete the account at once, not after LATCHKEY_ACCOUNT_DELETION_GRACE."`
	actArguments
}

// Help is shown by `latchkey users delete --help`.
func (usersDeleteCommand) Help() string {
	return "Ends all sessions now. The account goes at the time that is printed, with everything that is the user's; the server that sweeps then also revokes what\n" +
		"Apple and others have granted. Until then the user keeps the account by signing in, and latchkey users cancel-deletion keeps it, too."
}

// deletionOutput is what the command prints, as JSON.
type deletionOutput struct {
	UserID        userid.ID `json:"user_id"`
	DeletesAt     time.Time `json:"deletes_at"`
	SessionsEnded int64     `json:"sessions_ended"`
}

// Run ends the sessions and sets when the account goes.
func (c usersDeleteCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		sh.warnOfNoMail(o)
		at, ended, err := o.admin.Delete(sh.ctx, o.user.id, c.Now)
		if err != nil {
			return err
		}

		at = at.UTC()
		when := "will be deleted at " + at.Format(time.RFC3339)
		if c.Now {
			when = "will be deleted by a running server, within a minute"
		}

		return sh.print(deletionOutput{o.user.subject, at, ended}, fmt.Sprintf("%s: %s, %d sessions ended", o.user.name, when, ended))
	})
}

type usersCancelDeletionCommand struct {
	targetArguments
	actArguments
}

// Run keeps the account.
func (c usersCancelDeletionCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		sh.warnOfNoMail(o)
		kept, err := o.admin.CancelDeletion(sh.ctx, o.user.id)
		if err != nil {
			return err
		}

		text := "stays"
		if !kept {
			text = "was not to be deleted"
		}

		return sh.print(changedOutput{o.user.subject, kept}, o.user.name+": "+text)
	})
}
