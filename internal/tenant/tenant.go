// Package tenant owns tenants and who belongs to them. A tenant is an organisation,
// not a partition of the users: at most one membership of a user is primary, and its
// tenant is the tenant_id of that user's access tokens.
package tenant

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// ErrUnknown says that there is no such tenant.
var ErrUnknown = errors.New("there is no tenant with this id")

// ErrNoMember says that the user does not belong to the tenant.
var ErrNoMember = errors.New("the user is no member of this tenant")

// Create makes a tenant.
func Create(ctx context.Context, tx postgres.Tx, name string) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.UUID{}, err
	}

	return id, tx.InsertTenant(ctx, db.InsertTenantParams{ID: id, Name: name, Now: tx.Now})
}

// AddMember adds a user to a tenant. A user's first tenant becomes primary; primary
// makes it so in any case. Lock the user first: two calls at once could each believe
// to be the first.
func AddMember(ctx context.Context, tx postgres.Tx, tenantID uuid.UUID, userID int64, primary bool) error {
	found, err := tx.CountTenants(ctx, tenantID)
	if err != nil {
		return err
	}

	if found == 0 {
		return ErrUnknown
	}

	memberships, err := tx.CountMemberships(ctx, userID)
	if err != nil {
		return err
	}

	primary = primary || memberships == 0
	if primary {
		if err := tx.UpdatePrimaryMembership(ctx, userID); err != nil {
			return err
		}
	}

	return tx.InsertMembership(ctx, db.InsertMembershipParams{TenantID: tenantID, UserID: userID, IsPrimary: primary, Now: tx.Now})
}

// RemoveMember removes a user from a tenant. It returns ErrNoMember where the user does not
// belong to it. No other tenant becomes the user's primary one: an operator chooses that.
func RemoveMember(ctx context.Context, tx postgres.Tx, tenantID uuid.UUID, userID int64) error {
	n, err := tx.DeleteMembership(ctx, db.DeleteMembershipParams{TenantID: tenantID, UserID: userID})
	if err == nil && n == 0 {
		return ErrNoMember
	}

	return err
}
