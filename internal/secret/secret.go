// Package secret owns randomness and the comparison of secrets: identifiers,
// opaque tokens, and the hashes under which they are stored. It does not own
// passwords (internal/password) nor signing keys (internal/token).
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"github.com/google/uuid"
)

// SessionTokenPrefix lets secret scanners recognise a leaked session token.
const SessionTokenPrefix = "lkst_"

// Bits128 returns 128 random bits. Its type is a UUID for the database's sake; no
// bit of it is fixed. crypto/rand never fails: it ends the process instead.
func Bits128() uuid.UUID {
	var id uuid.UUID
	_, _ = rand.Read(id[:])
	return id
}

// SessionToken returns an opaque token of 256 random bits.
func SessionToken() string {
	return SessionTokenPrefix + Text(32)
}

// Text returns n random bytes as unpadded base64url.
func Text(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Hash returns the SHA-256 under which a random secret is stored and looked up. A
// plain hash is right for 128 bits of randomness and more; never for a password.
func Hash(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}
