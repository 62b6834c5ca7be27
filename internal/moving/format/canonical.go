package format

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var errMalformed = errors.New("is not one JSON object in UTF-8 whose names are all different")

// Canonical returns a JSON object in the canonical form of RFC 8785. Security: it refuses invalid UTF-8 and
// names that stand twice, which two readers could take for two things
// (TestReader_refusesABadLineAndSaysWhere).
func Canonical(line []byte) ([]byte, error) {
	value := jsontext.Value(bytes.Clone(line))
	if value.Kind() != '{' {
		return nil, errMalformed
	}
	if err := value.Canonicalize(); err != nil {
		return nil, errMalformed
	}

	return value, nil
}

// Encode returns a line in its canonical form, without the line feed. v is a pointer to one of the types of
// lines. It sets the kind.
func Encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case *Head:
		v.Kind = KindHead
	case *Tenant:
		v.Kind = KindTenant
	case *User:
		v.Kind = KindUser
	case *Session:
		v.Kind = KindSession
	case *Gone:
		v.Kind = KindGone
	case *End:
		v.Kind = KindEnd
	default:
		return nil, errors.New("not a line of the format")
	}

	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}

	return Canonical(text)
}

// Sum is SHA-256 of the line that Encode writes.
func Sum(v any) ([32]byte, error) {
	line, err := Encode(v)

	return sha256.Sum256(line), err
}
