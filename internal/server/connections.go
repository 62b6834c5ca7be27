package server

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

const (
	// refusalTime bounds how long a refused connection stays open.
	refusalTime = time.Second
	// refusalsAtOnce bounds how many refused connections wait for their request at the same
	// time. Beyond that they are answered before it and closed at once.
	refusalsAtOnce = 256
	// warnEvery is how often the log says that connections are refused.
	warnEvery = time.Minute
)

// boundedListener bounds how many connections are open, in all and from one address. Peers
// that are trusted proxies carry the connections of many clients: for them only the bound
// in all counts. A connection too many is answered with 503 in our envelope.
//
// Security: without the bound one address takes every connection of the server, by silence
// (TestConnections_oneAddressCannotTakeThemAll).
type boundedListener struct {
	net.Listener

	trusted    proxies
	perAddress int
	total      int
	log        *slog.Logger
	now        func() time.Time
	refusals   chan struct{}

	mu       sync.Mutex
	open     int
	by       map[netip.Prefix]int
	warnedAt time.Time
}

func (s *Server) bound(ln net.Listener) *boundedListener {
	return &boundedListener{
		Listener: ln, trusted: s.proxies, perAddress: s.Settings.ConnectionsPerAddress, total: concurrency, log: s.Log, now: s.DB.Now,
		refusals: make(chan struct{}, refusalsAtOnce), by: map[netip.Prefix]int{},
	}
}

// Accept returns the next connection that is within the bounds.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}

		peer := peerOf(c.RemoteAddr())
		if l.admit(peer) {
			return &boundedConn{Conn: c, leave: func() { l.leave(peer) }}, nil
		}

		l.warn(peer)
		l.refuse(c)
	}
}

// peerOf is the address of a peer; the zero value where it has none, as at a Unix socket.
func peerOf(a net.Addr) netip.Addr {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}

	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// network is what a peer's connections are counted by: an IPv4 address, or an IPv6 /64. It is
// the zero value for peers that are not counted.
func (l *boundedListener) network(peer netip.Addr) netip.Prefix {
	if !peer.IsValid() || l.trusted.trusts(peer) {
		return netip.Prefix{}
	}

	bits := 64
	if peer.Is4() {
		bits = 32
	}
	network, _ := peer.Prefix(bits) // an address has as many bits

	return network
}

func (l *boundedListener) admit(peer netip.Addr) bool {
	network := l.network(peer)

	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.total || network.IsValid() && l.by[network] >= l.perAddress {
		return false
	}

	l.open++
	if network.IsValid() {
		l.by[network]++
	}

	return true
}

func (l *boundedListener) leave(peer netip.Addr) {
	network := l.network(peer)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !network.IsValid() {
		return
	}
	if l.by[network]--; l.by[network] == 0 {
		delete(l.by, network)
	}
}

// warn logs that connections are refused, at most once a minute.
func (l *boundedListener) warn(peer netip.Addr) {
	l.mu.Lock()
	now := l.now()
	again := now.Sub(l.warnedAt) >= warnEvery
	if again {
		l.warnedAt = now
	}
	open := l.open
	l.mu.Unlock()

	if again {
		l.log.Warn("connections are refused: too many are open in all, or from one address that is not in LATCHKEY_TRUSTED_PROXIES",
			"peer", peer.String(), "open", open, "most_per_address", l.perAddress)
	}
}

// refuse answers a connection and closes it, without keeping the next one waiting.
func (l *boundedListener) refuse(c net.Conn) {
	select {
	case l.refusals <- struct{}{}:
		go func() {
			defer func() { <-l.refusals }()
			answerRefused(c)
		}()
	default:
		_, _ = c.Write(refusal()) // the buffer of a new connection takes it: this does not wait
		_ = c.Close()
	}
}

// answerRefused waits for the request, since a client may take an answer to nothing for a
// defect, answers it and waits until the client has read that: closing at once would reset
// the connection, and the answer could be lost.
func answerRefused(c net.Conn) {
	end := time.AfterFunc(refusalTime, func() { _ = c.Close() })
	defer func() {
		end.Stop()
		_ = c.Close()
	}()

	if _, err := c.Read(make([]byte, headerLimit)); err != nil {
		return
	}
	if _, err := c.Write(refusal()); err != nil {
		return
	}
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(c, bodyLimit))
}

// refusal is the whole answer to a connection too many.
func refusal() []byte {
	p := problem.TemporarilyUnavailable
	answer := api.ErrorResponse{Status: 503, Errors: []api.Problem{{Code: p.Code, Message: p.Message}}}
	body, _ := json.Marshal(answer) // nothing in it can fail

	head := "HTTP/1.1 503 Service Unavailable\r\n" +
		"Content-Type: application/json\r\nConnection: close\r\n" +
		"Retry-After: " + retryAfter(p.RetryAfter) + "\r\n" + requestID + ": " + secret.Text(12) + "\r\n"
	for _, h := range hardening {
		head += h[0] + ": " + h[1] + "\r\n"
	}

	return fmt.Appendf(nil, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

// boundedConn is a connection that is counted until it is closed.
type boundedConn struct {
	net.Conn

	once  sync.Once
	leave func()
}

// Close closes the connection; closing it again is harmless.
func (c *boundedConn) Close() error {
	c.once.Do(c.leave)

	return c.Conn.Close()
}
