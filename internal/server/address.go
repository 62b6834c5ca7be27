package server

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// proxies are the networks whose X-Forwarded-For we believe.
type proxies []netip.Prefix

// Check reports what is wrong with the settings.
func (s Settings) Check() []error {
	var wrong []error
	if _, _, err := net.SplitHostPort(s.Addr); err != nil {
		wrong = append(wrong, fmt.Errorf("LATCHKEY_ADDR: %q is not host:port, such as 127.0.0.1:8080", s.Addr))
	}
	if _, err := parseProxies(s.Proxies); err != nil {
		wrong = append(wrong, err)
	}
	for _, origin := range s.Origins {
		if err := checkOrigin(origin); err != nil {
			wrong = append(wrong, fmt.Errorf("LATCHKEY_CORS_ORIGINS: %q: %w", origin, err))
		}
	}
	if s.PublicURL != "" {
		if err := CheckPublicURL(s.PublicURL); err != nil {
			wrong = append(wrong, fmt.Errorf("LATCHKEY_PUBLIC_URL: %w", err))
		}
	}
	return wrong
}

// parseProxies reads CIDR blocks and single addresses.
func parseProxies(list []string) (proxies, error) {
	var found proxies
	for _, text := range list {
		if !strings.Contains(text, "/") {
			if a, err := netip.ParseAddr(text); err == nil {
				found = append(found, netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()))
				continue
			}
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("LATCHKEY_TRUSTED_PROXIES: %q is neither an address nor a CIDR block", text)
		}
		found = append(found, p.Masked())
	}
	return found, nil
}

func (p proxies) trusts(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// client is the address that a request comes from: the peer, unless that is a proxy of
// ours; then, from right to left, the first address that is not. What stands left of
// it anybody can have written (SEC-86). A proxy that names nobody is the client itself.
func (p proxies) client(peer net.Addr, forwarded [][]byte) netip.Addr {
	address := peerOf(peer)
	if !p.trusts(address) {
		return address
	}
	var hops []string
	for _, line := range forwarded {
		hops = append(hops, strings.Split(string(line), ",")...)
	}
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := parseHop(hops[i])
		if err != nil { // garbage: the client behind it is unknown
			return address
		}
		address = hop
		if !p.trusts(hop) {
			break
		}
	}
	return address
}

// parseHop reads an address, with or without a port.
func parseHop(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone(""), nil
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err
}
