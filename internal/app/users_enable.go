package app

import "github.com/latchkey-auth/latchkey/internal/userid"

type usersEnableCommand struct {
	targetArguments
	actArguments
}

// Help is shown by `latchkey users enable --help`.
func (usersEnableCommand) Help() string {
	return "The user can sign in again with what they had. Sessions that ended when the account was disabled do not come back."
}

// changedOutput is what a command says that may have had nothing to change, as JSON.
type changedOutput struct {
	UserID  userid.ID `json:"user_id"`
	Changed bool      `json:"changed"`
}

// Run enables the account. One that is not disabled stays as it is, and the audit log says nothing.
func (c usersEnableCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		enabled, err := o.admin.Enable(sh.ctx, o.user.id)
		if err != nil {
			return err
		}

		text := "enabled"
		if !enabled {
			text = "was not disabled"
		}

		return sh.print(changedOutput{o.user.subject, enabled}, o.user.name+": "+text)
	})
}
