package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync/atomic"
)

// Key is a key that several parts of the program use, and that may become known after they were made:
// when the database has answered.
type Key struct{ bytes atomic.Pointer[[]byte] }

// NewKey returns a key that is known.
func NewKey(bytes []byte) *Key {
	k := &Key{}
	k.Set(bytes)
	return k
}

// Set makes the key known.
func (k *Key) Set(bytes []byte) { k.bytes.Store(&bytes) }

// MAC returns an HMAC-SHA256 with this key. It panics while the key is not known: the server answers no
// request before that (server.Parts.Ready).
func (k *Key) MAC() hash.Hash {
	bytes := k.bytes.Load()
	if bytes == nil {
		panic("secret: the key is not known yet")
	}

	return hmac.New(sha256.New, *bytes)
}
