// Package email owns what counts as an email address and how it is stored. It does not own which
// user has one (internal/address, internal/account, internal/flow) nor sending (internal/outbox).
package email

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

const (
	// MaxStored is the most bytes of an address that we keep (allauth's
	// ACCOUNT_EMAIL_MAX_LENGTH).
	MaxStored = 254
	// maxTyped is the most bytes of an address that is looked at.
	maxTyped = 320
)

// The syntax is that of Django's EmailValidator, for addresses in their normal form: the local part
// has ASCII characters only, and so has the domain once it is in A-labels.
var (
	localPart = regexp.MustCompile(`^([-!#$%&'*+/=?^_{}|~0-9a-z` + "`" + `]+(\.[-!#$%&'*+/=?^_{}|~0-9a-z` + "`" + `]+)*` +
		`|"([\x01-\x08\x0b\x0c\x0e-\x1f!#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*")$`)
	domainPart = regexp.MustCompile(`^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`)
)

// Normalize returns the one form in which an address is stored and compared, and reports whether the
// text is an address: Unicode's form NFC without case, the domain in A-labels (UTS 46). Outer blanks
// and invisible characters, which come along with pasted text, are removed.
//
// Security: a local part that Unicode's form NFKC would change is refused, and so is any other that is
// not ASCII. Two mailboxes must never become one address, as `ſam` and `sam` would
// (TestAddress_aLocalPartOfOtherLettersIsRefused).
func Normalize(address string) (string, bool) {
	address = typed.Address(address)

	at := strings.LastIndexByte(address, '@')
	if at < 1 || len(address) > maxTyped || !isASCII(address[:at]) {
		return typed.Folded(address), false
	}

	local := strings.ToLower(address[:at])
	domain, valid := normalDomain(address[at+1:])
	address = local + "@" + domain

	return address, valid && localPart.MatchString(local) && len(address) <= maxTyped
}

// Former returns an address as releases before 0.2.0 stored it, and reports whether that can be
// another form than the normal one: accounts of before keep such an address where another account has
// the same one in another form.
func Former(address string) (string, bool) {
	address = strings.ToLower(strings.TrimSpace(address))

	return address, !isASCII(address) && len(address) <= maxTyped
}

// Claimed is Normalize for an address that a provider has told.
//
// Security: nobody typed it, so that no character in it is read kindly. One whose local part has other
// characters than ASCII names another mailbox than the ASCII one that it resembles, and must not name
// the account of that one (TestProvider_anAddressThatResemblesAnotherNamesNoAccount).
func Claimed(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || !isASCII(address[:at]) || typed.HasInvisible(address) {
		return "", false
	}

	normal, valid := Normalize(address)

	return normal, valid && len(normal) <= MaxStored
}

// Check returns an address as it is stored, and what is wrong with it: nothing given,
// no address, or too long to be kept.
func Check(in string) (string, *problem.Problem) {
	address, bad := Read(in)
	if bad == nil {
		bad = TooLong(address)
	}

	return address, bad
}

// Read is Check for an address that is looked up and not stored: it may have any length.
func Read(in string) (string, *problem.Problem) {
	address, valid := Normalize(in)
	switch {
	case address == "":
		return "", problem.Required
	case !valid:
		return address, problem.InvalidEmail
	}

	return address, nil
}

// TooLong is the problem of an address that is too long to be kept; nil for others.
func TooLong(address string) *problem.Problem {
	if len(address) <= MaxStored {
		return nil
	}

	return problem.TooLong(MaxStored, len(address))
}

// normalDomain returns what stands after the last `@` in its normal form, and reports whether it can
// be a mail domain.
func normalDomain(domain string) (string, bool) {
	if literal, isLiteral := strings.CutPrefix(domain, "["); isLiteral {
		domain = strings.ToLower(domain)
		literal, closed := strings.CutSuffix(literal, "]")
		ip, err := netip.ParseAddr(literal)

		return domain, closed && err == nil && ip.Zone() == "" // a zone may hold any text, line breaks too
	}

	ascii, ok := ASCIIDomain(domain)
	if !ok {
		return domain, false
	}

	ascii = strings.ToLower(ascii)
	if ascii == "localhost" {
		return ascii, true
	}

	return ascii, !strings.HasSuffix(ascii, "-") && !strings.Contains(ascii, ".-") && domainPart.MatchString(ascii)
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
