package outbox

import (
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/email"
)

// ehloName is the name that this server gives to the SMTP server. Relays want one that is in the
// DNS, which the name of a container is not.
func ehloName(s Settings, publicURL string) string {
	if s.EHLO != "" {
		return s.EHLO
	}

	for _, candidate := range []string{hostOf(publicURL), domainOf(s.From)} {
		if name, ok := email.ASCIIDomain(candidate); ok && isDottedName(name) {
			return name
		}
	}

	machine, err := os.Hostname()
	if err != nil || !label.MatchString(strings.ReplaceAll(machine, ".", "")) {
		return "localhost"
	}

	return machine
}

// hostOf is the host name of an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}

	return u.Hostname()
}

// domainOf is the domain of an address with or without a name before it.
func domainOf(from string) string {
	parsed, err := mail.ParseAddress(from)
	if err != nil {
		return ""
	}

	return parsed.Address[strings.LastIndexByte(parsed.Address, '@')+1:]
}

// validEHLO reports whether a name is one that EHLO takes: a domain name with a dot or an
// address literal (RFC 5321, section 4.1.3).
func validEHLO(name string) bool {
	literal, bracketed := strings.CutPrefix(name, "[")
	if !bracketed {
		return isDottedName(name)
	}

	literal, closed := strings.CutSuffix(literal, "]")
	v6, isV6 := strings.CutPrefix(literal, "IPv6:")
	ip, err := netip.ParseAddr(v6)

	return closed && err == nil && ip.Zone() == "" && ip.Is4() != isV6
}

var label = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

// isDottedName reports whether a name is an ASCII domain name of two labels or more, and no
// address.
func isDottedName(name string) bool {
	labels := strings.Split(name, ".")
	if len(labels) < 2 || len(name) > 253 {
		return false
	}

	for _, l := range labels {
		if !label.MatchString(l) {
			return false
		}
	}

	_, err := netip.ParseAddr(name)

	return err != nil
}
