package flow

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// KnownDevice finds the session that a device shows a secret of: a device token, or a refresh
// or session token, also of a session that has ended. One that was ended because its refresh
// token was stolen does not count. It is the zero value for anything else.
//
// Security: the secret only chooses the budget that wrong guesses are counted in. It proves
// nothing else (TestKnownDevice_itsTokenSignsNobodyIn).
func (f *Flow) KnownDevice(ctx context.Context, shown string) (caller.Known, error) {
	find, ours, err := f.deviceShown(shown)
	if err != nil || !ours {
		return caller.Known{}, err
	}

	find.Since = f.DB.Now().Add(-session.KnownFor)
	row, err := f.DB.FindKnownDevice(ctx, find)
	if postgres.IsNotFound(err) {
		return caller.Known{}, nil
	}

	return caller.Known{Session: row.ID, UserID: row.UserID}, err
}

// deviceShown reads the header X-Latchkey-Device. It reports false for what is no secret of ours.
func (f *Flow) deviceShown(text string) (find db.FindKnownDeviceParams, shown bool, err error) {
	if id, ok := f.Devices.Session(text); ok {
		return db.FindKnownDeviceParams{ID: &id}, true, nil
	}
	if strings.HasPrefix(text, secret.SessionTokenPrefix) {
		return db.FindKnownDeviceParams{TokenHash: secret.Hash(text)}, true, nil
	}
	if text == "" {
		return find, false, nil
	}

	claims, err := f.Verifier.Refresh(text)
	if errors.Is(err, token.ErrInvalid) {
		return find, false, nil
	}

	return db.FindKnownDeviceParams{ID: &claims.SessionID}, err == nil, err
}

// guesses says what a guess at something of a user counts for.
type guesses struct {
	actions []limit.Action
	subject limit.Subject
	// known is what it counts for instead on a known device of the user.
	known  limit.Action
	userID int64
}

// takeGuess counts a guess before it is made: of many at once no more are made than are left.
// A known device takes from its own budget and, when that is used up, from the common one.
func (f *Flow) takeGuess(ctx context.Context, who caller.Caller, g guesses) (counted, error) {
	device := who.Known.Of(g.userID)
	if device == (uuid.UUID{}) {
		return f.takeAll(ctx, g.actions, g.subject)
	}

	taken, err := f.Limiter.Take(ctx, g.known, limit.Subject{Address: who.Device.Address, UserID: g.userID, Session: device})
	if errors.Is(err, problem.TooManyRequests) {
		return f.takeAll(ctx, g.actions, g.subject)
	}

	return counted{taken}, err
}
