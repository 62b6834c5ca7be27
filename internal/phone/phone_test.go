package phone_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/phone"
)

func TestNormalize_takesE164AndNothingElse(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"+31612345678":    "+31612345678",
		" +31612345678\t": "+31612345678",
		"+12025550123":    "+12025550123",
		"+4915112345678":  "+4915112345678",
	} {
		if got, ok := phone.Normalize(given); !ok || got != want {
			t.Errorf("%q: %q, %v", given, got, ok)
		}
	}
	for _, given := range []string{
		"", "+", "31612345678", "0612345678", "+0612345678", "+31 612345678", "+31-612345678", "+1234", "+3161234567890123", "+31612345678x",
		"+٣١٦١٢٣٤٥٦٧٨", "+99912345678", "+316\n12345678",
	} {
		if got, ok := phone.Normalize(given); ok {
			t.Errorf("%q passed as %q", given, got)
		}
	}
}
