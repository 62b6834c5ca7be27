package foreignhash

import "crypto/subtle"

// derivedHash is a salt, and the tag that an algorithm derives from it and a password: all kinds but those
// that are strings of their own (bcrypt, phpass).
type derivedHash struct {
	kind      string
	salt, tag []byte
	// derive returns a tag of the length, or nil where that cannot be.
	derive func(password string, salt []byte, length int) []byte
}

func (h derivedHash) Kind() string { return h.kind }

func (h derivedHash) Matches(password string) bool {
	return subtle.ConstantTimeCompare(h.derive(password, h.salt, len(h.tag)), h.tag) == 1
}

func (h derivedHash) Decoy() Hash {
	h.salt, h.tag = make([]byte, len(h.salt)), make([]byte, len(h.tag))

	return h
}
