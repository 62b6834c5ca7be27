package service

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/token"
)

type discovery struct {
	ring *token.Keyring
	spec api.JSONObject
	apps factor.Settings
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

// files may be kept for an hour: an app is installed once, and asks then.
const fileLives = "public, max-age=3600"

func (d discovery) GetAppleAppSiteAssociation(context.Context, api.GetAppleAppSiteAssociationRequestObject) (api.GetAppleAppSiteAssociationResponseObject, error) {
	text := d.apps.AppleSiteAssociation()
	if text == nil {
		return nil, problem.PathNotFound
	}
	var file api.JSONObject
	err := json.Unmarshal(text, &file)
	return api.GetAppleAppSiteAssociation200JSONResponse{Body: file, Headers: api.GetAppleAppSiteAssociation200ResponseHeaders{CacheControl: fileLives}}, err
}

func (d discovery) GetAssetLinks(context.Context, api.GetAssetLinksRequestObject) (api.GetAssetLinksResponseObject, error) {
	text := d.apps.AssetLinks()
	if text == nil {
		return nil, problem.PathNotFound
	}
	var file []api.JSONObject
	err := json.Unmarshal(text, &file)
	return api.GetAssetLinks200JSONResponse{Body: file, Headers: api.GetAssetLinks200ResponseHeaders{CacheControl: fileLives}}, err
}

// published is the embedded document without the hints for our Go generator.
func published() (api.JSONObject, error) {
	text, err := api.GetSpecJSON()
	if err != nil {
		return nil, err
	}
	var doc api.JSONObject
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	strip(map[string]any(doc))
	return doc, nil
}

func strip(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if name == "x-order" || strings.HasPrefix(name, "x-go-") {
				delete(v, name)
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}
