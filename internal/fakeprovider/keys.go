package fakeprovider

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"slices"
	"sync"
)

// signingKey is RSA for Apple and Google, as theirs are, and P-256 for the others.
type signingKey struct {
	kid     string
	private crypto.Signer
}

// firstKeys are the same for every server of one process: an RSA key takes a while.
var firstKeys = map[string]func() signingKey{
	Apple:  sync.OnceValue(func() signingKey { return newKey(Apple) }),
	Google: sync.OnceValue(func() signingKey { return newKey(Google) }),
	OIDC:   sync.OnceValue(func() signingKey { return newKey(OIDC) }),
	Entra:  sync.OnceValue(func() signingKey { return newKey(Entra) }),
}

func firstKey(provider string) signingKey { return firstKeys[provider]() }

func newKey(provider string) signingKey {
	k := signingKey{kid: random(9)}

	var err error
	if provider == OIDC || provider == Entra {
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	}

	if err != nil {
		panic("fakeprovider: " + err.Error()) // crypto/rand does not fail
	}

	return k
}

func (k signingKey) alg() string {
	if _, isRSA := k.private.(*rsa.PrivateKey); isRSA {
		return "RS256"
	}

	return "ES256"
}

// jwk is the public half as a JWKS shows it.
func (k signingKey) jwk() map[string]any {
	member := map[string]any{"kid": k.kid, "use": "sig", "alg": k.alg()}
	switch public := k.private.Public().(type) {
	case *rsa.PublicKey:
		member["kty"], member["n"], member["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic("fakeprovider: " + err.Error()) // a point that we made
		}

		member["kty"], member["crv"], member["x"], member["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	}

	return member
}

// sign makes the signature of a compact token.
func (k signingKey) sign(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	switch private := k.private.(type) {
	case *rsa.PrivateKey:
		signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
		if err != nil {
			panic("fakeprovider: " + err.Error()) // the key is large enough
		}

		return signature
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, sum[:])
		if err != nil {
			panic("fakeprovider: " + err.Error()) // crypto/rand does not fail
		}

		return slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
	}

	panic("fakeprovider: a key of another kind")
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b)
	return b64(b)
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
