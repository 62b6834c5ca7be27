// Package phone owns what counts as a phone number and how it is written down. It does
// not own who has one (internal/account, internal/flow) nor sending (internal/outbox).
package phone

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/latchkey-auth/latchkey/internal/typed"
)

// e164 is the form that clients send and that is stored (ITU-T E.164, and allauth's check).
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// scheme begins the URI of a number (RFC 3966), in any case.
const scheme = "tel:"

// isSeparator reports whether a rune only groups the digits of a number, as autofill, contacts and
// messages write it: blanks, dashes of all kinds, and RFC 3966, section 5.1.1. Not among them: what
// begins an extension, such as `;`, `,`, `#` and `x`, and line breaks.
func isSeparator(r rune) bool {
	return unicode.In(r, unicode.Z, unicode.Pd) || strings.ContainsRune("\t()[]./·•−~", r)
}

// Normalize reads a number as people write it after its `+`, and reports whether it is one in E.164,
// of a country and a length that exist. Without the `+` it is none: nobody knows its country.
func Normalize(number string) (string, bool) {
	number = typed.Plain(number)
	if len(number) > len(scheme) && strings.EqualFold(number[:len(scheme)], scheme) {
		number = number[len(scheme):]
	}

	digits := strings.Map(func(r rune) rune {
		if isSeparator(r) {
			return -1
		}

		return r
	}, number)
	if strings.HasPrefix(digits, "+") {
		number = digits
	}

	if !e164.MatchString(number) {
		return number, false
	}

	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil || !phonenumbers.IsPossibleNumber(parsed) {
		return number, false
	}

	// One person must not have two spellings: some countries' trunk zeros are dropped.
	return phonenumbers.Format(parsed, phonenumbers.E164), true
}

// Short is a number as it is shown to those who may not know it: its last two digits.
func Short(number string) string {
	if len(number) < 2 {
		return "•••"
	}

	return "•••" + number[len(number)-2:]
}
