package app

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type tenantsCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	List      tenantsListCommand      `cmd:"" help:"List tenants: id, number of members, name."`
	Show      tenantsShowCommand      `cmd:"" help:"Show a tenant and its members."`
	Create    tenantsCreateCommand    `cmd:"" help:"Create a tenant and print its id."`
	AddMember tenantsAddMemberCommand `cmd:"" help:"Add a user to a tenant. A user's first tenant becomes their primary one."`

	RemoveMember tenantsRemoveMemberCommand `cmd:"" help:"Remove a user from a tenant. Access tokens that name the tenant remain valid until they expire."`
}

type tenantsListCommand struct {
	After uuid.UUID `help:"Only tenants after this one: the last id of the previous page." placeholder:"ID"`
	Limit int32     `help:"Maximum number of tenants, in the order of their creation." default:"100"`
}

// Validate is called by the parser of the command line.
func (c tenantsListCommand) Validate() error { return checkLimit(c.Limit) }

// Run prints a page of tenants.
func (c tenantsListCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		list, err := a.Tenants(sh.ctx, c.After, c.Limit)
		if err != nil {
			return err
		}

		for _, t := range list {
			if err := sh.print(t, fmt.Sprintf("%s  %s  %6d  %q", t.ID, t.CreatedAt.Format(time.RFC3339), *t.Members, t.Name)); err != nil {
				return err
			}
		}

		return nil
	})
}

type tenantsShowCommand struct {
	Tenant uuid.UUID `arg:"" help:"The tenant's id."`
	After  string    `help:"Only members after this one: the last id of the previous page." placeholder:"ID"`
	Limit  int32     `help:"Maximum number of members." default:"100"`
}

// Validate is called by the parser of the command line.
func (c tenantsShowCommand) Validate() error { return checkLimit(c.Limit) }

// tenantOutput is a tenant with a page of its members, as JSON.
type tenantOutput struct {
	admin.Tenant

	Page []admin.Member `json:"page"`
}

// Run prints the tenant and a page of its members.
func (c tenantsShowCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		after, err := sh.pageKey(a.DB, c.After)
		if err != nil {
			return err
		}
		found, members, err := a.ShowTenant(sh.ctx, c.Tenant, after, c.Limit)
		if errors.Is(err, admin.ErrNotFound) {
			return fmt.Errorf("there is no tenant %s", c.Tenant)
		}
		if err != nil {
			return err
		}

		lines := []string{fmt.Sprintf("%s  %s  %q", found.ID, found.CreatedAt.Format(time.RFC3339), found.Name)}
		for _, m := range members {
			lines = append(lines, memberText(m))
		}

		return sh.print(tenantOutput{found, members}, strings.Join(lines, "\n"))
	})
}

func memberText(m admin.Member) string {
	name := fmt.Sprintf("%q", m.Display)
	if m.Email != nil {
		name = fmt.Sprintf("%q", *m.Email)
	}
	if m.Primary {
		name += ", primary tenant"
	}

	return fmt.Sprintf("  %-16s  since %s  %s", m.UserID, m.CreatedAt.Format(time.RFC3339), name)
}

type tenantsCreateCommand struct {
	Name string `arg:"" help:"The name of the tenant."`
	actArguments
}

// Run creates a tenant and prints its id.
func (c tenantsCreateCommand) Run(sh *shell) error {
	name := strings.TrimSpace(c.Name)
	if n := utf8.RuneCountInString(name); n < 1 || n > 150 {
		return errors.New("a tenant's name has 1 to 150 characters")
	}

	return sh.administer(c.actArguments, func(a *admin.Admin, _ config.Config) error {
		id, err := a.CreateTenant(sh.ctx, name)
		if err != nil {
			return err
		}

		return sh.print(map[string]uuid.UUID{"id": id}, id.String())
	})
}

type tenantsAddMemberCommand struct {
	Tenant uuid.UUID `arg:"" help:"The tenant's id."`
	targetArguments
	Primary bool `help:"Make it the user's primary tenant: the tenant_id of their access tokens."`
	actArguments
}

// membershipOutput is what a command says that changed a membership, as JSON.
type membershipOutput struct {
	TenantID uuid.UUID `json:"tenant_id"`
	UserID   userid.ID `json:"user_id"`
	Member   bool      `json:"member"`
}

// Run adds a member.
func (c tenantsAddMemberCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		if err := o.admin.AddMember(sh.ctx, c.Tenant, o.user.id, c.Primary); err != nil {
			return err
		}

		said := membershipOutput{c.Tenant, o.user.subject, true}
		return sh.print(said, fmt.Sprintf("%s is a member of %s", o.user.name, c.Tenant))
	})
}

type tenantsRemoveMemberCommand struct {
	Tenant uuid.UUID `arg:"" help:"The tenant's id."`
	targetArguments
	actArguments
}

// Run removes a member.
func (c tenantsRemoveMemberCommand) Run(sh *shell) error {
	return sh.act(c.targetArguments, c.actArguments, func(o operation) error {
		if err := o.admin.RemoveMember(sh.ctx, c.Tenant, o.user.id); err != nil {
			return err
		}

		said := membershipOutput{c.Tenant, o.user.subject, false}
		return sh.print(said, fmt.Sprintf("%s is no longer a member of %s", o.user.name, c.Tenant))
	})
}
