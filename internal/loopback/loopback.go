// Package loopback knows which hosts are this machine: what is sent to one of them crosses no network.
package loopback

import (
	"net/netip"
	"strings"
)

// Is reports whether a host, a name or an address, is this machine by its loopback interface.
func Is(host string) bool {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" {
		return true
	}

	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))

	return err == nil && ip.Unmap().IsLoopback()
}
