package email

import (
	"strings"
	"unicode/utf8"
)

// Short is an address as it is shown to those who may not know it: its first character and its
// domain, such as a•••@example.com.
func Short(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "•••"
	}

	_, size := utf8.DecodeRuneInString(address)

	return address[:size] + "•••" + address[at:]
}
