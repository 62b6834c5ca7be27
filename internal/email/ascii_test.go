package email_test

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/email"
)

func TestWire_hasTheDomainInItsASCIIForm(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]string{
		"ada@example.com":                "ada@example.com",
		"ada@bücher.example":             "ada@xn--bcher-kva.example",
		"ada@bu\u0308cher.example":       "ada@xn--bcher-kva.example", // decomposed
		"ada@ｂücher.example":             "ada@xn--bcher-kva.example", // a full-width letter
		"ada@BÜCHER.example":             "ada@xn--bcher-kva.example",
		"ada@xn--bcher-kva.example":      "ada@xn--bcher-kva.example",
		"ada@straße.example":             "ada@xn--strae-oqa.example",
		"ada@пример.рф":                  "ada@xn--e1afmkfd.xn--p1ai",
		"ada@例え。テスト":                     "ada@xn--r8jz45g.xn--zckzah",
		"ada@[192.0.2.1]":                "ada@[192.0.2.1]",
		`"a@b"@bücher.example`:           `"a@b"@xn--bcher-kva.example`,
		"ädä@bücher.example":             "ädä@xn--bcher-kva.example",
		"ada@localhost":                  "ada@localhost",
		"ada@xn--strae-oqa.straße.co.uk": "ada@xn--strae-oqa.xn--strae-oqa.co.uk",
	} {
		if got, ok := email.Wire(address); !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", address, got, ok, want)
		}
	}
}

func TestWire_refusesWhatHasNone(t *testing.T) {
	t.Parallel()

	for _, address := range []string{"", "ada", "@bücher.example", "ada@", "ada@bü cher.example", "ada@bü\r\ncher.example", "ada@ü..example", "ada@\u202eü.example"} {
		if got, ok := email.Wire(address); ok {
			t.Errorf("%q becomes %q", address, got)
		}
	}
}

func TestNeedsUTF8_isForTheLocalPartOnly(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]bool{"ada@bücher.example": false, "ädä@bücher.example": true, "ada@example.com": false} {
		wire, ok := email.Wire(address)
		if got := email.NeedsUTF8(wire); !ok || got != want {
			t.Errorf("%q: got %v, want %v", address, got, want)
		}
	}
}
