package provider_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

// start is the time at which every test begins; the claims below are written around it.
var start = time.Unix(1_800_000_000, 0).UTC()

type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: start} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

var quiet = slog.New(slog.DiscardHandler)

// Keys are the same for all tests: RSA keys take a while.
var (
	rsaKey     = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	otherRSA   = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })
	ecKey      = sync.OnceValue(newEC)
	ed25519Key = sync.OnceValue(func() ed25519.PrivateKey { _, private, _ := ed25519.GenerateKey(rand.Reader); return private })
)

func newRSA(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func newEC() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// The good key set, claims and headers. Rows replace parts of them.
func rsaJWK(k *rsa.PublicKey, kid string) string {
	return fmt.Sprintf(`{"kty":"RSA","kid":"%s","use":"sig","alg":"RS256","n":"%s","e":"AQAB"}`, kid, b64(string(k.N.Bytes())))
}

func ecJWK(k *ecdsa.PublicKey, kid string) string {
	point, _ := k.Bytes()
	return fmt.Sprintf(`{"kty":"EC","kid":"%s","use":"sig","alg":"ES256","crv":"P-256","x":"%s","y":"%s"}`, kid, b64(string(point[1:33])), b64(string(point[33:])))
}

func edJWK(k ed25519.PublicKey, kid string) string {
	return fmt.Sprintf(`{"kty":"OKP","kid":"%s","use":"sig","alg":"EdDSA","crv":"Ed25519","x":"%s"}`, kid, b64(string(k)))
}

func setOf(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

const (
	googleClaims = `{"iss":"https://accounts.google.com","azp":"android.example","aud":"client.example","sub":"110169484474386276334","email":"ann@gmail.com",` +
		`"email_verified":true,"nonce":"n-0S6_WzA2Mj","given_name":"Ann","family_name":"Lee","name":"Ann Lee","iat":1800000000,"exp":1800003600}`
	appleClaims = `{"iss":"https://appleid.apple.com","aud":"com.example.app","sub":"000123.abc.0456","email":"x1@privaterelay.appleid.com",` +
		`"email_verified":"true","is_private_email":"true","nonce":"n-0S6_WzA2Mj","nonce_supported":true,"auth_time":1800000000,"iat":1800000000,"exp":1800086400}`
	oidcClaims = `{"iss":"https://login.example","aud":"oidc.example","sub":"u1","email":"ann@corp.example","email_verified":true,"iat":1800000000,"exp":1800000300}`
	rsHeader   = `{"alg":"RS256","kid":"k1","typ":"JWT"}`
)

// forge makes the tokens that no provider would. It holds the provider's keys, so that
// what refuses a token is the rule under test and not its signature.
type forge struct {
	t         testing.TB
	set       atomic.Pointer[string]
	clock     *clock
	providers *provider.Providers
}

// newForge sets up all three, each with a client id of its own and the same keys: RSA as
// k1, and for OpenID Connect P-256 as e1 and Ed25519 as d1. apps are further members of
// SOCIALACCOUNT_PROVIDERS's settings.
func newForge(t testing.TB, settings ...string) *forge {
	t.Helper()
	f := &forge{t: t, clock: newClock()}
	f.show(setOf(rsaJWK(&rsaKey().PublicKey, "k1")))
	open := setOf(rsaJWK(&rsaKey().PublicKey, "k1"), ecJWK(&ecKey().PublicKey, "e1"), edJWK(ed25519Key().Public().(ed25519.PublicKey), "d1"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/open" {
			_, _ = w.Write([]byte(open))
			return
		}
		_, _ = w.Write([]byte(*f.set.Load()))
	}))
	t.Cleanup(server.Close)
	more := ""
	for _, s := range settings {
		more += "," + s
	}
	f.providers = newProviders(t, `{"google":{"APPS":[{"client_id":"client.example","settings":{"jwks_url":"`+server.URL+`/pinned"`+more+`}}]},`+
		`"apple":{"APPS":[{"client_id":"com.example.app,com.example.web","settings":{"jwks_url":"`+server.URL+`/pinned"}}]},`+
		`"openid_connect":{"APPS":[{"provider_id":"corp","name":"Corp","client_id":"oidc.example","settings":{"server_url":"https://login.example","jwks_url":"`+server.URL+`/open"}},`+
		`{"provider_id":"shown","client_id":"oidc.example","settings":{"server_url":"https://login.example","verified_email":true,"jwks_url":"`+server.URL+`/pinned"}}]}}`, f.clock)
	return f
}

func newProviders(t testing.TB, text string, c *clock) *provider.Providers {
	t.Helper()
	p, err := provider.New(provider.Settings{Providers: text}, c.now, quiet)
	if err != nil {
		t.Fatal(err)
	}
	p.SetKeysTimeout(time.Minute) // so that a busy machine changes nothing
	return p
}

func (f *forge) show(set string) { f.set.Store(&set) }

func (f *forge) google(compact string) (provider.Identity, error) {
	return f.verify("google", "client.example", compact)
}

func (f *forge) apple(compact string) (provider.Identity, error) {
	return f.verify("apple", "com.example.app", compact)
}

func (f *forge) oidc(compact string) (provider.Identity, error) {
	return f.verify("corp", "oidc.example", compact)
}

func (f *forge) verify(id, clientID, compact string) (provider.Identity, error) {
	return f.providers.Verify(context.Background(), provider.Token{Provider: id, ClientID: clientID, IDToken: compact})
}

// with replaces parts of a text: old, new, old, new, …
func with(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for pair := range slices.Chunk(pairs, 2) {
		if strings.Count(text, pair[0]) != 1 { // else a row would test the good token
			t.Fatalf("%q does not stand once in %s", pair[0], text)
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	return text
}

func compact(header, claims string) string { return signed(b64(header) + "." + b64(claims)) }

// signed signs what is already encoded, well or not.
func signed(text string) string { return text + "." + b64(string(rs256(rsaKey(), text))) }

func rs256(k *rsa.PrivateKey, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return signature
}

func ps256(k *rsa.PrivateKey, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		panic(err)
	}
	return signature
}

func es256(k *ecdsa.PrivateKey, text string) (r, s *big.Int) {
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k, sum[:])
	if err != nil {
		panic(err)
	}
	return r, s
}

func p1363(r, s *big.Int) []byte {
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}

func hs256(secret []byte, text string) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func signedBy(header, claims string, sign func(text string) []byte) string {
	text := b64(header) + "." + b64(claims)
	return text + "." + b64(string(sign(text)))
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, provider.ErrInvalidToken) {
		t.Errorf("%s: %v, want ErrInvalidToken", name, err)
	}
}
