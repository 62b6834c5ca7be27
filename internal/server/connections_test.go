package server

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"
)

func bounded(perAddress, total int, trusted ...netip.Prefix) *boundedListener {
	return &boundedListener{
		trusted: trusted, perAddress: perAddress, total: total, log: slog.New(slog.DiscardHandler), now: time.Now,
		refusals: make(chan struct{}, refusalsAtOnce), by: map[netip.Prefix]int{},
	}
}

func TestConnections_areCountedByNetwork(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		peers []string
		want  int // admitted
	}{
		"one IPv4 address":               {[]string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, 2},
		"neighbours":                     {[]string{"192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"}, 4},
		"IPv4 and the same in IPv6":      {[]string{"192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"}, 2},
		"one /64":                        {[]string{"2001:db8::1", "2001:db8::2", "2001:db8::ffff:1"}, 2},
		"two /64":                        {[]string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8:0:1::2"}, 4},
		"a zone is no other address":     {[]string{"fe80::1%a", "fe80::1%b", "fe80::1%c"}, 2},
		"a trusted proxy":                {[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1"}, 4},
		"all together, trusted or not":   {[]string{"10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.1", "192.0.2.1"}, 5},
		"a peer without address, at all": {[]string{"", "", "", "", "", ""}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := bounded(2, 5, netip.MustParsePrefix("10.0.0.0/8"))
			admitted := 0
			var inside []netip.Addr
			for _, p := range row.peers {
				var peer netip.Addr
				if p != "" {
					peer = netip.MustParseAddr(p).Unmap().WithZone("")
				}
				if l.admit(peer) {
					admitted++
					inside = append(inside, peer)
				}
			}
			if admitted != row.want {
				t.Errorf("%d admitted, want %d", admitted, row.want)
			}

			for _, peer := range inside {
				l.leave(peer)
			}
			if l.open != 0 || len(l.by) != 0 {
				t.Errorf("after all have left: %d open, %v", l.open, l.by)
			}
		})
	}
}

func BenchmarkConnections_countingOne(b *testing.B) {
	l := bounded(256, concurrency)
	peer := netip.MustParseAddr("2001:db8::1")
	for b.Loop() {
		if l.admit(peer) {
			l.leave(peer)
		}
	}
}
