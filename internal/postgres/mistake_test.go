package postgres

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// answering is a peer that answers the request for TLS, as PostgreSQL does, and then goes on as then says.
func answering(t *testing.T, answer byte, then func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })

	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}

			_, _ = io.ReadFull(c, make([]byte, 8)) // SSLRequest
			_, _ = c.Write([]byte{answer})
			then(c)
			_ = c.Close()
		}
	}()

	return listener.Addr().String()
}

func TestMistake_isNoOutage(t *testing.T) {
	untrusted := httptest.NewTLSServer(nil)
	defer untrusted.Close()
	handshake := func(c net.Conn) { _ = tls.Server(c, untrusted.TLS).Handshake() }
	hangUp := func(net.Conn) {}

	for name, row := range map[string]struct{ address, says string }{
		"no TLS":                      {answering(t, 'N', hangUp), "the database does not offer it"},
		"a certificate of a stranger": {answering(t, 'S', handshake), "certificate is not trusted"},
		"nobody there":                {"127.0.0.1:1", ""},
		"gone in the middle":          {answering(t, 'S', hangUp), ""},
	} {
		t.Run(name, func(t *testing.T) {
			url := "postgres://u:s3cr3t@" + row.address + "/auth?sslmode=verify-full"
			d, err := Open(t.Context(), Settings{URL: url, MaxConnections: 2}, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()

			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			err = d.Ping(ctx)
			if problem.All(err) == nil {
				t.Fatalf("%v is no outage", err)
			}

			mistake := Mistake(err)
			switch {
			case row.says == "" && mistake != nil:
				t.Errorf("an outage counts as a mistake: %v", mistake)
			case row.says != "" && (mistake == nil || !strings.Contains(mistake.Error(), row.says)):
				t.Errorf("%v, of %v: want %q", mistake, err, row.says)
			case mistake != nil && strings.Contains(mistake.Error(), "s3cr3t"):
				t.Errorf("the password is in %v", mistake)
			}
		})
	}
}
