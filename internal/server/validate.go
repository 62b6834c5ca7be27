package server

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// bodyLimits of SEC-82. Numbers stay as they were written: the generated code binds no others.
var bodyLimits = strictjson.Limits{Depth: 8, Members: 200, Text: 16 << 10, KeepNumbers: true, FloatRange: true}

// tooLarge says what bodyLimits are.
const tooLarge = "The request body must have at most 8 levels, 200 members and elements, and 16 KiB in each text, and no number beyond a float64."

// validatedBody is the local under which the generated code looks for the value that
// was validated, and binds it with exact member names. Security: without it the body
// is parsed a second time, by a decoder that ignores case (TestSEC82_strictBodies).
const validatedBody = "x-oapi-codegen-validated-body"

// once are the headers that decide: of two, two readers could go by different ones.
var once = [4]string{fiber.HeaderAuthorization, "X-Session-Token", fiber.HeaderContentType, "Idempotency-Key"}

// wellFormed refuses what fasthttp serves although RFC 9112 forbids it (SEC-83, SEC-84),
// and header values that two readers could take differently. Security: it asks the block
// as it was sent. fasthttp's own view no longer knows of a Content-Length beside chunks,
// of any Content-Type but the last, nor which header was a trailer
// (TestTHTTP_whatTwoReadersCouldReadDifferentlyIsRefusedWithAllThatFollows).
func wellFormed(c *fiber.Ctx) error {
	h := &c.Request().Header
	sent, ok := scan(h.RawHeaders())
	if !ok || sent.codings > 0 && (!sent.chunked || sent.lengths > 0) {
		c.Context().SetConnectionClose() // what follows may be a part of it
		return fiber.ErrBadRequest
	}
	for i, name := range once {
		if n := sent.once[i]; n > 1 || n < len(h.PeekAll(name)) {
			return problem.InvalidValue.At(name)
		}
	}
	return c.Next()
}

// fields is how often a header block has what decides how a request is read.
type fields struct {
	codings, lengths int
	chunked          bool // the first Transfer-Encoding
	once             [4]int
}

var lineEnd = []byte("\r\n")

// scan reads a header block, without the request line, and keeps nothing of it: it runs on
// every request. It reports false where a line is folded, ends without CR LF, or has a
// blank in its name.
func scan(block []byte) (fields, bool) {
	var sent fields
	for len(block) > 0 {
		line, rest, _ := bytes.Cut(block, lineEnd)
		if block = rest; len(line) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte{':'})
		if !ok || bytes.ContainsAny(name, " \t") || bytes.ContainsAny(line, "\r\n") {
			return sent, false
		}
		switch {
		case is(name, "Transfer-Encoding"):
			if sent.codings++; sent.codings == 1 {
				sent.chunked = is(bytes.Trim(value, " \t"), "chunked")
			}
		case is(name, "Content-Length"):
			sent.lengths++
		default:
			for i, decides := range once {
				if is(name, decides) {
					sent.once[i]++
				}
			}
		}
	}
	return sent, true
}

// is compares without case and without a copy.
func is(b []byte, name string) bool { return len(b) == len(name) && strings.EqualFold(string(b), name) }

// validate reads the body once, strictly, checks it against the spec and hands that
// very value to the generated code.
func (s *Server) validate(c *fiber.Ctx, next fiber.Handler) error {
	op := s.operation(c)
	if op.body == nil {
		return next(c)
	}
	if !op.bodyRequired && len(c.BodyRaw()) == 0 {
		c.Locals(validatedBody, map[string]any{}) // no body says what an empty object says
		return next(c)
	}

	body, found, err := readBody(c, op)
	if err != nil {
		return err
	}
	err = op.body.VisitJSON(body, openapi3.VisitAsRequest(), openapi3.MultiErrors(), openapi3.DisableSchemaErrorDetails())
	if err != nil {
		found = addOthers(found, violations(err, body))
	}
	if len(found) > 0 {
		return s.withMore(c, op, body, found)
	}
	c.Locals(validatedBody, body)
	return next(c)
}

// addOthers adds the problems of members that have none yet.
func addOthers(found, more problem.List) problem.List {
	refused := map[string]bool{}
	for _, p := range found {
		refused[p.Param] = true
	}
	for _, p := range more {
		if !refused[p.Param] {
			found = append(found, p)
		}
	}

	return found
}

// withMore adds to what is wrong with some members what else is wrong with the other ones.
func (s *Server) withMore(c *fiber.Ctx, op *operation, body map[string]any, found problem.List) error {
	isWhole := slices.ContainsFunc(found, func(p *problem.Problem) bool { return p.Param == "" })
	if s.MoreProblems == nil || isWhole {
		return found
	}

	rest := maps.Clone(body)
	for _, p := range found {
		name, _, _ := strings.Cut(p.Param, ".")
		if rest[name] != nil {
			rest[name] = struct{}{} // it was given, and is no text
		}
	}
	more, err := s.MoreProblems(c.UserContext(), op.id, rest)
	if err != nil {
		return err
	}

	return addOthers(found, more)
}

// violations turns what the schema found into problems, one a member. Security: the
// library's own text holds the submitted value, passwords included (SEC-89,
// TestSEC89_nothingThatIsSubmittedComesBack).
func violations(err error, body map[string]any) problem.List {
	var found problem.List
	seen := map[string]bool{}
	var collect func(error)
	collect = func(err error) {
		var many openapi3.MultiError
		if errors.As(err, &many) {
			for _, one := range many {
				collect(one)
			}
			return
		}
		var se *openapi3.SchemaError
		if !errors.As(err, &se) {
			return
		}
		if p := violation(se, body); !seen[p.Param] {
			seen[p.Param] = true
			found = append(found, p)
		}
	}
	collect(err)
	if len(found) == 0 {
		return problem.List{problem.InvalidJSON}
	}
	return found
}

func isIndex(name string) bool { return strings.Trim(name, "0123456789") == "" }

// violation gives a broken rule Django's code. Null and the empty text count as missing.
func violation(se *openapi3.SchemaError, body map[string]any) *problem.Problem {
	path := se.JSONPointer()
	if n := len(path); n > 1 && isIndex(path[n-1]) { // an element of a list of ids
		return problem.InvalidID.At(strings.Join(path[:n-1], "."))
	}
	param := strings.Join(path, ".")
	var value any = body
	for _, name := range path {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	text, isText := value.(string)
	switch {
	case se.SchemaField == "minProperties":
		return problem.Required
	case value == nil, isText && text == "":
		return problem.Required.At(param)
	case se.SchemaField == "minItems":
		return problem.Required.At(param)
	case se.Schema.Type.Is("array"):
		return problem.InvalidList.At(param)
	case se.SchemaField == "maxLength":
		return problem.TooLong(int(*se.Schema.MaxLength), utf8.RuneCountInString(text)).At(param) //nolint:gosec // bounded by the spec
	case se.SchemaField == "minLength" && utf8.RuneCountInString(text) > 0:
		return problem.TooShort(int(se.Schema.MinLength), utf8.RuneCountInString(text)).At(param) //nolint:gosec // bounded by the spec
	case se.SchemaField == "type":
		return ofWrongType(se.Schema.Type).At(param)
	}
	return problem.InvalidValue.At(param)
}

// ofWrongType is the problem of a value that is no number, boolean, text or object where there has to be one.
func ofWrongType(want *openapi3.Types) *problem.Problem {
	switch {
	case want.Is(openapi3.TypeString):
		return problem.InvalidValue.Saying("This must be a text.")
	case want.Is(openapi3.TypeInteger):
		return problem.InvalidValue.Saying("This must be a whole number.")
	case want.Is(openapi3.TypeBoolean):
		return problem.InvalidValue.Saying("This must be true or false.")
	case want.Is(openapi3.TypeObject):
		return problem.InvalidValue.Saying("This must be an object.")
	}

	return problem.InvalidValue
}
