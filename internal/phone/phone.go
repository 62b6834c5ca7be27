// Package phone owns what counts as a phone number and how it is written down. It does
// not own who has one (internal/account, internal/flow) nor sending (internal/outbox).
package phone

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// e164 is the form that clients send and that is stored (ITU-T E.164, and allauth's check).
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// Normalize strips outer blanks and reports whether the rest is a number in E.164, of a
// country and a length that exist.
func Normalize(number string) (string, bool) {
	number = strings.TrimSpace(number)
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
