package foreignhash

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // G505: what old systems chose; PBKDF2 with it is not broken
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
)

const maxPBKDF2 = 5_000_000 // rounds

var digests = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

// readDjangoPBKDF2 reads pbkdf2_sha256$rounds$salt$tag. The salt is text, and the tag base64.
func readDjangoPBKDF2(digest string) reader {
	return func(rest string, _ Keys) (Hash, error) {
		parts := strings.Split(rest, "$")
		if len(parts) != 3 {
			return nil, ErrUnreadable
		}

		tag, err := decodeTag(parts[2])
		if err != nil {
			return nil, err
		}

		return newPBKDF2("pbkdf2_"+digest, digest, parts[0], []byte(parts[1]), tag)
	}
}

// readPBKDF2 reads $pbkdf2-sha256$i=rounds,l=length$salt$tag, and passlib's $pbkdf2-sha256$rounds$salt$tag.
func readPBKDF2(digest string) reader {
	return func(rest string, _ Keys) (Hash, error) {
		parts := strings.Split(rest, "$")
		if len(parts) != 3 {
			return nil, ErrUnreadable
		}

		salt, tag, err := decodeBoth(parts[1], parts[2])
		if err != nil {
			return nil, err
		}

		rounds := parts[0]
		if strings.Contains(rounds, "=") {
			values, err := costs(rounds, "i", "l")
			if err != nil {
				return nil, err
			}
			if length, err := number(values[1], maxTag); err != nil || length != len(tag) {
				return nil, ErrUnreadable
			}
			rounds = values[0]
		}

		return newPBKDF2("pbkdf2-"+digest, digest, rounds, salt, tag)
	}
}

func newPBKDF2(name, digest, roundsText string, salt, tag []byte) (Hash, error) {
	rounds, err := number(roundsText, maxPBKDF2)
	if err != nil {
		return nil, err
	}
	if len(salt) > maxSalt {
		return nil, ErrBounds
	}

	derive := func(password string, salt []byte, length int) []byte {
		tag, _ := pbkdf2.Key(digests[digest], password, salt, rounds, length) // it fails for no length that is read

		return tag
	}

	return derivedHash{kind: fmt.Sprintf("%s$%d,%d", name, rounds, len(tag)), salt: salt, tag: tag, derive: derive}, nil
}
