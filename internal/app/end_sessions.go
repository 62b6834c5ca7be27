package app

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// endStep is how many sessions one statement ends where all users are signed out.
const endStep = 1000

type usersEndSessionsCommand struct {
	targetArguments

	All bool `help:"End the sessions of all users, and unfinished sign-ins."`
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

// endEverySession ends the sessions of all users, a step at a time, so that no refresh waits long.
// A command that was interrupted can be repeated.
func (sh *shell) endEverySession(actor admin.Actor) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	event := audit.Event{Name: audit.SessionsEnded, Actor: audit.Operator, ActorID: actor.ID, Reason: actor.Reason}
	if err := audit.New(nil).Add(sh.ctx, d.Queries, d.Now(), event); err != nil {
		return err
	}

	now, ended := d.Now(), 0
	after := uuid.Nil
	for {
		ids, err := d.EndSessionsOfAllUsers(sh.ctx, db.EndSessionsOfAllUsersParams{
			Now: now, EndReason: session.EndedByAdmin, After: after, Most: endStep,
		})
		if err != nil {
			return err
		}

		ended += len(ids)
		if len(ids) < endStep {
			break
		}
		after = greatest(ids)
	}

	return sh.print(map[string]int{"sessions_ended": ended}, fmt.Sprintf("all users: done, %d sessions ended", ended))
}

// greatest is the last id in the order of the database.
func greatest(ids []uuid.UUID) uuid.UUID {
	last := uuid.Nil
	for _, id := range ids {
		if bytes.Compare(id[:], last[:]) > 0 {
			last = id
		}
	}

	return last
}
