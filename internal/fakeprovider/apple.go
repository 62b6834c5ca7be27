package fakeprovider

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

// grant is what a code or a refresh token stands for.
type grant struct{ clientID, sub string }

// Code makes an authorization code of Apple's, good once.
func (s *Server) Code(clientID, sub string) string {
	code := "c" + random(24)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = grant{clientID, sub}

	return code
}

// Exchanged are the codes that were turned into refresh tokens, in order.
func (s *Server) Exchanged() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exchanged)
}

// Revoked are the refresh tokens that were revoked, in order.
func (s *Server) Revoked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.revoked)
}

// FailApple makes the next n requests for Apple's token and revoke endpoints fail with 503.
func (s *Server) FailApple(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = n
}

// client lets through who shows a client secret made with the app's key.
func (s *Server) client(next func(w http.ResponseWriter, r *http.Request, clientID string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
		s.mu.Lock()
		fails := s.failures > 0
		s.failures = max(0, s.failures-1)
		s.mu.Unlock()

		clientID := r.PostFormValue("client_id")
		switch {
		case fails:
			http.Error(w, "out of order", http.StatusServiceUnavailable)
		case !slices.Contains(ClientIDs(Apple), clientID) || !s.isClient(clientID, r.PostFormValue("client_secret")):
			answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_client"})
		default:
			next(w, r, clientID)
		}
	}
}

// isClient checks a client secret: an ES256 token of at most five minutes.
func (s *Server) isClient(clientID, secret string) bool {
	parts := strings.Split(secret, ".")
	if len(parts) != 3 {
		return false
	}

	var header struct{ Alg, Kid string }
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}

	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || len(signature) != 64 || !decodeInto(parts[0], &header) || !decodeInto(parts[1], &claims) {
		return false
	}

	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	r, z := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	now := s.now()

	return ecdsa.Verify(&s.clientKey.PublicKey, sum[:], r, z) &&
		header.Alg == "ES256" && header.Kid == appleKeyID &&
		claims.Iss == appleTeam && claims.Sub == clientID && claims.Aud == "https://appleid.apple.com" &&
		now.Before(time.Unix(claims.Exp, 0)) && claims.Exp-claims.Iat <= 300 && !time.Unix(claims.Iat, 0).After(now.Add(time.Minute))
}

func decodeInto(part string, value any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, value) == nil
}

func (s *Server) exchange(w http.ResponseWriter, r *http.Request, clientID string) {
	code := r.PostFormValue("code")
	s.mu.Lock()

	g, found := s.codes[code]
	if found = found && g.clientID == clientID && r.PostFormValue("grant_type") == "authorization_code"; found {
		delete(s.codes, code)
		s.exchanged = append(s.exchanged, code)
	}

	token := "r" + random(24)
	if found {
		s.refresh[token] = g
	}

	s.mu.Unlock()

	if !found {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}

	answer(w, http.StatusOK, map[string]any{
		"access_token": "a" + random(24), "token_type": "Bearer", "expires_in": 3600, "refresh_token": token,
		"id_token": s.Token(Claims{Provider: Apple, ClientID: clientID, Sub: g.sub}),
	})
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request, clientID string) {
	token := r.PostFormValue("token")
	s.mu.Lock()

	g, found := s.refresh[token]
	if found = found && g.clientID == clientID; found {
		delete(s.refresh, token)
		s.revoked = append(s.revoked, token)
	}

	s.mu.Unlock()

	if !found {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}

	w.WriteHeader(http.StatusOK)
}
