// Package snapshot owns the ways into an account as they were before a change: taking them,
// storing them with the change, and putting them back. It also owns the links that ask for
// that. It does not own who gets a link (internal/notice), nor what else an undo does
// (internal/undo).
package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Ways are the ways into an account at one moment: addresses, number, providers, passkeys.
// Passwords, TOTP secrets and recovery codes are not among them: they are never restored.
type Ways struct {
	Emails          []Email    `json:"emails"`
	Phone           *string    `json:"phone"`
	PhoneVerifiedAt *time.Time `json:"phone_verified_at"`
	Providers       []Provider `json:"providers"`
	Passkeys        []Passkey  `json:"passkeys"`

	// stored is what was read, with the rows whole.
	stored json.RawMessage
}

// Email is an address of a user.
type Email struct {
	Address    string     `json:"address"`
	VerifiedAt *time.Time `json:"verified_at"`
	IsPrimary  bool       `json:"is_primary"`
	CreatedAt  time.Time  `json:"created_at"`
}

// Provider is an account with a provider.
type Provider struct {
	Provider string
	UID      string
	Display  string

	row json.RawMessage
}

// UnmarshalJSON keeps the row as it is stored, so that it can be put back whole.
func (p *Provider) UnmarshalJSON(text []byte) error {
	p.row = slices.Clone(text)

	names := struct{ Provider, UID, Display *string }{&p.Provider, &p.UID, &p.Display}

	return json.Unmarshal(text, &names)
}

// Passkey is a security key or a passkey.
type Passkey struct {
	ID int64 `json:"-"`

	Authenticator json.RawMessage `json:"authenticator"`
	Credential    json.RawMessage `json:"credential"`
}

// Take reads the ways into an account, and locks its user: what it returns stays true until
// the transaction makes the change.
func Take(ctx context.Context, tx postgres.Tx, userID int64) (Ways, error) {
	if _, err := tx.LockUserForSignIn(ctx, userID); err != nil {
		return Ways{}, err
	}

	stored, err := tx.FindWays(ctx, userID)
	if err != nil {
		return Ways{}, err
	}

	return parse(stored)
}

func parse(stored json.RawMessage) (Ways, error) {
	ways := Ways{stored: stored}
	if err := json.Unmarshal(stored, &ways); err != nil {
		return Ways{}, fmt.Errorf("read a snapshot: %w", err)
	}

	for i := range ways.Passkeys {
		key := &ways.Passkeys[i]

		row := struct{ ID *int64 }{&key.ID}
		if err := json.Unmarshal(key.Authenticator, &row); err != nil {
			return Ways{}, fmt.Errorf("read a snapshot: %w", err)
		}
	}

	return ways, nil
}

// Primary is the primary address; empty where there is none.
func (w Ways) Primary() string {
	for _, e := range w.Emails {
		if e.IsPrimary {
			return e.Address
		}
	}

	return ""
}

// Target is an address or a number that its user has verified.
type Target struct {
	Address string
	Phone   bool
}

// trustedAfter is how long an address or number has to be verified before it may undo what
// happens to the account.
const trustedAfter = 7 * 24 * time.Hour

// Verified lists the addresses and the number that are verified.
func (w Ways) Verified() []Target {
	return w.targets(func(time.Time) bool { return true })
}

// Trusted lists those that were verified at least seven days ago or, where none is that old,
// all that are verified.
//
// Security: a thief who has added an address could otherwise undo the owner's own repairs
// (TestUndo_theLinkGoesOnlyToWhatWasVerifiedLongBefore).
func (w Ways) Trusted(now time.Time) []Target {
	old := w.targets(func(verified time.Time) bool { return !verified.After(now.Add(-trustedAfter)) })
	if len(old) > 0 {
		return old
	}

	return w.Verified()
}

func (w Ways) targets(wanted func(verified time.Time) bool) []Target {
	var list []Target

	for _, e := range w.Emails {
		if e.VerifiedAt != nil && wanted(*e.VerifiedAt) {
			list = append(list, Target{Address: e.Address})
		}
	}

	if w.Phone != nil && w.PhoneVerifiedAt != nil && wanted(*w.PhoneVerifiedAt) {
		list = append(list, Target{Address: *w.Phone, Phone: true})
	}

	return list
}

// Find returns an address of the user.
func (w Ways) Find(address string) (Email, bool) {
	at := slices.IndexFunc(w.Emails, func(e Email) bool { return e.Address == address })
	if at < 0 {
		return Email{}, false
	}

	return w.Emails[at], true
}

// hasProvider reports whether an account with a provider is among them.
func (w Ways) hasProvider(p Provider) bool {
	return slices.ContainsFunc(w.Providers, func(q Provider) bool { return q.Provider == p.Provider && q.UID == p.UID })
}

func (w Ways) hasPasskey(id int64) bool {
	return slices.ContainsFunc(w.Passkeys, func(k Passkey) bool { return k.ID == id })
}

// Sweep removes changes that cannot be undone any more, with their links.
func Sweep(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	return q.DeleteOldAccountChanges(ctx, now)
}
