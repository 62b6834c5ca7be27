package session

import (
	"net/netip"
	"strings"
	"unicode"
)

// Device is where a session was opened, as far as the client and the network say.
type Device struct {
	UserAgent string
	// Name is what the client calls the device; empty for none.
	Name string
	// Language is the Accept-Language header: what the person reads mails in.
	Language string
	// Address is the client's; the zero value where it is not known.
	Address netip.Addr
}

// Stored is a device as it is written down.
type Stored struct {
	UserAgent string
	Name      string
	Address   *string
}

// Stored makes what others sent fit to be stored and shown.
func (d Device) Stored() Stored {
	s := Stored{UserAgent: clean(d.UserAgent, 200), Name: clean(d.Name, 64)}
	if d.Address.IsValid() {
		text := d.Address.String()
		s.Address = &text
	}
	return s
}

// Platform guesses what a user agent runs on: ios, android, web or other. It is for
// people to recognise a device by, and nothing is decided by it.
func Platform(userAgent string) string {
	ua := strings.ToLower(userAgent)
	contains := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(ua, w) {
				return true
			}
		}
		return false
	}
	switch {
	case contains("mozilla/"):
		return "web"
	case contains("android", "okhttp", "dalvik"):
		return "android"
	case contains("iphone", "ipad", "ios", "cfnetwork", "darwin"):
		return "ios"
	}
	return "other"
}

// clean makes a header fit to be stored and shown: valid UTF-8, one line, at most n
// characters.
func clean(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Family is what stays of a user agent from version to version: its product names.
func Family(userAgent string) string {
	var names []string
	for _, word := range strings.Fields(userAgent) {
		if name, _, versioned := strings.Cut(word, "/"); versioned {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}
