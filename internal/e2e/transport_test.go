package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/latchkey-auth/latchkey/api"
)

// contract is the spec as the tests read it, and what they have seen of it.
type contract struct {
	doc    *openapi3.T
	router routers.Router

	mu   sync.Mutex
	seen map[string]bool // "operationId status"
}

var spec = loadContract()

func loadContract() *contract {
	doc, err := api.GetSpec()
	if err != nil {
		panic(err)
	}
	doc.Servers = nil
	// A member that the spec does not have is a mistake of ours; the document itself leaves
	// the door open, for clients.
	for _, s := range doc.Components.Schemas {
		if len(s.Value.Properties) > 0 {
			no := false
			s.Value.AdditionalProperties.Has = &no
		}
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(err)
	}
	return &contract{doc: doc, router: router, seen: map[string]bool{}}
}

// unseen lists what is documented and was never answered.
func (c *contract) unseen() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for _, item := range c.doc.Paths.Map() {
		for _, op := range item.Operations() {
			for status := range op.Responses.Map() {
				if key := op.OperationID + " " + status; !c.seen[key] {
					list = append(list, key)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

// checked is a transport that holds every answer against the spec.
type checked struct {
	t       testing.TB
	next    http.RoundTripper
	secrets *secrets // of the world; nil where nobody looks
}

func (c checked) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if c.secrets != nil {
		c.secrets.exchange(r, sent, answer.StatusCode, body)
	}
	if err := spec.check(r, answer, body); err != nil {
		c.t.Errorf("%s %s %d: %v\n%s", r.Method, r.URL.Path, answer.StatusCode, err, body)
	}
	return answer, nil
}

// general are the statuses that any path may answer: info.description says so.
var general = []int{404, 405, 408, 431, 500}

func (c *contract) check(r *http.Request, answer *http.Response, body []byte) error {
	if answer.Header.Get("Cache-Control") == "" || answer.Header.Get("X-Request-Id") == "" && answer.StatusCode != 431 {
		return fmt.Errorf("headers missing: %v", answer.Header)
	}
	route, params, err := c.router.FindRoute(describedRequest(r))
	if err != nil || slices.Contains(general, answer.StatusCode) && route.Operation.Responses.Status(answer.StatusCode) == nil {
		return envelope(answer, body)
	}
	c.mu.Lock()
	c.seen[fmt.Sprintf("%s %d", route.Operation.OperationID, answer.StatusCode)] = true
	c.mu.Unlock()
	samples.add(route.Operation, answer.StatusCode, body)
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(body)), Options: options,
	})
}

// describedRequest is a request by the path that the spec describes: the metadata of an issuer
// with a path has that path at its end.
func describedRequest(r *http.Request) *http.Request {
	if !strings.HasPrefix(r.URL.Path, metadataPath+"/") {
		return r
	}
	described := r.Clone(r.Context())
	described.URL.Path = metadataPath

	return described
}

// envelope: an answer of no operation is an ErrorResponse all the same.
func envelope(answer *http.Response, body []byte) error {
	var e struct {
		Status int
		Errors []struct{ Code, Message string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	if e.Status != answer.StatusCode || len(e.Errors) == 0 || e.Errors[0].Code == "" || e.Errors[0].Message == "" {
		return fmt.Errorf("not our envelope")
	}
	return nil
}
