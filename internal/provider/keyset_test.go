package provider_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

// SEC-73, T-WYC-03: a set that no honest server shows is refused whole, although the key
// of the token is in it and is good.
func TestSEC73_keySets(t *testing.T) {
	t.Parallel()
	good := rsaJWK(&rsaKey().PublicKey, "k1")
	second := rsaJWK(&otherRSA().PublicKey, "k2")
	small := rsaJWK(&newRSA(1024).PublicKey, "k2")
	ec := ecJWK(&ecKey().PublicKey, "e1")
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	point, _ := p384.PublicKey.Bytes()
	ec384 := `{"kty":"EC","kid":"e3","use":"sig","crv":"P-384","x":"` + b64(string(point[1:49])) + `","y":"` + b64(string(point[49:])) + `"}`
	const yes, no = "taken", "refused"
	// What Google's keys may be, and what those of others.
	for name, row := range map[string]struct{ set, pinned, open string }{
		"one": {setOf(good), yes, yes}, "two": {setOf(second, good), yes, yes}, "no alg": {setOf(with(t, good, `"alg":"RS256",`, "")), yes, yes}, "no use": {setOf(with(t, good, `"use":"sig",`, "")), yes, yes},
		"key_ops verify": {setOf(with(t, good, `"use":"sig"`, `"key_ops":["verify"]`)), yes, yes}, "certificates": {setOf(with(t, good, `"e":"AQAB"`, `"e":"AQAB","x5c":["`+strings.Repeat("A", 3000)+`"],"x5t":"abc"`)), yes, yes},
		"all null that may be absent": {setOf(with(t, good, `"alg":"RS256"`, `"alg":null`, `"use":"sig"`, `"use":null,"key_ops":null,"d":null,"p":null,"k":null,"x5c":null`)), yes, yes},
		"kid null":                    {setOf(good, with(t, second, `"kid":"k2"`, `"kid":null`)), yes, yes},
		"more beside keys":            {with(t, setOf(good), `{"keys"`, `{"updated":1,"keys"`), yes, yes},

		"kid twice": {setOf(good, with(t, second, `"k2"`, `"k1"`)), no, no}, "the same twice": {setOf(good, good), no, no}, "kid twice, one not for us": {setOf(good, with(t, second, `"k2"`, `"k1"`, `"sig"`, `"enc"`)), no, no},
		"symmetric": {setOf(good, `{"kty":"oct","kid":"s","k":"c2VjcmV0"}`), no, no}, "symmetric without k": {setOf(good, `{"kty":"oct","kid":"s"}`), no, no}, "private": {setOf(good, with(t, second, `"e":`, `"d":"AAAA","e":`)), no, no}, "private primes": {setOf(good, with(t, second, `"e":`, `"p":"AAAA","e":`)), no, no},
		"1024 bits": {setOf(good, small), no, no}, "exponent 1": {setOf(good, with(t, second, `"AQAB"`, `"AQ"`)), no, no}, "exponent 3": {setOf(good, with(t, second, `"AQAB"`, `"Aw"`)), no, no}, "exponent even": {setOf(good, with(t, second, `"AQAB"`, `"AQAC"`)), no, no},
		"exponent huge": {setOf(good, with(t, second, `"AQAB"`, `"AQAAAAE"`)), no, no}, "no modulus": {setOf(good, `{"kty":"RSA","kid":"k2","use":"sig","alg":"RS256","e":"AQAB"}`), no, no}, "16384 bits": {setOf(good, `{"kty":"RSA","kid":"k2","use":"sig","alg":"RS256","e":"AQAB","n":"`+b64(strings.Repeat("\xff", 2048))+`"}`), no, no},
		"even modulus": {setOf(good, `{"kty":"RSA","kid":"k2","use":"sig","alg":"RS256","e":"AQAB","n":"`+b64(strings.Repeat("\xfe", 256))+`"}`), no, no}, "padded modulus": {setOf(good, with(t, second, `","e"`, `=","e"`)), no, no},
		"alg of another type": {setOf(good, with(t, second, "RS256", "ES256")), no, no}, "HS256 for an RSA key": {setOf(good, with(t, second, "RS256", "HS256")), yes, yes}, "alg no string": {setOf(good, with(t, second, `"RS256"`, "1")), no, no},
		"P-384 for ES256": {setOf(good, with(t, ec384, `"use"`, `"alg":"ES256","use"`)), no, no}, "point beside the curve": {setOf(good, with(t, ec, `"y":"`, `"y":"A`)), no, no}, "Ed25519 too short": {setOf(good, `{"kty":"OKP","kid":"d","crv":"Ed25519","x":"AAAA"}`), no, no},
		"entry no object": {setOf(good, `"x"`), no, no}, "kty no string": {setOf(good, `{"kty":["RSA"],"kid":"z"}`), yes, yes}, "kty an object": {setOf(good, `{"kty":{},"kid":"z"}`), yes, yes},

		"for encryption": {setOf(good, with(t, second, `"sig"`, `"enc"`)), yes, yes}, "for RSA-OAEP": {setOf(good, with(t, second, "RS256", "RSA-OAEP")), yes, yes}, "for RS512": {setOf(good, with(t, second, "RS256", "RS512")), yes, yes}, "for PS256": {setOf(good, with(t, second, "RS256", "PS256")), yes, yes},
		"key_ops sign": {setOf(good, with(t, second, `"use":"sig"`, `"key_ops":["sign"]`)), yes, yes}, "no kid": {setOf(good, with(t, second, `"kid":"k2",`, "")), yes, yes}, "kid with a blank": {setOf(good, with(t, second, `"k2"`, `"k 2"`)), yes, yes},
		"P-256": {setOf(good, ec), yes, yes}, "P-384 without alg": {setOf(good, ec384), yes, yes}, "Ed25519": {setOf(good, edJWK(ed25519Key().Public().(ed25519.PublicKey), "d1")), yes, yes}, "X25519": {setOf(good, `{"kty":"OKP","kid":"x","crv":"X25519","x":"AAAA"}`), yes, yes},
		"another type": {setOf(good, `{"kty":"AKP","kid":"pq","alg":"ML-DSA-65","pub":"AAAA"}`), yes, yes},

		"only for encryption": {setOf(with(t, good, `"sig"`, `"enc"`)), no, no}, "empty": {`{"keys":[]}`, no, no}, "no keys": {`{}`, no, no}, "keys an object": {`{"keys":{}}`, no, no}, "keys null": {`{"keys":null}`, no, no}, "a list": {`[` + good + `]`, no, no}, "nothing": {"", no, no},
		"member twice": {setOf(with(t, good, `"kid":"k1"`, `"kid":"k0","kid":"k1"`)), no, no}, "keys twice": {`{"keys":[],"keys":[` + good + `]}`, no, no}, "text behind": {setOf(good) + "x", no, no}, "BOM": {"\ufeff" + setOf(good), no, no},
	} {
		f := newForge(t)
		f.show(row.set)
		for who, want := range map[string]string{"google": row.pinned, "shown": row.open} {
			token, clientID := compact(rsHeader, googleClaims), "client.example"
			if who == "shown" {
				token, clientID = compact(rsHeader, oidcClaims), "oidc.example"
			}
			_, err := f.verify(who, clientID, token)
			got := yes
			if errors.Is(err, provider.ErrUnavailable) {
				got = no
			} else if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%s, %s: %s (%v), want %s", name, who, got, err, want)
			}
		}
	}
}

// A key of another kind in Google's or Apple's set does not stop their RS256 keys, and signs
// nothing itself.
func TestSEC73_pinnedProviderHasRS256KeysAlone(t *testing.T) {
	t.Parallel()
	foreign := ecJWK(&ecKey().PublicKey, "e1")

	for _, row := range []struct{ provider, clientID, claims string }{
		{"google", "client.example", googleClaims},
		{"apple", "com.example.app", appleClaims},
	} {
		t.Run(row.provider, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			f.show(setOf(foreign, rsaJWK(&rsaKey().PublicKey, "k1")))

			if _, err := f.verify(row.provider, row.clientID, compact(rsHeader, row.claims)); err != nil {
				t.Errorf("a token of the RS256 key: %v", err)
			}

			es := signedBy(`{"alg":"ES256","kid":"e1"}`, row.claims, func(text string) []byte { return p1363(es256(ecKey(), text)) })
			_, err := f.verify(row.provider, row.clientID, es)
			refused(t, "a token of the ES256 key", err)

			f.show(setOf(foreign))
			f.clock.advance(25 * time.Hour)
			if _, err := f.verify(row.provider, row.clientID, compact(rsHeader, row.claims)); !errors.Is(err, provider.ErrUnavailable) {
				t.Errorf("a set without an RS256 key: %v, want unavailable", err)
			}
		})
	}
}

// A key that says PS256 verifies PS256 and not RS256 (T-WYC-03).
func TestSEC73_keyForPS256(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.show(setOf(with(t, rsaJWK(&rsaKey().PublicKey, "k1"), "RS256", "PS256")))
	good := signedBy(with(t, rsHeader, "RS256", "PS256"), oidcClaims, func(text string) []byte { return ps256(rsaKey(), text) })
	if _, err := f.verify("shown", "oidc.example", good); err != nil {
		t.Error(err)
	}
	_, err := f.verify("shown", "oidc.example", compact(rsHeader, oidcClaims))
	refused(t, "RS256", err)
}

// A document that turns bad takes nothing away from the keys that are there.
func TestSEC73_badDocumentLeavesTheKeys(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	if _, err := f.google(compact(rsHeader, googleClaims)); err != nil {
		t.Fatal(err)
	}
	f.show(setOf(rsaJWK(&otherRSA().PublicKey, "k1"), rsaJWK(&rsaKey().PublicKey, "k1")))
	f.clock.advance(6 * time.Minute)
	if _, err := f.google(compact(rsHeader, googleClaims)); err != nil {
		t.Error(err)
	}
}
