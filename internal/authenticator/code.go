package authenticator

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Proof is a factor that was verified.
type Proof struct {
	ID   int64
	Type string
	// BecameEligible: the key was not eligible for backup before, and is now.
	BecameEligible bool
}

// mostMisses is how many wrong codes in a row a factor stands. After that it needs another
// one, of any kind, to be right (SEC-54).
const mostMisses = 100

// Try verifies a code against the factors of a user, and marks it as used. Of two parallel requests with one code,
// one succeeds: the statements decide. Lock the user's row first: the count of wrong codes is exact then.
func (a *Authenticators) Try(ctx context.Context, tx postgres.Tx, userID int64, typed string) (Proof, bool, error) {
	rows, err := tx.ListAuthenticators(ctx, userID)
	if err != nil {
		return Proof{}, false, err
	}

	for _, row := range rows {
		if row.Type == factor.WebAuthn || row.Misses >= mostMisses {
			continue
		}

		right, err := a.use(ctx, tx, row, typed)
		if err != nil {
			return Proof{}, false, err
		}

		if right {
			return Proof{ID: row.ID, Type: row.Type}, true, tx.UpdateAuthenticatorsForgiven(ctx, userID)
		}
	}

	return Proof{}, false, a.miss(ctx, tx, userID, typed)
}

// use reports whether a code is that of an authenticator, and marks it as used.
func (a *Authenticators) use(ctx context.Context, tx postgres.Tx, row db.Authenticator, typed string) (bool, error) {
	var n int64
	if row.Type == factor.TOTP {
		seed, err := a.open(row)
		if err != nil {
			return false, err
		}

		step, ok := a.MatchTOTP(seed, typed, tx.Now)
		if !ok {
			return false, nil
		}

		n, err = tx.MarkTOTPUsed(ctx, db.MarkTOTPUsedParams{ID: row.ID, Step: step, Now: tx.Now})

		return n == 1, err
	}

	codes, err := a.codes(row)
	if err != nil {
		return false, err
	}

	index, ok := factor.MatchRecoveryCode(codes, uint64(row.Spent), typed) //nolint:gosec // a bit a code
	if !ok {
		return false, nil
	}

	n, err = tx.MarkRecoveryCodeUsed(ctx, db.MarkRecoveryCodeUsedParams{ID: row.ID, Bit: int64(1) << index, Now: tx.Now})

	return n == 1, err
}

// miss counts a wrong code for the factor that it looks like: who guesses at one must not
// use up the other, which is the way back.
func (a *Authenticators) miss(ctx context.Context, tx postgres.Tx, userID int64, typed string) error {
	n := len(factor.Clean(typed))
	if n == a.Settings.TOTPDigits {
		err := tx.UpdateAuthenticatorMisses(ctx, db.UpdateAuthenticatorMissesParams{UserID: userID, Type: factor.TOTP})
		if err != nil || n != a.Settings.RecoveryDigits {
			return err
		}
	}

	return tx.UpdateAuthenticatorMisses(ctx, db.UpdateAuthenticatorMissesParams{UserID: userID, Type: factor.RecoveryCodes})
}

// Setup is a TOTP authenticator that is being added.
type Setup struct{ Secret, URL string }

// setupLives is how long the secret of a TOTP authenticator that is being added is kept.
const setupLives = 15 * time.Minute

// StartTOTP makes a secret for a session. account is what authenticator apps show.
func (a *Authenticators) StartTOTP(ctx context.Context, tx postgres.Tx, session uuid.UUID, account string) (Setup, error) {
	seed := factor.NewTOTPSecret()
	text := factor.EncodeTOTPSecret(seed)
	err := a.keep(ctx, tx, question{session, AddTOTP, seed, tx.Now.Add(setupLives)})

	return Setup{text, a.TOTPURL(text, account)}, err
}

// addition is a TOTP authenticator that may be added: its code was right.
type addition struct {
	seed []byte
	step int64
	// before are the authenticators that the user has.
	before []db.Authenticator
}

// CheckTOTP returns what keeps a code from adding the authenticator that a session has begun to
// add; nil for nothing. It writes nothing.
func (a *Authenticators) CheckTOTP(ctx context.Context, tx postgres.Tx, session uuid.UUID, userID int64, typed string) (*problem.Problem, error) {
	_, refusal, err := a.verifyAddition(ctx, tx, session, userID, typed)
	return refusal, err
}

func (a *Authenticators) verifyAddition(ctx context.Context, tx postgres.Tx, session uuid.UUID, userID int64, typed string) (addition, *problem.Problem, error) {
	var found addition

	var err error
	if found.before, err = tx.ListAuthenticators(ctx, userID); err != nil {
		return found, nil, err
	}

	for _, row := range found.before {
		if row.Type == factor.TOTP {
			return found, problem.AuthenticatorExists, nil
		}
	}

	sealed, err := tx.FindCeremony(ctx, db.FindCeremonyParams{SessionID: session, Purpose: AddTOTP, Now: tx.Now})
	if postgres.IsNotFound(err) {
		return found, problem.FlowNotPending, nil
	}

	if err != nil {
		return found, nil, err
	}

	found.seed, err = a.passing.Open(sealed, aboutQuestion(session, AddTOTP))
	if err != nil {
		return found, problem.FlowNotPending, nil // its key is gone: the client starts over
	}

	var right bool
	if found.step, right = a.MatchTOTP(found.seed, typed, tx.Now); !right {
		return found, problem.IncorrectCode.At("code"), nil
	}

	return found, nil, nil
}

// ActivateTOTP adds the authenticator that a session has begun to add, if the code is right. The user's row must be
// locked.
func (a *Authenticators) ActivateTOTP(ctx context.Context, tx postgres.Tx, session uuid.UUID, userID int64, typed string) (Listed, *problem.Problem, error) {
	verified, refusal, err := a.verifyAddition(ctx, tx, session, userID, typed)
	if err != nil || refusal != nil {
		return Listed{}, refusal, err
	}

	row, err := a.insert(ctx, tx, userID, factor.TOTP, verified.seed)
	if err != nil {
		return Listed{}, nil, err
	}

	// Security: the code that added it must not sign in (SEC-53,
	// TestDifferences_addingATOTPAuthenticatorIsItsFirstUse).
	if _, err := tx.MarkTOTPUsed(ctx, db.MarkTOTPUsedParams{ID: row.ID, Step: verified.step, Now: tx.Now}); err != nil {
		return Listed{}, nil, err
	}

	if _, err := tx.DeleteCeremony(ctx, db.DeleteCeremonyParams{SessionID: session, Purpose: AddTOTP}); err != nil {
		return Listed{}, nil, err
	}

	added := shown(row)
	added.LastUsedAt = nil
	added.CodesMade, err = a.accompany(ctx, tx, userID, verified.before)

	return added, nil, err
}

// accompany makes recovery codes along with a factor where there are none.
func (a *Authenticators) accompany(ctx context.Context, tx postgres.Tx, userID int64, before []db.Authenticator) (bool, error) {
	if !a.Supports(factor.RecoveryCodes) {
		return false, nil
	}

	for _, row := range before {
		if row.Type == factor.RecoveryCodes {
			return false, nil
		}
	}

	_, err := a.insert(ctx, tx, userID, factor.RecoveryCodes, factor.EncodeRecoveryCodes(a.NewRecoveryCodes()))

	return err == nil, err
}

// Codes are the recovery codes of a user.
type Codes struct {
	Listed
	// Left are those that are unused; nil where they can be shown no more.
	Left []string
}

// RecoveryCodes returns the unused recovery codes of a user, and false if the user has no set.
func (a *Authenticators) RecoveryCodes(ctx context.Context, tx postgres.Tx, userID int64) (Codes, bool, error) {
	row, err := tx.FindAuthenticator(ctx, db.FindAuthenticatorParams{UserID: userID, Type: factor.RecoveryCodes})
	if postgres.IsNotFound(err) {
		return Codes{}, false, nil
	}

	if err != nil {
		return Codes{}, false, err
	}

	shown, err := a.show(ctx, tx, row)

	return shown, true, err
}

func (a *Authenticators) show(ctx context.Context, tx postgres.Tx, row db.Authenticator) (Codes, error) {
	all, err := a.codes(row)
	if err != nil {
		return Codes{}, err
	}

	left := factor.Unused(all, uint64(row.Spent)) //nolint:gosec // a bit a code
	c := Codes{shown(row), left}

	c.Total, c.Unused = len(all), len(left)
	if a.Settings.RecoveryShowOnce && row.ViewedAt != nil {
		c.Left = nil
		return c, nil
	}

	return c, tx.MarkRecoveryCodesViewed(ctx, db.MarkRecoveryCodesViewedParams{ID: row.ID, Now: tx.Now})
}

// GenerateRecoveryCodes replaces the recovery codes of a user. It reports false if the user has no other factor. The
// user's row must be locked.
func (a *Authenticators) GenerateRecoveryCodes(ctx context.Context, tx postgres.Tx, userID int64) (Codes, bool, error) {
	able, err := a.CanGenerateCodes(ctx, tx, userID)
	if err != nil || !able {
		return Codes{}, false, err
	}

	if _, err := tx.DeleteAuthenticators(ctx, db.DeleteAuthenticatorsParams{UserID: userID, Type: factor.RecoveryCodes}); err != nil {
		return Codes{}, false, err
	}

	row, err := a.insert(ctx, tx, userID, factor.RecoveryCodes, factor.EncodeRecoveryCodes(a.NewRecoveryCodes()))
	if err != nil {
		return Codes{}, false, err
	}

	codes, err := a.show(ctx, tx, row)

	return codes, true, err
}

// CanGenerateCodes reports whether a user may have recovery codes: one with another factor.
func (a *Authenticators) CanGenerateCodes(ctx context.Context, tx postgres.Tx, userID int64) (bool, error) {
	types, err := tx.ListAuthenticatorTypes(ctx, userID)
	return a.Supports(factor.RecoveryCodes) && Guards(types), err
}

// Guards reports whether these kinds include a second factor: recovery codes alone are none.
func Guards(types []string) bool {
	for _, kind := range types {
		if kind != factor.RecoveryCodes {
			return true
		}
	}

	return false
}

// RemoveTOTP removes the TOTP authenticator of a user, and reports whether there was one.
func (a *Authenticators) RemoveTOTP(ctx context.Context, tx postgres.Tx, userID int64) (bool, error) {
	gone, err := tx.DeleteAuthenticators(ctx, db.DeleteAuthenticatorsParams{UserID: userID, Type: factor.TOTP})
	if err != nil {
		return false, err
	}

	return len(gone) > 0, tidy(ctx, tx, userID)
}

// tidy removes recovery codes that nothing is left to recover.
func tidy(ctx context.Context, tx postgres.Tx, userID int64) error {
	types, err := tx.ListAuthenticatorTypes(ctx, userID)
	if err != nil || Guards(types) {
		return err
	}

	_, err = tx.DeleteAuthenticators(ctx, db.DeleteAuthenticatorsParams{UserID: userID, Type: factor.RecoveryCodes})

	return err
}
