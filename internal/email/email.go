// Package email owns what counts as an email address and how it is written down.
// It does not own who holds one (internal/account, internal/flow) nor sending
// (internal/outbox).
package email

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// MaxStored is the most bytes of an address that we keep (allauth's
// ACCOUNT_EMAIL_MAX_LENGTH).
const MaxStored = 254

// The syntax is that of Django's EmailValidator, so that every address that an
// allauth deployment took is taken here, and no other.
var (
	localPart = regexp.MustCompile(`^(?i)([-!#$%&'*+/=?^_{}|~0-9A-Z` + "`" + `]+(\.[-!#$%&'*+/=?^_{}|~0-9A-Z` + "`" + `]+)*` +
		`|"([\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*")$`)
	// The address is in lower case by then. Without regard to case this would cost 12 ms of
	// every start, and every letter beyond ASCII is in it anyway.
	domainPart = regexp.MustCompile(`^(?:[a-z0-9\x{a1}-\x{10ffff}](?:[a-z0-9\x{a1}-\x{10ffff}-]{0,61}[a-z0-9\x{a1}-\x{10ffff}])?\.)+` +
		`[a-z0-9\x{a1}-\x{10ffff}-]{2,63}$`)
)

// Normalize strips outer blanks and lower-cases the whole address, and reports
// whether it is one.
func Normalize(address string) (string, bool) {
	address = strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > 320 {
		return address, false
	}
	return address, localPart.MatchString(address[:at]) && validDomain(address[at+1:])
}

// Check returns an address as it is stored, and what is wrong with it: nothing given,
// no address, or too long to be kept.
func Check(in string) (string, *problem.Problem) {
	address, valid := Normalize(in)
	switch {
	case address == "":
		return "", problem.Required
	case !valid:
		return address, problem.InvalidEmail
	case len(address) > MaxStored:
		return address, problem.TooLong(MaxStored, len(address))
	}
	return address, nil
}

func validDomain(domain string) bool {
	if domain == "localhost" {
		return true
	}
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		ip, err := netip.ParseAddr(literal)
		return ok && err == nil && ip.Zone() == "" // a zone may hold any text, line breaks too
	}
	if strings.HasSuffix(domain, "-") || strings.Contains(domain, ".-") {
		return false
	}
	return domainPart.MatchString(domain)
}

// LocalPart returns what stands before the last `@`, cut to 150 characters: the
// display name that a new user starts with.
func LocalPart(address string) string {
	local := address
	if at := strings.LastIndexByte(address, '@'); at > 0 {
		local = address[:at]
	}
	if r := []rune(local); len(r) > 150 {
		local = string(r[:150])
	}
	return local
}
