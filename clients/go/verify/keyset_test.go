package verify_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// with is the forge's public key with some members changed; nil takes one away.
func (f *forge) with(changes map[string]any) map[string]any {
	k := publicJWK(f.t, f.key)
	for name, value := range changes {
		if k[name] = value; value == nil {
			delete(k, name)
		}
	}
	return k
}

func set(keys ...map[string]any) map[string]any { return map[string]any{"keys": keys} }

func TestSEC06_keySetGivesOnlyKeysThatVerifyES256(t *testing.T) {
	t.Parallel()
	off, p384 := newKey(t), other(t)
	x, y := point(t, off)
	y[31] ^= 1
	for name, c := range map[string]struct {
		changes map[string]any
		want    error
	}{
		"as the server shows it":       {nil, nil},
		"without alg, use and key_ops": {map[string]any{"alg": nil, "use": nil}, nil},
		"key_ops verify":               {map[string]any{"key_ops": []string{"verify"}}, nil},
		"a member that we do not know": {map[string]any{"x5t": "abc"}, nil},
		"use enc":                      {map[string]any{"use": "enc"}, verify.ErrUnavailable},
		"key_ops sign":                 {map[string]any{"key_ops": []string{"sign"}}, verify.ErrUnavailable},
		"key_ops no list":              {map[string]any{"key_ops": "verify"}, verify.ErrUnavailable},
		"alg ES384":                    {map[string]any{"alg": "ES384"}, verify.ErrUnavailable},
		"alg null":                     {map[string]any{"alg": nil, "crv": "P-384"}, verify.ErrUnavailable},
		"alg HS256":                    {map[string]any{"alg": "HS256"}, verify.ErrUnavailable},
		"kty RSA":                      {map[string]any{"kty": "RSA"}, verify.ErrUnavailable},
		"kty missing":                  {map[string]any{"kty": nil}, verify.ErrUnavailable},
		"not on the curve":             {map[string]any{"x": b64(string(x)), "y": b64(string(y))}, verify.ErrUnavailable},
		"a point of P-384":             {map[string]any{"x": p384.x, "y": p384.y}, verify.ErrUnavailable},
		"x padded":                     {map[string]any{"x": b64(string(x)) + "="}, verify.ErrUnavailable},
		"y missing":                    {map[string]any{"y": nil}, verify.ErrUnavailable},
		"kid missing":                  {map[string]any{"kid": nil}, verify.ErrUnavailable},
		"kid a path":                   {map[string]any{"kid": "../key"}, verify.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			f.jwks.says(t, set(f.with(c.changes)))
			f.is(t, f.good(), c.want)
		})
	}
}

type curvePoint struct{ x, y string }

func other(t *testing.T) curvePoint {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return curvePoint{b64(string(p[1:49])), b64(string(p[49:]))}
}

// A key that we cannot use stands beside one that we can: RFC 7517, section 5.
func TestKeySet_passesOverWhatIsForOthers(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	rsa := map[string]any{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"}
	f.jwks.says(t, set(rsa, f.with(map[string]any{"kid": "enc", "use": "enc"}), f.with(nil)))
	f.is(t, f.good(), nil)
}

func TestSEC15_keySetThatNoHonestServerShowsIsRefusedWhole(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	second := publicJWK(t, newKey(t))
	twin := maps.Clone(second)
	twin["kid"] = f.kid
	for name, keys := range map[string][]map[string]any{
		"a kid twice":            {f.with(nil), twin},
		"a private member":       {f.with(nil), f.with(map[string]any{"kid": "p", "d": "AQAB"})},
		"a symmetric key beside": {f.with(nil), {"kty": "oct", "kid": "s", "k": "AQAB"}},
		"none":                   {},
	} {
		t.Run(name, func(t *testing.T) {
			f := *f
			f.jwks = newJWKS(t)
			f.jwks.says(t, set(keys...))
			v, err := verify.New(verify.Options{JWKSURL: f.jwks.URL, Issuer: issuer, Audience: audience, Clock: f.clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			f.verifier = v
			f.is(t, f.good(), verify.ErrUnavailable)
		})
	}
}

func TestKeySet_takesNoOtherAnswerForOne(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"a captive portal":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in</html>")) },
		"an empty object":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"keys an object":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":{}}`)) },
		"keys of numbers":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[1]}`)) },
		"keys twice":           func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[],"keys":[]}`)) },
		"status 500":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
		"a connection cut":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"more than 64 KiB":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat(" ", 70_000))) },
		"status 404 with JSON": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); _, _ = w.Write([]byte("{}")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			f.jwks.answers(handler)
			f.is(t, f.good(), verify.ErrUnavailable)
		})
	}
}

// Status 200 with the very key set, only that it is longer than anybody's is: the limit is
// what refuses it.
func TestKeySet_isReadUpToItsLimit(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	honest := f.jwks.handler
	f.jwks.answers(func(w http.ResponseWriter, r *http.Request) {
		honest(w, r)
		_, _ = w.Write([]byte(strings.Repeat(" ", 64<<10)))
	})
	f.is(t, f.good(), verify.ErrUnavailable)
}

// A redirect names a host that the operator never did.
func TestKeySet_redirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	elsewhere := newJWKS(t, f.key)
	f.jwks.answers(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	f.is(t, f.good(), verify.ErrUnavailable)
	if n := elsewhere.count(); n != 0 {
		t.Errorf("the redirect was followed %d times", n)
	}
}

func TestNew_refusesWhatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	for _, o := range []verify.Options{
		{},
		{BaseURL: "auth.example.com"},
		{BaseURL: "http://auth.example.com"},
		{BaseURL: "ftp://auth.example.com"},
		{BaseURL: "https://user:password@auth.example.com"},
		{BaseURL: "https://auth.example.com/#a"},
		{JWKSURL: "http://127.evil.example.com.:80/x"},
		{JWKSURL: "https://auth.example.com/jwks", CheckSession: true},
		{BaseURL: "http://latchkey:8080"},
		{BaseURL: "https://auth.example.com", Lifetime: -1},
		{BaseURL: "https://auth.example.com", Lifetime: verify.MaxLifetime + 1},
		{BaseURL: "https://auth.example.com", SessionAge: verify.MaxSessionAge + 1},
	} {
		if _, err := verify.New(o); err == nil {
			t.Errorf("%+v was taken", o)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("the error repeats the URL's secret: %v", err)
		}
	}
	for _, o := range []verify.Options{
		{BaseURL: "https://auth.example.com/"},
		{BaseURL: "http://127.0.0.1:8080"},
		{BaseURL: "http://localhost:8080"},
		{BaseURL: "http://[::1]:8080"},
		{BaseURL: "http://latchkey:8080", InsecureHTTP: true},
		{JWKSURL: "https://auth.example.com/jwks"},
	} {
		if _, err := verify.New(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
