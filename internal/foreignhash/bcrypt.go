package foreignhash

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	minBcrypt = 4 // cost: the binary logarithm of the rounds
	maxBcrypt = 15

	// bcryptLength is the length of $2b$12$ with salt and tag.
	bcryptLength = 60
	// bcryptCounts is how many bytes of a password count. What follows is not looked at, as everywhere.
	bcryptCounts = 72
)

type bcryptHash struct {
	kind   string
	stored []byte
	// before is what the system does to a password first.
	before func(password string) string
}

func (h bcryptHash) Kind() string { return h.kind }

func (h bcryptHash) Decoy() Hash {
	const head = len("$2b$12$")
	h.stored = []byte(string(h.stored[:head]) + strings.Repeat(".", bcryptLength-head))

	return h
}

func (h bcryptHash) Matches(password string) bool {
	given := []byte(h.before(password))
	if len(given) > bcryptCounts {
		given = given[:bcryptCounts]
	}

	return bcrypt.CompareHashAndPassword(h.stored, given) == nil
}

// readBcrypt reads $2b$cost$, salt and tag. $2x$ is none of its prefixes: its makers had a bug with signs.
func readBcrypt(prefix string) reader {
	return func(rest string, keys Keys) (Hash, error) {
		return newBcrypt("bcrypt", prefix+rest, func(password string) string { return password + keys.Pepper })
	}
}

// readDjangoBcrypt reads bcrypt_sha256$$2b$…: bcrypt of the hexadecimal digits of SHA-256. passlib has a
// scheme of that name which is another.
func readDjangoBcrypt(rest string, _ Keys) (Hash, error) {
	return newBcrypt("bcrypt_sha256", rest, func(password string) string {
		sum := sha256.Sum256([]byte(password))

		return hex.EncodeToString(sum[:])
	})
}

// readWordPress reads $wp$2y$…: bcrypt of the base64 of an HMAC.
func readWordPress(rest string, _ Keys) (Hash, error) {
	return newBcrypt("wp", "$2y$"+rest, func(password string) string {
		mac := hmac.New(sha512.New384, []byte("wp-sha384"))
		_, _ = mac.Write([]byte(strings.Trim(password, " \t\n\r\x00\x0b"))) // PHP's trim

		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	})
}

func newBcrypt(name, stored string, before func(string) string) (Hash, error) {
	isCut := len(stored) != bcryptLength || !strings.HasPrefix(stored, "$2") || stored[3] != '$'
	if isCut || strings.HasPrefix(stored, "$2x$") {
		return nil, ErrUnreadable
	}

	cost, err := bcrypt.Cost([]byte(stored))
	if err != nil {
		return nil, ErrUnreadable
	}
	if cost < minBcrypt || cost > maxBcrypt {
		return nil, ErrBounds
	}

	return bcryptHash{kind: fmt.Sprintf("%s$%d", name, cost), stored: []byte(stored), before: before}, nil
}
