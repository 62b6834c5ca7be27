package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type tokens struct{ flow *flow.Flow }

func (t tokens) RefreshToken(ctx context.Context, r api.RefreshTokenRequestObject) (api.RefreshTokenResponseObject, error) {
	e, err := t.flow.Refresh(ctx, caller.From(ctx), flow.Refresh{Token: r.Body.Refresh, IdempotencyKey: r.Params.IdempotencyKey, Param: "refresh"})
	if err != nil {
		return nil, err
	}

	return api.RefreshToken200JSONResponse(toAuthenticated(e)), nil
}

func (t tokens) ExchangeSessionToken(ctx context.Context, r api.ExchangeSessionTokenRequestObject) (api.ExchangeSessionTokenResponseObject, error) {
	e, err := t.flow.Exchange(ctx, caller.From(ctx), r.Params.IdempotencyKey)
	if err != nil {
		return nil, err
	}

	return api.ExchangeSessionToken200JSONResponse(toAuthenticated(e)), nil
}

func (t tokens) RefreshTokenPair(ctx context.Context, r api.RefreshTokenPairRequestObject) (api.RefreshTokenPairResponseObject, error) {
	e, err := t.flow.Refresh(ctx, caller.From(ctx), flow.Refresh{Token: r.Body.RefreshToken, IdempotencyKey: r.Params.IdempotencyKey, Param: "refresh_token"})
	if err != nil {
		return nil, err
	}

	return api.RefreshTokenPair200JSONResponse{Status: 200, Data: api.TokenPair{AccessToken: e.AccessToken, RefreshToken: e.RefreshToken}}, nil
}
