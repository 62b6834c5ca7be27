package snapshot

import (
	"context"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Kinds of what could not be restored.
const (
	SkippedEmail    = "email"
	SkippedPhone    = "phone"
	SkippedProvider = "provider"
	SkippedPasskey  = "passkey"
)

// Skipped is a way in that was not restored, since it belongs to another user by now.
type Skipped struct {
	Kind string
	// Value is the address, the number or the id of the provider.
	Value string
}

// Restored is what a restoration could not do, and what others have to do after it.
type Restored struct {
	Skipped []Skipped
	// Removed are the provider accounts that are gone, with grants to be revoked.
	Removed []db.ProviderAccount
}

// restoration puts ways back into the place of others.
type restoration struct {
	tx     postgres.Tx
	userID int64
	before Ways // what is to be there
	now    Ways // what is there
	result Restored
}

// Restore removes from an account the ways in that were added since a snapshot, restores
// those that were removed, and removes the password, the TOTP authenticator and the recovery
// codes. What another user has verified or connected meanwhile is skipped: it is never taken
// from them. The user must be locked.
func Restore(ctx context.Context, tx postgres.Tx, userID int64, before Ways) (Restored, error) {
	now, err := Take(ctx, tx, userID)
	if err != nil {
		return Restored{}, err
	}

	r := restoration{tx: tx, userID: userID, before: before, now: now}

	for _, step := range []func(context.Context) error{
		r.removeEmails, r.returnEmails, r.choosePrimary,
		r.restorePhone,
		r.removeProviders, r.returnProviders,
		r.removeFactors, r.returnPasskeys,
	} {
		if err := step(ctx); err != nil {
			return Restored{}, err
		}
	}

	return r.result, tx.UpdateUserRestored(ctx, userID)
}

func (r *restoration) skip(kind, value string) {
	r.result.Skipped = append(r.result.Skipped, Skipped{kind, value})
}

// removeEmails removes the addresses that were added since. One that was only verified since
// is unverified again.
func (r *restoration) removeEmails(ctx context.Context) error {
	for _, e := range r.now.Emails {
		was, known := r.before.Find(e.Address)

		var err error
		switch {
		case !known:
			_, err = r.tx.DeleteEmailAddress(ctx, db.DeleteEmailAddressParams{UserID: r.userID, Address: e.Address})
		case was.VerifiedAt == nil && e.VerifiedAt != nil:
			err = r.tx.UpdateEmailAddressUnverified(ctx, db.UpdateEmailAddressUnverifiedParams{UserID: r.userID, Address: e.Address})
		}

		if err != nil {
			return err
		}
	}

	return nil
}

// returnEmails stores the addresses that were verified and are not any more.
//
// In the order of the alphabet, so that two undos cannot wait for each other.
func (r *restoration) returnEmails(ctx context.Context) error {
	lost := slices.Clone(r.before.Emails)
	slices.SortFunc(lost, func(a, b Email) int { return strings.Compare(a.Address, b.Address) })

	for _, e := range lost {
		have, known := r.now.Find(e.Address)
		if normal, _ := email.Normalize(e.Address); !known { // it may have got its normal form since
			have, known = r.now.Find(normal)
		}

		if e.VerifiedAt == nil || known && have.VerifiedAt != nil {
			continue
		}

		taken, err := r.takenEmail(ctx, e.Address)
		if err != nil {
			return err
		}

		if taken {
			r.skip(SkippedEmail, e.Address)
			continue
		}

		back := db.InsertEmailAddressBackParams{UserID: r.userID, Address: e.Address, VerifiedAt: e.VerifiedAt, CreatedAt: e.CreatedAt}
		if err := r.tx.InsertEmailAddressBack(ctx, back); err != nil {
			return err
		}
	}

	return nil
}

// takenEmail reports whether another user has verified an address. Nobody can until the commit.
func (r *restoration) takenEmail(ctx context.Context, address string) (bool, error) {
	if err := r.tx.LockAddress(ctx, address); err != nil {
		return false, err
	}

	owner, err := r.tx.FindVerifiedHolder(ctx, address)
	if postgres.IsNotFound(err) {
		return false, nil
	}

	return owner != r.userID, err
}

// choosePrimary makes the address the primary one that was it or, where that is not there, the
// oldest that is verified.
func (r *restoration) choosePrimary(ctx context.Context) error {
	list, err := r.tx.ListEmailAddresses(ctx, r.userID)
	if err != nil || len(list) == 0 {
		return err
	}

	at := slices.IndexFunc(list, func(e db.ListEmailAddressesRow) bool { return e.Address == r.before.Primary() })
	if at < 0 {
		at = slices.IndexFunc(list, func(e db.ListEmailAddressesRow) bool { return e.VerifiedAt != nil })
	}

	chosen := list[max(at, 0)]
	if chosen.IsPrimary {
		return nil
	}

	if err := r.tx.UpdateNoPrimaryEmailAddress(ctx, r.userID); err != nil {
		return err
	}

	_, err = r.tx.UpdatePrimaryEmailAddress(ctx, db.UpdatePrimaryEmailAddressParams{UserID: r.userID, Address: chosen.Address})

	return err
}

// restorePhone stores the number as it was.
func (r *restoration) restorePhone(ctx context.Context) error {
	phone, verifiedAt := r.before.Phone, r.before.PhoneVerifiedAt

	unchanged := sameText(phone, r.now.Phone) && (verifiedAt == nil) == (r.now.PhoneVerifiedAt == nil)
	if unchanged {
		return nil
	}

	if phone != nil && verifiedAt != nil {
		taken, err := r.takenPhone(ctx, *phone)
		if err != nil {
			return err
		}

		if taken {
			r.skip(SkippedPhone, *phone)
			phone, verifiedAt = nil, nil
		}
	}

	_, err := r.tx.UpdateUserPhone(ctx, db.UpdateUserPhoneParams{ID: r.userID, Phone: phone, VerifiedAt: verifiedAt})

	return err
}

func sameText(a, b *string) bool {
	if a == nil || b == nil {
		return a == b
	}

	return *a == *b
}

// takenPhone reports whether another user has verified a number. Nobody can until the commit.
func (r *restoration) takenPhone(ctx context.Context, number string) (bool, error) {
	if err := r.tx.LockAddress(ctx, number); err != nil {
		return false, err
	}

	owner, err := r.tx.FindVerifiedPhoneOwner(ctx, &number)
	if postgres.IsNotFound(err) {
		return false, nil
	}

	return owner != r.userID, err
}

// removeProviders disconnects the provider accounts that were connected since.
func (r *restoration) removeProviders(ctx context.Context) error {
	for _, p := range r.now.Providers {
		if r.before.hasProvider(p) {
			continue
		}

		gone, err := r.tx.DeleteProviderAccount(ctx, db.DeleteProviderAccountParams{UserID: r.userID, Provider: p.Provider, Uid: p.UID})
		if err != nil {
			return err
		}

		r.result.Removed = append(r.result.Removed, gone)
	}

	return nil
}

// returnProviders connects the provider accounts that were disconnected since. Their grants
// were revoked, and do not come back.
func (r *restoration) returnProviders(ctx context.Context) error {
	for _, p := range r.before.Providers {
		if r.now.hasProvider(p) {
			continue
		}

		stored, err := r.tx.InsertProviderAccountBack(ctx, p.row)
		if err != nil {
			return err
		}

		if stored == 0 {
			r.skip(SkippedProvider, p.Provider)
		}
	}

	return nil
}

// removeFactors removes the passkeys that were added since, the TOTP authenticator and the
// recovery codes.
func (r *restoration) removeFactors(ctx context.Context) error {
	var added []int64
	for _, key := range r.now.Passkeys {
		if !r.before.hasPasskey(key.ID) {
			added = append(added, key.ID)
		}
	}

	_, err := r.tx.DeleteWebAuthnAuthenticators(ctx, db.DeleteWebAuthnAuthenticatorsParams{UserID: r.userID, Ids: added})
	if err != nil {
		return err
	}

	for _, kind := range []string{"totp", "recovery_codes"} {
		_, err := r.tx.DeleteAuthenticators(ctx, db.DeleteAuthenticatorsParams{UserID: r.userID, Type: kind})
		if err != nil {
			return err
		}
	}

	return nil
}

// returnPasskeys stores the passkeys that were removed since.
func (r *restoration) returnPasskeys(ctx context.Context) error {
	for _, key := range r.before.Passkeys {
		if r.now.hasPasskey(key.ID) {
			continue
		}

		id, err := r.returnAuthenticator(ctx, key)
		if err != nil {
			return err
		}

		stored, err := r.tx.InsertWebAuthnCredentialBack(ctx, db.InsertWebAuthnCredentialBackParams{Row: key.Credential, AuthenticatorID: id})
		if err != nil {
			return err
		}

		if stored > 0 {
			continue
		}

		r.skip(SkippedPasskey, "")

		_, err = r.tx.DeleteWebAuthnAuthenticators(ctx, db.DeleteWebAuthnAuthenticatorsParams{UserID: r.userID, Ids: []int64{id}})
		if err != nil {
			return err
		}
	}

	return nil
}

// returnAuthenticator stores the authenticator of a passkey, and returns its id: the one that it had,
// unless another authenticator has that by now.
//
// Security: a credential is stored under the id that was stored here, never under that of another
// user's authenticator (TestUndo_aPasskeyWhoseIDIsTakenComesBackUnderAnotherOne).
func (r *restoration) returnAuthenticator(ctx context.Context, key Passkey) (int64, error) {
	tried := false
	draw := func() int64 {
		if tried {
			return secret.ID31()
		}

		tried = true

		return key.ID
	}

	return secret.Unique(draw, func(id int64) (bool, error) {
		n, err := r.tx.InsertAuthenticatorBack(ctx, db.InsertAuthenticatorBackParams{Row: key.Authenticator, ID: id})

		return n == 1, err
	})
}
