package app

import (
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/address"
)

type usersVerifyAddressCommand struct {
	targetArguments
	Address string `required:"" help:"The address to mark as verified: one that the user has." placeholder:"EMAIL"`
	actArguments
}

// Help is shown by `latchkey users verify-address --help`.
func (usersVerifyAddressCommand) Help() string {
	return "For a user whose mails do not arrive. Make sure that the address is the user's: a verified address resets the password, and no other user can have it.\n" +
		"Name the user by --id where the address is the only one: latchkey users find shows the id."
}

// Run marks the address.
func (c usersVerifyAddressCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		found, err := address.Find(sh.ctx, o.admin.DB.Queries, c.Address)
		if err != nil && address.Invalid(err) == nil {
			return err
		}
		verified, err := o.admin.VerifyAddress(sh.ctx, o.user.id, found)
		if err != nil {
			return fmt.Errorf("%q: %w", c.Address, err)
		}

		text := "is verified now"
		if !verified {
			text = "was verified before"
		}

		return sh.print(changedOutput{o.user.subject, verified}, fmt.Sprintf("%s: %s %s", o.user.name, found, text))
	})
}
