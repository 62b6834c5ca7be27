package service

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// discovery answers what never changes with what was made at start.
type discovery struct {
	ring *token.Keyring
	// asAllauth: the document is below /_allauth/, too.
	asAllauth bool
}

func newDiscovery(ring *token.Keyring, asAllauth bool) discovery {
	return discovery{ring: ring, asAllauth: asAllauth}
}

func (d discovery) GetKeySet(context.Context, api.GetKeySetRequestObject) (api.GetKeySetResponseObject, error) {
	return api.GetKeySet200JSONResponse{
		Body:    toKeySet(d.ring.Public()),
		Headers: api.GetKeySet200ResponseHeaders{CacheControl: "public, max-age=300"},
	}, nil
}

func (d discovery) GetSpecification(context.Context, api.GetSpecificationRequestObject) (api.GetSpecificationResponseObject, error) {
	spec, err := published()

	return api.GetSpecification200JSONResponse(spec), err
}

func (d discovery) GetSpecificationAsAllauth(context.Context, api.GetSpecificationAsAllauthRequestObject) (api.GetSpecificationAsAllauthResponseObject, error) {
	if !d.asAllauth {
		return nil, problem.PathNotFound
	}

	spec, err := published()

	return api.GetSpecificationAsAllauth200JSONResponse(spec), err
}

// published is the embedded document without the hints for our Go generator. All servers of a process
// share one, which the first request makes.
var published = sync.OnceValues(readPublished)

func readPublished() (api.JSONObject, error) {
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
