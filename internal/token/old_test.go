package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// allauthToken is what django-allauth 65.21.1 made of a session.
type allauthToken struct {
	SID          string `json:"sid"`
	SessionKey   string `json:"session_key"`
	JTI          string `json:"jti"`
	Subject      string `json:"subject"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	PublicKey    string `json:"public_key"`
	SIDKey       string `json:"sid_key"`
	TokenHash    string `json:"token_hash"`
}

// allauthTokens are of a user with an integer for an id, and of one with a UUID.
func allauthTokens(t *testing.T) map[string]allauthToken {
	t.Helper()
	text, err := os.ReadFile("testdata/allauth.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]allauthToken
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}

	return all
}

// The tokens that allauth makes are read as it means them.
func TestOld_readsTheTokensOfAllauth(t *testing.T) {
	t.Parallel()
	for name, c := range allauthTokens(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := oldVerifier(t, token.OldSettings{Algorithm: "RS256", Key: c.PublicKey, SessionID: c.SIDKey})

			refresh, err := v.Refresh(c.RefreshToken)
			if err != nil || refresh.Subject != c.Subject || string(refresh.IDHash) != string(secret.Hash(c.JTI)) {
				t.Errorf("the refresh token: %+v, %v", refresh, err)
			}
			if refresh.ExpiresAt.Sub(refresh.IssuedAt) != 24*time.Hour {
				t.Errorf("it lives from %v to %v", refresh.IssuedAt, refresh.ExpiresAt)
			}

			access, hash, err := v.Access(c.AccessToken, refresh.IssuedAt)
			if err != nil || access.Subject != c.Subject || hex.EncodeToString(hash) != c.TokenHash {
				t.Errorf("the access token: %+v, %x, %v", access, hash, err)
			}
			_, _, err = v.Access(c.AccessToken, refresh.IssuedAt.Add(5*time.Minute))
			refusedFor(t, err, token.OldExpired)
			if _, _, err = v.Former(c.AccessToken); err != nil {
				t.Errorf("to sign out: %v", err)
			}

			_, err = v.Refresh(c.AccessToken)
			refusedFor(t, err, token.OldClaims)
			_, _, err = v.Access(c.RefreshToken, refresh.IssuedAt)
			refusedFor(t, err, token.OldClaims)
		})
	}
}

func oldVerifier(t *testing.T, s token.OldSettings) *token.OldVerifier {
	t.Helper()
	if wrong := s.Check(); len(wrong) > 0 {
		t.Fatal(wrong)
	}
	v, err := token.NewOldVerifier(s, settings())
	if err != nil {
		t.Fatal(err)
	}

	return v
}

// refusedFor fails unless a token was refused, for this reason.
func refusedFor(t *testing.T, err, why error) {
	t.Helper()
	if !errors.Is(err, token.ErrInvalid) || !errors.Is(err, why) {
		t.Errorf("got %v, want %v", err, why)
	}
}

// oldKeys are a key of each kind, made once.
type oldKeys struct {
	rsa       *rsa.PrivateKey
	p256      *ecdsa.PrivateKey
	p384      *ecdsa.PrivateKey
	p521      *ecdsa.PrivateKey
	symmetric []byte
}

func makeOldKeys(t *testing.T) oldKeys {
	t.Helper()
	made := oldKeys{symmetric: []byte("django-insecure-0123456789abcdefghijklmnopqrstuvw")}
	var err error
	if made.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for curve, key := range map[elliptic.Curve]**ecdsa.PrivateKey{elliptic.P256(): &made.p256, elliptic.P384(): &made.p384, elliptic.P521(): &made.p521} {
		if *key, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}

	return made
}

// pairs are the keys of an algorithm: what signs, and the setting that checks.
func (k oldKeys) pair(t *testing.T, algorithm string) (private any, setting string) {
	t.Helper()
	switch algorithm[:2] {
	case "RS":
		return k.rsa, publicPEM(t, k.rsa.Public())
	case "HS":
		return k.symmetric, string(k.symmetric)
	}
	key := map[string]*ecdsa.PrivateKey{"ES256": k.p256, "ES384": k.p384, "ES512": k.p521}[algorithm]

	return key, publicPEM(t, key.Public())
}

func publicPEM(t *testing.T, public any) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}

	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// oldHeader is the header that PyJWT writes for allauth.
func oldHeader(t *testing.T, algorithm string, private any) map[string]any {
	t.Helper()
	h := map[string]any{"alg": algorithm, "typ": "JWT"}
	if algorithm[:2] == "HS" {
		return h
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		t.Fatal("no signer")
	}
	key, err := jwk.FromRaw(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	h["kid"] = base64.RawURLEncoding.EncodeToString(sum)

	return h
}

func oldClaims() map[string]any {
	return map[string]any{
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "sid": "c2lk", "jti": "a-jti", "token_use": "refresh", "sub": "7",
	}
}

// sealOld signs a token under an algorithm, whatever its header says.
func sealOld(t *testing.T, algorithm string, private any, header, claims map[string]any) string {
	t.Helper()
	text := joined(t, header) + "." + joined(t, claims)
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(algorithm))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign([]byte(text), private)
	if err != nil {
		t.Fatal(err)
	}

	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func joined(t *testing.T, members map[string]any) string {
	t.Helper()
	b, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}

	return base64.RawURLEncoding.EncodeToString(b)
}

var oldAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512"}

// Exactly the algorithm of the settings is accepted: not another one of the same key, and none whose key
// is the public one.
func TestOld_forgeries(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	for _, configured := range oldAlgorithms {
		t.Run(configured, func(t *testing.T) {
			t.Parallel()
			private, setting := keys.pair(t, configured)
			v := oldVerifier(t, token.OldSettings{Algorithm: configured, Key: setting})
			header := oldHeader(t, configured, private)
			good := sealOld(t, configured, private, header, oldClaims())
			if _, err := v.Refresh(good); err != nil {
				t.Fatalf("the good one: %v", err)
			}

			for _, other := range oldAlgorithms {
				if other == configured {
					continue
				}
				otherKey, _ := keys.pair(t, other)
				honest := oldHeader(t, other, otherKey)
				_, err := v.Refresh(sealOld(t, other, otherKey, honest, oldClaims()))
				refusedFor(t, err, token.OldForeign)

				// It says the algorithm of the settings, and is signed by another.
				_, err = v.Refresh(sealOld(t, other, otherKey, header, oldClaims()))
				refusedFor(t, err, token.OldSignature)
			}

			for _, alg := range []string{"none", "None", "NONE", "", "HS256", "hs256"} {
				for _, secret := range []string{setting, strings.TrimSpace(setting), "", "\x00"} {
					h := map[string]any{"alg": alg, "typ": "JWT"}
					text := joined(t, h) + "." + joined(t, oldClaims())
					mac := hmac.New(sha256.New, []byte(secret))
					mac.Write([]byte(text))
					for _, signature := range []string{"", base64.RawURLEncoding.EncodeToString(mac.Sum(nil))} {
						if alg == "HS256" && configured == "HS256" && secret == setting && signature != "" {
							continue // which is the good one
						}
						if _, err := v.Refresh(text + "." + signature); !errors.Is(err, token.ErrInvalid) {
							t.Errorf("alg %q, signature %q: %v", alg, signature, err)
						}
					}
				}
			}
		})
	}
}

func TestOld_theHeaderIsTheOneThatAllauthWrites(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	private, setting := keys.pair(t, "RS256")
	v := oldVerifier(t, token.OldSettings{Algorithm: "RS256", Key: setting})
	for name, change := range map[string]func(h map[string]any){
		"another kid":   func(h map[string]any) { h["kid"] = "x" },
		"no kid":        func(h map[string]any) { delete(h, "kid") },
		"kid by number": func(h map[string]any) { h["kid"] = 7 },
		"another typ":   func(h map[string]any) { h["typ"] = "at+jwt" },
		"crit":          func(h map[string]any) { h["crit"] = []string{"b64"} },
		"b64":           func(h map[string]any) { h["b64"] = false },
		"jwk":           func(h map[string]any) { h["jwk"] = map[string]any{} },
		"jku":           func(h map[string]any) { h["jku"] = "https://example.com" },
		"x5c":           func(h map[string]any) { h["x5c"] = []string{} },
		"zip":           func(h map[string]any) { h["zip"] = "DEF" },
	} {
		h := oldHeader(t, "RS256", private)
		change(h)
		_, err := v.Refresh(sealOld(t, "RS256", private, h, oldClaims()))
		if !errors.Is(err, token.OldForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}

	h := oldHeader(t, "RS256", private)
	delete(h, "typ") // which PyJWT can leave out
	if _, err := v.Refresh(sealOld(t, "RS256", private, h, oldClaims())); err != nil {
		t.Errorf("without typ: %v", err)
	}
}

func TestOld_claimsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	private, setting := keys.pair(t, "ES256")
	v := oldVerifier(t, token.OldSettings{Algorithm: "ES256", Key: setting})
	header := oldHeader(t, "ES256", private)
	for _, name := range []string{"iat", "exp", "sid", "jti", "token_use", "sub"} {
		for _, value := range []any{nil, "", 0, -1, 1.5, true, []string{"a"}, map[string]any{}, strings.Repeat("x", 257)} {
			c := oldClaims()
			c[name] = value
			if value == nil {
				delete(c, name)
			}
			_, err := v.Refresh(sealOld(t, "ES256", private, header, c))
			refusedFor(t, err, token.OldClaims)
		}
	}
	c := oldClaims()
	c["nbf"] = now.Unix()
	_, err := v.Refresh(sealOld(t, "ES256", private, header, c))
	refusedFor(t, err, token.OldClaims)

	// Claims that a site adds to its tokens are theirs.
	c = oldClaims()
	c["role"] = map[string]any{"name": "staff"}
	if _, err := v.Refresh(sealOld(t, "ES256", private, header, c)); err != nil {
		t.Errorf("with a claim of its own: %v", err)
	}

	// A member twice would be read differently by two readers.
	twice := strings.Replace(string(mustJSON(t, oldClaims())), `{`, `{"sub":"8",`, 1)
	text := joined(t, header) + "." + base64.RawURLEncoding.EncodeToString([]byte(twice))
	signer, _ := jws.NewSigner(jwa.ES256)
	signature, _ := signer.Sign([]byte(text), private)
	_, err = v.Refresh(text + "." + base64.RawURLEncoding.EncodeToString(signature))
	refusedFor(t, err, token.OldClaims)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}

	return b
}

func TestOld_spellingsOfAGoodTokenAreRefused(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	private, setting := keys.pair(t, "RS256")
	v := oldVerifier(t, token.OldSettings{Algorithm: "RS256", Key: setting})
	good := sealOld(t, "RS256", private, oldHeader(t, "RS256", private), oldClaims())
	long := oldClaims()
	long["more"] = strings.Repeat("x", 2000)
	long["still"] = strings.Repeat("x", 1500)
	for _, bad := range []string{
		"", ".", "..", good + ".", good + "=", good + "\n", "\n" + good, " " + good, good + "." + good, strings.ToUpper(good), good[:len(good)-2],
		strings.Replace(good, ".", "\n.", 1), sealOld(t, "RS256", private, oldHeader(t, "RS256", private), long),
	} {
		if _, err := v.Refresh(bad); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

// A mistake in the settings ends the start, says what to do, and shows no secret.
func TestOldSettings_whatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, rsaKey := keys.pair(t, "RS256")
	_, p256 := keys.pair(t, "ES256")
	privatePEM := pkcs8(t, keys.p256)
	sid := strings.Repeat("0f", 32)
	for name, c := range map[string]struct {
		settings token.OldSettings
		says     string
	}{
		"an unknown algorithm":     {token.OldSettings{Algorithm: "PS256", Key: rsaKey}, "LATCHKEY_OLD_JWT_ALGORITHM: want one of"},
		"none":                     {token.OldSettings{Algorithm: "none", Key: rsaKey}, "LATCHKEY_OLD_JWT_ALGORITHM: want one of"},
		"small letters":            {token.OldSettings{Algorithm: "rs256", Key: rsaKey}, "LATCHKEY_OLD_JWT_ALGORITHM: want one of"},
		"no key":                   {token.OldSettings{Algorithm: "RS256"}, "openssl pkey -in PRIVATE -pubout"},
		"no algorithm":             {token.OldSettings{Key: rsaKey}, "LATCHKEY_OLD_JWT_ALGORITHM: is needed"},
		"a sid key alone":          {token.OldSettings{SessionID: sid}, "LATCHKEY_OLD_JWT_ALGORITHM: is needed"},
		"a private key":            {token.OldSettings{Algorithm: "ES256", Key: privatePEM}, "is a private key"},
		"no PEM":                   {token.OldSettings{Algorithm: "RS256", Key: "secret-nonsense"}, "want one public key as PEM"},
		"two keys":                 {token.OldSettings{Algorithm: "RS256", Key: rsaKey + rsaKey}, "want one public key as PEM"},
		"an RSA key for ES256":     {token.OldSettings{Algorithm: "ES256", Key: rsaKey}, "is an RSA key"},
		"an EC key for RS256":      {token.OldSettings{Algorithm: "RS256", Key: p256}, "is a key on P-256"},
		"another curve":            {token.OldSettings{Algorithm: "ES384", Key: p256}, "is a key on P-256"},
		"a short RSA key":          {token.OldSettings{Algorithm: "RS256", Key: publicPEM(t, short.Public())}, "1024 bits is too short"},
		"a public key for HS256":   {token.OldSettings{Algorithm: "HS256", Key: rsaKey}, "is a PEM key"},
		"the same in base64":       {token.OldSettings{Algorithm: "HS256", Key: base64.StdEncoding.EncodeToString([]byte(rsaKey))}, "is a PEM key"},
		"a short secret":           {token.OldSettings{Algorithm: "HS256", Key: "secret-short"}, "at least 16 bytes"},
		"a sid key that is no hex": {token.OldSettings{Algorithm: "RS256", Key: rsaKey, SessionID: "secret-key"}, "LATCHKEY_OLD_SID_KEY: want 64"},
		"a short sid key":          {token.OldSettings{Algorithm: "RS256", Key: rsaKey, SessionID: sid[2:]}, "LATCHKEY_OLD_SID_KEY: want 64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := errors.Join(c.settings.Check()...)
			if text == nil || !strings.Contains(text.Error(), c.says) {
				t.Fatalf("got %v, want %q", text, c.says)
			}
			for _, secret := range []string{"secret-", rsaKey[40:80], privatePEM[40:80]} {
				if strings.Contains(text.Error(), secret) {
					t.Errorf("it shows the key: %v", text)
				}
			}
		})
	}
}

// TestOld_theSecretIsNoPublicKey: see secret. HS* with a real secret is allowed, and warned of.
func TestOld_theSecretIsNoPublicKey(t *testing.T) {
	t.Parallel()
	keys := makeOldKeys(t)
	for _, algorithm := range oldAlgorithms {
		_, setting := keys.pair(t, algorithm)
		for _, text := range []string{setting, base64.StdEncoding.EncodeToString([]byte(setting)), strings.ReplaceAll(setting, "\n", `\n`)} {
			s := token.OldSettings{Algorithm: algorithm, Key: text}
			if wrong := s.Check(); len(wrong) > 0 {
				t.Errorf("%s: %v", algorithm, wrong)
			}
			warned := strings.Join(s.Warnings(), " ")
			if isSecret := algorithm[:2] == "HS"; isSecret != strings.Contains(warned, "can take over every session") {
				t.Errorf("%s: warnings %q", algorithm, warned)
			}
			if strings.Contains(warned, text) {
				t.Error("a warning shows the secret")
			}
		}
	}
}
