package service

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/undo"
)

type undos struct {
	undo *undo.Undo
	flow *flow.Flow
}

func (u undos) GetAccountUndo(ctx context.Context, r api.GetAccountUndoRequestObject) (api.GetAccountUndoResponseObject, error) {
	shown, err := u.undo.Show(ctx, r.Params.XAccountUndoKey)
	if err != nil {
		return nil, err
	}

	data := api.AccountUndo{
		Account: shown.Account, Changes: []api.AccountChange{}, ExpiresAt: session.Epoch(shown.ExpiresAt),
		EarlierChanges: int32(shown.Earlier), //nolint:gosec // a count of rows
	}
	for _, c := range shown.Changes {
		data.Changes = append(data.Changes, api.AccountChange{
			Change: c.Kind, At: session.Epoch(c.ChangedAt), Platform: c.Platform, Network: c.Network,
		})
	}

	return api.GetAccountUndo200JSONResponse{Status: 200, Data: data}, nil
}

// UndoAccountChanges starts the password reset, too, where that is by code: a code belongs to a
// session of the client.
func (u undos) UndoAccountChanges(ctx context.Context, r api.UndoAccountChangesRequestObject) (api.UndoAccountChangesResponseObject, error) {
	device := caller.From(ctx).Device

	done, err := u.undo.Do(ctx, device, r.Body.Key)
	if err != nil {
		return nil, err
	}

	answer := api.UndoAccountChanges200JSONResponse{Status: 200, Data: toUndone(done)}
	if done.ResetAddress == "" || done.LinkSent {
		return answer, nil
	}

	// The account is restored by now. Where the database went away since, the answer says so all
	// the same, and the client asks for a code later.
	token, err := u.flow.ResetRestored(ctx, device, done.ResetAddress)
	if err != nil && !errors.Is(err, problem.TemporarilyUnavailable) {
		return nil, err
	}

	if token != "" {
		answer.Data.PasswordReset, answer.Data.ResetEmail = "code", email.Short(done.ResetAddress)
		answer.Meta.SessionToken = token
	}

	return answer, nil
}

func toUndone(done undo.Done) api.AccountUndone {
	shown := api.AccountUndone{
		Account: done.Account, NotRestored: []api.NotRestored{}, EarlierChangesKept: done.Earlier, PasswordReset: "none",
	}
	for _, s := range done.Skipped {
		shown.NotRestored = append(shown.NotRestored, api.NotRestored{Type: s.Kind, Value: s.Value})
	}

	switch {
	case done.LinkSent:
		shown.PasswordReset, shown.ResetEmail = "link", email.Short(done.ResetAddress)
	case done.ResetAddress != "":
		shown.PasswordReset = "request"
	}

	return shown
}
