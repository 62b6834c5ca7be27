package token

import (
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
)

// maxVerified bounds the cache: about 400 bytes an entry, 16 MiB in all (cache_test.go).
const maxVerified = 40000

// verified remembers access tokens whose signature was right, and tokens that this process has signed: the check
// costs more than everything else that a request does. It knows nothing of sessions, and says nothing
// about whether a token is valid now.
type verified struct {
	entries *lru.Cache[[sha256.Size]byte, verifiedToken]
}

// verifiedToken is what the gate found, and what it has to compare again. It has no more of the
// claims than the gate reads, and times in seconds: there are many of them.
type verifiedToken struct {
	kid      string
	issuer   string
	audience string
	use      Use

	subject    string
	id         string
	sessionID  uuid.UUID
	generation int64
	issuedAt   int64
	expiresAt  int64
}

// remember is a token of an issuer and an audience as the memory has it.
func remember(kid string, s Settings, use Use, c Claims) verifiedToken {
	return verifiedToken{
		kid: kid, issuer: s.Issuer, audience: s.audience(use), use: use,
		subject: c.Subject, id: c.ID, sessionID: c.SessionID, generation: c.Generation,
		issuedAt: c.IssuedAt.Unix(), expiresAt: c.ExpiresAt.Unix(),
	}
}

// claims are those that the gate has read.
func (t verifiedToken) claims() Claims {
	return Claims{
		Subject: t.subject, ID: t.id, SessionID: t.sessionID, Generation: t.generation,
		IssuedAt: time.Unix(t.issuedAt, 0).UTC(), ExpiresAt: time.Unix(t.expiresAt, 0).UTC(),
	}
}

func newVerified() (*verified, error) {
	entries, err := lru.New[[sha256.Size]byte, verifiedToken](maxVerified)
	return &verified{entries}, err
}

// get returns what is known of the same token. The key is the hash of the whole compact token, so that
// only bytes which were verified are found again.
func (c *verified) get(compact string) (verifiedToken, bool) {
	return c.entries.Get(sha256.Sum256([]byte(compact)))
}

func (c *verified) add(compact string, t verifiedToken) {
	c.entries.Add(sha256.Sum256([]byte(compact)), t)
}

// forget drops what keys that are gone have signed.
func (c *verified) forget(gone []string) {
	dropped := map[string]bool{}
	for _, kid := range gone {
		dropped[kid] = true
	}
	for _, key := range c.entries.Keys() {
		if t, ok := c.entries.Peek(key); ok && dropped[t.kid] {
			c.entries.Remove(key)
		}
	}
}
