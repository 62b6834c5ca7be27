package foreignhash

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // G505: what old systems chose; PBKDF2 with it is not broken
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"strings"
)

const maxPBKDF2 = 5_000_000 // rounds

var digests = map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

type pbkdf2Hash struct {
	kind   string
	digest func() hash.Hash
	rounds int
	salt   []byte
	tag    []byte
}

func (h pbkdf2Hash) Kind() string { return h.kind }

func (h pbkdf2Hash) Decoy() Hash {
	h.salt, h.tag = make([]byte, len(h.salt)), make([]byte, len(h.tag))

	return h
}

func (h pbkdf2Hash) Matches(password string) bool {
	tag, err := pbkdf2.Key(h.digest, password, h.salt, h.rounds, len(h.tag))

	return err == nil && subtle.ConstantTimeCompare(tag, h.tag) == 1
}

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

	kind := fmt.Sprintf("%s$%d,%d", name, rounds, len(tag))

	return pbkdf2Hash{kind: kind, digest: digests[digest], rounds: rounds, salt: salt, tag: tag}, nil
}
