package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// now is the time of every test; the claims below are written around it.
var now = time.Unix(1_800_000_000, 0).UTC()

var bothUses = []token.Use{token.Access, token.Refresh}

// settings are written so that a prefix, a suffix and another case of iss and aud exist.
func settings() token.Settings {
	return token.Settings{
		Algorithm: "ES256", AccessExpiresIn: 300, HeaderScheme: "Bearer", Stateful: true,
		Issuer: "https://auth.example.test", Audience: "example",
	}
}

// forge makes the tokens that the issuer never would. It holds the real signing key,
// so that what refuses a token is the rule under test and not its signature.
type forge struct {
	t        testing.TB
	key      *ecdsa.PrivateKey
	kid      string
	issuer   *token.Issuer
	verifier *token.Verifier
}

func newForge(t testing.TB) *forge {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return forgeWith(t, private)
}

func forgeWith(t testing.TB, private *ecdsa.PrivateKey) *forge {
	t.Helper()
	ring, err := token.NewKeyring(pkcs8(t, private))
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{t: t, key: private, kid: ring.Public()[0].ID}
	if f.issuer, err = token.NewIssuer(ring, settings()); err != nil {
		t.Fatal(err)
	}
	if f.verifier, err = token.NewVerifier(ring, settings()); err != nil {
		t.Fatal(err)
	}
	return f
}

func pkcs8(t testing.TB, private any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// header is the one that the gate takes.
func (f *forge) header(use token.Use) string {
	typ := map[token.Use]string{token.Access: "at+jwt", token.Refresh: "rt+jwt"}[use]
	return `{"alg":"ES256","kid":"` + f.kid + `","typ":"` + typ + `"}`
}

// claims are ones that the gate takes.
func claims(use token.Use) string {
	return `{` + goodAud(use) + `,"exp":1800000300,"gen":7,"iat":1800000000,"iss":"https://auth.example.test",` +
		`"jti":"AAAAAAAAAAAAAAAAAAAAAA","sid":"AQEBAQEBAQEBAQEBAQEBAQ","sub":"4503599627370495","token_use":"` + string(use) + `"}`
}

// headerWith and claimsWith replace parts of the good ones: old, new, old, new, …
func (f *forge) headerWith(use token.Use, pairs ...string) string {
	return replaced(f.t, f.header(use), pairs)
}

func (f *forge) claimsWith(use token.Use, pairs ...string) string {
	return replaced(f.t, claims(use), pairs)
}

func replaced(t testing.TB, text string, pairs []string) string {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if strings.Count(text, pair[0]) != 1 { // else a row would test the good token
			t.Fatalf("%q does not stand once in %s", pair[0], text)
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	return text
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// compact encodes and signs a token.
func (f *forge) compact(header, claims string) string {
	return f.signed(b64(header) + "." + b64(claims))
}

// signed signs what is already encoded, well or not.
func (f *forge) signed(text string) string {
	f.t.Helper()
	return text + "." + b64(string(f.signature(f.key, text)))
}

func (f *forge) good(use token.Use) string { return f.compact(f.header(use), claims(use)) }

// signature is r and s at 32 bytes each, as ES256 wants it, whatever the header says.
func (f *forge) signature(key *ecdsa.PrivateKey, text string) []byte {
	f.t.Helper()
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		f.t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

func (f *forge) attackerKey() *ecdsa.PrivateKey {
	f.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	return key
}

// stolen is the good token with another signature.
func (f *forge) stolen(use token.Use, signature []byte) string {
	return unsigned(f.good(use)) + "." + b64(string(signature))
}

func unsigned(compact string) string { return compact[:strings.LastIndexByte(compact, '.')] }

func (f *forge) verify(compact string, use token.Use) (token.Claims, error) {
	if use == token.Access {
		return f.verifier.Access(compact, now)
	}
	return f.verifier.Refresh(compact)
}

func (f *forge) accepts(t *testing.T, compact string, use token.Use) token.Claims {
	t.Helper()
	c, err := f.verify(compact, use)
	if err != nil {
		t.Fatalf("refused as %s token, want it accepted: %v", use, err)
	}
	return c
}

// refuses also asks for empty claims: a caller that overlooks the error gets nobody.
func (f *forge) refuses(t *testing.T, compact string, use token.Use) {
	t.Helper()
	c, err := f.verify(compact, use)
	if !errors.Is(err, token.ErrInvalid) {
		t.Fatalf("as %s token: got error %v, want ErrInvalid", use, err)
	}
	if c.Subject != "" || c.SessionID != (uuid.UUID{}) || c.ID != "" {
		t.Fatalf("refused, but with claims %+v", c)
	}
}

// strayBits returns another text for the same bytes: lenient decoders ignore the bits
// of the last character that belong to no byte.
func strayBits(t testing.TB, part string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(part)%4 == 0 {
		t.Fatalf("%q has no unused bits", part)
	}
	at := strings.IndexByte(alphabet, part[len(part)-1])
	other := part[:len(part)-1] + alphabet[at+1:at+2]
	a, errA := base64.RawURLEncoding.DecodeString(part)
	b, errB := base64.RawURLEncoding.DecodeString(other)
	if errA != nil || errB != nil || string(a) != string(b) {
		t.Fatalf("%q and %q are not the same bytes", part, other)
	}
	return other
}

// claimsOf reads the claims of a token without asking whether it is good.
func claimsOf(t testing.TB, compact string) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// order is n of P-256 and so the first number that r and s must not be.
func order(add int64) []byte {
	n := new(big.Int).Add(elliptic.P256().Params().N, big.NewInt(add))
	return n.FillBytes(make([]byte, 32))
}
