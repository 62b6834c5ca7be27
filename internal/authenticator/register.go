package authenticator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// Registration is a key that a session adds to a user.
type Registration struct {
	Session uuid.UUID
	// Purpose is AddWebAuthn or SignupPasskey.
	Purpose string
	UserID  int64
	// Account and Display are the names that the device shows for the user. Passwordless says whether the key
	// can sign in alone. Only AskToRegister uses them.
	Account, Display string
	Passwordless     bool
}

// MostKeys is how many security keys and passkeys a user has at most. Options list all of
// them, so the number bounds the options, and what is stored of them.
const MostKeys = 20

// ErrTooMany says that the user has as many keys as there may be.
var ErrTooMany = errors.New("the user has the most security keys and passkeys already")

// AskToRegister returns creation options (WebAuthn Level 3, section 5.4), and keeps what they
// ask for.
func (a *Authenticators) AskToRegister(ctx context.Context, tx postgres.Tx, r Registration) (json.RawMessage, error) {
	user, err := a.User(ctx, tx, r.UserID, r.Account, r.Display)
	if err != nil {
		return nil, err
	}

	if len(user.Credentials) >= MostKeys {
		return nil, ErrTooMany
	}

	options, ceremony, err := a.StartRegistration(user, r.Passwordless, tx.Now)
	if err != nil {
		return nil, err
	}

	return options, a.Ask(ctx, tx, r.Session, r.Purpose, ceremony)
}

// HasMostKeys reports whether a user has as many keys as there may be.
func (a *Authenticators) HasMostKeys(ctx context.Context, tx postgres.Tx, userID int64) (bool, error) {
	rows, err := tx.ListAuthenticators(ctx, userID)
	return len(keysOf(rows)) >= MostKeys, err
}

// OwnsKeys reports whether all of the named keys are a user's.
func (a *Authenticators) OwnsKeys(ctx context.Context, tx postgres.Tx, userID int64, ids []int64) (bool, error) {
	rows, err := tx.ListAuthenticators(ctx, userID)

	own := keysOf(rows)
	for _, id := range ids {
		if !own[id] {
			return false, err
		}
	}

	return true, err
}

// keysOf are the ids of the security keys and passkeys among authenticators.
func keysOf(rows []db.Authenticator) map[int64]bool {
	keys := map[int64]bool{}
	for _, row := range rows {
		if row.Type == factor.WebAuthn {
			keys[row.ID] = true
		}
	}

	return keys
}

// CheckRegistration returns what keeps the answer to AskToRegister from adding a key: an error
// that IsIncorrect, or ErrTooMany; nil for nothing. It writes nothing, and the question stays.
func (a *Authenticators) CheckRegistration(ctx context.Context, tx postgres.Tx, r Registration, answer json.RawMessage) error {
	ceremony, found, err := a.asked(ctx, tx, r.Session, r.Purpose)
	if err != nil {
		return err
	}

	if !found {
		return errNothingAsked
	}

	user, err := a.User(ctx, tx, r.UserID, "", "") // who was asked has a handle: none is made
	if err != nil {
		return err
	}

	if len(user.Credentials) >= MostKeys {
		return ErrTooMany
	}

	_, err = a.FinishRegistration(ceremony, user, answer, tx.Now)

	return err
}

// errNothingAsked says that there is no question that an answer would be to.
var errNothingAsked = fmt.Errorf("%w: nothing was asked, or too long ago", factor.ErrIncorrect)

// Register verifies the answer to AskToRegister and stores the key, with recovery codes if the user has none. It
// returns an error for which IsIncorrect is true if the answer does not verify or a user already has the key, and
// ErrTooMany. The user's row must be locked.
func (a *Authenticators) Register(ctx context.Context, tx postgres.Tx, r Registration, name string, answer json.RawMessage) (Listed, error) {
	ceremony, found, err := a.Answered(ctx, tx, r.Session, r.Purpose)
	if err != nil {
		return Listed{}, err
	}

	if !found {
		return Listed{}, errNothingAsked
	}

	user, err := a.User(ctx, tx, r.UserID, "", "")
	if err != nil {
		return Listed{}, err
	}

	// Security: counted again. Two sessions may both have been asked for the last one
	// (TestPasskey_twentyKeysAreTheMost).
	if len(user.Credentials) >= MostKeys {
		return Listed{}, ErrTooMany
	}

	key, err := a.FinishRegistration(ceremony, user, answer, tx.Now)
	if err != nil {
		return Listed{}, err
	}

	before, err := tx.ListAuthenticators(ctx, r.UserID)
	if err != nil {
		return Listed{}, err
	}

	if name == "" {
		name = invent(before)
	}

	added, err := a.addKey(ctx, tx, r.UserID, name, key)
	if err != nil {
		return Listed{}, err
	}

	added.CodesMade, err = a.accompany(ctx, tx, r.UserID, before)

	return added, err
}

// addKey stores a key. It returns factor.ErrIncorrect if a user already has it.
func (a *Authenticators) addKey(ctx context.Context, tx postgres.Tx, userID int64, name string, c factor.Credential) (Listed, error) {
	row := db.Authenticator{UserID: userID, Type: factor.WebAuthn, Name: name, CreatedAt: tx.Now}
	if err := unique(ctx, tx, &row, func() {}); err != nil {
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

		return Listed{}, fmt.Errorf("%w: a user already has this key", factor.ErrIncorrect)
	}

	added := shown(row)
	added.Passwordless = c.Passwordless

	return added, nil
}

// invent returns a name for a key that the user has not named.
func invent(rows []db.Authenticator) string {
	keys := len(keysOf(rows))
	switch keys {
	case 0:
		return "Master key"
	case 1:
		return "Backup key"
	}

	return fmt.Sprintf("Backup key %d", keys)
}
