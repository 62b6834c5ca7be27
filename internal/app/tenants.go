package app

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/tenant"
)

type tenantsCommand struct {
	Create    tenantsCreateCommand    `cmd:"" help:"Create a tenant and print its id."`
	AddMember tenantsAddMemberCommand `cmd:"" help:"Add a user to a tenant. A user's first tenant becomes their primary one."`
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
	Tenant  uuid.UUID `arg:"" help:"The tenant's id."`
	Email   string    `arg:"" help:"An address of the user."`
	Primary bool      `help:"Make it the user's primary tenant: the tenant_id of their access tokens."`
}

// Run adds a member.
func (c tenantsAddMemberCommand) Run(sh *shell) error {
	return sh.withUser(c.Email, func(d *postgres.DB, _ config.Config, user db.FindUserByEmailRow) error {
		err := d.Tx(sh.ctx, func(tx postgres.Tx) error {
			if _, err := tx.LockUser(sh.ctx, user.ID); err != nil {
				return err
			}
			return tenant.AddMember(sh.ctx, tx, c.Tenant, user.ID, c.Primary)
		})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sh.out, "%s is a member of %s\n", user.Address, c.Tenant)
		return err
	})
}
