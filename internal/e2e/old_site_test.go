package e2e

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwk"
)

// oldSite is the system that a service moves in from. It makes the tokens that allauth makes.
type oldSite struct {
	w      *world
	sealed []byte // the key of session ids
}

// oldKey signs at every oldSite of this process: making one takes long.
var oldKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}

	return key
})

func oldPublicKey(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(oldKey().Public())
	if err != nil {
		t.Fatal(err)
	}

	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func oldKid(t testing.TB) string {
	t.Helper()
	key, err := jwk.FromRaw(oldKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}

	return base64.RawURLEncoding.EncodeToString(sum)
}

var oldSecretKey = sha256.Sum256([]byte("the SECRET_KEY of the old site"))

// oldSettings are those that `latchkey_settings` writes.
func oldSettings(t testing.TB) []string {
	t.Helper()

	return []string{
		"LATCHKEY_OLD_JWT_ALGORITHM=RS256", "LATCHKEY_OLD_JWT_KEY=" + base64.StdEncoding.EncodeToString([]byte(oldPublicKey(t))),
		"LATCHKEY_OLD_SID_KEY=" + hex.EncodeToString(oldSecretKey[:]),
	}
}

// movedIn runs a server that a service has moved in to, and that is live.
func movedIn(t testing.TB, settings ...string) (*world, *oldSite) {
	t.Helper()
	w := start(t, append(oldSettings(t), settings...)...)
	w.exec("INSERT INTO moving (phase, since, window_ends_at) VALUES ('live', now(), now() + interval '1 day')")

	return w, &oldSite{w, oldSecretKey[:]}
}

// oldSession is a session that the old site has opened.
type oldSession struct {
	site    *oldSite
	id      uuid.UUID // here
	subject string
	key     string // at the old site
}

// brings imports a session of a user, as latchkey import does.
func (s *oldSite) brings(email string) *oldSession {
	s.w.t.Helper()
	o := &oldSession{site: s, id: uuid.New()}
	o.key = hex.EncodeToString(o.id[:]) // 32 characters, as Django's are
	hash := sha256.Sum256([]byte(o.key))
	s.w.exec(`INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_issued_at,
			refresh_expires_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, methods)
		SELECT $1, 1 + floor(random() * 2000000000)::bigint, $2, user_id, now() - interval '1 hour', now() + interval '90 days', 1,
		       now() - interval '1 hour', now() - interval '1 hour', now() + interval '1 day', false, now() - interval '1 hour',
		       'old app', '', '[{"method": "password", "at": 1700000000}]'
		  FROM email_addresses WHERE address = $3`, o.id, hash[:], email)
	o.subject = query[string](s.w, "SELECT d.subject FROM user_details d JOIN sessions s ON s.user_id = d.id WHERE s.id = $1", o.id)

	return o
}

// claims are those of a token of the session; life is until its exp.
func (o *oldSession) claims(use string, life time.Duration) map[string]any {
	o.site.w.t.Helper()
	block, err := aes.NewCipher(o.site.sealed)
	if err != nil {
		o.site.w.t.Fatal(err)
	}
	sid := make([]byte, aes.BlockSize+len(o.key))
	_, _ = rand.Read(sid[:aes.BlockSize])
	cipher.NewCTR(block, sid[:aes.BlockSize]).XORKeyStream(sid[aes.BlockSize:], []byte(o.key))
	now := o.site.w.clock.Now()

	return map[string]any{
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(life).Unix(), "sid": base64.StdEncoding.EncodeToString(sid),
		"jti": uuid.NewString(), "token_use": use, "sub": o.subject,
	}
}

// refresh is a refresh token of the session that was imported.
func (o *oldSession) refresh(life time.Duration) string {
	o.site.w.t.Helper()
	c := o.claims("refresh", life)
	o.knows(c)

	return signedOld(o.site.w.t, nil, c)
}

// knows imports the jti of a refresh token.
func (o *oldSession) knows(claims map[string]any) {
	o.site.w.t.Helper()
	hash := sha256.Sum256([]byte(claims["jti"].(string)))
	o.site.w.exec("INSERT INTO old_refresh_tokens (jti_hash, session_id, expires_at) VALUES ($1, $2, to_timestamp($3))", hash[:], o.id, claims["exp"])
}

func (o *oldSession) access() string {
	o.site.w.t.Helper()

	return signedOld(o.site.w.t, nil, o.claims("access", 4*time.Minute))
}

// row is what a refused token must not have changed.
func (o *oldSession) row() string {
	o.site.w.t.Helper()

	return query[string](o.site.w, "SELECT to_jsonb(s)::text || (SELECT count(*) FROM old_refresh_tokens) FROM sessions s WHERE id = $1", o.id)
}

// signedOld signs claims as the old site does. header replaces members of the header; nil values remove
// them.
func signedOld(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	text := unsignedOld(t, header, claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, oldKey(), crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}

	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func unsignedOld(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	full := map[string]any{"alg": "RS256", "typ": "JWT", "kid": oldKid(t)}
	for name, value := range header {
		full[name] = value
		if value == nil {
			delete(full, name)
		}
	}
	encode := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}

		return base64.RawURLEncoding.EncodeToString(b)
	}

	return encode(full) + "." + encode(claims)
}
