package phone_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/phone"
)

func TestNormalize_takesNumbersAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"+31612345678":    "+31612345678",
		" +31612345678\t": "+31612345678",
		"+12025550123":    "+12025550123",
		"+4915112345678":  "+4915112345678",

		"+31 612345678":                  "+31612345678",
		"+31-6-1234.5678":                "+31612345678",
		"tel:+31-6-12-34-56-78":          "+31612345678",
		"+1 (202) 555\u20110123":         "+12025550123",
		"+44 (0)20 7946 0123":            "+442079460123",
		"+٣١٦١٢٣٤٥٦٧٨":                   "+31612345678",
		"\u202a+31\u00a0612345678\u202c": "+31612345678",
		"＋３１６１２３４５６７８":                   "+31612345678",
	} {
		if got, ok := phone.Normalize(given); !ok || got != want {
			t.Errorf("%q: %q, %v", given, got, ok)
		}
	}
	for _, given := range []string{
		"", "+", "31612345678", "0612345678", "+0612345678", "+1234", "+3161234567890123", "+31612345678x",
		"+99912345678", "+316\n12345678",
	} {
		if got, ok := phone.Normalize(given); ok {
			t.Errorf("%q passed as %q", given, got)
		}
	}
}
