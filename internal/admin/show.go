package admin

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Details are everything that support needs to know about a user. No hash, code, secret or token is in them.
type Details struct {
	User

	Display           string       `json:"display"`
	HasUsablePassword bool         `json:"has_usable_password"`
	Addresses         []Address    `json:"addresses"`
	Factors           []Factor     `json:"factors"`
	Providers         []Provider   `json:"providers"`
	Memberships       []Membership `json:"memberships"`
	Sessions          []Session    `json:"sessions"` // that live
	Events            []Event      `json:"events"`   // the last ones
}

// Address is an address of a user.
type Address struct {
	Address    string     `json:"address"`
	Primary    bool       `json:"primary"`
	VerifiedAt *time.Time `json:"verified_at"`
}

// Factor is a second factor or a passkey of a user.
type Factor struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	CreatedAt  time.Time  `json:"created_at"`
	LastUsedAt *time.Time `json:"last_used_at"`
}

// Provider is an account with a provider that signs the user in.
type Provider struct {
	Provider   string    `json:"provider"`
	UID        string    `json:"uid"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at"`
}

// Membership is a tenant that a user belongs to.
type Membership struct {
	TenantID  uuid.UUID `json:"tenant_id"`
	Name      string    `json:"name"`
	Primary   bool      `json:"primary"`
	CreatedAt time.Time `json:"created_at"`
}

const (
	shownSessions = 100
	shownEvents   = 20
)

// Show returns the details of a user, or ErrNotFound.
func (a *Admin) Show(ctx context.Context, userID int64) (Details, error) {
	var d Details

	found, err := a.DB.FindUser(ctx, userID)
	if postgres.IsNotFound(err) {
		return d, ErrNotFound
	}

	if err != nil {
		return d, err
	}

	d.User = toUser(db.ListUsersRow{
		ID: found.ID, Subject: found.Subject, Email: found.Email, EmailVerifiedAt: found.EmailVerifiedAt, Phone: found.Phone,
		PhoneVerifiedAt: found.PhoneVerifiedAt, Username: found.Username, CreatedAt: found.CreatedAt, DisabledAt: found.DisabledAt,
		DeletesAt: found.DeletesAt,
	})
	d.Display, d.HasUsablePassword = found.Display, found.HasUsablePassword

	if d.Sessions, err = a.Sessions(ctx, userID, false, shownSessions); err != nil {
		return d, err
	}

	if d.Events, err = a.Events(ctx, Filter{UserID: &userID, Most: shownEvents}); err != nil {
		return d, err
	}

	return d, a.showWays(ctx, userID, &d)
}

// showWays adds what the user signs in with, and the tenants.
func (a *Admin) showWays(ctx context.Context, userID int64, d *Details) error {
	addresses, err := a.DB.ListEmailAddresses(ctx, userID)
	if err != nil {
		return err
	}

	d.Addresses = make([]Address, len(addresses))
	for i, e := range addresses {
		d.Addresses[i] = Address{e.Address, e.IsPrimary, e.VerifiedAt}
	}

	factors, err := a.DB.ListAuthenticators(ctx, userID)
	if err != nil {
		return err
	}

	d.Factors = make([]Factor, len(factors))
	for i, f := range factors {
		d.Factors[i] = Factor{f.Type, f.Name, f.CreatedAt.UTC(), f.LastUsedAt}
	}

	providers, err := a.DB.ListProviderAccounts(ctx, userID)
	if err != nil {
		return err
	}

	d.Providers = make([]Provider, len(providers))
	for i, p := range providers {
		d.Providers[i] = Provider{p.Provider, p.Uid, p.CreatedAt.UTC(), p.LastUsedAt.UTC()}
	}

	memberships, err := a.DB.ListMemberships(ctx, userID)

	d.Memberships = make([]Membership, len(memberships))
	for i, m := range memberships {
		d.Memberships[i] = Membership{m.TenantID, m.Name, m.IsPrimary, m.CreatedAt.UTC()}
	}

	return err
}
