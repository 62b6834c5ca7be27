package e2e

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// published is the spec as clients get it; the tests' own copy is stricter.
func published(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := api.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestContract_isAValidDocumentAndSoAreItsExamples(t *testing.T) {
	t.Parallel()
	doc := published(t)
	if err := doc.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableSchemaFormatValidation()); err != nil {
		t.Error(err)
	}
	doc.Components.Schemas["Problem"].Value.Example = "not a problem"
	if doc.Validate(t.Context(), openapi3.EnableExamplesValidation()) == nil {
		t.Error("examples are not looked at")
	}
}

var quotedWord = regexp.MustCompile("`([a-z0-9_]+)`")

func TestContract_listsExactlyTheProblemsThatThereAre(t *testing.T) {
	t.Parallel()
	var said, have []string
	for _, m := range quotedWord.FindAllStringSubmatch(published(t).Components.Schemas["Problem"].Value.Properties["code"].Value.Description, -1) {
		said = append(said, m[1])
	}
	for _, p := range problem.Catalogue() {
		if p.Message == "" || !strings.HasSuffix(p.Message, ".") {
			t.Errorf("%s: the message is no sentence: %q", p.Code, p.Message)
		}
		have = append(have, p.Code)
	}
	if !slices.IsSorted(said) {
		t.Errorf("not in the order of the alphabet: %q", said)
	}
	slices.Sort(have)
	if !slices.Equal(said, have) {
		t.Errorf("the spec lists %q\nthe catalogue %q", said, have)
	}
	if len(slices.Compact(have)) != len(said) {
		t.Error("a code stands twice")
	}
}

var lowerCamel = regexp.MustCompile(`^[a-z]+([A-Z][a-z0-9]*)*$`)

func TestContract_describesEveryOperation(t *testing.T) {
	t.Parallel()
	doc := published(t)
	tags := map[string]bool{}
	for _, tag := range doc.Tags {
		tags[tag.Name] = false
		if tag.Description == "" {
			t.Errorf("tag %s has no description", tag.Name)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !lowerCamel.MatchString(op.OperationID) {
				t.Errorf("%s %s: operationId %q", method, path, op.OperationID)
			}
			if op.Summary == "" || op.Description == "" || strings.HasSuffix(op.Summary, ".") {
				t.Errorf("%s: summary %q, description %q", op.OperationID, op.Summary, op.Description)
			}
			if len(op.Tags) != 1 {
				t.Errorf("%s has the tags %q: one makes it a method of one part of the service", op.OperationID, op.Tags)
			}
			for _, tag := range op.Tags {
				if _, known := tags[tag]; !known {
					t.Errorf("%s: unknown tag %q", op.OperationID, tag)
				}
				tags[tag] = true
			}
			describedAnswers(t, op)
		}
	}
	for tag, used := range tags {
		if !used {
			t.Errorf("tag %s has no operation", tag)
		}
	}
}

// describedAnswers: what stands with each operation because the gate does it for all.
func describedAnswers(t *testing.T, op *openapi3.Operation) {
	t.Helper()
	for status, r := range op.Responses.Map() {
		if r.Value.Description == nil || *r.Value.Description == "" {
			t.Errorf("%s %s has no description", op.OperationID, status)
		}
		for name, h := range r.Value.Headers {
			if h.Value.Description == "" {
				t.Errorf("%s %s: header %s has no description", op.OperationID, status, name)
			}
		}
		redirect := status == "302" && r.Value.Headers["Location"] != nil
		if !redirect && (r.Value.Content["application/json"] == nil || len(r.Value.Content) != 1) {
			t.Errorf("%s %s is not JSON alone", op.OperationID, status)
		}
	}
	if op.RequestBody != nil {
		optional := op.OperationID == "endSession" // a stock client sends none
		if op.RequestBody.Value.Required == optional || op.RequestBody.Value.Content["application/json"].Example == nil {
			t.Errorf("%s: a body that is not required, or has no example", op.OperationID)
		}
		for _, status := range []int{400, 413, 415} {
			if op.Responses.Status(status) == nil {
				t.Errorf("%s has a body and no %d", op.OperationID, status)
			}
		}
	}
	for _, p := range op.Parameters {
		if p.Value.Description == "" || p.Value.Example == nil {
			t.Errorf("%s: parameter %s has no description or no example", op.OperationID, p.Value.Name)
		}
	}
}

func TestContract_describesEveryMember(t *testing.T) {
	t.Parallel()
	var described func(at string, s *openapi3.SchemaRef)
	described = func(at string, s *openapi3.SchemaRef) {
		if s == nil || s.Ref != "" {
			return
		}
		for name, member := range s.Value.Properties {
			at := at + "." + name
			if member.Ref == "" && member.Value.Description == "" {
				t.Errorf("%s has no description", at)
			}
			if name != strings.ToLower(name) {
				t.Errorf("%s is not in snake case", at)
			}
			described(at, member)
		}
		for _, name := range s.Value.Required {
			if s.Value.Properties[name] == nil {
				t.Errorf("%s requires %s, which it does not have", at, name)
			}
		}
		described(at+"[]", s.Value.Items)
	}
	for name, s := range published(t).Components.Schemas {
		described(name, s)
	}
}
