package postgres

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/loopback"
)

// PlainHosts are the hosts that the settings name and that may be talked to unencrypted, over a network:
// neither a socket nor this machine.
func (s Settings) PlainHosts() []string {
	var hosts []string
	for _, address := range []string{s.URL, s.DirectURL} {
		if address != "" {
			hosts = append(hosts, plainHosts(address)...)
		}
	}
	slices.Sort(hosts)

	return slices.Compact(hosts)
}

// plainHosts are those of one address. Without sslmode, or with allow or prefer, the driver tries each host
// with TLS and without.
func plainHosts(address string) []string {
	config, err := pgx.ParseConfig(address)
	if err != nil { // Open says so
		return nil
	}

	var hosts []string
	add := func(host string, encrypted bool) {
		if !encrypted && !isSocket(host) && !loopback.Is(host) {
			hosts = append(hosts, host)
		}
	}

	add(config.Host, config.TLSConfig != nil)
	for _, f := range config.Fallbacks {
		add(f.Host, f.TLSConfig != nil)
	}

	return hosts
}

// isSocket reports whether a host is the folder of a Unix socket, or the name of an abstract one.
func isSocket(host string) bool { return filepath.IsAbs(host) || strings.HasPrefix(host, "@") }
