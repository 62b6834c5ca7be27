package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// general are the statuses that any path may answer, in the envelope: info.description of
// the document says so. 500 is among them, and is a mismatch all the same: the suite's
// calls are none that a server may fall over.
var general = []int{http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestTimeout, http.StatusRequestHeaderFieldsTooLarge}

// check notes an answer, and whatever is wrong with it. busy: the call will be repeated, so
// its status is not the last word.
func (s *suite) check(c call, r *http.Request, a answer, busy bool) {
	s.report.saw(c.op.id, a.status)
	note := func(err error) {
		if err != nil {
			s.report.mismatch(c, r, a, err)
		}
	}
	if !busy && len(c.want) > 0 && !slices.Contains(c.want, a.status) {
		note(fmt.Errorf("status %d, want %s", a.status, either(c.want)))
	}
	if err := s.conforms(c.op, r, a); err != nil {
		note(err)
		return
	}
	if strings.HasPrefix(c.op.path, "/_allauth/") && a.object["status"] != float64(a.status) {
		note(fmt.Errorf("the envelope's status is %v, the answer's is %d", a.object["status"], a.status))
	}
}

// conforms holds an answer against what the document says of that operation and status.
func (s *suite) conforms(op operation, r *http.Request, a answer) error {
	if media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return fmt.Errorf("Content-Type %q, want application/json", a.header.Get("Content-Type"))
	}
	if !op.documents(a.status) {
		if !slices.Contains(general, a.status) {
			return fmt.Errorf("status %d is not documented", a.status)
		}
		return s.envelope(a)
	}
	_, params := op.address()
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc,
	}
	err := openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: op.route, Options: options},
		Status:                 a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), Options: options,
	})
	if err == nil {
		return nil
	}
	return errors.New(strings.Join(reasons(err), "; "))
}

// envelope: an answer of no operation is an ErrorResponse all the same, with a reason.
func (s *suite) envelope(a answer) error {
	var value any
	if err := json.Unmarshal(a.body, &value); err != nil {
		return errors.New("the body is no JSON")
	}
	if schema := s.doc.Components.Schemas["ErrorResponse"]; schema != nil {
		if err := schema.Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
			return errors.New(strings.Join(reasons(err), "; "))
		}
	}
	list, _ := a.object["errors"].([]any)
	if len(list) == 0 || a.object["status"] != float64(a.status) {
		return errors.New("the body is not the envelope: status and at least one entry of errors")
	}
	return nil
}

// reasons are one line each: kin-openapi's own texts repeat the schema and the value.
func reasons(err error) []string {
	var many openapi3.MultiError
	var schema *openapi3.SchemaError
	var response *openapi3filter.ResponseError
	switch {
	case errors.As(err, &response) && response.Err != nil:
		return reasons(response.Err)
	case errors.As(err, &many):
		var list []string
		for _, e := range many {
			list = append(list, reasons(e)...)
		}
		return list
	case errors.As(err, &schema):
		at := strings.Join(schema.JSONPointer(), ".")
		if at == "" {
			at = "the body"
		}
		return []string{at + ": " + schema.Reason}
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return []string{first}
}

func either(statuses []int) string {
	var list []string
	for _, n := range statuses {
		list = append(list, fmt.Sprint(n))
	}
	return strings.Join(list, " or ")
}

// secrets are tokens, wherever they stand, and what a second factor is made of.
//
// Security: a report is pasted into issues (TestReport_showsNoSecret,
// TestQuoted_showsNoSecondFactor).
var (
	secrets = regexp.MustCompile(`ey[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|lkst_[A-Za-z0-9_-]+|otpauth://[^"\s]+`)
	named   = regexp.MustCompile(`("(?:secret|nonce|nonce_sha256)"\s*:\s*)"[^"]*"|("unused_codes"\s*:\s*)\[[^\]]*\]`)
)

// quoted is the beginning of a body as a report may show it.
func quoted(body []byte) string {
	text := named.ReplaceAllString(secrets.ReplaceAllString(string(body), "…"), `$1$2"…"`)
	if cut := []rune(text); len(cut) > 400 {
		text = string(cut[:400]) + "…"
	}
	return text
}
