package flow

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// store stores a user under an id and a subject that no other user has, and that none had before, and
// returns the id. Where the user is not wanted it stores nothing.
func store(ctx context.Context, tx postgres.Tx, kind userid.Kind, user db.InsertUserParams) (int64, error) {
	draw, subject := secret.ID52, func() *string { return nil }
	switch kind {
	case userid.Int31:
		draw = secret.Upper31
	case userid.Int63:
		draw = secret.Upper63
	case userid.UUID:
		subject = func() *string { return some(secret.UUID()) }
	case userid.Text:
		subject = func() *string { return some(secret.Letters()) }
	}

	return secret.Unique(draw, func(id int64) (bool, error) {
		user.ID, user.Subject = id, subject()
		stored, err := tx.InsertUser(ctx, user)

		return stored == 1 || !user.Wanted, err
	})
}
