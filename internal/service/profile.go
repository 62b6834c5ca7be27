package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
)

type profile struct{ account *account.Account }

func (p profile) GetProfile(ctx context.Context, _ api.GetProfileRequestObject) (api.GetProfileResponseObject, error) {
	return api.GetProfile200JSONResponse(toProfile(caller.From(ctx).Session)), nil
}

func (p profile) UpdateProfile(ctx context.Context, r api.UpdateProfileRequestObject) (api.UpdateProfileResponseObject, error) {
	after, err := p.account.UpdateProfile(ctx, caller.From(ctx), r.Body.Display)
	if err != nil {
		return nil, err
	}

	return api.UpdateProfile200JSONResponse(toProfile(&after)), nil
}
