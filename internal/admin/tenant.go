package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/tenant"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Tenant is a tenant as operators see it.
type Tenant struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
	Members   *int64    `json:"members,omitempty"` // how many
}

// Member is a user who belongs to a tenant.
type Member struct {
	UserID    userid.ID `json:"user_id"`
	Email     *string   `json:"email"`
	Display   string    `json:"display"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at"`

	key int64
}

// CreateTenant makes a tenant and returns its id.
func (a *Admin) CreateTenant(ctx context.Context, name string) (id uuid.UUID, err error) {
	err = a.DB.Tx(ctx, func(tx postgres.Tx) error {
		if id, err = tenant.Create(ctx, tx, name); err != nil {
			return err
		}

		return a.record(ctx, tx, audit.Event{Name: audit.TenantCreated, Details: tenantDetails(id)})
	})

	return id, err
}

// tenantDetails are what an event says about its tenant.
func tenantDetails(id uuid.UUID) map[string]any { return map[string]any{"tenant_id": id} }

// AddMember adds a user to a tenant.
func (a *Admin) AddMember(ctx context.Context, tenantID uuid.UUID, userID int64, primary bool) error {
	e := audit.Event{Name: audit.MemberAdded, UserID: userID, Details: tenantDetails(tenantID)}

	return a.change(ctx, e, func(tx postgres.Tx) error {
		return tenant.AddMember(ctx, tx, tenantID, userID, primary)
	})
}

// RemoveMember removes a user from a tenant.
func (a *Admin) RemoveMember(ctx context.Context, tenantID uuid.UUID, userID int64) error {
	e := audit.Event{Name: audit.MemberRemoved, UserID: userID, Details: tenantDetails(tenantID)}

	return a.change(ctx, e, func(tx postgres.Tx) error {
		return tenant.RemoveMember(ctx, tx, tenantID, userID)
	})
}

// Tenants returns a page of tenants, in the order in which they were created.
func (a *Admin) Tenants(ctx context.Context, after uuid.UUID, most int32) ([]Tenant, error) {
	rows, err := a.DB.ListTenants(ctx, db.ListTenantsParams{After: after, Most: most})

	return convert(rows, func(r db.ListTenantsRow) Tenant {
		return Tenant{r.ID, r.Name, r.CreatedAt.UTC(), &r.Members}
	}), err
}

// ShowTenant returns a tenant and a page of its members: those whose key follows after. It returns
// ErrNotFound where there is no such tenant.
func (a *Admin) ShowTenant(ctx context.Context, id uuid.UUID, after int64, most int32) (Tenant, []Member, error) {
	found, err := a.DB.FindTenant(ctx, id)
	if postgres.IsNotFound(err) {
		return Tenant{}, nil, ErrNotFound
	}

	if err != nil {
		return Tenant{}, nil, err
	}

	rows, err := a.DB.ListMembers(ctx, db.ListMembersParams{TenantID: id, After: after, Most: most})
	members := convert(rows, func(r db.ListMembersRow) Member {
		return Member{userid.ID(r.Subject), r.Email, r.Display, r.IsPrimary, r.CreatedAt.UTC(), r.UserID}
	})

	return Tenant{ID: found.ID, Name: found.Name, CreatedAt: found.CreatedAt.UTC()}, members, err
}
