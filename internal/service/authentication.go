package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type authentication struct{ flow *flow.Flow }

func (a authentication) Signup(ctx context.Context, r api.SignupRequestObject) (api.SignupResponseObject, error) {
	b := r.Body

	e, err := a.flow.Signup(ctx, caller.From(ctx), flow.Signup{Email: b.Email, Email2: b.Email2, Username: b.Username, Phone: b.Phone, Password: b.Password})
	if err != nil {
		return nil, err
	}

	return api.Signup200JSONResponse(toAuthenticated(e)), nil
}

func (a authentication) Login(ctx context.Context, r api.LoginRequestObject) (api.LoginResponseObject, error) {
	b := r.Body

	e, err := a.flow.Login(ctx, caller.From(ctx), flow.Login{Email: b.Email, Username: b.Username, Phone: b.Phone, Password: b.Password})
	if err != nil {
		return nil, err
	}

	return api.Login200JSONResponse(toAuthenticated(e)), nil
}

func (a authentication) GetSession(ctx context.Context, _ api.GetSessionRequestObject) (api.GetSessionResponseObject, error) {
	e, err := a.flow.CurrentSession(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.GetSession200JSONResponse(toAuthenticated(e)), nil
}

func (a authentication) EndSession(ctx context.Context, r api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	refreshToken := ""
	if r.Body != nil {
		refreshToken = r.Body.RefreshToken
	}

	return nil, a.flow.Logout(ctx, caller.From(ctx), refreshToken)
}

func (a authentication) RequestLoginCode(ctx context.Context, r api.RequestLoginCodeRequestObject) (api.RequestLoginCodeResponseObject, error) {
	e, err := a.flow.RequestLoginCode(ctx, caller.From(ctx), flow.CodeRequest{Email: r.Body.Email, Phone: r.Body.Phone})
	if err != nil {
		return nil, err
	}

	return api.RequestLoginCode200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (a authentication) ConfirmLoginCode(ctx context.Context, r api.ConfirmLoginCodeRequestObject) (api.ConfirmLoginCodeResponseObject, error) {
	e, err := a.flow.ConfirmLoginCode(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.ConfirmLoginCode200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (a authentication) ResendLoginCode(ctx context.Context, _ api.ResendLoginCodeRequestObject) (api.ResendLoginCodeResponseObject, error) {
	if err := a.flow.ResendLoginCode(ctx, caller.From(ctx)); err != nil {
		return nil, err
	}

	return api.ResendLoginCode200JSONResponse{DoneJSONResponse: done}, nil
}

func (a authentication) Reauthenticate(ctx context.Context, r api.ReauthenticateRequestObject) (api.ReauthenticateResponseObject, error) {
	e, err := a.flow.Reauthenticate(ctx, caller.From(ctx), r.Body.Password)
	if err != nil {
		return nil, err
	}

	return api.Reauthenticate200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (a authentication) RequestReauthenticationCode(ctx context.Context, _ api.RequestReauthenticationCodeRequestObject) (api.RequestReauthenticationCodeResponseObject, error) {
	if err := a.flow.RequestReauthenticationCode(ctx, caller.From(ctx)); err != nil {
		return nil, err
	}

	return api.RequestReauthenticationCode200JSONResponse{DoneJSONResponse: done}, nil
}

func (a authentication) ConfirmReauthenticationCode(ctx context.Context, r api.ConfirmReauthenticationCodeRequestObject) (api.ConfirmReauthenticationCodeResponseObject, error) {
	e, err := a.flow.ConfirmReauthenticationCode(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.ConfirmReauthenticationCode200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}
