// Package jose reads compact signed tokens (JWS) and public keys (JWK) strictly: of two readers, neither finds
// something else in them. It checks no claim and no policy.
package jose

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// Compact is a compact JWS whose three parts are decoded, and nothing of it verified.
type Compact struct {
	Header, Claims, Signature []byte
	// Signed are the bytes that the signature covers, as they were sent.
	Signed []byte
}

// Split decodes the parts of a compact JWS. It reports false for a token that is longer than longest, and for one
// that is not exactly three parts of strict base64url.
func Split(compact string, longest int) (Compact, bool) {
	if len(compact) > longest {
		return Compact{}, false
	}
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		return Compact{}, false
	}

	header, ok1 := Decode(parts[0])
	claims, ok2 := Decode(parts[1])
	signature, ok3 := Decode(parts[2])
	if !ok1 || !ok2 || !ok3 {
		return Compact{}, false
	}

	signed := []byte(compact[:len(compact)-len(parts[2])-1])

	return Compact{Header: header, Claims: claims, Signature: signature, Signed: signed}, true
}

// Decode decodes strict base64url: no padding, no line breaks, no stray bits at the end. An empty text is refused.
func Decode(part string) ([]byte, bool) {
	if strings.ContainsAny(part, "\r\n") { // Go's decoder skips them
		return nil, false
	}

	b, err := base64.RawURLEncoding.Strict().DecodeString(part)

	return b, err == nil && len(b) > 0
}

// Integer reads a positive JSON number below limit that is written as an integer, without fraction, exponent or
// quotes. Decode the document with numbers as [json.Number].
func Integer(value any, limit int64) (int64, bool) {
	n, _ := value.(json.Number)
	i, err := strconv.ParseInt(string(n), 10, 64)

	return i, err == nil && i > 0 && i < limit
}

// ES256Size is the length of an ES256 signature: r and s.
const ES256Size = 64

// p256N is the order of the base point of P-256.
var p256N = elliptic.P256().Params().N

// InRange reports whether r and s of an ES256 signature are from 1 to n-1.
func InRange(signature []byte) bool {
	if len(signature) != ES256Size {
		return false
	}

	for _, half := range [][]byte{signature[:32], signature[32:]} {
		if n := new(big.Int).SetBytes(half); n.Sign() == 0 || n.Cmp(p256N) >= 0 {
			return false
		}
	}

	return true
}

// Bytes decodes a member of a JWK that is base64url. It returns nil if the member is absent, and the bytes before the
// fault if it is malformed: check the length.
func Bytes(value any) []byte {
	text, _ := value.(string)
	b, _ := Decode(text)

	return b
}

// P256 is the public key of the members x and y of a JWK. It reports false unless both have 32 bytes and are a point
// of the curve.
func P256(x, y any) (*ecdsa.PublicKey, bool) {
	xText, _ := x.(string)
	yText, _ := y.(string)
	xBytes, ok1 := Decode(xText)
	yBytes, ok2 := Decode(yText)
	if !ok1 || !ok2 || len(xBytes) != 32 || len(yBytes) != 32 {
		return nil, false
	}

	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, xBytes, yBytes))

	return key, err == nil
}

// MayVerify reports whether a JWK may verify signatures: key_ops is absent, or contains "verify".
func MayVerify(member map[string]any) bool {
	value, present := member["key_ops"]
	operations, _ := value.([]any)

	return !present || slices.Contains(operations, any("verify"))
}
