// Package foreignhash verifies password hashes that other systems made, so that their users sign in with the
// passwords that they have. It owns the spellings and the bounds of their costs. It makes no hashes: a
// password that is right is stored anew by internal/password.
package foreignhash

import (
	"errors"
	"fmt"
	"strings"
)

// Keys are secrets that some systems keep beside the hashes. Settings have them, and no row.
type Keys struct {
	// FirebaseSigner is base64_signer_key of the project's hash_config, decoded.
	FirebaseSigner []byte
	// Pepper is appended to the password before bcrypt (Devise).
	Pepper string
}

// Hash is a stored hash that was read, within bounds.
type Hash interface {
	// Matches reports whether the hash is that of a password. It takes as long for a wrong one.
	Matches(password string) bool
	// Kind names the algorithm and its costs, without salt and tag: pbkdf2_sha256$1000000. Hashes of one
	// kind take the same time.
	Kind() string
	// Decoy is a hash of the same kind with a salt and a tag of zeros, for where there is no hash to compare
	// with.
	Decoy() Hash
}

// Errors of Read. They name the algorithm at most: no part of a salt or tag.
var (
	// ErrUnknown is a spelling that this package does not know.
	ErrUnknown = errors.New("a hash of an unknown kind")
	// ErrUnreadable is a known kind that is cut, or not spelled as its system does.
	ErrUnreadable = errors.New("a hash that cannot be read")
	// ErrBounds is a hash whose cost would be an attack, or whose tag is too short.
	ErrBounds = errors.New("a hash with parameters out of bounds")
	// ErrKey is a hash that needs a key of Keys which is not set.
	ErrKey = errors.New("a hash that needs a key which is not set")
)

// reader reads what follows its prefix.
type reader func(rest string, keys Keys) (Hash, error)

// kinds are the spellings by their prefixes, the longest first where one begins with another.
var kinds = []struct {
	prefix string
	read   reader
}{
	{"pbkdf2_sha256$", readDjangoPBKDF2("sha256")},
	{"pbkdf2_sha1$", readDjangoPBKDF2("sha1")},
	{"$pbkdf2-sha256$", readPBKDF2("sha256")},
	{"$pbkdf2-sha512$", readPBKDF2("sha512")},
	{"$pbkdf2-sha1$", readPBKDF2("sha1")},
	{"$argon2id$", readArgon2("argon2id")},
	{"$argon2i$", readArgon2("argon2i")},
	{"bcrypt_sha256$", readDjangoBcrypt},
	{"$wp$2y$", readWordPress},
	{"$2a$", readBcrypt("$2a$")},
	{"$2b$", readBcrypt("$2b$")},
	{"$2y$", readBcrypt("$2y$")},
	{"scrypt$", readDjangoScrypt},
	{"$scrypt$", readScrypt},
	{"$fbscrypt$", readFirebase},
	{"$firescrypt$", readKratosFirebase},
	{"$P$", readPhpass},
	{"$H$", readPhpass},
	{"wrapped_md5$", readWrapped("md5")},
	{"wrapped_sha1$", readWrapped("sha1")},
}

// Read reads a stored hash. It returns ErrUnknown, ErrUnreadable, ErrBounds or ErrKey, wrapped with the name
// of the kind.
func Read(stored string, keys Keys) (Hash, error) {
	for _, k := range kinds {
		rest, found := strings.CutPrefix(stored, k.prefix)
		if !found {
			continue
		}

		h, err := k.read(rest, keys)
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", err, strings.Trim(k.prefix, "$"))
		}

		return h, nil
	}

	return nil, ErrUnknown
}
