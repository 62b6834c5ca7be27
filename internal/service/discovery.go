package service

import (
	"context"
	"encoding/json"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/token"
)

type discovery struct {
	ring *token.Keyring
	spec json.RawMessage
}

func (d discovery) GetKeySet(context.Context, api.GetKeySetRequestObject) (api.GetKeySetResponseObject, error) {
	return api.GetKeySet200JSONResponse{
		Body:    toKeySet(d.ring.Public()),
		Headers: api.GetKeySet200ResponseHeaders{CacheControl: "public, max-age=300"},
	}, nil
}

func (d discovery) GetSpecification(context.Context, api.GetSpecificationRequestObject) (api.GetSpecificationResponseObject, error) {
	return api.GetSpecification200JSONResponse(d.spec), nil
}
