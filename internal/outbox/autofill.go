package outbox

import (
	"cmp"
	"regexp"
	"strings"
)

// noDomain is the value of LATCHKEY_SMS_DOMAIN that binds texts to no domain.
const noDomain = "none"

// autofill is what texts with codes carry so that phones fill the code in by themselves.
type autofill struct {
	// domain binds the code to a domain and the apps that are associated with it; empty for none.
	domain string
	// hash names the Android app that may read the text (SMS Retriever); empty for none.
	hash string
}

// autofill is what the settings say.
func (s Settings) autofill() autofill {
	domain := cmp.Or(s.SMSDomain, noDomain)
	if domain == noDomain {
		domain = ""
	}

	return autofill{domain: domain, hash: s.SMSAndroidHash}
}

// add appends the lines that phones read to a text with a code. The domain comes last: iOS and
// browsers look at the last line alone, Android finds its hash anywhere.
func (a autofill) add(text, code string) string {
	var lines []string
	if a.hash != "" && !strings.Contains(text, a.hash) {
		lines = append(lines, a.hash)
	}

	bound := "@" + a.domain + " #" + code
	switch {
	case a.domain == "":
	case strings.HasSuffix(strings.TrimSpace(text), bound): // a template of the operator's has it
		text = strings.TrimSuffix(strings.TrimSpace(text), bound)
		lines = append(lines, bound)
	default:
		lines = append(lines, bound)
	}

	if len(lines) == 0 {
		return text
	}

	return strings.TrimSpace(text) + "\n\n" + strings.Join(lines, "\n") + "\n"
}

// androidHash is the first 11 characters of a base64 text: what AppSignatureHelper prints.
var androidHash = regexp.MustCompile(`^[A-Za-z0-9+/]{11}$`)

// checkAutofill returns what is wrong with the settings.
func (s Settings) checkAutofill(refuse func(bad bool, text string)) {
	validDomain := s.SMSDomain == "" || s.SMSDomain == noDomain || isDottedName(s.SMSDomain) && strings.ToLower(s.SMSDomain) == s.SMSDomain
	refuse(!validDomain, "LATCHKEY_SMS_DOMAIN: want a domain in lower case such as example.com, or none")
	validHash := s.SMSAndroidHash == "" || androidHash.MatchString(s.SMSAndroidHash)
	refuse(!validHash, "LATCHKEY_SMS_ANDROID_HASH: want the 11 characters that Android's AppSignatureHelper prints, such as FA+9qCX9VSu")
}

// BindTexts binds codes in texts to a domain where the settings name none. A name that no phone
// knows, such as localhost, binds nothing.
func (s *Settings) BindTexts(domain string) {
	if s.SMSDomain == "" && isDottedName(domain) {
		s.SMSDomain = strings.ToLower(domain)
	}
}
