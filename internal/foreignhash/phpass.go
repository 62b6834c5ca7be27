package foreignhash

import (
	"crypto/md5" //nolint:gosec // G501: what phpass iterates
	"crypto/subtle"
	"fmt"
	"strings"
)

// phpassDigits are the digits of phpass' base 64, the lowest first.
const phpassDigits = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

const (
	minPhpass = 7 // the binary logarithm of the rounds
	maxPhpass = 20

	phpassSalt = 8
	phpassTag  = 22
)

// phpassHash is the portable hash of phpass: WordPress before 6.8, phpBB.
type phpassHash struct {
	log  int
	salt string
	tag  string
}

func (h phpassHash) Kind() string { return fmt.Sprintf("phpass$%d", h.log) }

func (h phpassHash) Decoy() Hash {
	h.salt, h.tag = strings.Repeat(".", phpassSalt), strings.Repeat(".", phpassTag)

	return h
}

func (h phpassHash) Matches(password string) bool {
	sum := md5.Sum([]byte(h.salt + password)) //nolint:gosec // G401: see above
	for range 1 << h.log {
		sum = md5.Sum(append(sum[:], password...)) //nolint:gosec // G401: see above
	}

	return subtle.ConstantTimeCompare([]byte(encodePhpass(sum[:])), []byte(h.tag)) == 1
}

// readPhpass reads the digit of the rounds, eight characters of salt, and the tag.
func readPhpass(rest string, _ Keys) (Hash, error) {
	isCut := len(rest) != 1+phpassSalt+phpassTag
	if isCut || strings.Trim(rest[1+phpassSalt:], phpassDigits) != "" {
		return nil, ErrUnreadable
	}

	log := strings.IndexByte(phpassDigits, rest[0])
	if log < minPhpass || log > maxPhpass {
		return nil, ErrBounds
	}

	return phpassHash{log: log, salt: rest[1 : 1+phpassSalt], tag: rest[1+phpassSalt:]}, nil
}

// encodePhpass writes three bytes, the lowest first, as four digits, the lowest first.
func encodePhpass(b []byte) string {
	var text strings.Builder
	for i := 0; i < len(b); i += 3 {
		group, bytesLeft := 0, min(3, len(b)-i)
		for k := range bytesLeft {
			group |= int(b[i+k]) << (8 * k)
		}
		for range bytesLeft + 1 {
			text.WriteByte(phpassDigits[group&63])
			group >>= 6
		}
	}

	return text.String()
}
