// Package strictjson owns the one way in which we read JSON that others wrote:
// request bodies and the two JSON parts of a token. It refuses whatever two
// parsers could read differently. It does not know what the members mean.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits bounds a document (SEC-82, SEC-07).
type Limits struct {
	Depth   int // of nested objects and arrays
	Members int // of all objects and elements of all arrays together
	Text    int // bytes of one string
	// KeepNumbers makes numbers json.Number, as they were written, in place of float64.
	KeepNumbers bool
	// FloatRange refuses numbers beyond a float64, which are kept otherwise.
	FloatRange bool
}

// The ways in which a document is refused.
var (
	// ErrMalformed: not one JSON object, not UTF-8, or a name that stands twice.
	ErrMalformed = errors.New("malformed JSON object")
	// ErrTooLarge: more levels, members or text than Limits allow. It is an ErrMalformed, too.
	ErrTooLarge = fmt.Errorf("%w: beyond a limit", ErrMalformed)
)

// NullError says that strings hold U+0000, which PostgreSQL cannot store, and nothing else is wrong.
type NullError struct {
	// Paths name the members with dots, in order; a single empty one: a name of a member has the character.
	Paths []string
	// Object is what was read, with these strings in it; nil where a name has the character.
	Object map[string]any
}

// Error says so.
func (e *NullError) Error() string { return "null character in a JSON string" }

// Object parses data as exactly one JSON object. Numbers become float64, as in
// encoding/json. It returns nil with each error.
//
// Security: Go's own decoder ignores the case of names, lets the last of two equal
// names win and replaces invalid UTF-8. `{"password":"a","PASSWORD":"b"}` would be
// validated as one thing and used as another (SEC-82; TestObject_refusesNamesThatDifferInCase).
func Object(data []byte, limits Limits) (map[string]any, error) {
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return nil, ErrMalformed
	}

	p := parser{in: jsontext.NewDecoder(bytes.NewReader(data)), limits: limits}
	if p.in.PeekKind() != '{' {
		return nil, ErrMalformed
	}

	value, err := p.value(0)
	if err != nil {
		return nil, err
	}

	if p.in.PeekKind() != 0 || !p.atEnd(data) { // 0: end of input, or text that is no JSON
		return nil, ErrMalformed
	}

	object, ok := value.(map[string]any)
	if !ok {
		return nil, ErrMalformed
	}

	if len(p.nulls) > 0 {
		return nil, &NullError{Paths: p.nulls, Object: object}
	}

	return object, nil
}

type parser struct {
	in     *jsontext.Decoder
	limits Limits
	seen   int
	// path are the names of the members that are being read; nulls are those with a null character.
	path  []string
	nulls []string
}

func (p *parser) atEnd(data []byte) bool {
	return len(bytes.TrimLeft(data[p.in.InputOffset():], " \t\r\n")) == 0
}

func (p *parser) value(depth int) (any, error) {
	token, err := p.in.ReadToken()
	if err != nil {
		return nil, ErrMalformed
	}

	switch token.Kind() {
	case '{':
		return p.object(depth + 1)
	case '[':
		return p.array(depth + 1)
	case '"':
		return p.member(token)
	case '0':
		f, err := strconv.ParseFloat(token.String(), 64)

		asFloats := !p.limits.KeepNumbers || p.limits.FloatRange
		if err != nil && asFloats {
			return nil, ErrTooLarge
		}

		if p.limits.KeepNumbers {
			return json.Number(strings.Clone(token.String())), nil
		}

		return f, nil
	case 't', 'f':
		return token.Bool(), nil
	default:
		return nil, nil
	}
}

func (p *parser) text(token jsontext.Token) (string, error) {
	s := strings.Clone(token.String())
	if len(s) > p.limits.Text {
		return "", ErrTooLarge
	}

	return s, nil
}

// member reads a string that is the value of a member or an element of an array in it, and notes a
// null character: the other members are read all the same.
func (p *parser) member(token jsontext.Token) (string, error) {
	s, err := p.text(token)
	if path := strings.Join(p.path, "."); strings.ContainsRune(s, 0) && !slices.Contains(p.nulls, path) {
		p.nulls = append(p.nulls, path)
	}

	return s, err
}

func (p *parser) object(depth int) (any, error) {
	if depth > p.limits.Depth {
		return nil, ErrTooLarge
	}

	object := map[string]any{}

	folded := map[string]struct{}{}
	for p.in.PeekKind() != '}' {
		token, err := p.in.ReadToken() // the decoder refuses equal names
		if err != nil || token.Kind() != '"' {
			return nil, ErrMalformed
		}

		name, err := p.text(token)
		if err != nil {
			return nil, err
		}

		if strings.ContainsRune(name, 0) {
			return nil, &NullError{Paths: []string{""}}
		}

		fold := Fold(name)
		if _, twice := folded[fold]; twice {
			return nil, ErrMalformed
		}

		folded[fold] = struct{}{}

		if !p.count() {
			return nil, ErrTooLarge
		}

		p.path = append(p.path, name)
		if object[name], err = p.value(depth); err != nil {
			return nil, err
		}

		p.path = p.path[:len(p.path)-1]
	}

	_, err := p.in.ReadToken()

	return object, err
}

func (p *parser) array(depth int) (any, error) {
	if depth > p.limits.Depth {
		return nil, ErrTooLarge
	}

	list := []any{}
	for p.in.PeekKind() != ']' {
		if !p.count() {
			return nil, ErrTooLarge
		}

		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}

		list = append(list, v)
	}

	_, err := p.in.ReadToken()

	return list, err
}

func (p *parser) count() bool {
	p.seen++
	return p.seen <= p.limits.Members
}

// Fold returns the same text for names that a decoder could take for one. Security:
// encoding/json also takes the long s for an s and the Kelvin sign for a k, which
// lower-casing alone does not find (TestFold_isAtLeastAsWideAsEncodingJSON).
func Fold(name string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}

		return unicode.ToLower(least)
	}, name)
}
