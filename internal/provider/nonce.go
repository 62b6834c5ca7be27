package provider

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"

	"github.com/latchkey-auth/latchkey/internal/secret"
)

// NewNonce returns a nonce of 256 random bits, in unpadded base64url.
func NewNonce() string { return secret.Text(32) }

// HashNonce is the SHA-256 of a nonce in lower-case hex: what it is stored under, and what
// most apps give to Apple in its place.
func HashNonce(raw string) string { return hex.EncodeToString(secret.Hash(raw)) }

// nonceForms are the forms in which a token may show the nonce raw: as it is, or hashed.
func nonceForms(raw string) []string {
	sum := sha256.Sum256([]byte(raw))
	return []string{raw, hex.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:])}
}

// MatchesNonce reports whether a token's nonce is the nonce raw in one of its forms. No
// nonce matches nothing.
//
// Timing: every form is compared whole (TestMatchesNonce_takesTheThreeForms).
func MatchesNonce(claim, raw string) bool {
	if claim == "" || raw == "" {
		return false
	}

	match := 0
	for _, form := range nonceForms(raw) {
		match |= subtle.ConstantTimeCompare([]byte(claim), []byte(form))
	}

	return match == 1
}
