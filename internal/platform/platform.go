// Package platform owns what messages and screens say about where a request came from: the
// name of a platform out of a fixed list, and the network of the client. Nothing of what the
// client sent is repeated, so that no stranger can write a text into a message to others.
package platform

import (
	"net/netip"
	"strings"
)

// The names that Of returns, all of them.
const (
	IPhone  = "iPhone"
	IPad    = "iPad"
	Android = "Android"
	Mac     = "Mac"
	Windows = "Windows"
	Linux   = "Linux"
	// Browser is a browser on a platform that is none of the above.
	Browser = "browser"
	// Unknown is anything else.
	Unknown = "unknown"
)

// Names lists the names that Of returns.
func Names() []string {
	return []string{IPhone, IPad, Android, Mac, Windows, Linux, Browser, Unknown}
}

// signs are the words that tell a platform, in lower case. The first row that has one of its
// words in the User-Agent header wins: an iPad says "like Mac OS X", and Android says "Linux".
var signs = []struct {
	name  string
	words []string
}{
	{IPad, []string{"ipad"}},
	{IPhone, []string{"iphone", "ipod"}},
	{Android, []string{"android", "okhttp", "dalvik"}},
	{Windows, []string{"windows", "win64", "win32"}},
	{Mac, []string{"macintosh", "mac os x", "macos"}},
	// Apple's own HTTP library names itself and the kernel alone. Most of its callers are phones.
	{IPhone, []string{"cfnetwork", "darwin", "ios/", "ios "}},
	{Linux, []string{"linux", "x11", "cros "}},
	{Browser, []string{"mozilla/", "opera/"}},
}

// Of returns the name of the platform that a User-Agent header speaks of. It helps users to
// recognise a device, and decides nothing.
//
// Security: the answer is a name of the list above, whatever the header says
// (FuzzOf_namesNothingButTheList).
func Of(userAgent string) string {
	text := strings.ToLower(userAgent)

	for _, sign := range signs {
		for _, word := range sign.words {
			if strings.Contains(text, word) {
				return sign.name
			}
		}
	}

	return Unknown
}

// The bits of an address that name its network.
const (
	bitsIPv4 = 24
	bitsIPv6 = 48
)

// Network returns the network of an address: the /24 of an IPv4 address, the /48 of an IPv6
// address, and an empty text where the address is not known.
func Network(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	if !address.IsValid() {
		return ""
	}

	bits := bitsIPv6
	if address.Is4() {
		bits = bitsIPv4
	}

	network, err := address.Prefix(bits)
	if err != nil {
		return ""
	}

	return network.String()
}
