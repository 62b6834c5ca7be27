package latchkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// Lifetime is how long the access tokens live.
const Lifetime = 5 * time.Minute

const kid = "latchkeytest"

// keys sign the tokens of a server (RFC 7518, ES256).
type keys struct{ private *ecdsa.PrivateKey }

func newKeys(t testing.TB) keys {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	return keys{private}
}

var base64url = base64.RawURLEncoding

// sign makes a token of claims.
func (k keys) sign(kind string, claims map[string]any) string {
	header, _ := json.Marshal(map[string]string{"alg": "ES256", "kid": kid, "typ": kind}) // texts
	body, _ := json.Marshal(claims)                                                       // texts and numbers
	text := base64url.EncodeToString(header) + "." + base64url.EncodeToString(body)

	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		panic(err) // of the system's source of randomness
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])

	return text + "." + base64url.EncodeToString(signature)
}

// set is the public half, as a JWK set (RFC 7517).
func (k keys) set() map[string]any {
	point, err := k.private.PublicKey.Bytes() // 4, x, y
	if err != nil {
		panic(err) // it is on the curve
	}

	return map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid,
		"x": base64url.EncodeToString(point[1:33]), "y": base64url.EncodeToString(point[33:]),
	}}}
}

// claims are those that the server reads of its own tokens.
type claims struct {
	Session    string `json:"sid"`
	Generation int64  `json:"gen"`
	Number     int64  `json:"n"`
}

// claimsOf reads a token's claims; what cannot be read is zero.
func claimsOf(token string) claims {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c
	}
	if body, err := base64url.DecodeString(parts[1]); err == nil {
		_ = json.Unmarshal(body, &c) // zero members say it
	}

	return c
}

// begin makes a session of a user; s.mu is held.
func (s *Server) begin(user latchkey.UserID) string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // it never fails
	sid := base64url.EncodeToString(id)
	s.sessions[sid] = &session{user: user, generation: 1}

	return sid
}

// pair makes the tokens of a session's generation; s.mu is held.
func (s *Server) pair(sid string) (access, refresh string) {
	one := s.sessions[sid]
	s.issued++
	now := time.Now().Unix()
	common := func(use string, life time.Duration) map[string]any {
		return map[string]any{
			"iss": "latchkey", "aud": "latchkey", "sub": string(one.user), "sid": sid, "gen": one.generation, "token_use": use,
			"jti": fmt.Sprintf("%s-%d", sid, one.generation), "iat": now, "exp": now + int64(life.Seconds()), "n": s.issued,
		}
	}

	return s.keys.sign("at+jwt", common("access", Lifetime)), s.keys.sign("rt+jwt", common("refresh", 24*time.Hour))
}

// bearer is the session whose access token a request carries, nil where none is good; s.mu is held.
func (s *Server) bearer(r *http.Request) *session {
	c := claimsOf(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	one := s.sessions[c.Session]
	if one == nil || one.ended != "" || c.Number <= s.oldest {
		return nil
	}

	return one
}
