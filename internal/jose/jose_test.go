package jose

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestSplit_takesThreePartsOfStrictBase64(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		compact string
		longest int
		want    bool
	}{
		"three parts":               {"YQ.Yg.Yw", 8, true},
		"longer than allowed":       {"YQ.Yg.Yw", 7, false},
		"two parts":                 {"YQ.Yg", 100, false},
		"four parts":                {"YQ.Yg.Yw.ZA", 100, false},
		"an empty header":           {".Yg.Yw", 100, false},
		"an empty signature":        {"YQ.Yg.", 100, false},
		"padding":                   {"YQ==.Yg.Yw", 100, false},
		"stray bits at the end":     {"YR.Yg.Yw", 100, false},
		"a line break":              {"YQ.Yg.Y\nw", 100, false},
		"a carriage return":         {"YQ.Yg.Yw\r", 100, false},
		"a blank":                   {"YQ.Yg. Yw", 100, false},
		"the alphabet of base64":    {"YQ.Yg.+/8", 100, false},
		"the alphabet of base64url": {"YQ.Yg.-_8", 100, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, ok := Split(row.compact, row.longest); ok != row.want {
				t.Errorf("Split(%q, %d) is %v, want %v", row.compact, row.longest, ok, row.want)
			}
		})
	}
}

func TestSplit_theSignedBytesAreThoseThatWereSent(t *testing.T) {
	t.Parallel()
	c, ok := Split("YQ.Yg.Yw", 100)
	got := []string{string(c.Header), string(c.Claims), string(c.Signature), string(c.Signed)}
	if want := []string{"a", "b", "c", "YQ.Yg"}; !ok || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, ok, want)
	}
}

func TestInteger_isWrittenAsOne(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1": true, "99": true, "100": false, "0": false, "-1": false, "1.0": false, "1e1": false, `"1"`: false, "null": false,
		"true": false, "99999999999999999999": false,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			var value any
			if err := decoder.Decode(&value); err != nil {
				t.Fatal(err)
			}
			if _, ok := Integer(value, 100); ok != want {
				t.Errorf("Integer is %v, want %v", ok, want)
			}
		})
	}
}

func TestInRange_bothHalvesAreFrom1ToNMinus1(t *testing.T) {
	t.Parallel()
	one, zero := make([]byte, 32), make([]byte, 32)
	one[31] = 1
	n := p256N.Bytes()
	last := slices.Clone(n)
	last[31]--
	for name, row := range map[string]struct {
		signature []byte
		want      bool
	}{
		"1 and 1":    {slices.Concat(one, one), true},
		"n-1":        {slices.Concat(last, last), true},
		"r is 0":     {slices.Concat(zero, one), false},
		"s is 0":     {slices.Concat(one, zero), false},
		"r is n":     {slices.Concat(n, one), false},
		"s is n":     {slices.Concat(one, n), false},
		"63 bytes":   {make([]byte, 63), false},
		"a DER form": {make([]byte, 70), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := InRange(row.signature); got != row.want {
				t.Errorf("InRange is %v, want %v", got, row.want)
			}
		})
	}
}

func TestP256_isAPointOfTheCurve(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])

	if key, ok := P256(x, y); !ok || !key.Equal(&private.PublicKey) {
		t.Errorf("a good point is refused")
	}
	other := bytes.Clone(point[33:])
	other[0] ^= 1
	for name, row := range map[string][2]any{
		"no point of the curve": {x, base64.RawURLEncoding.EncodeToString(other)},
		"31 bytes":              {x, base64.RawURLEncoding.EncodeToString(point[34:])},
		"33 bytes":              {x, base64.RawURLEncoding.EncodeToString(append([]byte{0}, point[33:]...))},
		"absent":                {x, nil},
		"a number":              {x, 1.0},
		"padded":                {x, y + "="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, ok := P256(row[0], row[1]); ok {
				t.Errorf("P256 takes it")
			}
		})
	}
}

func TestMayVerify_asKeyOpsSays(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		member map[string]any
		want   bool
	}{
		"absent":        {map[string]any{}, true},
		"verify":        {map[string]any{"key_ops": []any{"sign", "verify"}}, true},
		"sign only":     {map[string]any{"key_ops": []any{"sign"}}, false},
		"empty":         {map[string]any{"key_ops": []any{}}, false},
		"not an array":  {map[string]any{"key_ops": "verify"}, false},
		"null":          {map[string]any{"key_ops": nil}, false},
		"another case":  {map[string]any{"key_ops": []any{"Verify"}}, false},
		"not a string":  {map[string]any{"key_ops": []any{1.0}}, false},
		"other members": {map[string]any{"kty": "EC"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := MayVerify(row.member); got != row.want {
				t.Errorf("MayVerify is %v, want %v", got, row.want)
			}
		})
	}
}
