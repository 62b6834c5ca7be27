package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// now is when every test begins; the claims below are written around it.
var now = time.Unix(1_800_000_000, 0).UTC()

const (
	issuer   = "https://auth.example.test"
	audience = "example"
)

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: now} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// jwks is a server of key sets. What it answers is changed by hand; it counts the calls.
type jwks struct {
	*httptest.Server
	mu      sync.Mutex
	reads   int
	handler http.HandlerFunc
}

func newJWKS(t testing.TB, keys ...*ecdsa.PrivateKey) *jwks {
	t.Helper()
	j := &jwks{}
	j.shows(t, keys...)
	j.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		j.mu.Lock()
		j.reads++
		handler := j.handler
		j.mu.Unlock()
		w.Header().Set("Connection", "close") // Go repeats a GET that dies on a connection that was used before
		handler(w, r)
	}))
	t.Cleanup(j.Close)
	return j
}

func (j *jwks) answers(f http.HandlerFunc) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.handler = f
}

// shows answers with the public halves, as the server does.
func (j *jwks) shows(t testing.TB, keys ...*ecdsa.PrivateKey) {
	t.Helper()
	var list []map[string]any
	for _, k := range keys {
		list = append(list, publicJWK(t, k))
	}
	j.says(t, map[string]any{"keys": list})
}

func (j *jwks) says(t testing.TB, set any) {
	t.Helper()
	body, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	j.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body)
	})
}

func (j *jwks) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.reads
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func point(t testing.TB, key *ecdsa.PrivateKey) (x, y []byte) {
	t.Helper()
	p, err := key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	return p[1:33], p[33:]
}

// kidOf is the RFC 7638 thumbprint.
func kidOf(t testing.TB, key *ecdsa.PrivateKey) string {
	t.Helper()
	x, y := point(t, key)
	sum := sha256.Sum256([]byte(`{"crv":"P-256","kty":"EC","x":"` + b64(string(x)) + `","y":"` + b64(string(y)) + `"}`))
	return b64(string(sum[:]))
}

func publicJWK(t testing.TB, key *ecdsa.PrivateKey) map[string]any {
	t.Helper()
	x, y := point(t, key)
	return map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kidOf(t, key), "x": b64(string(x)), "y": b64(string(y)),
	}
}

// forge makes the tokens that the server never would. It holds the real signing key, so
// that what refuses a token is the rule under test and not its signature.
type forge struct {
	t        testing.TB
	key      *ecdsa.PrivateKey
	kid      string
	clock    *clock
	jwks     *jwks
	verifier *verify.Verifier
}

func newForge(t testing.TB) *forge { return forgeWith(t, verify.Options{}) }

func forgeWith(t testing.TB, o verify.Options) *forge {
	t.Helper()
	f := &forge{t: t, key: newKey(t), clock: newClock()}
	f.kid, f.jwks = kidOf(t, f.key), newJWKS(t, f.key)
	o.JWKSURL, o.Issuer, o.Audience, o.Lifetime, o.Clock = f.jwks.URL, issuer, audience, 300*time.Second, f.clock.Now
	var err error
	if f.verifier, err = verify.New(o); err != nil {
		t.Fatal(err)
	}
	return f
}

// header and goodClaims are what the gate takes.
func (f *forge) header() string { return `{"alg":"ES256","kid":"` + f.kid + `","typ":"at+jwt"}` }

const goodClaims = `{"aud":"example","exp":1800000300,"gen":7,"iat":1800000000,"iss":"https://auth.example.test",` +
	`"jti":"AAAAAAAAAAAAAAAAAAAAAA","sid":"AQEBAQEBAQEBAQEBAQEBAQ","sub":"4503599627370495","token_use":"access"}`

// headerWith and claimsWith replace parts of the good ones: old, new, old, new, …
func (f *forge) headerWith(pairs ...string) string { return replaced(f.t, f.header(), pairs) }

func (f *forge) claimsWith(pairs ...string) string { return replaced(f.t, goodClaims, pairs) }

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

func (f *forge) compact(header, claims string) string {
	return f.signed(b64(header) + "." + b64(claims))
}

// signed signs what is already encoded, well or not.
func (f *forge) signed(text string) string {
	f.t.Helper()
	return text + "." + b64(string(signature(f.t, f.key, text)))
}

func (f *forge) good() string { return f.compact(f.header(), goodClaims) }

// signature is r and s at 32 bytes each, whatever the header says.
func signature(t testing.TB, key *ecdsa.PrivateKey, text string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

// stolen is the good token with another signature.
func (f *forge) stolen(signature []byte) string {
	return unsigned(f.good()) + "." + b64(string(signature))
}

func unsigned(compact string) string { return compact[:strings.LastIndexByte(compact, '.')] }

// order is n of P-256 plus add; n is the first number that r and s must not be.
func order(add int64) []byte {
	return new(big.Int).Add(elliptic.P256().Params().N, big.NewInt(add)).FillBytes(make([]byte, 32))
}

// strayBits returns another text for the same bytes: lenient decoders ignore the bits of
// the last character that belong to no byte.
func strayBits(t testing.TB, part string) string {
	t.Helper()
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	if len(part)%4 == 0 {
		t.Fatalf("%q has no unused bits", part)
	}
	at := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + alphabet[at+1:at+2]
}

// by signs a token as of the verifier's clock, with a key of the test's choosing.
func (f *forge) by(key *ecdsa.PrivateKey) string {
	f.t.Helper()
	at := f.clock.Now().Unix()
	claims := f.claimsWith(`"exp":1800000300`, `"exp":`+number(at+300), `"iat":1800000000`, `"iat":`+number(at))
	text := b64(`{"alg":"ES256","kid":"`+kidOf(f.t, key)+`","typ":"at+jwt"}`) + "." + b64(claims)
	return text + "." + b64(string(signature(f.t, key, text)))
}

func number(n int64) string { b, _ := json.Marshal(n); return string(b) }

// is fails unless the token gets exactly this verdict. A refusal also carries no claims: a
// caller that overlooks the error gets nobody.
func (f *forge) is(t testing.TB, compact string, want error) verify.Claims {
	t.Helper()
	c, err := f.verifier.Verify(t.Context(), compact)
	if !errors.Is(err, want) {
		t.Fatalf("verdict %v, want %v", err, want)
	}
	if err != nil && (c.Subject != "" || c.SessionID != "" || c.ID != "") {
		t.Fatalf("refused, but with claims %+v", c)
	}
	return c
}
