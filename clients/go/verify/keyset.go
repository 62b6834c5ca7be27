package verify

import (
	"crypto/ecdsa"
	"errors"

	"github.com/latchkey-auth/latchkey/clients/go/internal/jose"
	"github.com/latchkey-auth/latchkey/clients/go/internal/strictjson"
)

// keySet finds a public key by its kid.
type keySet map[string]*ecdsa.PublicKey

// A set of some dozen keys; Latchkey shows up to three.
var setLimits = strictjson.Limits{Depth: 4, Members: 512, Text: 2048, KeepNumbers: true}

// parseKeySet reads a JWKS (RFC 7517). Keys that are not ours to use are passed over, as
// section 5 there says. A set that no honest server shows is refused whole: a name that
// stands twice, or anything secret.
func parseKeySet(data []byte) (keySet, error) {
	o, err := strictjson.Object(data, setLimits)
	if err != nil {
		return nil, errors.New("not a JSON object")
	}

	entries, _ := o["keys"].([]any)
	set, names := keySet{}, map[string]bool{}
	for _, entry := range entries {
		member, ok := entry.(map[string]any)
		if !ok {
			return nil, errors.New("an entry of keys is no object")
		}

		if _, private := member["d"]; private || member["kty"] == "oct" {
			return nil, errors.New("it shows a secret key")
		}

		kid, _ := member["kid"].(string)
		if kid != "" && names[kid] {
			return nil, errors.New("a kid stands twice")
		}

		names[kid] = true
		if key := publicKey(member); key != nil && keyID.MatchString(kid) {
			set[kid] = key
		}
	}

	if len(set) == 0 {
		return nil, errors.New("it holds no key that verifies ES256")
	}

	return set, nil
}

// publicKey is the P-256 key of a JWK that verifies ES256 signatures, or nil.
func publicKey(member map[string]any) *ecdsa.PublicKey {
	if member["kty"] != "EC" || member["crv"] != "P-256" || !says(member, "alg", "ES256") || !says(member, "use", "sig") || !jose.MayVerify(member) {
		return nil
	}

	key, ok := jose.P256(member["x"], member["y"])
	if !ok {
		return nil
	}

	return key
}

// says reports whether an optional member is absent, or is want.
func says(member map[string]any, name, want string) bool {
	value, present := member[name]

	return !present || value == want
}
