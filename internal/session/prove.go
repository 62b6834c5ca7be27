package session

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// mostMethods is how many proofs a session remembers. The list grows with every proof,
// which is how clients notice one.
const mostMethods = 50

// Values of [Method.Method].
const (
	ByPassword     = "password"
	BySecondFactor = "mfa"
	ByCode         = "code"
	ByProvider     = "socialaccount"
	// BySignUp is the making of an account by the user of this session. Answers do not show it.
	BySignUp = "signup"
)

// LastProof is when the last proof in a list was given, in seconds since the Unix epoch; 0 for
// none. It is the age of a sign-in: neither a refresh nor an import renews it.
func LastProof(list []Method) float64 {
	last := 0.0
	for _, m := range list {
		last = max(last, m.At)
	}

	return last
}

// Methods are the proofs that were given in a session. What cannot be read proves nothing.
func Methods(d *Details) []Method {
	var list []Method
	_ = json.Unmarshal(d.Methods, &list)
	return list
}

// Prove notes a proof that a signed-in person gives, now unless m says when, and returns the
// session after that. The session must be held; see [Hold].
func Prove(ctx context.Context, tx postgres.Tx, id uuid.UUID, m Method) (Details, error) {
	d, err := tx.FindSession(ctx, id)
	if err != nil {
		return d, err
	}
	if m.At == 0 {
		m.At = Epoch(tx.Now)
	}

	list := append(Methods(&d), m)
	if extra := len(list) - mostMethods; extra > 0 {
		list = slices.Delete(list, 1, 1+extra) // how they signed in stays
	}
	if d.Methods, err = json.Marshal(list); err != nil {
		return d, err
	}
	return d, tx.UpdateSessionMethods(ctx, db.UpdateSessionMethodsParams{ID: d.ID, Methods: d.Methods})
}

// Hold locks a person and then their session, and returns an [EndedError] where that is over:
// what was asked of it may have waited for the very change that ended it.
//
// Race: the person before their sessions, as wherever sessions are ended: a password that
// changes ends them, and a sign-in the oldest of them, and both hold the person
// (TestTRACE_thePersonComesBeforeTheirSessions).
func Hold(ctx context.Context, tx postgres.Tx, userID int64, id uuid.UUID) error {
	if _, err := tx.LockUserForSignIn(ctx, userID); err != nil {
		return orEnded(err)
	}
	if _, err := tx.LockSession(ctx, id); err != nil {
		return orEnded(err)
	}
	d, err := tx.FindSession(ctx, id)
	if err != nil {
		return orEnded(err)
	}
	if dead := Alive(&d, tx.Now); dead != nil {
		return EndedError{dead}
	}
	return nil
}

// orEnded turns a row that is gone into the end that it is.
func orEnded(err error) error {
	if postgres.IsNotFound(err) {
		return EndedError{}
	}
	return err
}

// EndedError says that the session of a request has ended while the request waited; nil:
// with the account.
type EndedError struct{ Why *problem.Problem }

// Error is for logs.
func (e EndedError) Error() string {
	if e.Why == nil {
		return "the session is gone"
	}
	return "the session has ended: " + e.Why.Code
}
