package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type usersListCommand struct {
	Disabled bool   `help:"Only accounts that are disabled."`
	After    string `help:"Only users that follow this one: the last id of the page before." placeholder:"ID"`
	Limit    int32  `help:"At most so many, in an order that stays." default:"100"`
	JSON     bool   `help:"One JSON object a line."`
}

// Help is shown by `latchkey users list --help`.
func (usersListCommand) Help() string {
	return "The state is active, disabled, or leaving for an account that its user has asked to delete. Of one user, by an address: latchkey audit --user shows what happened."
}

// userLine is a user as the list shows them.
type userLine struct {
	ID            userid.ID  `json:"id"`
	State         string     `json:"state"`
	CreatedAt     time.Time  `json:"created_at"`
	Email         *string    `json:"email"`
	EmailVerified bool       `json:"email_verified"`
	Phone         *string    `json:"phone"`
	PhoneVerified bool       `json:"phone_verified"`
	Username      *string    `json:"username"`
	DisabledAt    *time.Time `json:"disabled_at"`
	DeletesAt     *time.Time `json:"deletes_at"`
}

// Validate is called by the parser of the command line.
func (c usersListCommand) Validate() error {
	if c.Limit < 1 {
		return errors.New("expected --limit to be 1 or more")
	}

	return nil
}

// Run prints a page of users.
func (c usersListCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	after, err := c.after(sh, d)
	if err != nil {
		return err
	}
	rows, err := d.ListUsers(sh.ctx, db.ListUsersParams{After: after, Disabled: c.Disabled, Most: c.Limit})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.print(sh, toUserLine(r)); err != nil {
			return err
		}
	}

	return nil
}

// after is the key of the user whom the page follows. One that is named by the key may be gone.
func (c usersListCommand) after(sh *shell, d *postgres.DB) (int64, error) {
	if c.After == "" || c.After == "0" {
		return 0, nil
	}
	if key, isKey := userid.ID(c.After).Key(); isKey {
		return key, nil
	}

	user, err := sh.findBySubject(d, c.After)

	return user.id, err
}

func toUserLine(r db.ListUsersRow) userLine {
	state := "active"
	switch {
	case r.DisabledAt != nil:
		state = "disabled"
	case r.DeletesAt != nil:
		state = "leaving"
	}

	return userLine{
		ID: userid.ID(r.Subject), State: state, CreatedAt: r.CreatedAt.UTC(), Email: r.Email, EmailVerified: r.EmailVerifiedAt != nil,
		Phone: r.Phone, PhoneVerified: r.PhoneVerifiedAt != nil, Username: r.Username, DisabledAt: r.DisabledAt, DeletesAt: r.DeletesAt,
	}
}

// print quotes addresses: users choose them, and a terminal must not obey them.
func (c usersListCommand) print(sh *shell, l userLine) error {
	if c.JSON {
		return json.NewEncoder(sh.out).Encode(l)
	}

	email := "no address"
	if l.Email != nil {
		email = fmt.Sprintf("%q", *l.Email)
		if !l.EmailVerified {
			email += ", not verified"
		}
	}
	_, err := fmt.Fprintf(sh.out, "%-16s  %-8s  %s  %s\n", l.ID, l.State, l.CreatedAt.Format(time.RFC3339), email)

	return err
}
