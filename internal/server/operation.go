package server

import (
	_ "embed"
	"fmt"
	"sort"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/limit"
)

// operation is what the middleware needs to know about one operation. All of it comes from the spec, so that the
// code contains no list of paths.
type operation struct {
	id string
	// path is that of the spec, such as /_allauth/app/v1/auth/login.
	path string
	// identified: the operation looks at credentials.
	identified bool
	// required: it refuses a caller without a session.
	required bool
	// limits are the actions of x-rate-limit.
	limits []limit.Action
	// recent says when a signed-in caller must have proved lately who they are.
	recent recentRule
	// signsOut is x-signs-out: a credential that has expired is good enough.
	signsOut bool
	// resumes is x-resumes: the token of a pending session whose sign-in went on by itself is good
	// enough.
	resumes bool
	// exchanges is x-exchanges: the session token is the only credential, and one that a refresh has
	// ended is good enough.
	exchanges bool
	// body is the schema of the request body; nil for none.
	body *openapi3.Schema
	// aliases are the other names of members of the body, by the members' own: x-alias.
	aliases map[string]string
	// bodyRequired: a request without a body is refused.
	bodyRequired bool
}

// operationTable is the spec's operations by method and by route: two look-ups, and no key
// to be built.
type operationTable map[string]map[string]*operation

// operationsText is what openapi.yaml says of requests, without references and texts for readers. To parse the whole
// spec takes a third of a start (`make generate`; TestOperations_areThoseOfTheSpec).
//
//go:embed operations.gen.json
var operationsText []byte

// embeddedOperations is the table of the spec. All servers of a process share one.
var embeddedOperations = sync.OnceValues(func() (operationTable, error) {
	var doc openapi3.T
	if err := doc.UnmarshalJSON(operationsText); err != nil {
		return nil, fmt.Errorf("embedded operations: %w", err)
	}

	return readOperations(&doc)
})

// readOperations reads the table. It refuses a name in x-rate-limit that no action has: such an
// operation would have no limit.
func readOperations(doc *openapi3.T) (operationTable, error) {
	table := operationTable{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			security := doc.Security
			if op.Security != nil {
				security = *op.Security
			}
			o := operation{id: op.OperationID, path: path, identified: len(security) > 0, required: len(security) > 0}
			for _, alternative := range security {
				if len(alternative) == 0 {
					o.required = false
				}
			}
			var err error
			if o.limits, err = limitsOf(op); err != nil {
				return nil, err
			}
			o.recent = readRecentRule(op)
			o.signsOut, _ = op.Extensions["x-signs-out"].(bool)
			o.resumes, _ = op.Extensions["x-resumes"].(bool)
			o.exchanges, _ = op.Extensions["x-exchanges"].(bool)
			if op.RequestBody != nil {
				o.bodyRequired = op.RequestBody.Value.Required
				o.body = op.RequestBody.Value.Content["application/json"].Schema.Value
				o.aliases = aliasesOf(o.body)
			}
			if table[method] == nil {
				table[method] = map[string]*operation{}
			}
			table[method][route(path)] = &o
		}
	}
	return table, nil
}

func aliasesOf(schema *openapi3.Schema) map[string]string {
	aliases := map[string]string{}
	for name, property := range schema.Properties {
		if other, ok := property.Value.Extensions["x-alias"].(string); ok {
			aliases[name] = other
		}
	}
	return aliases
}

func limitsOf(op *openapi3.Operation) ([]limit.Action, error) {
	list, _ := op.Extensions["x-rate-limit"].([]any)

	var limits []limit.Action
	for _, name := range list {
		action, known := limit.Named(fmt.Sprint(name))
		if !known {
			return nil, fmt.Errorf("%s: x-rate-limit: no action is called %q", op.OperationID, name)
		}
		limits = append(limits, action)
	}

	return limits, nil
}

// route is the Fiber form of a path of the spec.
func route(path string) string {
	return strings.NewReplacer("{", ":", "}", "").Replace(path)
}

// operation finds the row of a routed request; an empty one where there is none. Security: Fiber serves HEAD by the
// handlers of GET, so it has to pass the same gate (TestSEC90_aHeadIsAGetWithoutItsBody).
func (s *Server) operation(c *fiber.Ctx) *operation {
	method := c.Method()
	if method == fiber.MethodHead {
		method = fiber.MethodGet
	}
	if op := s.operations[method][c.Route().Path]; op != nil {
		return op
	}
	return &operation{} // a path that is none of the spec's
}

// allow lists the methods of a path, for the Allow header. Only paths without
// parameters can miss their method after routing, so the path is the route.
func (s *Server) allow(path string) string {
	var methods []string
	for method, routes := range s.operations {
		if routes[path] != nil {
			methods = append(methods, method)
		}
	}
	sort.Strings(methods)
	return strings.Join(methods, ", ")
}
