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

// Methods are the proofs that were given in a session. What cannot be read proves nothing.
func Methods(d *Details) []Method {
	var list []Method
	_ = json.Unmarshal(d.Methods, &list)
	return list
}

// Prove notes a proof that a signed-in person gives, now. It returns the session after
// that, and why it has ended where it has. The session must be locked.
func Prove(ctx context.Context, tx postgres.Tx, id uuid.UUID, m Method) (Details, *problem.Problem, error) {
	d, err := tx.FindSession(ctx, id)
	if err != nil {
		return d, nil, err
	}
	if dead := Alive(&d, tx.Now); dead != nil {
		return d, dead, nil
	}
	m.At = Epoch(tx.Now)
	list := append(Methods(&d), m)
	if extra := len(list) - mostMethods; extra > 0 {
		list = slices.Delete(list, 1, 1+extra) // how they signed in stays
	}
	if d.Methods, err = json.Marshal(list); err != nil {
		return d, nil, err
	}
	return d, nil, tx.UpdateSessionMethods(ctx, db.UpdateSessionMethodsParams{ID: d.ID, Methods: d.Methods})
}

// Lock locks a session and tells why it has ended; nil where it has not. What was asked of
// it before may have waited for the very change that ended it.
func Lock(ctx context.Context, tx postgres.Tx, id uuid.UUID) (*problem.Problem, error) {
	if _, err := tx.LockSession(ctx, id); err != nil {
		return nil, err
	}
	d, err := tx.FindSession(ctx, id)
	if err != nil {
		return nil, err
	}
	return Alive(&d, tx.Now), nil
}

// EndedError says that the session of a request has ended while the request waited.
type EndedError struct{ Why *problem.Problem }

// Error is for logs.
func (e EndedError) Error() string { return "the session has ended: " + e.Why.Code }
