package service

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// discovery answers what never changes with what was made at start.
type discovery struct {
	ring  *token.Keyring
	spec  api.JSONObject
	apple api.JSONObject   // nil: no app is set
	links []api.JSONObject // nil: no app is set
}

func newDiscovery(ring *token.Keyring, apps factor.Settings) (discovery, error) {
	d := discovery{ring: ring}
	var err error
	if d.spec, err = published(); err != nil {
		return d, err
	}
	if text := apps.AppleSiteAssociation(); text != nil {
		err = json.Unmarshal(text, &d.apple)
	}
	if text := apps.AssetLinks(); text != nil {
		err = errors.Join(err, json.Unmarshal(text, &d.links))
	}
	return d, err
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

// fileLives: a file may be kept for an hour: an app is installed once, and asks then.
const fileLives = "public, max-age=3600"

func (d discovery) GetAppleAppSiteAssociation(context.Context, api.GetAppleAppSiteAssociationRequestObject) (api.GetAppleAppSiteAssociationResponseObject, error) {
	if d.apple == nil {
		return nil, problem.PathNotFound
	}
	return api.GetAppleAppSiteAssociation200JSONResponse{Body: d.apple, Headers: api.GetAppleAppSiteAssociation200ResponseHeaders{CacheControl: fileLives}}, nil
}

func (d discovery) GetAssetLinks(context.Context, api.GetAssetLinksRequestObject) (api.GetAssetLinksResponseObject, error) {
	if d.links == nil {
		return nil, problem.PathNotFound
	}
	return api.GetAssetLinks200JSONResponse{Body: d.links, Headers: api.GetAssetLinks200ResponseHeaders{CacheControl: fileLives}}, nil
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
