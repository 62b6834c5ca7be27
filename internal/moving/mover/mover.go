// Package mover stores one user of another system, at a sign-in that the password hook has answered. It does not
// own the import of files, nor what the hook is asked (internal/flow).
package mover

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Mover stores users.
type Mover struct {
	Factors *authenticator.Authenticators
	// Keys seals grants of providers; nil where the operator has given no keys.
	Keys *secret.Sealer
	Log  *slog.Logger
}

// longestName is how many characters a display or user name has at most.
const longestName = 150

// Move stores a user whom nobody here has the subject of, without a password and with password_hook. The error
// names the member that cannot be stored, and quotes no value.
func (m *Mover) Move(ctx context.Context, tx postgres.Tx, u *format.User) (int64, error) {
	n, err := read(u, tx.Now)
	if err != nil {
		return 0, err
	}
	if err := n.lock(ctx, tx); err != nil {
		return 0, err
	}
	if err := n.findTaken(ctx, tx); err != nil {
		return 0, err
	}

	id, err := n.store(ctx, tx)
	if err != nil {
		return 0, err
	}
	if err := m.moveFactors(ctx, tx, id, u); err != nil {
		return 0, err
	}
	if err := m.moveProviders(ctx, tx, id, u); err != nil {
		return 0, err
	}

	return id, moveTenants(ctx, tx, id, u)
}

// record is a user as the tables have them.
type record struct {
	user      db.InsertMovedUserParams
	addresses []db.InsertEmailAddressParams
}

// read brings a user into the form in which users are stored.
func read(u *format.User, now time.Time) (*record, error) {
	created := now
	if !u.CreatedAt.IsZero() {
		created = u.CreatedAt.Time
	}

	n := &record{user: db.InsertMovedUserParams{CreatedAt: created, WebauthnHandle: u.WebAuthnHandle}}
	if err := n.readSubject(u); err != nil {
		return nil, err
	}
	if err := n.readNames(u, created); err != nil {
		return nil, err
	}
	if err := n.readAddresses(u, created, now); err != nil {
		return nil, err
	}
	if u.Disabled {
		n.user.DisabledAt = &now
	}

	n.user.Display = cmp.Or(u.Display, u.Username, n.localPart(), string(u.ID))
	if runes := []rune(n.user.Display); len(runes) > longestName {
		n.user.Display = string(runes[:longestName])
	}

	return n, nil
}

func (n *record) readSubject(u *format.User) error {
	if !userid.Valid(string(u.ID)) {
		return errors.New("id: cannot be a subject")
	}
	if id, isID := userid.ID(u.ID).Key(); isID {
		n.user.ID = id
		return nil
	}
	subject := string(u.ID)
	n.user.Subject = &subject

	return nil
}

func (n *record) readNames(u *format.User, created time.Time) error {
	if u.Username != "" {
		if len([]rune(u.Username)) > longestName {
			return errors.New("username: is too long")
		}
		key := typed.Key(u.Username)
		n.user.Username, n.user.UsernameKey = &u.Username, &key
	}
	if u.Phone == nil {
		return nil
	}

	number, isNumber := phone.Normalize(u.Phone.Number)
	if !isNumber {
		return errors.New("phone.number: is no number in the form of E.164")
	}
	n.user.Phone = &number
	if u.Phone.Verified {
		n.user.PhoneVerifiedAt = &created
	}

	return nil
}

// readAddresses reads the addresses. Further ones that are not verified expire some days after now.
func (n *record) readAddresses(u *format.User, created, now time.Time) error {
	primary := slices.IndexFunc(u.Emails, func(e format.Email) bool { return e.Primary })
	if primary < 0 {
		primary = max(0, slices.IndexFunc(u.Emails, func(e format.Email) bool { return e.Verified }))
	}

	for i, e := range u.Emails {
		address, bad := email.Check(e.Address)
		if bad != nil {
			return fmt.Errorf("emails[%d].address: is no address", i)
		}
		isTwice := slices.ContainsFunc(n.addresses, func(a db.InsertEmailAddressParams) bool { return a.Address == address })
		if isTwice {
			return fmt.Errorf("emails[%d].address: is there twice", i)
		}

		row := db.InsertEmailAddressParams{Address: address, IsPrimary: i == primary, Now: created}
		switch {
		case e.Verified:
			row.VerifiedAt = &created
		case !row.IsPrimary:
			row.Now = now
		}
		n.addresses = append(n.addresses, row)
	}

	return nil
}

// localPart is what the primary address offers as a name; empty for none.
func (n *record) localPart() string {
	for _, a := range n.addresses {
		if a.IsPrimary {
			return email.LocalPart(a.Address)
		}
	}

	return ""
}

// lock locks what only one account can have, until the commit, in the same order for all.
func (n *record) lock(ctx context.Context, tx postgres.Tx) error {
	var names []string
	if n.user.UsernameKey != nil {
		names = append(names, *n.user.UsernameKey)
	}
	if n.user.Phone != nil {
		names = append(names, *n.user.Phone)
	}
	for _, a := range n.addresses {
		names = append(names, a.Address)
	}
	slices.Sort(names)

	for _, name := range names {
		if err := tx.LockAddress(ctx, name); err != nil {
			return err
		}
	}

	return nil
}

// findTaken returns an error where another user has what only one can have.
func (n *record) findTaken(ctx context.Context, tx postgres.Tx) error {
	if n.user.Username != nil {
		taken, err := tx.CountUsernames(ctx, db.CountUsernamesParams{Key: *n.user.UsernameKey, Username: *n.user.Username})
		if err != nil || taken > 0 {
			return cmp.Or(err, errors.New("username: another user has it"))
		}
	}
	if n.user.PhoneVerifiedAt != nil {
		taken, err := tx.CountPhoneOwners(ctx, db.CountPhoneOwnersParams{Phone: n.user.Phone, Verified: true})
		if err != nil || taken > 0 {
			return cmp.Or(err, errors.New("phone: another user has verified it"))
		}
	}

	for i, a := range n.addresses {
		if a.VerifiedAt == nil {
			continue
		}
		taken, err := tx.CountAddressOwners(ctx, db.CountAddressOwnersParams{Address: a.Address, Verified: true})
		if err != nil || taken > 0 {
			return cmp.Or(err, fmt.Errorf("emails[%d]: another user has verified it", i))
		}
	}

	return nil
}

// store stores the user and the addresses.
func (n *record) store(ctx context.Context, tx postgres.Tx) (int64, error) {
	if n.user.Subject == nil {
		stored, err := tx.InsertMovedUser(ctx, n.user)
		if err != nil || stored == 0 {
			return 0, cmp.Or(err, errors.New("id: a user with it was deleted here"))
		}

		return n.user.ID, n.storeAddresses(ctx, tx)
	}

	_, err := secret.Unique(secret.ID52, func(id int64) (bool, error) {
		n.user.ID = id
		stored, err := tx.InsertMovedUser(ctx, n.user)

		return stored == 1, err
	})
	if err != nil {
		return 0, err
	}

	return n.user.ID, n.storeAddresses(ctx, tx)
}

func (n *record) storeAddresses(ctx context.Context, tx postgres.Tx) error {
	for _, a := range n.addresses {
		a.UserID = n.user.ID
		if err := tx.InsertEmailAddress(ctx, a); err != nil {
			return err
		}
	}

	return nil
}

// moveFactors stores second factors and passkeys. Security: a factor that cannot be stored keeps the user from
// moving: the account would be open without it (TestPasswordHook_anythingElseIsAnOutage). Only keys of another
// domain are left out, which work nowhere else.
func (m *Mover) moveFactors(ctx context.Context, tx postgres.Tx, id int64, u *format.User) error {
	if t := u.TOTP; t != nil {
		seed, err := factor.DecodeTOTPSecret(t.Secret)
		if err != nil {
			return errors.New("totp.secret: is not base32")
		}
		if err := m.Factors.MoveTOTP(ctx, tx, id, seed, moved(tx, t.CreatedAt, t.LastUsedAt, format.Time{})); err != nil {
			return fmt.Errorf("totp: %w", err)
		}
	}
	if r := u.RecoveryCodes; r != nil {
		codes := authenticator.MovedCodes{
			Moved: moved(tx, r.CreatedAt, r.LastUsedAt, r.ViewedAt), Codes: r.Codes,
			Used: r.Used,
		}
		if err := m.Factors.MoveRecoveryCodes(ctx, tx, id, codes); err != nil {
			return fmt.Errorf("recovery_codes: %w", err)
		}
	}

	for i := range u.WebAuthn {
		if err := m.moveKey(ctx, tx, id, u, i); err != nil {
			return fmt.Errorf("webauthn[%d]: %w", i, err)
		}
	}

	return nil
}

func moved(tx postgres.Tx, created, used, viewed format.Time) authenticator.Moved {
	at := tx.Now
	if !created.IsZero() {
		at = created.Time
	}

	return authenticator.Moved{CreatedAt: at, LastUsedAt: used.Pointer(), ViewedAt: viewed.Pointer()}
}

func (m *Mover) moveKey(ctx context.Context, tx postgres.Tx, id int64, u *format.User, i int) error {
	k := u.WebAuthn[i]
	domain := sha256.Sum256([]byte(m.Factors.Settings.RPID))
	if !bytes.Equal(k.RPIDHash, domain[:]) {
		m.Log.WarnContext(ctx, "a passkey of another domain than LATCHKEY_WEBAUTHN_RP_ID was left out", "user_id", id)
		return nil
	}

	var model uuid.UUID
	if k.AAGUID != "" {
		parsed, err := uuid.Parse(k.AAGUID)
		if err != nil {
			return errors.New("aaguid: is no UUID")
		}
		model = parsed
	}
	key := factor.Credential{
		ID: k.CredentialID, PublicKey: k.PublicKey, AAGUID: model[:],
		SignCount:  uint32(k.SignCount), //nolint:gosec // G115: the format has 32 bits
		Transports: k.Transports, BackupEligible: k.BackupEligible, BackupState: k.BackupState, Passwordless: k.Passwordless,
	}
	name := []rune(cmp.Or(k.Name, "Passkey"))
	const longest = 100

	err := m.Factors.MoveKey(ctx, tx, id, authenticator.MovedKey{
		Moved: moved(tx, k.CreatedAt, k.LastUsedAt, format.Time{}), Name: string(name[:min(len(name), longest)]), Key: key,
	})
	if errors.Is(err, factor.ErrIncorrect) {
		return errors.New("another user has it")
	}

	return err
}

// moveProviders stores the accounts at providers.
func (m *Mover) moveProviders(ctx context.Context, tx postgres.Tx, id int64, u *format.User) error {
	for i, p := range u.Providers {
		at := tx.Now
		if !p.CreatedAt.IsZero() {
			at = p.CreatedAt.Time
		}
		stored, err := tx.InsertProviderAccount(ctx, db.InsertProviderAccountParams{
			Provider: p.Provider, Uid: p.UID, UserID: id, Display: cmp.Or(p.Display, p.UID), ClientID: p.ClientID, Now: at,
		})
		if err != nil || stored == 0 {
			return cmp.Or(err, fmt.Errorf("providers[%d]: another user has it", i))
		}
		if p.RefreshToken == "" {
			continue
		}
		if m.Keys == nil {
			return fmt.Errorf("providers[%d].refresh_token: %w", i, authenticator.ErrNoSealingKeys)
		}
		grant := db.UpdateProviderGrantParams{
			Provider: p.Provider, Uid: p.UID, UserID: id, ClientID: p.ClientID,
			GrantSealed: m.Keys.Seal([]byte(p.RefreshToken), provider.GrantAbout(p.Provider, p.UID)),
		}
		if _, err := tx.UpdateProviderGrant(ctx, grant); err != nil {
			return err
		}
	}

	return nil
}

// moveTenants stores the memberships. The tenants are there already.
func moveTenants(ctx context.Context, tx postgres.Tx, id int64, u *format.User) error {
	for i, t := range u.Tenants {
		absent := fmt.Errorf("tenants[%d].id: there is no such tenant here", i)
		tenant, err := uuid.Parse(string(t.ID))
		if err != nil {
			return absent
		}
		count, err := tx.CountTenants(ctx, tenant)
		if err != nil || count == 0 {
			return cmp.Or(err, absent)
		}
		member := db.InsertMembershipParams{TenantID: tenant, UserID: id, IsPrimary: t.Primary, Now: tx.Now}
		if err := tx.InsertMembership(ctx, member); err != nil {
			return err
		}
	}

	return nil
}
