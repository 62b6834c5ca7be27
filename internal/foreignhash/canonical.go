package foreignhash

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Canonical returns how a hash of another system is stored here. It returns "" where the user has no
// password, and an error of Read for what cannot be verified later.
//
// wrap hashes a text with today's parameters. It is called for MD5 and SHA-1, which are too fast to be
// stored: what is stored is a hash of the hash.
func Canonical(stored string, keys Keys, wrap func(text string) (string, error)) (string, error) {
	hasNone := stored == "" || strings.HasPrefix(stored, "!") // Django's unusable passwords
	if hasNone {
		return "", nil
	}

	text, err := respell(stored, wrap)
	if err != nil {
		return "", err
	}
	if _, err := Read(text, keys); err != nil {
		return "", err
	}

	return text, nil
}

func respell(stored string, wrap func(string) (string, error)) (string, error) {
	switch {
	case strings.HasPrefix(stored, "argon2$argon2"): // Django
		return strings.TrimPrefix(stored, "argon2"), nil
	case strings.HasPrefix(stored, "bcrypt$$2"): // Django
		return strings.TrimPrefix(stored, "bcrypt$"), nil
	case strings.HasPrefix(stored, "$scrypt$ln="):
		return respellKratosScrypt(stored)
	}

	if digest, salt, sum, isFast := readFast(stored); isFast {
		outer, err := wrap(strings.ToLower(sum))
		if err != nil {
			return "", err
		}

		return fmt.Sprintf("wrapped_%s$%s$%s", digest, salt, outer), nil
	}
	if text, isBetterAuth := respellBetterAuth(stored); isBetterAuth {
		return text, nil
	}
	if raw, err := base64.StdEncoding.DecodeString(stored); err == nil {
		return respellASPNET(raw)
	}

	return stored, nil
}

// readFast reads Django's md5$salt$sum, sha1$salt$sum, both without a salt, and the sum alone.
func readFast(stored string) (digest, salt, sum string, isFast bool) {
	const md5Digits, sha1Digits = 32, 40
	if len(stored) == md5Digits && isHex(stored) {
		return "md5", "", stored, true
	}

	parts := strings.Split(stored, "$")
	if len(parts) != 3 || !isHex(parts[2]) {
		return "", "", "", false
	}

	length := map[string]int{"md5": md5Digits, "sha1": sha1Digits}[parts[0]]

	return parts[0], parts[1], parts[2], length > 0 && len(parts[2]) == length
}

func isHex(text string) bool { return text != "" && strings.Trim(text, "0123456789abcdefABCDEF") == "" }

// respellKratosScrypt corrects Kratos' ln, which is N. No N is as small as a logarithm.
func respellKratosScrypt(stored string) (string, error) {
	const mostLog = 63
	before, rest, found := strings.Cut(strings.TrimPrefix(stored, "$scrypt$ln="), ",")
	n, err := strconv.ParseUint(before, 10, 32)
	if !found || err != nil {
		return "", fmt.Errorf("%w (scrypt)", ErrUnreadable)
	}
	if n <= mostLog {
		return stored, nil
	}
	if bits.OnesCount64(n) != 1 {
		return "", fmt.Errorf("%w (scrypt)", ErrUnreadable)
	}

	others, saltAndTag, _ := strings.Cut(rest, "$")
	saltAndTag = strings.ReplaceAll(saltAndTag, "=", "")

	return fmt.Sprintf("$scrypt$ln=%d,%s$%s", bits.TrailingZeros64(n), others, saltAndTag), nil
}

// respellBetterAuth reads salt:tag, both hexadecimal. The salt of its scrypt is the text of the digits.
func respellBetterAuth(stored string) (string, bool) {
	salt, tagText, found := strings.Cut(stored, ":")
	tag, err := hex.DecodeString(tagText)
	if !found || err != nil || !isHex(salt) {
		return "", false
	}

	encode := base64.RawStdEncoding.EncodeToString

	return "$scrypt$ln=14,r=16,p=1$" + encode([]byte(salt)) + "$" + encode(tag), true
}

// respellASPNET reads ASP.NET Identity's header: version 2 has none beyond the first byte.
func respellASPNET(raw []byte) (string, error) {
	unreadable := fmt.Errorf("%w (ASP.NET Identity)", ErrUnreadable)
	encode := base64.RawStdEncoding.EncodeToString
	spell := func(digest string, rounds uint32, salt, tag []byte) string {
		return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s", digest, rounds, len(tag), encode(salt), encode(tag))
	}

	const v2Salt, v2Length, v2Rounds, v3Header = 16, 1 + 16 + 32, 1000, 13
	switch {
	case len(raw) == v2Length && raw[0] == 0:
		return spell("sha1", v2Rounds, raw[1:1+v2Salt], raw[1+v2Salt:]), nil
	case len(raw) > v3Header && raw[0] == 1:
		digests := []string{"sha1", "sha256", "sha512"}
		order := binary.BigEndian
		digest, rounds, saltLength := order.Uint32(raw[1:]), order.Uint32(raw[5:]), order.Uint32(raw[9:])
		rest := raw[v3Header:]
		if int64(digest) >= int64(len(digests)) || int64(saltLength) >= int64(len(rest)) {
			return "", unreadable
		}

		return spell(digests[digest], rounds, rest[:saltLength], rest[saltLength:]), nil
	}

	return "", ErrUnknown
}
