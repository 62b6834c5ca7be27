package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type authentication struct{ flow *flow.Flow }

func (a authentication) Signup(ctx context.Context, r api.SignupRequestObject) (api.SignupResponseObject, error) {
	e, err := a.flow.Signup(ctx, caller.From(ctx), flow.Signup{Email: r.Body.Email, Password: r.Body.Password})
	if err != nil {
		return nil, err
	}
	return api.Signup200JSONResponse(toAuthenticated(e)), nil
}

func (a authentication) Login(ctx context.Context, r api.LoginRequestObject) (api.LoginResponseObject, error) {
	e, err := a.flow.Login(ctx, caller.From(ctx), flow.Login{Email: r.Body.Email, Password: r.Body.Password})
	if err != nil {
		return nil, err
	}
	return api.Login200JSONResponse(toAuthenticated(e)), nil
}

func (a authentication) GetSession(ctx context.Context, _ api.GetSessionRequestObject) (api.GetSessionResponseObject, error) {
	who := caller.From(ctx)
	if !who.SignedIn() {
		return nil, a.flow.Anonymous(who)
	}
	return api.GetSession200JSONResponse(toSession(who.Session)), nil
}

func (a authentication) EndSession(ctx context.Context, _ api.EndSessionRequestObject) (api.EndSessionResponseObject, error) {
	return nil, a.flow.Logout(ctx, caller.From(ctx))
}
