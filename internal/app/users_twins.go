package app

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type usersTwinsCommand struct{}

// Help is shown by `latchkey users twins --help`.
func (usersTwinsCommand) Help() string {
	return "Such names were taken before 0.2.0, for example an accented letter as one character and as two, or the domain of an address in two forms.\n" +
		"Each keeps working, exactly as it is stored. Nothing is merged."
}

// Run prints the user names and addresses that nobody can tell apart from those of others.
func (usersTwinsCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	if err := sh.listAddressTwins(d); err != nil {
		return err
	}

	return sh.listUsernameTwins(d)
}

func (sh *shell) listUsernameTwins(d *postgres.DB) error {
	twins, err := d.ListUsernameTwins(sh.ctx)
	if err != nil {
		return err
	}
	for _, t := range twins {
		line := twinOutput{UserID: userid.ID(t.Subject), Username: t.Username}
		if err := sh.print(line, fmt.Sprintf("%s  %q", t.Subject, t.Username)); err != nil {
			return err
		}
	}

	return sh.printSum(fmt.Sprintf("%d user names are twins of others", len(twins)))
}

// listAddressTwins prints the addresses that are one in different forms, each with the normal one, and
// those that have no normal form.
func (sh *shell) listAddressTwins(d *postgres.DB) error {
	list, err := d.ListAddressTwins(sh.ctx)
	if err != nil {
		return err
	}

	twins, without := 0, 0
	for _, e := range list {
		remark := fmt.Sprintf("is a form of %q", e.NormalForm)
		_, isNormal := email.Normalize(e.Address)
		switch {
		case !isNormal:
			remark = "has no normal form"
			without++
		case e.NormalForm != e.Address:
			twins++
		default:
			remark = "is the normal form"
		}
		line := twinOutput{UserID: userid.Of(e.UserID), Address: e.Address, NormalForm: e.NormalForm}
		if err := sh.print(line, fmt.Sprintf("%d  %+q %s", e.UserID, e.Address, remark)); err != nil {
			return err
		}
	}

	return sh.printSum(fmt.Sprintf("%d email addresses are twins of others, %d have no normal form", twins, without))
}

// twinOutput is a user name or an address that has a twin, as JSON.
type twinOutput struct {
	UserID     userid.ID `json:"user_id"`
	Username   string    `json:"username,omitempty"`
	Address    string    `json:"address,omitempty"`
	NormalForm string    `json:"normal_form,omitempty"` // empty: the address has none
}

// printSum prints what a list comes to. JSON has none: its lines are all of one kind.
func (sh *shell) printSum(text string) error {
	if sh.json {
		return nil
	}
	_, err := fmt.Fprintln(sh.out, text)

	return err
}
