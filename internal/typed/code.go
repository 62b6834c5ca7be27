package typed

import (
	"strings"
	"unicode"
)

// Code returns what counts of a code that a user typed or pasted: Plain without blanks, punctuation,
// symbols and marks. Keyboards make other dashes of a dash, and what is copied from a message brings
// blanks, brackets, a full stop or an emoji's frame along. Control characters stay, and so does `_`:
// no keyboard and no message puts them there.
func Code(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' {
			return r
		}

		if unicode.In(r, unicode.Z, unicode.P, unicode.S, unicode.M) || unicode.IsSpace(r) {
			return -1
		}

		return r
	}, Plain(text))
}
