package e2e

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// How long a server may live after a signal that reaches it during its start, and one that ends a
// PostgreSQL of its own first.
const (
	endsWithin             = 2 * time.Second
	endsWithDatabaseWithin = 10 * time.Second
)

// signalAfter sends a signal when the process has run for delay, unless it says before that it
// listens, and reports whether it did.
func (p *process) signalAfter(delay time.Duration, s syscall.Signal) (listening bool) {
	p.t.Helper()

	select {
	case <-time.After(delay):
	case <-p.done:
		p.t.Fatalf("ended by itself:\n%s%s", p.out, p.log)
	}

	listening = strings.Contains(p.log.String(), `"msg":"listening"`)
	p.signal(s)

	return listening
}

// endsSoon fails unless the process ends within limit: with code 0, or by the signal itself where
// that came before the program's first line.
func (p *process) endsSoon(what string, limit time.Duration) {
	p.t.Helper()

	select {
	case <-p.done:
	case <-time.After(limit):
		p.t.Errorf("%s: it still runs %v after the signal:\n%s", what, limit, p.log)
		p.signal(syscall.SIGKILL)
		<-p.done

		return
	}

	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	bySignal := status.Signaled() && p.log.String() == ""
	if code := p.cmd.ProcessState.ExitCode(); code != 0 && !bySignal {
		p.t.Errorf("%s: exit code %d, want 0:\n%s", what, code, p.log)
	}

	if strings.Contains(p.log.String(), "the database is away") {
		p.t.Errorf("%s: a signal is reported as an outage:\n%s", what, p.log)
	}
}

// everyMoment signals one start after the other, each 10 ms later than the one before, until a
// start has been listening for a few steps.
func everyMoment(t *testing.T, l launch, limit time.Duration) {
	t.Helper()

	const step, afterListening = 10 * time.Millisecond, 3

	signals := []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}
	listening := 0

	for i := 0; listening < afterListening; i++ {
		delay, s := time.Duration(i)*step, signals[i%2]
		p := l.start(t)

		if p.signalAfter(delay, s) {
			listening++
		}

		p.endsSoon(fmt.Sprintf("%v after %v", s, delay), limit)
	}
}

func TestServe_aSignalEndsTheServerAtAnyMomentOfItsStart(t *testing.T) {
	t.Parallel()
	binary(t)

	t.Run("on an empty database", func(t *testing.T) {
		t.Parallel()
		everyMoment(t, served(t, testdb.Empty(t)), endsWithin)
	})

	t.Run("on a database with the current schema", func(t *testing.T) {
		t.Parallel()
		everyMoment(t, served(t, testdb.New(t)), endsWithin)
	})
}

func TestDev_aSignalEndsTheServerAndItsDatabaseAtAnyMomentOfTheStart(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(short(t), "d")
	launch{}.dev(t, dir).signal(syscall.SIGTERM) // the first start has made the database
	everyMoment(t, launch{args: []string{"dev", "--dir", dir, "--addr", "127.0.0.1:0"}}, endsWithDatabaseWithin)

	// Nothing is left that a next start would trip over.
	launch{}.dev(t, dir).demo()
}

func TestServe_aSignalEndsAStartThatWaits(t *testing.T) {
	t.Parallel()

	for name, hold := range map[string]string{
		"for the lock of the migrations":         "SELECT pg_advisory_lock(7105000001)",
		"for a table that the migrations read":   "LOCK TABLE goose_db_version IN ACCESS EXCLUSIVE MODE",
		"for a table that the migrations change": "LOCK TABLE users IN ACCESS EXCLUSIVE MODE; LOCK TABLE goose_db_version IN ACCESS EXCLUSIVE MODE",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			url, addr := testdb.New(t), freePort(t)
			lock(t, url, hold)
			p := served(t, url, "LATCHKEY_ADDR="+addr).start(t)
			p.url, p.db = "http://"+addr, url

			p.until(10*time.Second, "waiting for the lock", p.waits)

			if !p.refuses() {
				t.Error("the socket is open although no request can be answered")
			}

			p.signal(syscall.SIGTERM)
			p.endsSoon(name, endsWithin)
		})
	}
}

// lock runs a statement in a transaction that stays open until the test ends.
func lock(t *testing.T, url, statement string) {
	t.Helper()

	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })

	if _, err := c.Exec(t.Context(), "BEGIN; "+statement); err != nil {
		t.Fatal(err)
	}
}

// waits reports whether the process waits for a lock, or has asked for that of the migrations, which it
// does again and again.
func (p *process) waits() bool {
	p.t.Helper()

	return query[int](p.world, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND (wait_event_type = 'Lock' OR state = 'idle' AND query ILIKE 'commit' AND application_name = 'latchkey')`) > 0
}

func TestServe_aSignalEndsAStartWhoseDatabaseIsSilent(t *testing.T) {
	t.Parallel()

	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = silent.Close() })

	reached := make(chan struct{}, 16)
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}

			defer func() { _ = c.Close() }() // never answers
			reached <- struct{}{}
		}
	}()

	p := served(t, "postgres://ada@"+silent.Addr().String()+"/ada?sslmode=disable").start(t)

	select {
	case <-reached:
	case <-p.done:
		t.Fatalf("ended by itself: %s", p.log)
	}

	p.signal(syscall.SIGTERM)
	p.endsSoon("a silent database", endsWithin)
}

func TestServe_aSecondSignalEndsADrainAtOnce(t *testing.T) {
	t.Parallel()

	url := testdb.New(t)
	p := served(t, url).serving(t)
	p.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(200)
	p.db = url
	lock(t, url, "LOCK TABLE email_addresses IN ACCESS EXCLUSIVE MODE")

	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if response, err := p.http.Post(p.url+loginPath, "application/json", strings.NewReader(credentials("ada@example.com", goodPassword))); err == nil {
			_ = response.Body.Close()
		}
	}()

	p.until(10*time.Second, "in a request", p.waits)

	p.signal(syscall.SIGTERM)
	p.until(10*time.Second, "draining", p.refuses)
	p.signal(syscall.SIGTERM)

	select {
	case <-p.done:
	case <-time.After(endsWithin):
		t.Errorf("it still runs %v after the second signal", endsWithin)
	}

	<-answered
}
