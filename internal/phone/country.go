package phone

import (
	"slices"

	"github.com/nyaruka/phonenumbers"
)

// IsCountry reports whether a code names a country that has phone numbers (ISO 3166-1, two
// letters in upper case).
func IsCountry(code string) bool { return phonenumbers.GetSupportedRegions()[code] }

// Serves reports whether texts may go to a number: it is of one of the countries, or there is
// no list of countries, and it is not of a kind that charges its caller a premium.
//
// Countries share calling codes: +1 876 is Jamaica, not the United States.
func Serves(countries []string, number string) bool {
	parsed, err := phonenumbers.Parse(number, "ZZ")
	if err != nil {
		return false
	}

	switch phonenumbers.GetNumberType(parsed) {
	case phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.UAN:
		return false
	}

	return len(countries) == 0 || slices.Contains(countries, phonenumbers.GetRegionCodeForNumber(parsed))
}
