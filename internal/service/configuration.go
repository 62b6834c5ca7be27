package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type configuration struct{ settings flow.Settings }

func (c configuration) GetConfig(context.Context, api.GetConfigRequestObject) (api.GetConfigResponseObject, error) {
	return api.GetConfig200JSONResponse{Status: 200, Data: api.Config{Account: api.AccountConfig{
		LoginMethods:         c.settings.LoginMethods,
		IsOpenForSignup:      c.settings.SignupOpen,
		AuthenticationMethod: "email",
	}}}, nil
}
