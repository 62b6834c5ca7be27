package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"

	"github.com/latchkey-auth/latchkey/api"
)

// maxDocument is how much of an answer is read, in bytes.
const maxDocument = 4 << 20

// load reads the document, and makes it stricter where that is asked for.
func load(ctx context.Context, s settings) (*openapi3.T, error) {
	doc, err := read(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("the spec cannot be read: %w", err)
	}
	if err := doc.Validate(ctx, openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("the spec is no valid OpenAPI document: %w", err)
	}
	if s.strict {
		for _, schema := range doc.Components.Schemas {
			if len(schema.Value.Properties) > 0 {
				no := false
				schema.Value.AdditionalProperties.Has = &no
			}
		}
	}
	return doc, nil
}

func read(ctx context.Context, s settings) (*openapi3.T, error) {
	switch {
	case s.spec == "":
		return api.GetSpec()
	case s.spec == "server":
		return fetch(ctx, s.baseURL+"/openapi.json")
	case strings.HasPrefix(s.spec, "http://"), strings.HasPrefix(s.spec, "https://"):
		return fetch(ctx, s.spec)
	}
	data, err := os.ReadFile(s.spec)
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(data)
}

func fetch(ctx context.Context, url string) (*openapi3.T, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := (&http.Client{Timeout: 15 * time.Second}).Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", url, answer.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return nil, err
	}
	return openapi3.NewLoader().LoadFromData(data)
}

// operation is one operation of the document.
type operation struct {
	id, method, path string
	route            *routers.Route
	security         openapi3.SecurityRequirements
}

// operations lists all of them, in the order of the paths.
func operations(doc *openapi3.T) []operation {
	var list []operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths.Map())) {
		item := doc.Paths.Value(path)
		for _, method := range slices.Sorted(maps.Keys(item.Operations())) {
			op := item.GetOperation(method)
			o := operation{id: op.OperationID, method: method, path: path, security: doc.Security}
			o.route = &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: op}
			if op.Security != nil {
				o.security = *op.Security
			}
			list = append(list, o)
		}
	}
	return list
}

// takesCredential and needsCredential: no security at all, or one that may be absent.
func (o operation) takesCredential() bool { return len(o.security) > 0 }

func (o operation) needsCredential() bool {
	return len(o.security) > 0 && !slices.ContainsFunc(o.security, func(r openapi3.SecurityRequirement) bool { return len(r) == 0 })
}

func (o operation) documents(status int) bool {
	return o.route.Operation.Responses.Status(status) != nil
}

// statuses are the documented ones, in order.
func (o operation) statuses() []int {
	var list []int
	for text := range o.route.Operation.Responses.Map() {
		if n, err := strconv.Atoi(text); err == nil {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list
}

// body is the JSON body's schema and example; nil where there is none.
func (o operation) body() (*openapi3.Schema, map[string]any) {
	if o.route.Operation.RequestBody == nil {
		return nil, nil
	}
	media := o.route.Operation.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil, nil
	}
	// The example's own types differ by where the document came from.
	text, err := json.Marshal(media.Example)
	example := map[string]any{}
	if err != nil || json.Unmarshal(text, &example) != nil || example == nil {
		example = map[string]any{}
	}
	return media.Schema.Value, example
}

// address is the path with the examples of its parameters.
func (o operation) address() (path string, params map[string]string) {
	path, params = o.path, map[string]string{}
	for _, list := range []openapi3.Parameters{o.route.PathItem.Parameters, o.route.Operation.Parameters} {
		for _, p := range list {
			if p.Value.In != openapi3.ParameterInPath {
				continue
			}
			value := "1"
			if p.Value.Example != nil {
				value = fmt.Sprint(p.Value.Example)
			}
			params[p.Value.Name] = value
			path = strings.ReplaceAll(path, "{"+p.Value.Name+"}", value)
		}
	}
	return path, params
}
