package e2e

import (
	"context"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// serveProcess is `latchkey serve` as a process of its own, on a database.
func (w *world) serveProcess(database string) *process {
	w.t.Helper()
	return launch{args: []string{"serve"}, env: []string{
		"DATABASE_URL=" + database, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0", "ACCOUNT_RATE_LIMITS=false",
	}}.serving(w.t)
}

// TestTREF10_aServerThatIsKilledBetweenUpdateAndAnswerCostsNoSession kills the process
// while it waits to hear that the generation has moved.
func TestTREF10_aServerThatIsKilledBetweenUpdateAndAnswerCostsNoSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	wire, through := newWire(t, w.db)
	e := w.signedUp("ada@example.com").Tokens()
	p := w.serveProcess(through)
	warm := *w
	warm.url = p.url
	w.age(grown)
	e.Refresh = warm.spend(e.Refresh, "key-number-0").wants(200).text("meta.refresh_token")
	w.age(grown)
	updated := wire.silence()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		r, err := http.NewRequest("POST", p.url+refreshPath, strings.NewReader(`{"refresh":"`+e.Refresh+`"}`))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", "key-number-1")
		if answer, err := http.DefaultTransport.RoundTrip(r); err == nil {
			t.Errorf("an answer came: %d", answer.StatusCode)
		}
	}()
	<-updated // something was answered, if only to the workers of the outbox
	eventually(t, 10*time.Second, "the generation has moved, and the server has not heard of it", func() bool {
		return query[int64](w, "SELECT generation FROM sessions") == 3
	})
	p.signal(syscall.SIGKILL)
	<-asked
	<-p.done
	wire.mend()
	again := w.serveProcess(w.db)
	warm.url = again.url
	a := warm.spend(e.Refresh, "key-number-1").wants(200)
	if c := claims(t, a.text("meta.refresh_token")); c["gen"] != 3.0 {
		t.Errorf("another successor: %v", c)
	}
	warm.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
}

// TestTCHA02_aKilledPostgresUnderLoadSignsNobodyOut kills the database with signal 9
// while phones refresh, starts it again, and looks whether they are still signed in.
func TestTCHA02_aKilledPostgresUnderLoadSignsNobodyOut(t *testing.T) {
	t.Parallel()
	local, dir := ownPostgres(t)
	w := start(t)
	w.db, w.secrets = local.URL, nil // nobody can look into it when it has ended
	w.app, w.url = w.serve()
	w.bornGrown()
	w.signedUp("ada@example.com")
	var phones []*phone
	for n := range 6 {
		phones = append(phones, newPhone(w, rand.New(rand.NewSource(int64(n))), fmt.Sprintf("phone-%d", n)))
	}
	var done atomic.Bool
	var refreshes, unavailable atomic.Int64
	var wg sync.WaitGroup
	for _, p := range phones {
		wg.Go(func() {
			for !done.Load() {
				switch a := p.refresh(); a.Status {
				case 200:
					refreshes.Add(1)
				case 503:
					unavailable.Add(1)
				default:
					t.Errorf("an honest phone was told %d: %s", a.Status, a.Body)
					return
				}
			}
		})
	}
	eventually(t, 20*time.Second, "under load", func() bool { return refreshes.Load() > 200 })
	if err := syscall.Kill(local.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-local.Done()
	eventually(t, 20*time.Second, "unavailable", func() bool { return unavailable.Load() > 0 })
	var back *postgres.Local
	eventually(t, 30*time.Second, "back", func() bool { // the old server's children may hold the data for a moment
		var err error
		back, err = postgres.StartLocal(context.Background(), dir, serverPrograms(t))
		return err == nil && !back.Joined()
	})
	t.Cleanup(func() { _ = back.Stop() })
	before := refreshes.Load()
	eventually(t, 20*time.Second, "serving again", func() bool { return refreshes.Load() > before+200 })
	done.Store(true)
	wg.Wait()
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); n != 0 {
		t.Errorf("%d sessions ended", n)
	}
}

// ownPostgres is a server of the test's own, which it may kill.
func ownPostgres(t *testing.T) (*postgres.Local, string) {
	t.Helper()
	base, err := os.MkdirTemp("", "latchkey-pg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(base, 0o711); err != nil { // the server's account passes through
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	dir := filepath.Join(base, "pg")
	local, err := postgres.StartLocal(t.Context(), dir, serverPrograms(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Stop() })
	return local, dir
}
