package app

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"golang.org/x/term"
)

type usersCommand struct {
	List        usersListCommand        `cmd:"" help:"List users: id, state, when they were created, primary address."`
	Twins       usersTwinsCommand       `cmd:"" help:"List user names and addresses that nobody can tell apart from those of other users."`
	Create      usersCreateCommand      `cmd:"" help:"Create a user; the password is asked for, or read from standard input."`
	SetPassword usersSetPasswordCommand `cmd:"" help:"Set a user's password, end all their sessions and clear the counters of wrong guesses."`
	Disable     usersDisableCommand     `cmd:"" help:"Disable an account and end all its sessions."`
	Enable      usersEnableCommand      `cmd:"" help:"Enable an account that was disabled."`

	EndSessions   usersEndSessionsCommand   `cmd:"" help:"End all sessions of a user, or of all users."`
	RemoveFactors usersRemoveFactorsCommand `cmd:"" help:"Remove all second factors and passkeys of a user, and end all their sessions."`
}

type usersCreateCommand struct {
	Email      string `arg:"" help:"The primary address."`
	Verified   bool   `help:"The address is known to be theirs."`
	NoPassword bool   `help:"Create the account without a password."`
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
		return audit.New(nil).Add(sh.ctx, tx.Queries, tx.Now, audit.Event{Name: audit.UserCreated, Actor: audit.Operator, UserID: id})
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
	_, err = fmt.Fprintln(sh.out, made.Subject)
	return err
}

type usersSetPasswordCommand struct {
	targetArguments
}

// Help is shown by `latchkey users set-password --help`.
func (usersSetPasswordCommand) Help() string {
	return "The password is asked for, or read from standard input. The user can sign in with it at once: wrong passwords and codes that were counted\n" +
		"against them are forgotten. That needs the settings of the server, also its HEADLESS_JWT_PRIVATE_KEY, LATCHKEY_SEALING_KEYS or LATCHKEY_HMAC_KEY;\n" +
		"without them a warning says that the counters stay."
}

// Run sets the password, ends every session and clears the counters of wrong guesses in the same transaction.
func (c usersSetPasswordCommand) Run(sh *shell) error {
	return sh.withUser(c.targetArguments, func(d *postgres.DB, settings config.Config, user target) error {
		limiter, err := sh.limiter(d, settings)
		if err != nil {
			return err
		}
		if limiter == nil {
			_, _ = fmt.Fprintln(sh.err, "latchkey: warning: the counters of wrong guesses stay: no key of the settings opens the HMAC key of the servers")
		}
		hash, err := sh.newPassword(settings.PasswordPolicy(), user.name, user.display)
		if err != nil {
			return err
		}
		return sh.changeUser(d, userChange{user, session.PasswordChanged, audit.PasswordChanged}, func(tx postgres.Tx) error {
			if _, err := tx.UpdateUserPassword(sh.ctx, db.UpdateUserPasswordParams{ID: user.id, PasswordHash: hash}); err != nil {
				return err
			}

			return flow.Forgive(sh.ctx, tx, limiter, user.id)
		})
	})
}

type usersDisableCommand struct {
	targetArguments
}

// Help is shown by `latchkey users disable --help`.
func (usersDisableCommand) Help() string {
	return "Nobody can sign in to it, reset its password or refresh a token of it, until latchkey users enable. Its data stay."
}

// Run disables the account, and ends every session in the same transaction.
func (c usersDisableCommand) Run(sh *shell) error {
	return sh.withUser(c.targetArguments, func(d *postgres.DB, _ config.Config, user target) error {
		return sh.changeUser(d, userChange{user, session.AccountDisabled, audit.AccountDisabled}, func(tx postgres.Tx) error {
			_, err := tx.MarkUserDisabled(sh.ctx, db.MarkUserDisabledParams{ID: user.id, Now: tx.Now})
			return err
		})
	})
}

type usersRemoveFactorsCommand struct {
	targetArguments
}

// Help is shown by `latchkey users remove-factors --help`.
func (usersRemoveFactorsCommand) Help() string {
	return "For somebody who has lost their phone and their recovery codes. Make sure that it is them: after this the password, or a code by mail, is enough to sign in."
}

// Run removes what a user could show besides the password, and ends every session.
func (c usersRemoveFactorsCommand) Run(sh *shell) error {
	return sh.withUser(c.targetArguments, func(d *postgres.DB, _ config.Config, user target) error {
		return sh.changeUser(d, userChange{user, session.EndedByAdmin, audit.FactorRemoved}, func(tx postgres.Tx) error {
			for _, kind := range []string{factor.TOTP, factor.WebAuthn, factor.RecoveryCodes} {
				if _, err := tx.DeleteAuthenticators(sh.ctx, db.DeleteAuthenticatorsParams{UserID: user.id, Type: kind}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// userChange is a change that ends every session of the user.
type userChange struct {
	user   target
	reason string // why the sessions end
	event  string // what the audit log calls it
}

// changeUser makes the change, ends the sessions and writes the event, all or nothing.
// The event has no address, so nothing in it is hashed.
func (sh *shell) changeUser(d *postgres.DB, c userChange, change func(postgres.Tx) error) error {
	user := c.user
	var ended int64
	err := d.Tx(sh.ctx, func(tx postgres.Tx) error {
		// Race: a sign-in holds this row until its session is committed, so the change sees
		// that session and ends it.
		if _, err := tx.LockUser(sh.ctx, user.id); err != nil {
			return err
		}
		if err := change(tx); err != nil {
			return err
		}
		var err error
		if ended, err = session.EndAll(sh.ctx, tx, user.id, c.reason); err != nil {
			return err
		}
		if err := code.DropAll(sh.ctx, tx, user.id); err != nil {
			return err
		}
		return audit.New(nil).Add(sh.ctx, tx.Queries, tx.Now, audit.Event{Name: c.event, Actor: audit.Operator, UserID: user.id})
	})
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintf(sh.out, "%s: done, %d sessions ended\n", user.name, ended); err != nil {
		return err
	}
	if c.event == audit.AccountDisabled {
		return nil
	}

	return sh.warnOfDisabled(d, user)
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

// newPassword reads, judges and hashes a password. It is never an argument: those stand
// in process lists and shell histories.
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
