package server

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-auth/latchkey/api"
)

// The short document that a server reads has the operations of the spec, with the same rules and the same bodies.
func TestOperations_areThoseOfTheSpec(t *testing.T) {
	t.Parallel()

	doc, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	want, err := readOperations(doc)
	if err != nil {
		t.Fatal(err)
	}
	got, err := embeddedOperations()
	if err != nil {
		t.Fatal(err)
	}

	for method, routes := range want {
		if len(got[method]) != len(routes) {
			t.Errorf("%s: %d operations, want %d", method, len(got[method]), len(routes))
		}
		for route, op := range routes {
			short := got[method][route]
			if short == nil {
				t.Errorf("%s %s is missing", method, route)
				continue
			}

			if g, w := rulesOf(t, short.body), rulesOf(t, op.body); !reflect.DeepEqual(g, w) {
				t.Errorf("%s %s: the body is %v, want %v", method, route, g, w)
			}
			g, w := *short, *op
			g.body, w.body = nil, nil
			if !reflect.DeepEqual(g, w) {
				t.Errorf("%s %s: %+v, want %+v", method, route, g, w)
			}
		}
	}
}

// rulesOf is everything that a schema says, without references and without texts for readers.
func rulesOf(t *testing.T, schema *openapi3.Schema) any {
	t.Helper()

	if schema == nil {
		return nil
	}
	text, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var rules map[string]any
	if err := json.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}

	for _, name := range []string{"description", "example", "title", "x-order", "x-go-type", "x-go-name", "x-go-type-import"} {
		delete(rules, name)
	}
	if properties, has := rules["properties"].(map[string]any); has {
		for name := range properties {
			properties[name] = rulesOf(t, schema.Properties[name].Value)
		}
	}
	if schema.Items != nil {
		rules["items"] = rulesOf(t, schema.Items.Value)
	}

	return rules
}
