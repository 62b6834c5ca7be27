package format

import (
	"encoding/base64"
	"errors"
	"regexp"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ID names a user, a tenant or an authenticator of the source.
type ID string

var idText = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Valid reports whether it is 1 to 64 characters of A-Z, a-z, 0-9, _ and -.
func (id ID) Valid() bool { return idText.MatchString(string(id)) }

// The reasons why a value is refused. They never quote it: it may be a secret.
var (
	errID    = errors.New("an id is a text of 1 to 64 characters of A-Z, a-z, 0-9, _ and -")
	errTime  = errors.New("a time is a text of RFC 3339, with a zone and at most 6 digits behind the second")
	errBytes = errors.New("bytes are a text in base64url without padding")
)

// text reads a string; null is "".
func text(in *jsontext.Decoder, wrong error) (string, error) {
	token, err := in.ReadToken()
	if err != nil {
		return "", err
	}

	switch token.Kind() {
	case 'n':
		return "", nil
	case '"':
		return token.String(), nil
	}

	return "", wrong
}

// UnmarshalJSONFrom reads an id, or null.
func (id *ID) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	isNull := in.PeekKind() == 'n'
	read, err := text(in, errID)
	*id = ID(read)
	if err == nil && !isNull && !id.Valid() {
		err = errID
	}

	return err
}

// Time is a moment, exact to the microsecond. The zero value is an absent one.
type Time struct{ time.Time }

// At returns a moment as lines have it.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}

	return Time{t.UTC().Truncate(time.Microsecond)}
}

// Pointer returns nil for an absent time.
func (t Time) Pointer() *time.Time {
	if t.IsZero() {
		return nil
	}

	return &t.Time
}

// MarshalJSONTo writes RFC 3339 in UTC.
func (t Time) MarshalJSONTo(out *jsontext.Encoder) error {
	if t.IsZero() {
		return out.WriteToken(jsontext.Null)
	}

	return out.WriteToken(jsontext.String(t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)))
}

var timeText = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)$`)

// UnmarshalJSONFrom reads a time, or null.
func (t *Time) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	*t = Time{}
	isNull := in.PeekKind() == 'n'
	read, err := text(in, errTime)
	if err != nil || isNull {
		return err
	}

	parsed, err := time.Parse(time.RFC3339, read)
	parsed = parsed.UTC()
	isGood := err == nil && timeText.MatchString(read) && parsed.Year() >= 1 && parsed.Year() <= 9999 && !parsed.IsZero()
	if !isGood {
		return errTime
	}
	*t = Time{parsed}

	return nil
}

// Bytes are binary, as base64url without padding.
type Bytes []byte

// IsZero reports whether there are none: then the member is left out.
func (b Bytes) IsZero() bool { return len(b) == 0 }

// MarshalJSONTo writes them.
func (b Bytes) MarshalJSONTo(out *jsontext.Encoder) error {
	return out.WriteToken(jsontext.String(base64.RawURLEncoding.EncodeToString(b)))
}

// UnmarshalJSONFrom reads them; null is none.
func (b *Bytes) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	read, err := text(in, errBytes)
	if err != nil {
		return err
	}

	decoded, err := base64.RawURLEncoding.Strict().DecodeString(read)
	if err != nil {
		return errBytes
	}
	*b = decoded
	if len(decoded) == 0 {
		*b = nil
	}

	return nil
}

var (
	_ json.UnmarshalerFrom = (*ID)(nil)
	_ json.UnmarshalerFrom = (*Time)(nil)
	_ json.MarshalerTo     = Time{}
	_ json.UnmarshalerFrom = (*Bytes)(nil)
	_ json.MarshalerTo     = Bytes(nil)
)
