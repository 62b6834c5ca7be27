package authenticator

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// User returns the user of a ceremony with their keys. It creates a handle if the user has none.
func (a *Authenticators) User(ctx context.Context, tx postgres.Tx, userID int64, name, display string) (factor.WebAuthnUser, error) {
	handle, err := tx.FindUserWebAuthnHandle(ctx, userID)
	if err == nil && handle == nil {
		handle, err = tx.UpdateUserWebAuthnHandle(ctx, db.UpdateUserWebAuthnHandleParams{ID: userID, Handle: factor.NewHandle()})
	}

	if err != nil {
		return factor.WebAuthnUser{}, err
	}

	rows, err := tx.ListWebAuthnCredentials(ctx, db.ListWebAuthnCredentialsParams{UserID: userID, Most: MostKeys})
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

// UseCredential stores the counter and the flags of a verified answer, and returns the factor that it
// belongs to. The statement compares the counter again: of two parallel answers with one count, one is
// accepted.
func (a *Authenticators) UseCredential(ctx context.Context, tx postgres.Tx, userID int64, used factor.Asserted) (Proof, error) {
	id, err := tx.UpdateWebAuthnCredential(ctx, db.UpdateWebAuthnCredentialParams{
		UserID: userID, CredentialID: used.CredentialID, SignCount: int64(used.NewSignCount), BackupEligible: used.BackupEligible, BackupState: used.BackupState,
	})
	if postgres.IsNotFound(err) {
		return Proof{}, factor.ErrCounter
	}

	if err != nil {
		return Proof{}, err
	}

	if err := tx.UpdateAuthenticatorsForgiven(ctx, userID); err != nil {
		return Proof{}, err
	}

	return Proof{id, factor.WebAuthn, used.BecameEligible}, tx.MarkAuthenticatorUsed(ctx, db.MarkAuthenticatorUsedParams{ID: id, Now: tx.Now})
}

// Passkey is a verified sign-in with a passkey.
type Passkey struct {
	Proof
	UserID       int64
	PasswordHash *string
}

// FindPasskey verifies the answer of a sign-in with a passkey, and finds its user.
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

// Rename renames a key. It reports false if the key is not the user's.
func (a *Authenticators) Rename(ctx context.Context, tx postgres.Tx, userID, id int64, name string) (Listed, bool, error) {
	row, err := tx.UpdateAuthenticatorName(ctx, db.UpdateAuthenticatorNameParams{ID: id, UserID: userID, Name: name})
	if postgres.IsNotFound(err) {
		return Listed{}, false, nil
	}

	if err != nil {
		return Listed{}, false, err
	}

	renamed := shown(row)
	renamed.Passwordless, err = tx.FindPasswordless(ctx, id)

	return renamed, true, err
}

// RemoveCredentials removes keys, and returns how many of them belonged to the user.
func (a *Authenticators) RemoveCredentials(ctx context.Context, tx postgres.Tx, userID int64, ids []int64) (int, error) {
	gone, err := tx.DeleteWebAuthnAuthenticators(ctx, db.DeleteWebAuthnAuthenticatorsParams{UserID: userID, Ids: ids})
	if err != nil {
		return 0, err
	}

	return len(gone), tidy(ctx, tx, userID)
}

// IsIncorrect reports whether an error is about the code or answer of a client, and not about the server.
func IsIncorrect(err error) bool { return errors.Is(err, factor.ErrIncorrect) }
