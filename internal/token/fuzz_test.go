package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// fuzzForge has the same key in every fuzzing process: else no seed would verify.
func fuzzForge(f *testing.F) *forge {
	f.Helper()
	scalar := sha256.Sum256([]byte("a key for fuzzing, known to everybody"))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		f.Fatal(err)
	}
	return forgeWith(f, key)
}

// FuzzVerify: an accepted token is one that a second reader accepts as well, byte for
// byte and with another verifier than ours.
func FuzzVerify(f *testing.F) {
	forge := fuzzForge(f)
	for _, use := range bothUses {
		good := forge.good(use)
		for _, seed := range []string{
			good, good + "=", unsigned(good), unsigned(good) + ".", strings.ToLower(good), good[1:], strings.Replace(good, ".", "\n.", 1),
			forge.compact(forge.headerWith(use, "ES256", "none"), claims(use)), `{"payload":"","signatures":[]}`,
		} {
			f.Add(seed)
		}
	}
	f.Fuzz(func(t *testing.T, compact string) {
		for _, use := range bothUses {
			if _, err := forge.verify(compact, use); err == nil {
				mustBeStrict(t, forge, compact)
			}
		}
	})
}

func mustBeStrict(t *testing.T, f *forge, compact string) {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 || len(compact) > 4096 {
		t.Fatalf("accepted %d parts in %d bytes", len(parts), len(compact))
	}
	var signature []byte
	for _, part := range parts {
		data, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(data) != part {
			t.Fatalf("accepted a part that is not strict base64url: %q", part)
		}
		signature = data
	}
	sum := sha256.Sum256([]byte(unsigned(compact)))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if len(signature) != 64 || !ecdsa.Verify(&f.key.PublicKey, sum[:], r, s) {
		t.Fatalf("accepted a signature that crypto/ecdsa refuses: %q", compact)
	}
}

// FuzzVerifySigned signs whatever it is given: what stands behind the signature check
// has to hold by itself. An accepted token says to encoding/json what it says to us.
func FuzzVerifySigned(f *testing.F) {
	forge := fuzzForge(f)
	for _, use := range bothUses {
		f.Add(forge.header(use), claims(use))
		f.Add(forge.headerWith(use, `}`, `,"crit":["exp"]}`), claims(use))
		f.Add(forge.header(use), forge.claimsWith(use, goodExp, `"exp":1800000300,"Exp":1`))
		f.Add(forge.header(use), forge.claimsWith(use, goodExp, `"exp":"1800000300"`))
		f.Add(forge.header(use), claims(use)+"{}")
	}
	f.Fuzz(func(t *testing.T, header, body string) {
		mine := *forge
		mine.t = t // f's own methods are closed inside
		for _, use := range bothUses {
			if got, err := mine.verify(mine.compact(header, body), use); err == nil {
				mustBeOurs(t, &mine, header, body, use)
				mustSay(t, body, use, got)
			}
		}
	})
}

func mustBeOurs(t *testing.T, f *forge, header, body string, use token.Use) {
	t.Helper()
	var got, want map[string]any
	if json.Unmarshal([]byte(header), &got) != nil || json.Unmarshal([]byte(f.header(use)), &want) != nil {
		t.Fatalf("accepted a header that is no JSON: %q", header)
	}
	if len(got) != 3 || got["alg"] != want["alg"] || got["kid"] != want["kid"] || got["typ"] != want["typ"] {
		t.Fatalf("accepted the header %q", header)
	}
	if len(bytes.TrimSpace([]byte(body))) == 0 || strings.Contains(body, `\u0000`) {
		t.Fatalf("accepted the claims %q", body)
	}
}

func mustSay(t *testing.T, body string, use token.Use, got token.Claims) {
	t.Helper()
	var c struct {
		Exp, Iat, Gen           int64
		Aud, Iss, Jti, Sub, Sid string
		Use                     token.Use `json:"token_use"`
		Nbf                     any
	}
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("accepted claims that encoding/json refuses: %v: %q", err, body)
	}
	sid := base64.RawURLEncoding.EncodeToString(got.SessionID[:])
	if c.Exp != got.ExpiresAt.Unix() || c.Iat != got.IssuedAt.Unix() || c.Gen != got.Generation || c.Jti != got.ID || c.Sid != sid {
		t.Fatalf("we read %+v where encoding/json reads %+v", got, c)
	}
	audienceKnown := c.Aud == settings().Audience || use == token.Refresh && c.Aud == settings().Audience+"/refresh"
	if !audienceKnown || c.Iss != settings().Issuer || c.Use != use || c.Nbf != nil || c.Iat >= c.Exp || c.Gen < 1 || got.Subject != c.Sub {
		t.Fatalf("accepted the claims %+v", c)
	}
	if use == token.Access && (c.Exp <= now.Unix() || c.Iat > now.Add(30*time.Second).Unix() || c.Exp-c.Iat > 300) {
		t.Fatalf("accepted out of its time: %+v", c)
	}
}
