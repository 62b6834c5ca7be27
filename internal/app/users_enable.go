package app

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

type usersEnableCommand struct {
	targetArguments
}

// Help is shown by `latchkey users enable --help`.
func (usersEnableCommand) Help() string {
	return "The user can sign in again with what they had. Sessions that ended when the account was disabled do not come back."
}

// Run enables the account. One that is not disabled stays as it is, and the audit log says nothing.
func (c usersEnableCommand) Run(sh *shell) error {
	return sh.withUser(c.targetArguments, func(d *postgres.DB, _ config.Config, user target) error {
		var enabled int64
		err := d.Tx(sh.ctx, func(tx postgres.Tx) (err error) {
			if enabled, err = tx.MarkUserEnabled(sh.ctx, user.id); err != nil || enabled == 0 {
				return err
			}

			return audit.New(nil).Add(sh.ctx, tx.Queries, tx.Now, audit.Event{Name: audit.AccountEnabled, Actor: audit.Operator, UserID: user.id})
		})
		if err != nil {
			return err
		}

		outcome := "enabled"
		if enabled == 0 {
			outcome = "was not disabled"
		}
		_, err = fmt.Fprintf(sh.out, "%s: %s\n", user.name, outcome)

		return err
	})
}
