package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// dialFrom opens a connection to the world's server from one of the loopback addresses.
func (w *world) dialFrom(address string) net.Conn {
	w.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 5 * time.Second}
	c, err := d.DialContext(context.Background(), "tcp", strings.TrimPrefix(w.url, "http://"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.Close() })

	return c
}

// ask sends a request over a connection and reads its answer, which is held against the spec.
func (w *world) ask(c net.Conn) answer {
	w.t.Helper()
	r, err := http.NewRequest("GET", w.url+configPath, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		w.t.Fatal(err)
	}
	if err := r.Write(c); err != nil {
		w.t.Fatal(err)
	}
	got, err := http.ReadResponse(bufio.NewReader(c), r)
	if err != nil {
		w.t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := spec.check(r, got, body); err != nil {
		w.t.Error(err)
	}

	return answer{w.t, got.StatusCode, got.Header, string(body)}
}

func TestConnections_oneAddressCannotTakeThemAll(t *testing.T) {
	t.Parallel()
	w := start(t)
	first := w.dialFrom("127.0.0.2")
	for range 255 { // silent: they wait for the server's read limit
		w.dialFrom("127.0.0.2")
	}
	w.ask(w.dialFrom("127.0.0.3")).wants(200)
	w.ask(first).wants(200)

	refused := w.dialFrom("127.0.0.2")
	a := w.ask(refused).wants(503, "temporarily_unavailable")
	if a.Header.Get("Retry-After") == "" || a.Header.Get("X-Request-Id") == "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of the refusal: %v", a.Header)
	}
	if n, err := refused.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the refusal: %d bytes, %v; want the end", n, err)
	}
	for range 300 { // more than wait to be answered: none of them counts
		w.dialFrom("127.0.0.2")
	}
	w.ask(w.dialFrom("127.0.0.3")).wants(200)

	_ = first.Close()
	eventually(t, 5*time.Second, "the place of a connection that was closed", func() bool {
		c := w.dialFrom("127.0.0.2")
		_, _ = io.WriteString(c, "GET "+configPath+" HTTP/1.1\r\nHost: x\r\n\r\n")
		status := make([]byte, len("HTTP/1.1 200"))
		_, err := io.ReadFull(c, status)
		return err == nil && string(status) == "HTTP/1.1 200"
	})
	if n := strings.Count(w.log.String(), "connections are refused"); n != 1 {
		t.Errorf("%d log lines, want 1", n)
	}
}

func TestConnections_ofATrustedProxyAreNotBounded(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_CONNECTIONS_PER_ADDRESS=5", "LATCHKEY_TRUSTED_PROXIES=127.0.0.2")
	for range 20 {
		w.ask(w.dialFrom("127.0.0.2")).wants(200)
	}
	for n := range 6 {
		want := 200
		if n == 5 {
			want = 503
		}
		w.ask(w.dialFrom("127.0.0.3")).wants(want)
	}
}

func TestForwarded_anUntrustedPeerIsLoggedOnce(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_TRUSTED_PROXIES=127.0.0.9")
	warned := func() int { return strings.Count(w.log.String(), "X-Forwarded-For is ignored") }
	w.call("GET", sessionPath, "").wants(401)
	if warned() != 0 {
		t.Error("warned of a request without the header")
	}
	for n := range 3 {
		w.call("GET", sessionPath, "", from(fmt.Sprintf("203.0.113.%d", n))).wants(401)
	}
	if n := warned(); n != 1 || !strings.Contains(w.log.String(), `"peer":"127.0.0.1"`) || strings.Contains(w.log.String(), "203.0.113") {
		t.Errorf("%d log lines, want 1 that names the peer alone", n)
	}

	trusting := start(t, "LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
	trusting.call("GET", sessionPath, "", from("203.0.113.1")).wants(401)
	if strings.Contains(trusting.log.String(), "X-Forwarded-For is ignored") {
		t.Error("warned of a trusted proxy")
	}
}
