package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type usersListCommand struct {
	Disabled bool   `help:"Only accounts that are disabled."`
	After    string `help:"Only users after this one: the last id of the previous page." placeholder:"ID"`
	Limit    int32  `help:"Maximum number of users, in a stable order." default:"100"`
}

// Help is shown by `latchkey users list --help`.
func (usersListCommand) Help() string {
	return "The state is active, disabled, or leaving for an account that its user has asked to delete. Of one user, by an address: latchkey audit --user shows what happened."
}

// Validate is called by the parser of the command line.
func (c usersListCommand) Validate() error {
	return checkLimit(c.Limit)
}

// checkLimit refuses a page that shows nothing.
func checkLimit(limit int32) error {
	if limit < 1 {
		return errors.New("expected --limit to be 1 or more")
	}

	return nil
}

// Run prints a page of users.
func (c usersListCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		after, err := sh.pageKey(a.DB, c.After)
		if err != nil {
			return err
		}
		users, err := a.List(sh.ctx, admin.Page{After: after, Disabled: c.Disabled, Most: c.Limit})
		if err != nil {
			return err
		}

		return sh.printUsers(users)
	})
}

// pageKey is the key of the user whom a page follows. One that is named by the key may be gone.
func (sh *shell) pageKey(d *postgres.DB, after string) (int64, error) {
	if after == "" || after == "0" {
		return 0, nil
	}
	if key, isKey := userid.ID(after).Key(); isKey {
		return key, nil
	}

	user, err := sh.findBySubject(d, after)

	return user.id, err
}

// userText is a user as a line. It quotes addresses: users choose them, and a terminal must not obey them.
func userText(u admin.User) string {
	name := "no address"
	switch {
	case u.Email != nil && u.EmailVerified:
		name = fmt.Sprintf("%q", *u.Email)
	case u.Email != nil:
		name = fmt.Sprintf("%q, not verified", *u.Email)
	case u.Phone != nil:
		name = *u.Phone
	case u.Username != nil:
		name = fmt.Sprintf("%q", *u.Username)
	}

	return fmt.Sprintf("%-16s  %-8s  %s  %s", u.ID, u.State, u.CreatedAt.Format(time.RFC3339), name)
}
