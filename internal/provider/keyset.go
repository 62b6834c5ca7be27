package provider

import (
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/jose"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
)

const (
	pinnedAlg   = "RS256" // of Apple and Google
	minRSA      = 2048
	maxRSA      = 8192 // bits; more would cost more than it protects
	minExponent = 65537
)

// Certificates make the entries of some sets long.
var setLimits = strictjson.Limits{Depth: 4, Members: 2048, Text: 16 << 10, KeepNumbers: true}

// verifiers are the algorithms that a key may have.
var verifiers = func() map[string]jws.Verifier {
	all := map[string]jws.Verifier{}
	for _, alg := range []jwa.SignatureAlgorithm{jwa.RS256, jwa.PS256, jwa.ES256, jwa.EdDSA} {
		v, err := jws.NewVerifier(alg)
		if err != nil {
			panic("provider: jwx without " + alg.String() + ": " + err.Error())
		}

		all[alg.String()] = v
	}

	return all
}()

// algsOf are the algorithms of a type of key; where a key names none it is for the first.
var algsOf = map[string][]string{"RSA": {"RS256", "PS256"}, "EC": {"ES256"}, "OKP": {"EdDSA"}}

// key is a public key and the one algorithm that it is for.
type key struct {
	alg    string
	public any
	issuer string // whose tokens alone it signs, where the set says so
}

// verifies: Security: the algorithm is the key's. Taken from the header, an RSA key's
// public half would be the secret of an HMAC (SEC-04; TestTIDT_forgedTokens).
func (k key) verifies(o opened) bool {
	return o.alg == k.alg && verifiers[k.alg].Verify(o.signed, o.signature, k.public) == nil
}

// keySet finds a key by its kid. A key without one is found as the only key alone.
type keySet struct {
	named   map[string]key
	unnamed []key
}

// find returns the key of a kid. Without a kid it is the only key that there is (OpenID
// Connect Core, section 10.1: of several, the token must name one).
func (s keySet) find(kid string) (key, bool) {
	if kid != "" {
		k, found := s.named[kid]
		return k, found
	}

	if len(s.named)+len(s.unnamed) != 1 {
		return key{}, false
	}

	for _, k := range s.named {
		return k, true
	}

	return s.unnamed[0], true
}

func (s keySet) isEmpty() bool { return len(s.named)+len(s.unnamed) == 0 }

// parseKeySet reads a JWKS (RFC 7517). Security: a set that no honest server shows is
// refused whole, for its other keys are no better: secret keys, weak ones, a kid that
// stands twice, an algorithm that is not the key's (SEC-73; TestSEC73_keySets). Keys for
// purposes that are not ours are passed over. So are those of a pinned provider that are
// not for RS256 signatures: a provider that begins to publish a second kind of key must
// not stop sign-in, and a token that such a key signed is refused
// (TestSEC73_pinnedProviderHasRS256KeysAlone).
func parseKeySet(data []byte, pinned bool) (keySet, error) {
	o, err := strictjson.Object(data, setLimits)
	if err != nil {
		return keySet{}, errors.New("the key set is no JSON object")
	}

	entries, _ := o["keys"].([]any)

	set, kids := keySet{named: map[string]key{}}, map[string]bool{}
	for n, entry := range entries {
		member, ok := entry.(map[string]any)
		if !ok {
			return keySet{}, fmt.Errorf("entry %d of the key set is no object", n)
		}

		dropNulls(member) // of a class with a field for each member there can be

		kid, _ := member["kid"].(string)
		if kids[kid] && kid != "" {
			return keySet{}, errors.New("a kid stands twice in the key set")
		}

		kids[kid] = true

		k, ours, err := parseKey(member)
		if err != nil {
			return keySet{}, fmt.Errorf("entry %d of the key set %w", n, err)
		}

		if foreign := pinned && k.alg != pinnedAlg; !ours || foreign {
			continue
		}

		switch {
		case keyID.MatchString(kid):
			set.named[kid] = k
		case kid == "" && !pinned:
			set.unnamed = append(set.unnamed, k)
		}
	}

	if set.isEmpty() {
		return keySet{}, errors.New("the key set holds no key for signatures")
	}

	return set, nil
}

// parseKey reports false for a key that is well, and not for what we do.
func parseKey(member map[string]any) (k key, ours bool, err error) {
	for _, secret := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, present := member[secret]; present {
			return key{}, false, errors.New("shows a secret key")
		}
	}

	kty, _ := member["kty"].(string)

	algs := algsOf[kty]
	if kty == "oct" {
		return key{}, false, errors.New("is a symmetric key")
	}

	if use, present := member["use"]; present && use != "sig" || !jose.MayVerify(member) {
		return key{}, false, nil
	}

	alg, named := member["alg"].(string)
	if _, present := member["alg"]; present && !named {
		return key{}, false, errors.New("has an algorithm that is no string")
	}

	if !named && len(algs) > 0 && (kty != "EC" || member["crv"] == "P-256") {
		alg = algs[0]
	}

	if _, known := verifiers[alg]; !known {
		return key{}, false, nil
	}

	if !slices.Contains(algs, alg) {
		return key{}, false, errors.New("has an algorithm that is not its type's")
	}

	public, ours, err := publicKey(member)
	issuer, _ := member["issuer"].(string)

	return key{alg: alg, public: public, issuer: issuer}, ours, err
}

func publicKey(member map[string]any) (public any, ours bool, err error) {
	switch member["kty"] {
	case "RSA":
		public, err = rsaKey(jose.Bytes(member["n"]), jose.Bytes(member["e"]))
		return public, true, err
	case "EC":
		if member["crv"] != "P-256" {
			return nil, false, errors.New("is for ES256 and not on P-256")
		}

		point, ok := jose.P256(member["x"], member["y"])
		if !ok {
			return nil, false, errors.New("is no point of P-256")
		}

		return point, true, nil
	default: // OKP
		x := jose.Bytes(member["x"])
		if member["crv"] != "Ed25519" {
			return nil, false, nil
		}

		if len(x) != ed25519.PublicKeySize {
			return nil, false, errors.New("is no Ed25519 key")
		}

		return ed25519.PublicKey(x), true, nil
	}
}

func rsaKey(modulus, exponent []byte) (*rsa.PublicKey, error) {
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < minRSA || n.BitLen() > maxRSA || n.Bit(0) == 0 {
		return nil, errors.New("is no RSA key of 2048 to 8192 bits")
	}

	if e.BitLen() > 31 || e.Int64() < minExponent || e.Bit(0) == 0 {
		return nil, errors.New("is an RSA key with an exponent that is too small, too large or even")
	}

	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}
