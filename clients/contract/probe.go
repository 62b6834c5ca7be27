package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxBody is the size of a body that no operation takes, in bytes: the document says that
// 65,536 are the most.
const maxBody = 65_537

// probeAll calls each operation in the ways that the document alone tells are wrong, so
// that an operation is covered from the moment it is written down.
func (s *suite) probeAll(ctx context.Context) error {
	for _, op := range s.ops {
		calls := append(s.strangers(op), s.badBodies(op)...)
		for _, c := range calls {
			if _, err := s.send(ctx, c); err != nil {
				return err
			}
		}
	}
	return s.wrongMethods(ctx)
}

// strangers are calls without a good credential. None of them changes anything: a session
// token that nobody has is refused whatever the operation.
func (s *suite) strangers(op operation) []call {
	body := s.encoded(op)
	var calls []call
	if op.needsCredential() {
		calls = append(calls,
			call{op: op, why: "without a credential", body: body, want: []int{401}},
			call{op: op, why: "with a forged Bearer", body: body, want: []int{401}, headers: map[string]string{"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."}},
		)
	}
	if op.takesCredential() && op.documents(http.StatusGone) {
		calls = append(calls, call{op: op, why: "with a dead session token", body: body, want: []int{410}, headers: map[string]string{"X-Session-Token": "lkst_" + random(16)}})
	}
	return calls
}

func (s *suite) encoded(op operation) []byte {
	if schema, _ := op.body(); schema == nil {
		return nil
	}
	b, err := json.Marshal(s.example(op))
	if err != nil {
		return []byte("{}")
	}
	return b
}

// badBodies are calls of the signed-in person whose body breaks what the document says of
// it.
func (s *suite) badBodies(op operation) []call {
	schema, _ := op.body()
	if schema == nil || op.needsCredential() && s.person.access == "" {
		return nil
	}
	var calls []call
	add := func(why string, body []byte, want int, media string) {
		calls = append(calls, call{op: op, why: why, body: body, media: media, headers: s.signedIn(), want: []int{want}})
	}
	add("with a body that is no JSON", []byte(`{"`), 400, "")
	add("with a body that is a list", []byte(`[]`), 400, "")
	add("with a name that stands twice", twice(s.example(op)), 400, "")
	if op.documents(http.StatusUnsupportedMediaType) {
		add("with a body that is text/plain", s.encoded(op), 415, "text/plain")
	}
	if op.documents(http.StatusRequestEntityTooLarge) {
		calls = append(calls, call{op: op, why: "with a body of more than 65,536 bytes", large: true, headers: s.signedIn(), want: []int{413}})
	}
	if len(schema.Required) > 0 {
		add("with an empty object", []byte(`{}`), 400, "")
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		for why, value := range wrongValues(schema.Properties[name].Value) {
			body := s.example(op)
			body[name] = value
			text, err := json.Marshal(body)
			if err == nil {
				add(fmt.Sprintf("with %s for %s", why, name), text, 400, "")
			}
		}
	}
	return calls
}

// wrongValues are ones that a schema refuses, by what they are. The wrong kind and what is
// too long are enough to see that the schema is looked at.
func wrongValues(schema *openapi3.Schema) map[string]any {
	wrong := map[string]any{}
	switch {
	case schema.Type == nil:
	case schema.Type.Is("string"):
		wrong["a number"] = 1
		if schema.MaxLength != nil && *schema.MaxLength <= 4096 {
			wrong["too long a text"] = strings.Repeat("a", int(*schema.MaxLength)+1)
		}
	case schema.Type.Is("object"):
		wrong["a text"] = "x"
	default: // boolean, integer, number, array
		wrong["an object"] = map[string]any{}
	}
	return wrong
}

// twice is the body with its first member, or one of its own, standing there twice.
func twice(body map[string]any) []byte {
	names := slices.Sorted(maps.Keys(body))
	if len(names) == 0 {
		return []byte(`{"a":1,"a":1}`)
	}
	text, err := json.Marshal(body)
	member, err2 := json.Marshal(map[string]any{names[0]: body[names[0]]})
	if err != nil || err2 != nil {
		return []byte(`{"a":1,"a":1}`)
	}
	return append(append(text[:len(text)-1], ','), member[1:]...)
}

// wrongMethods calls each path with methods that it does not have.
func (s *suite) wrongMethods(ctx context.Context) error {
	all := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	asked := map[string]bool{}
	for _, op := range s.ops {
		if asked[op.path] {
			continue
		}
		asked[op.path] = true
		have := slices.Sorted(maps.Keys(op.route.PathItem.Operations()))
		for _, method := range all {
			if slices.Contains(have, method) {
				continue
			}
			c := call{op: op, why: "with the method " + method, method: method, want: []int{405}}
			a, err := s.send(ctx, c)
			if err != nil {
				return err
			}
			if missing := without(have, a.header.Values("Allow")); a.status == 405 && len(missing) > 0 {
				s.report.Mismatches = append(s.report.Mismatches, fmt.Sprintf("%s %s: 405 whose Allow does not name %s", method, op.path, strings.Join(missing, ", ")))
			}
		}
	}
	return s.unknownPath(ctx)
}

// unknownPath is 404, and no path is found by another spelling of it.
func (s *suite) unknownPath(ctx context.Context) error {
	op := s.ops[0]
	for _, path := range []string{"/no/such/path", op.path + "/nothing/here", strings.ToUpper(op.path)} {
		if _, err := s.send(ctx, call{op: op, why: "at " + path, path: path, want: []int{404}}); err != nil {
			return err
		}
	}
	return nil
}

// without lists what allow does not name.
func without(have, allow []string) []string {
	named := strings.FieldsFunc(strings.Join(allow, ","), func(r rune) bool { return r == ',' || r == ' ' })
	return slices.DeleteFunc(slices.Clone(have), func(method string) bool { return slices.Contains(named, method) })
}
