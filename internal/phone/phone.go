// Package phone owns what counts as a phone number and how it is written down. It does
// not own who has one (internal/account, internal/flow) nor sending (internal/outbox).
package phone

import (
	"regexp"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/latchkey-auth/latchkey/internal/typed"
)

// e164 is the form that clients send and that is stored (ITU-T E.164, and allauth's check).
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)

// separators are what stands between the digits of a number that autofill or a contact gives:
// RFC 3966, section 5.1.1, and blanks.
var separators = strings.NewReplacer(" ", "", "\u00a0", "", "-", "", "\u2010", "", "\u2011", "", "\u2012", "", "\u2013", "", "(", "", ")", "", ".", "", "/", "")

// Normalize reads a number as people write it after its `+`, and reports whether it is one in E.164,
// of a country and a length that exist. Without the `+` it is none: nobody knows its country.
func Normalize(number string) (string, bool) {
	number = strings.TrimPrefix(typed.Plain(number), "tel:")
	if strings.HasPrefix(number, "+") {
		number = separators.Replace(number)
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
