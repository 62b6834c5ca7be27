package app

import (
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/admin"
)

type usersEndSessionsCommand struct {
	targetArguments

	All bool `help:"End the sessions and the pending sign-ins of all users."`
	actArguments
}

// Help is shown by `latchkey users end-sessions --help`.
func (usersEndSessionsCommand) Help() string {
	return "No token of the sessions works afterwards, on any server. The users can sign in again. Codes and links that are out for the named user are void."
}

// Validate is called by the parser of the command line.
func (c usersEndSessionsCommand) Validate() error {
	named := c.User != "" || c.ID != ""
	if c.All && named {
		return errors.New("expected either a user or --all")
	}
	if c.All {
		return nil
	}

	return c.targetArguments.Validate()
}

// Run ends the sessions.
func (c usersEndSessionsCommand) Run(sh *shell) error {
	if c.All {
		return sh.endEverySession(sh.actor(c.actArguments))
	}

	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		ended, err := o.admin.SignOut(sh.ctx, o.user.id)
		if err != nil {
			return err
		}

		return sh.reportEnded(o, ended)
	})
}

// endEverySession ends the sessions of all users.
func (sh *shell) endEverySession(actor admin.Actor) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	ended, err := admin.New(admin.Parts{DB: d, Policy: settings.Policy}, actor).SignOutEveryone(sh.ctx)
	if err != nil {
		return err
	}

	return sh.print(map[string]int{"sessions_ended": ended}, fmt.Sprintf("all users: done, %d sessions ended", ended))
}
