package provider_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/provider"
)

// FuzzVerify: what is taken is written in one way only, its signature is right for the
// standard library too, and encoding/json reads the same person in it. The header and the
// claims are signed as they come, so that the fuzzer gets beyond the signature.
func FuzzVerify(f *testing.F) {
	for _, claims := range []string{googleClaims, appleClaims, oidcClaims, `{}`, `{"sub":"a","sub":"b"}`, googleClaims + "x"} {
		f.Add(rsHeader, claims, "")
	}
	f.Add(`{"alg":"none","kid":"k1"}`, googleClaims, "")
	f.Add("", "", compact(rsHeader, googleClaims))
	f.Add("", "", "a.b.c")
	house := newForge(f)
	f.Fuzz(func(t *testing.T, header, claims, whole string) {
		token := whole
		if whole == "" {
			token = compact(header, claims)
		}
		id, err := house.google(token)
		if err != nil {
			if !errors.Is(err, provider.ErrInvalidToken) || id.UID != "" {
				t.Fatalf("%q: %v, %v", token, id, err)
			}
			return
		}
		parts := strings.Split(token, ".")
		signature, _ := base64.RawURLEncoding.DecodeString(parts[2])
		sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
		if rsa.VerifyPKCS1v15(&rsaKey().PublicKey, crypto.SHA256, sum[:], signature) != nil || !bytes.Equal(sum[:], id.Digest) {
			t.Fatalf("%q: the signature is wrong", token)
		}
		for n, part := range parts {
			if decoded, _ := base64.RawURLEncoding.DecodeString(part); base64.RawURLEncoding.EncodeToString(decoded) != part {
				t.Fatalf("%q: part %d can be written in another way", token, n)
			}
		}
		var got struct {
			Iss, Sub, Email, Nonce string
			Exp                    int64
		}
		decoded, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if err := json.Unmarshal(decoded, &got); err != nil || got.Sub != id.UID || got.Email != id.Email || got.Nonce != id.Nonce || got.Exp <= start.Unix() || !strings.HasSuffix(got.Iss, "accounts.google.com") {
			t.Fatalf("%q: %v, %v", decoded, got, err)
		}
	})
}

// FuzzParse: settings are read or refused, and what is read can be set up.
func FuzzParse(f *testing.F) {
	f.Add(`{"google":{"APPS":[{"client_id":"a","settings":{"hidden":true}}]}}`)
	f.Add(`{"openid_connect":{"APPS":[{"provider_id":"p","client_id":"a","settings":{"server_url":"https://one.example"}}]}}`)
	f.Add(`{"apple":{"APP":{"client_id":"a,b","settings":{"certificate_key":"x"}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := provider.Parse(text)
		if err != nil {
			return
		}
		p, err := provider.New(provider.Settings{Providers: text}, newClock().now, quiet)
		if err != nil {
			t.Fatal(err)
		}
		for _, app := range list {
			for _, id := range app.ClientIDs {
				if found, ok := p.Find(app.ID, id); !ok || found.String() != app.String() {
					t.Fatalf("%s: %s is not found", app.ID, id)
				}
			}
		}
	})
}
