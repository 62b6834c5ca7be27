package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type passwords struct {
	account *account.Account
	flow    *flow.Flow
}

func (p passwords) RequestPasswordReset(ctx context.Context, r api.RequestPasswordResetRequestObject) (api.RequestPasswordResetResponseObject, error) {
	if err := p.flow.RequestPasswordReset(ctx, caller.From(ctx), r.Body.Email); err != nil {
		return nil, err
	}

	return api.RequestPasswordReset200JSONResponse{DoneJSONResponse: done}, nil
}

func (p passwords) GetPasswordReset(ctx context.Context, r api.GetPasswordResetRequestObject) (api.GetPasswordResetResponseObject, error) {
	user, err := p.flow.ShowPasswordReset(ctx, caller.From(ctx), r.Params.XPasswordResetKey)
	if err != nil {
		return nil, err
	}

	return api.GetPasswordReset200JSONResponse{Status: 200, Data: api.UserData{User: toUser(user)}}, nil
}

func (p passwords) ResetPassword(ctx context.Context, r api.ResetPasswordRequestObject) (api.ResetPasswordResponseObject, error) {
	e, err := p.flow.ResetPassword(ctx, caller.From(ctx), r.Body.Key, r.Body.Password)
	if err != nil {
		return nil, err
	}

	return api.ResetPassword200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p passwords) ChangePassword(ctx context.Context, r api.ChangePasswordRequestObject) (api.ChangePasswordResponseObject, error) {
	changed, err := p.account.ChangePassword(ctx, caller.From(ctx), toPasswordChange(r.Body))
	if err != nil {
		return nil, err
	}

	if changed.Out {
		return nil, p.flow.Anonymous(caller.Caller{})
	}

	e := flow.Shown(&changed.Session)
	e.SessionToken = changed.SessionToken

	return api.ChangePassword200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func toPasswordChange(b *api.ChangePasswordJSONRequestBody) account.PasswordChange {
	return account.PasswordChange{Current: b.CurrentPassword, New: b.NewPassword}
}
