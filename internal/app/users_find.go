package app

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/admin"
)

type usersFindCommand struct {
	Text  string `arg:"" help:"An id, a session (sid of a token), a phone number, a user name, or an address or its beginning."`
	Limit int32  `help:"Maximum number of results of each kind." default:"20"`
}

// Help is shown by `latchkey users find --help`.
func (usersFindCommand) Help() string {
	return "Finds addresses whether they are verified or not: look at what is printed before you change an account. Nothing found is exit code 1."
}

// Validate is called by the parser of the command line.
func (c usersFindCommand) Validate() error { return checkLimit(c.Limit) }

// Run prints the users.
func (c usersFindCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		users, err := a.Find(sh.ctx, c.Text, c.Limit)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return fmt.Errorf("nothing found for %q", c.Text)
		}

		return sh.printUsers(users)
	})
}

// printUsers prints a line for each user.
func (sh *shell) printUsers(users []admin.User) error {
	for _, u := range users {
		if err := sh.print(u, userText(u)); err != nil {
			return err
		}
	}

	return nil
}
