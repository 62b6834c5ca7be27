package e2e

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A balancer keeps its connections for a while and sends the next request into one of them: a server
// that has closed it meanwhile loses a POST that the balancer must not repeat.
func TestIdle_aConnectionStaysAsLongAsTheSettingSays(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]struct {
		settings string
		stays    bool
	}{
		"the default":          {"LATCHKEY_LOG_LEVEL=info", true},
		"the shortest":         {"LATCHKEY_IDLE_TIMEOUT=5", false},
		"of Google's balancer": {"LATCHKEY_IDLE_TIMEOUT=620", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t, c.settings)
			conn, err := net.Dial("tcp", strings.TrimPrefix(w.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			answers := bufio.NewReader(conn)
			ask := func() {
				if _, err := io.WriteString(conn, "GET "+configPath+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				a, err := http.ReadResponse(answers, nil)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, a.Body)
				_ = a.Body.Close()
			}
			ask()

			const patience = 8 * time.Second
			asked := time.Now()
			_ = conn.SetReadDeadline(asked.Add(patience))
			_, err = answers.ReadByte()

			if c.stays {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("the connection ended after %s: %v", time.Since(asked), err)
				}
				_ = conn.SetReadDeadline(time.Time{})
				ask()
				return
			}
			if took := time.Since(asked); !errors.Is(err, io.EOF) || took < 4*time.Second {
				t.Errorf("after %s: %v, want the end after 5 s", took, err)
			}
		})
	}
}

func TestServe_warnsOfALifetimeThatSignsPhonesOut(t *testing.T) {
	t.Parallel()

	const warning = "users who do not open the app for a day sign in again"
	for name, c := range map[string]struct {
		setting string
		warns   bool
	}{
		"the default":      {"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=86400", true},
		"30 days":          {"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=2592000", false},
		"less, on purpose": {"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=3600", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t)
			p := launch{args: []string{"serve"}, env: []string{
				"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0", c.setting,
			}}.serving(t)
			p.call("GET", configPath, "").wants(200)
			if strings.Contains(p.log.String(), warning) != c.warns {
				t.Errorf("the log: %s", p.log.String())
			}
		})
	}
}
