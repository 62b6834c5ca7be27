package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/arrival"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/server"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// keeper is an operation that keeps what it is given, as background work would: the very
// strings, not copies.
type keeper struct {
	api.StrictServerInterface
	mu   sync.Mutex
	kept []map[string]string
}

func (k *keeper) RefreshToken(ctx context.Context, r api.RefreshTokenRequestObject) (api.RefreshTokenResponseObject, error) {
	device := caller.From(ctx).Device
	k.mu.Lock()
	defer k.mu.Unlock()
	k.kept = append(k.kept, map[string]string{
		"User-Agent": device.UserAgent, "X-Device-Name": device.Name, "Idempotency-Key": r.Params.IdempotencyKey, "body": r.Body.Refresh,
	})
	return nil, problem.RefreshTokenInvalid
}

// gate is the real server in front of operations of the test's own.
func gate(t *testing.T, operations api.StrictServerInterface) string {
	t.Helper()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: testdb.New(t), MaxConnections: 2}, newClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Parts{
		Settings: server.Settings{ConnectionsPerAddress: 2}, DB: d, Scheme: "Bearer", Log: slog.New(slog.DiscardHandler),
		Ready: func() bool { return true }, Draining: func() {},
		Count: func(string, int, string, time.Duration) {}, Arrival: arrival.NewGate(),
	}, operations)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		d.Close()
	})
	return "http://" + ln.Addr().String()
}

// TestTMEM01_stringsOutliveTheRequest sends requests of equal lengths over one connection:
// whatever points into its buffers reads as the last of them.
func TestTMEM01_stringsOutliveTheRequest(t *testing.T) {
	t.Parallel()
	k := &keeper{}
	url := gate(t, k)
	transport := &http.Transport{MaxConnsPerHost: 1}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	letters := []string{"A", "B", "C"}
	for _, letter := range letters {
		text := strings.Repeat(letter, 40)
		r, err := http.NewRequestWithContext(t.Context(), "POST", url+refreshPath, strings.NewReader(`{"refresh":"`+text+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"User-Agent", "X-Device-Name", "Idempotency-Key", "X-Session-Token"} {
			r.Header.Set(name, text)
		}
		r.Header.Set("Authorization", "Bearer "+text)
		r.Header.Set("Content-Type", "application/json")
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		_ = a.Body.Close()
		if a.StatusCode != 400 {
			t.Fatalf("status %d", a.StatusCode)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) != len(letters) {
		t.Fatalf("%d requests were kept", len(k.kept))
	}
	for i, kept := range k.kept {
		for name, value := range kept {
			if want := strings.Repeat(letters[i], 40); value != want {
				t.Errorf("request %d: %s has become %q, it was %q", i+1, name, value, want)
			}
		}
	}
}

// TestTMEM01_credentialsAreOfTheRequestTheyCameWith lets two people take turns on one
// connection, as a proxy does.
func TestTMEM01_credentialsAreOfTheRequestTheyCameWith(t *testing.T) {
	t.Parallel()
	w := start(t)
	people := []string{"ada@example.com", "eve@example.com"} // equal in length, and so are their tokens
	var text strings.Builder
	var want []string
	entries := map[string]entry{}
	for _, email := range people {
		w.signedUp(email)
		entries[email] = w.signIn(email)
	}
	for round := range 20 {
		for _, email := range people {
			header := bearer(entries[email].access)
			if round%2 == 1 {
				header = "X-Session-Token: " + entries[email].session
			}
			agent := fmt.Sprintf("User-Agent: %s %02d", email, round)
			text.WriteString(block("GET", sessionPath, "", header, agent) + block("GET", profilePath, "", header, agent))
			want = append(want, email, email)
		}
	}
	answers := w.raw(text.String())
	if len(answers) != len(want) {
		t.Fatalf("%d answers to %d requests", len(answers), len(want))
	}
	for i, a := range answers {
		if !strings.Contains(a.Body, `"email":"`+want[i]+`"`) {
			t.Errorf("request %d of %s was answered with %d %s", i, want[i], a.Status, a.Body)
		}
	}
}
