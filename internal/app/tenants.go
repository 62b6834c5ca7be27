package app

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/tenant"
)

type tenantsCommand struct {
	Create    tenantsCreateCommand    `cmd:"" help:"Create a tenant and print its id."`
	AddMember tenantsAddMemberCommand `cmd:"" help:"Add a user to a tenant. A user's first tenant becomes their primary one."`

	RemoveMember tenantsRemoveMemberCommand `cmd:"" help:"Remove a user from a tenant. Access tokens that name it live on until they expire."`
}

type tenantsCreateCommand struct {
	Name string `arg:"" help:"What to call the tenant."`
}

// Run creates a tenant and prints its id.
func (c tenantsCreateCommand) Run(sh *shell) error {
	name := strings.TrimSpace(c.Name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 150 {
		return errors.New("a tenant's name has 1 to 150 characters")
	}
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	var id uuid.UUID
	err = d.Tx(sh.ctx, func(tx postgres.Tx) error {
		id, err = tenant.Create(sh.ctx, tx, name)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(sh.out, id)
	return err
}

type tenantsAddMemberCommand struct {
	Tenant uuid.UUID `arg:"" help:"The tenant's id."`
	targetArguments
	Primary bool `help:"Make it the user's primary tenant: the tenant_id of their access tokens."`
}

// Run adds a member.
func (c tenantsAddMemberCommand) Run(sh *shell) error {
	change := membershipChange{c.Tenant, c.targetArguments, audit.MemberAdded, "is a member of"}

	return sh.changeMembership(change, func(tx postgres.Tx, userID int64) error {
		return tenant.AddMember(sh.ctx, tx, c.Tenant, userID, c.Primary)
	})
}

type tenantsRemoveMemberCommand struct {
	Tenant uuid.UUID `arg:"" help:"The tenant's id."`
	targetArguments
}

// Run removes a member.
func (c tenantsRemoveMemberCommand) Run(sh *shell) error {
	change := membershipChange{c.Tenant, c.targetArguments, audit.MemberRemoved, "is no longer a member of"}

	return sh.changeMembership(change, func(tx postgres.Tx, userID int64) error {
		return tenant.RemoveMember(sh.ctx, tx, c.Tenant, userID)
	})
}

// membershipChange is a change of who belongs to a tenant.
type membershipChange struct {
	tenant uuid.UUID
	user   targetArguments
	event  string // what the audit log calls it
	said   string // what the output says between the user and the tenant
}

// changeMembership makes the change with the user's row locked, and writes the audit event.
func (sh *shell) changeMembership(c membershipChange, do func(postgres.Tx, int64) error) error {
	return sh.withUser(c.user, func(d *postgres.DB, _ config.Config, user target) error {
		err := d.Tx(sh.ctx, func(tx postgres.Tx) error {
			if _, err := tx.LockUser(sh.ctx, user.id); err != nil {
				return err
			}

			if err := do(tx, user.id); err != nil {
				return err
			}

			event := audit.Event{Name: c.event, Actor: audit.Operator, UserID: user.id}
			return audit.New(nil).Add(sh.ctx, tx.Queries, tx.Now, event)
		})
		if err != nil {
			return err
		}

		_, err = fmt.Fprintf(sh.out, "%s %s %s\n", user.name, c.said, c.tenant)
		return err
	})
}
