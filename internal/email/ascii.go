package email

import (
	"strings"

	"golang.org/x/net/idna"
)

// domains converts domain names as mail clients do: UTS 46, which also folds case, full-width
// letters and decomposed accents.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(), idna.VerifyDNSLength(true))

// ASCIIDomain returns a domain name in its ASCII form (A-labels): bücher.example becomes
// xn--bcher-kva.example. It reports false for a name that has none.
func ASCIIDomain(domain string) (string, bool) {
	if isASCII(domain) {
		return domain, domain != ""
	}

	// UTS 46 maps the capital sharp s to the small one since Unicode 15.1; older tables have ss.
	ascii, err := domains.ToASCII(strings.ReplaceAll(domain, "\u1e9e", "\u00df"))

	return ascii, err == nil && ascii != ""
}

// Wire returns an address as mail servers take it: the domain in its ASCII form. It reports
// false for an address whose domain has none. A local part beyond ASCII stays, and needs a
// server that offers SMTPUTF8 (RFC 6531).
func Wire(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "", false
	}

	domain, ok := ASCIIDomain(address[at+1:])

	return address[:at+1] + domain, ok
}

// NeedsUTF8 reports whether an address of Wire needs SMTPUTF8.
func NeedsUTF8(address string) bool { return !isASCII(address) }

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 127 })
}
