package authenticator

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Person is whom a ceremony is for, with their keys. A handle is made where they have none.
func (a *Authenticators) Person(ctx context.Context, tx postgres.Tx, userID int64, name, display string) (factor.WebAuthnUser, error) {
	handle, err := tx.FindUserWebAuthnHandle(ctx, userID)
	if err == nil && handle == nil {
		handle, err = tx.UpdateUserWebAuthnHandle(ctx, db.UpdateUserWebAuthnHandleParams{ID: userID, Handle: factor.NewHandle()})
	}
	if err != nil {
		return factor.WebAuthnUser{}, err
	}
	rows, err := tx.ListWebAuthnCredentials(ctx, userID)
	if err != nil {
		return factor.WebAuthnUser{}, err
	}
	u := factor.WebAuthnUser{Handle: handle, Name: name, Display: display}
	for _, row := range rows {
		u.Credentials = append(u.Credentials, credential(row))
	}
	return u, nil
}

func credential(row db.WebauthnCredential) factor.Credential {
	return factor.Credential{
		ID: row.CredentialID, PublicKey: row.PublicKey, SignCount: uint32(row.SignCount), AAGUID: row.Aaguid, //nolint:gosec // checked by the table
		Transports: row.Transports, BackupEligible: row.BackupEligible, BackupState: row.BackupState, Passwordless: row.Passwordless,
	}
}

// AddCredential stores a key. It returns factor.ErrIncorrect where somebody has it already.
// The person's row must be locked.
func (a *Authenticators) AddCredential(ctx context.Context, tx postgres.Tx, userID int64, name string, c factor.Credential) (Listed, error) {
	rows, err := tx.ListAuthenticators(ctx, userID)
	if err != nil {
		return Listed{}, err
	}
	if name == "" {
		name = invent(rows)
	}
	row := db.Authenticator{ID: secret.ID52(), UserID: userID, Type: factor.WebAuthn, Name: name, CreatedAt: tx.Now}
	if err := tx.InsertAuthenticator(ctx, db.InsertAuthenticatorParams{ID: row.ID, UserID: userID, Type: row.Type, Name: name, Now: tx.Now}); err != nil {
		return Listed{}, err
	}
	if c.Transports == nil {
		c.Transports = []string{}
	}
	n, err := tx.InsertWebAuthnCredential(ctx, db.InsertWebAuthnCredentialParams{
		AuthenticatorID: row.ID, CredentialID: c.ID, PublicKey: c.PublicKey, SignCount: int64(c.SignCount), Aaguid: c.AAGUID,
		Transports: c.Transports, BackupEligible: c.BackupEligible, BackupState: c.BackupState, Passwordless: c.Passwordless,
	})
	if err != nil {
		return Listed{}, err
	}
	if n == 0 { // the refusal is committed, so nothing may be left behind
		ids := []int64{row.ID}
		if _, err := tx.DeleteWebAuthnAuthenticators(ctx, db.DeleteWebAuthnAuthenticatorsParams{UserID: userID, Ids: ids}); err != nil {
			return Listed{}, err
		}
		return Listed{}, fmt.Errorf("%w: somebody has this key already", factor.ErrIncorrect)
	}
	added := shown(row)
	added.Passwordless = c.Passwordless
	return added, nil
}

// Accompany makes recovery codes along with the first factor, and reports whether it did.
func (a *Authenticators) Accompany(ctx context.Context, tx postgres.Tx, userID int64) (bool, error) {
	rows, err := tx.ListAuthenticators(ctx, userID)
	if err != nil {
		return false, err
	}
	return a.accompany(ctx, tx, userID, rows)
}

// invent names a key that its person has not named.
func invent(rows []db.Authenticator) string {
	keys := 0
	for _, row := range rows {
		if row.Type == factor.WebAuthn {
			keys++
		}
	}
	switch keys {
	case 0:
		return "Master key"
	case 1:
		return "Backup key"
	}
	return fmt.Sprintf("Backup key %d", keys)
}

// UseCredential stores what a good answer says about a key, and returns whose factor it is.
//
// Race: the counter decides in the database, too: of two answers with one count, one is
// good.
func (a *Authenticators) UseCredential(ctx context.Context, tx postgres.Tx, userID int64, used factor.Asserted) (Proof, error) {
	rows, err := tx.ListWebAuthnCredentials(ctx, userID)
	if err != nil {
		return Proof{}, err
	}
	for _, row := range rows {
		if string(row.CredentialID) != string(used.CredentialID) {
			continue
		}
		n, err := tx.UpdateWebAuthnCredential(ctx, db.UpdateWebAuthnCredentialParams{
			AuthenticatorID: row.AuthenticatorID, SignCount: int64(used.NewSignCount), BackupEligible: used.BackupEligible, BackupState: used.BackupState,
		})
		if err != nil {
			return Proof{}, err
		}
		if n == 0 {
			return Proof{}, factor.ErrCounter
		}
		if err := tx.UpdateAuthenticatorsForgiven(ctx, userID); err != nil {
			return Proof{}, err
		}
		proof := Proof{row.AuthenticatorID, factor.WebAuthn, used.BecameEligible}
		return proof, tx.MarkAuthenticatorUsed(ctx, db.MarkAuthenticatorUsedParams{ID: row.AuthenticatorID, Now: tx.Now})
	}
	return Proof{}, factor.ErrIncorrect
}

// Passkey is somebody who signs in with a passkey.
type Passkey struct {
	Proof
	UserID       int64
	PasswordHash *string
}

// FindPasskey judges the answer to a sign-in by passkey, and finds out whose it is.
func (a *Authenticators) FindPasskey(ctx context.Context, tx postgres.Tx, c factor.Ceremony, answer []byte) (Passkey, error) {
	var found db.FindPasskeyRow
	used, err := a.FinishPasskey(c, func(handle, id []byte) (factor.WebAuthnUser, factor.Credential, error) {
		var err error
		found, err = tx.FindPasskey(ctx, db.FindPasskeyParams{CredentialID: id, Handle: handle})
		if postgres.IsNotFound(err) {
			return factor.WebAuthnUser{}, factor.Credential{}, factor.ErrIncorrect
		}
		key := factor.Credential{
			ID: found.CredentialID, PublicKey: found.PublicKey, SignCount: uint32(found.SignCount), AAGUID: found.Aaguid, //nolint:gosec // checked by the table
			Transports: found.Transports, BackupEligible: found.BackupEligible, BackupState: found.BackupState, Passwordless: found.Passwordless,
		}
		return factor.WebAuthnUser{Handle: handle, Display: found.Display, Credentials: []factor.Credential{key}}, key, err
	}, answer, tx.Now)
	if err == nil && found.DisabledAt != nil {
		err = factor.ErrIncorrect
	}
	if err == nil {
		if _, err = tx.LockUserForSignIn(ctx, found.UserID); postgres.IsNotFound(err) { // gone in this moment
			err = factor.ErrIncorrect
		}
	}
	if err != nil {
		return Passkey{UserID: found.UserID}, err // whose it is, for the audit log; 0 if nobody's
	}
	proof, err := a.UseCredential(ctx, tx, found.UserID, used)
	return Passkey{proof, found.UserID, found.PasswordHash}, err
}

// Rename names a key. It reports false where it is not the person's.
func (a *Authenticators) Rename(ctx context.Context, tx postgres.Tx, userID, id int64, name string) (Listed, bool, error) {
	row, err := tx.UpdateAuthenticatorName(ctx, db.UpdateAuthenticatorNameParams{ID: id, UserID: userID, Name: name})
	if postgres.IsNotFound(err) {
		return Listed{}, false, nil
	}
	if err != nil {
		return Listed{}, false, err
	}
	list, err := a.List(ctx, tx.Queries, userID)
	for _, l := range list {
		if l.ID == row.ID {
			return l, true, err
		}
	}
	return Listed{}, false, err
}

// RemoveCredentials removes keys, and returns how many of them were the person's.
func (a *Authenticators) RemoveCredentials(ctx context.Context, tx postgres.Tx, userID int64, ids []int64) (int, error) {
	gone, err := tx.DeleteWebAuthnAuthenticators(ctx, db.DeleteWebAuthnAuthenticatorsParams{UserID: userID, Ids: ids})
	if err != nil {
		return 0, err
	}
	return len(gone), tidy(ctx, tx, userID)
}

// IsIncorrect reports whether an error is about what somebody has shown, and not ours.
func IsIncorrect(err error) bool { return errors.Is(err, factor.ErrIncorrect) }
