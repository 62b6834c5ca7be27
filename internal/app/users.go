package app

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/term"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type usersCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	List        usersListCommand        `cmd:"" help:"List users: id, state, when they were created, primary address."`
	Find        usersFindCommand        `cmd:"" help:"Find users by id, session, phone number, user name, address or the beginning of one."`
	Show        usersShowCommand        `cmd:"" help:"Show a user: addresses, factors, providers, tenants, sessions, the last events."`
	Twins       usersTwinsCommand       `cmd:"" help:"List user names and addresses that look the same as those of other users."`
	Create      usersCreateCommand      `cmd:"" help:"Create a user; the password is prompted for, or read from standard input."`
	SetPassword usersSetPasswordCommand `cmd:"" help:"Set a user's password, end all their sessions and clear the counters of wrong guesses."`
	Disable     usersDisableCommand     `cmd:"" help:"Disable an account and end all its sessions."`
	Enable      usersEnableCommand      `cmd:"" help:"Enable an account that was disabled."`

	Delete         usersDeleteCommand         `cmd:"" help:"Delete an account, after the grace period or at once."`
	CancelDeletion usersCancelDeletionCommand `cmd:"" help:"Cancel the scheduled deletion of an account."`
	VerifyAddress  usersVerifyAddressCommand  `cmd:"" help:"Mark an address of a user as verified."`

	EndSessions   usersEndSessionsCommand   `cmd:"" aliases:"sign-out" help:"Sign a user out everywhere, or all users (also: sign-out)."`
	RemoveFactors usersRemoveFactorsCommand `cmd:"" help:"Remove all second factors and passkeys of a user, and end all their sessions."`
}

type usersCreateCommand struct {
	Email      string `arg:"" help:"The primary address."`
	Verified   bool   `help:"Mark the address as verified."`
	NoPassword bool   `help:"Create the account without a password."`
	actArguments
}

// Run creates a user and prints their id.
func (c usersCreateCommand) Run(sh *shell) error {
	address, ok := email.Normalize(c.Email)
	if !ok || len(address) > email.MaxStored {
		return fmt.Errorf("%q is not an email address", c.Email)
	}
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	user := flow.NewUser{Address: address, Verified: c.Verified, VerifiedOnly: true, IDs: settings.Policy.IDs()}
	if !c.NoPassword {
		hash, err := sh.newPassword(settings.PasswordPolicy(), address)
		if err != nil {
			return err
		}
		user.PasswordHash = &hash
	}
	var id int64
	err = d.Tx(sh.ctx, func(tx postgres.Tx) error {
		if id, err = flow.Insert(sh.ctx, tx, user); err != nil {
			return err
		}
		actor := sh.actor(c.actArguments)
		return audit.New(nil).Add(sh.ctx, tx.Queries, tx.Now, audit.Event{
			Name: audit.UserCreated, Actor: audit.Operator, ActorID: actor.ID, Reason: actor.Reason, UserID: id,
		})
	})
	if errors.Is(err, problem.EmailTaken) {
		return fmt.Errorf("another user has verified %s", address)
	}
	if err != nil {
		return err
	}
	if err := sh.warnOfOthers(d, address, id, c.Verified); err != nil {
		return err
	}
	made, err := d.FindUser(sh.ctx, id)
	if err != nil {
		return err
	}

	return sh.print(map[string]userid.ID{"id": userid.ID(made.Subject)}, made.Subject)
}

type usersSetPasswordCommand struct {
	targetArguments
	actArguments
}

// Help is shown by `latchkey users set-password --help`.
func (usersSetPasswordCommand) Help() string {
	return "The password is asked for, or read from standard input. The user can sign in with it at once: wrong passwords and codes that were counted\n" +
		"against them are forgotten. That needs the settings of the server, also its HEADLESS_JWT_PRIVATE_KEY, LATCHKEY_SEALING_KEYS or LATCHKEY_HMAC_KEY;\n" +
		"without them a warning says that the counters stay."
}

// Run sets the password, ends every session and clears the counters of wrong guesses in the same transaction.
func (c usersSetPasswordCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		if o.admin.Limiter == nil {
			_, _ = fmt.Fprintln(sh.err, "latchkey: warning: the counters of wrong guesses stay: no key of the settings opens the HMAC key of the servers")
		}

		hash, err := sh.newPassword(o.settings.PasswordPolicy(), o.user.name, o.user.display)
		if err != nil {
			return err
		}
		ended, err := o.admin.SetPassword(sh.ctx, o.user.id, hash)
		if err != nil {
			return err
		}

		return sh.reportEnded(o, ended)
	})
}

type usersDisableCommand struct {
	targetArguments
	actArguments
}

// Help is shown by `latchkey users disable --help`.
func (usersDisableCommand) Help() string {
	return "Nobody can sign in to it, reset its password or refresh a token of it, until latchkey users enable. Its data stay."
}

// Run disables the account, and ends every session in the same transaction.
func (c usersDisableCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		ended, err := o.admin.Disable(sh.ctx, o.user.id)
		if err != nil {
			return err
		}

		return sh.print(endedOutput{o.user.subject, ended}, endedText(o.user, ended))
	})
}

type usersRemoveFactorsCommand struct {
	targetArguments
	actArguments
}

// Help is shown by `latchkey users remove-factors --help`.
func (usersRemoveFactorsCommand) Help() string {
	return "For a user who has lost the phone and the recovery codes. Make sure that it is the user: after this the password, or a code by mail, is enough to sign in.\n" +
		"The user is mailed; that needs the settings of the server, also its keys."
}

// Run removes what a user could show besides the password, and ends every session.
func (c usersRemoveFactorsCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		sh.warnOfNoMail(o)
		ended, err := o.admin.RemoveFactors(sh.ctx, o.user.id)
		if err != nil {
			return err
		}

		return sh.reportEnded(o, ended)
	})
}

// endedOutput is what a command says that ended the sessions of a user, as JSON.
type endedOutput struct {
	UserID        userid.ID `json:"user_id"`
	SessionsEnded int64     `json:"sessions_ended"`
}

func endedText(user target, ended int64) string {
	return fmt.Sprintf("%s: done, %d sessions ended", user.name, ended)
}

// reportEnded prints how many sessions ended, and warns where the account is disabled.
func (sh *shell) reportEnded(o operation, ended int64) error {
	if err := sh.print(endedOutput{o.user.subject, ended}, endedText(o.user, ended)); err != nil {
		return err
	}

	return sh.warnOfDisabled(o.admin.DB, o.user)
}

// warnOfDisabled says that a user cannot sign in all the same, where the account is disabled.
func (sh *shell) warnOfDisabled(d *postgres.DB, user target) error {
	found, err := d.FindUser(sh.ctx, user.id)
	if err != nil || found.DisabledAt == nil {
		return err
	}
	_, err = fmt.Fprintf(sh.err, "latchkey: warning: %s is disabled and cannot sign in: latchkey users enable --id %d\n", user.name, user.id)

	return err
}

// newPassword reads, validates and hashes a password. It is never an argument: process lists and shell
// histories show arguments.
func (sh *shell) newPassword(policy password.Policy, similarTo ...string) (string, error) {
	text, err := sh.readPassword()
	if err != nil {
		return "", err
	}
	text = password.Normalize(text)
	bad, err := policy.Check(text, "", similarTo...)
	if err != nil {
		return "", errors.Unwrap(err) // what a client sees as an outage is, here, a file
	}
	if len(bad) > 0 {
		reasons := make([]string, len(bad))
		for i, p := range bad {
			reasons[i] = p.Message
		}
		return "", errors.New(strings.Join(reasons, " "))
	}
	slot, err := password.NewGate().Enter(sh.ctx)
	if err != nil {
		return "", err
	}
	defer slot.Leave()
	return slot.Hash(text)
}

func (sh *shell) readPassword() (string, error) {
	if fd := int(sh.in.Fd()); term.IsTerminal(fd) {
		_, _ = fmt.Fprint(sh.err, "New password: ")
		text, err := term.ReadPassword(fd)
		_, _ = fmt.Fprintln(sh.err)
		return string(text), err
	}
	line, err := bufio.NewReader(sh.in).ReadString('\n')
	if err != nil && line == "" {
		return "", errors.New("no password on standard input")
	}
	return line, nil
}
