package email

import "testing"

func TestShort_keepsTheFirstCharacterAndTheDomain(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]string{
		"ada@example.com":       "a•••@example.com",
		"a@example.com":         "a•••@example.com",
		"äda@example.com":       "ä•••@example.com",
		`"a@b"@example.com`:     `"•••@example.com`,
		"@example.com":          "•••",
		"no address":            "•••",
		"":                      "•••",
		"someone@sub.bücher.de": "s•••@sub.bücher.de",
	} {
		if got := Short(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}
