package foreignhash

import (
	"crypto/md5"  //nolint:gosec // G501: what the old system made; argon2id is around it
	"crypto/sha1" //nolint:gosec // G505: see above
	"encoding/hex"
	"strings"
)

// wrappedHash is argon2id of a hash that is too fast to be stored: that of Django's oldest hashers.
type wrappedHash struct {
	inner func(password string) string
	outer Hash
}

func (h wrappedHash) Kind() string { return "wrapped " + h.outer.Kind() }

func (h wrappedHash) Decoy() Hash {
	h.outer = h.outer.Decoy()

	return h
}

func (h wrappedHash) Matches(password string) bool { return h.outer.Matches(h.inner(password)) }

// fastHash returns the hexadecimal digits of a digest of salt and password.
func fastHash(digest, salt, password string) string {
	if digest == "md5" {
		sum := md5.Sum([]byte(salt + password)) //nolint:gosec // G401: see above
		return hex.EncodeToString(sum[:])
	}

	sum := sha1.Sum([]byte(salt + password)) //nolint:gosec // G401: see above

	return hex.EncodeToString(sum[:])
}

// readWrapped reads what Canonical wrote: the salt, a dollar, and an argon2id hash.
func readWrapped(digest string) reader {
	return func(rest string, keys Keys) (Hash, error) {
		salt, stored, found := strings.Cut(rest, "$")
		after, isArgon2 := strings.CutPrefix(stored, "$argon2id$")
		if !found || !isArgon2 || len(salt) > maxSalt {
			return nil, ErrUnreadable
		}

		outer, err := readArgon2("argon2id")(after, keys)
		if err != nil {
			return nil, err
		}

		return wrappedHash{inner: func(p string) string { return fastHash(digest, salt, p) }, outer: outer}, nil
	}
}
