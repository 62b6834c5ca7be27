package typed

import (
	"strings"
	"unicode"
)

// LinkKey returns what counts of the key of a link: letters, digits, - and _ (base64url). Mail programs
// break a long line, and take the bracket, the full stop or the quote along that follows an address; users
// paste what they have marked. The case of the letters counts.
func LinkKey(text string) string {
	key := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || isInvisible(r) {
			return -1
		}

		return r
	}, text)

	key = strings.TrimLeftFunc(key, isNoKey)
	if end := strings.IndexFunc(key, isNoKey); end >= 0 {
		key = key[:end]
	}

	return key
}

// isNoKey reports whether a rune is none of base64url.
func isNoKey(r rune) bool {
	isLetter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	isDigit := r >= '0' && r <= '9'

	return !isLetter && !isDigit && r != '-' && r != '_'
}
