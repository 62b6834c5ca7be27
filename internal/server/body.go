package server

import (
	"encoding/json"
	"errors"
	"maps"
	"mime"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

// readBody reads a request's body as one JSON object, as the operation's schema wants it.
//
// Serializers of other languages write `null` for a member that is absent, and ids as text; some
// clients send no body, or no Content-Type, where an empty object is meant. None of that can be
// read in two ways.
//
// found are the members with a null character, where the rest can be read: a form shows all of its
// problems at once.
func readBody(c *fiber.Ctx, op *operation) (body map[string]any, found problem.List, err error) {
	if !isJSON(c.Get(fiber.HeaderContentType)) || !isPlain(c.Get(fiber.HeaderContentEncoding)) {
		return nil, nil, problem.MediaType
	}
	if len(c.BodyRaw()) == 0 {
		return map[string]any{}, nil, nil
	}

	body, err = strictjson.Object(c.BodyRaw(), bodyLimits)
	var null *strictjson.NullError
	switch {
	case errors.As(err, &null) && null.Object == nil:
		return nil, nil, problem.NullCharacters
	case errors.As(err, &null):
		body = null.Object
		for _, path := range null.Paths {
			found = append(found, problem.NullCharacters.At(path))
		}
	case errors.Is(err, strictjson.ErrTooLarge):
		return nil, nil, problem.InvalidJSON.Saying(tooLarge)
	case err != nil:
		return nil, nil, problem.InvalidJSON
	}

	if err := nameOnce(body, op.aliases); err != nil {
		return nil, nil, err
	}
	adapt(body, op.body)
	return body, found, nil
}

// isJSON reports whether a Content-Type is JSON in UTF-8: application/json, text/json, a type with
// the suffix +json (RFC 6839), or none. Parameters other than the charset say nothing about JSON
// (RFC 9110, section 8.3.1).
func isJSON(contentType string) bool {
	if contentType == "" {
		return true
	}

	media, parameters, err := mime.ParseMediaType(withoutEmptyParameters(contentType))
	if err != nil {
		return false
	}

	suffixed := strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")
	if media != "application/json" && media != "text/json" && !suffixed {
		return false
	}

	charset, named := parameters["charset"]
	return !named || slices.Contains([]string{"utf-8", "utf8", "us-ascii", "ascii"}, strings.ToLower(charset))
}

// emptyParameters are semicolons with no parameter between them (RFC 9110, section 5.6.6), which the library
// refuses. Within quotes, two semicolons stay: no charset has any.
var emptyParameters = regexp.MustCompile(`;[ \t]*(?:;[ \t]*)+`)

func withoutEmptyParameters(contentType string) string {
	if strings.Contains(contentType, `"`) {
		return contentType
	}

	return emptyParameters.ReplaceAllString(contentType, ";")
}

// isPlain reports whether a Content-Encoding leaves the body as it is. Security: nothing is
// inflated, so that a small body cannot become a large one (SEC-82, TestSEC82_nothingIsInflated).
func isPlain(encoding string) bool {
	return encoding == "" || strings.EqualFold(strings.TrimSpace(encoding), "identity")
}

// nameOnce gives each member that came under its other name its own; null and an empty text are none.
// Security: two names with two values are refused, since two readers could go by different ones
// (TestInput_aRefreshTokenHasTwoNames).
func nameOnce(body map[string]any, aliases map[string]string) error {
	for name, other := range aliases {
		value, own := body[other], body[name]
		if isEmpty(value) {
			continue
		}
		if !isEmpty(own) && !reflect.DeepEqual(own, value) { // either may be an object
			return problem.InvalidValue.At(other)
		}

		body[name] = value
	}
	return nil
}

func isEmpty(value any) bool { return value == nil || value == "" }

// adapt takes optional members away that are null, and makes numbers of ids that came as text, and the other
// way round.
func adapt(object map[string]any, schema *openapi3.Schema) {
	for _, name := range slices.Collect(maps.Keys(object)) {
		property := schema.Properties[name]
		isOptional := !slices.Contains(schema.Required, name)
		if object[name] == nil && isOptional {
			delete(object, name)
			continue
		}
		if property != nil {
			object[name] = adapted(object[name], property.Value)
		}
	}
}

func adapted(value any, schema *openapi3.Schema) any {
	switch v := value.(type) {
	case map[string]any:
		adapt(v, schema)
	case []any:
		if schema.Items != nil {
			for n, element := range v {
				v[n] = adapted(element, schema.Items.Value)
			}
		}
	case string:
		if schema.Type.Is(openapi3.TypeInteger) {
			return idOf(v)
		}
		if schema.Format == "password" {
			return givenPassword(v, schema)
		}
	case json.Number:
		if schema.Type.Is(openapi3.TypeInteger) {
			return idOf(v.String())
		}
		if isTextID(schema) && wholeNumber.MatchString(v.String()) {
			return v.String()
		}
	}
	return value
}

// givenPassword is a password as it was typed: a system that users come from may have hashed it so
// (TestLogin_aForeignHashIsOfThePasswordAsItWasTyped). Its length is that of the form which is hashed here, so that
// a password which is too long as it was typed is brought to that form.
func givenPassword(typed string, schema *openapi3.Schema) string {
	normal := password.Normalize(typed)
	length := uint64(utf8.RuneCountInString(typed)) //nolint:gosec // G115: no count is negative
	isTooLong := schema.MaxLength != nil && length > *schema.MaxLength
	if normal == "" || isTooLong {
		return normal
	}

	return typed
}

// wholeNumber is a number that is written as an id.
var wholeNumber = regexp.MustCompile(`^[0-9]+$`)

// isTextID reports whether a text is an id (x-id), which some clients keep as a number.
func isTextID(schema *openapi3.Schema) bool {
	is, _ := schema.Extensions["x-id"].(bool)

	return is
}

// idOf is the number that digits name, or else the text, which is no number to the schema: 1.0 and
// 1e3 are numbers in JSON, and no ids.
func idOf(text string) any {
	number, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return text
	}
	return json.Number(strconv.FormatUint(number, 10))
}
