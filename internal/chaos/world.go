package main

import (
	"context"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

// world is the stage: servers, databases, and what is known and counted.
type world struct {
	options
	out     io.Writer
	http    *http.Client
	started time.Time
	seconds float64

	dir     string
	primary *postgres.Local
	standby *postgres.Local
	victims []*phone // by kind of theft
	ages    *pgxpool.Pool

	servers      []*server // of the phones with keys and of the thieves: a grace of a second
	plainServers []*server // of plain clients: the default grace
	calmServers  []*server // the same, and none is ever killed

	count      tally
	thefts     []*theft                         // by kind
	bursts     []*bursts                        // by way
	epoch      atomic.Int64                     // of the database: 1 after the fail-over
	behind     atomic.Pointer[map[string]int64] // after the fail-over: generations as the standby knew them
	peace      sync.RWMutex                     // held for reading by a theft, for writing by the fail-over
	failedOver atomic.Bool
	playing    atomic.Int64 // plain clients that are not through with their bursts
	sender     atomic.Int64 // the walsender's process, while it is stopped

	mu      sync.Mutex // guards what follows, and out
	ids     map[int64]bool
	faults  []string
	emails  int
	longest time.Duration // of the bursts
}

func newWorld(o options, out io.Writer) *world {
	w := &world{options: o, out: out, ids: map[int64]bool{}}
	dial := (&net.Dialer{Timeout: 2 * time.Second}).DialContext
	w.http = &http.Client{
		Timeout:   20 * time.Second, // above the server's own eight
		Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 2 * o.phones, MaxIdleConns: 4 * o.phones},
	}
	for range kinds {
		w.thefts = append(w.thefts, &theft{})
	}
	for range ways {
		w.bursts = append(w.bursts, &bursts{})
	}
	return w
}

// random returns the choices of one actor; n tells the actors apart.
func (w *world) random(n int) *rand.Rand { return rand.New(rand.NewSource(w.seed*1000 + int64(n))) }

func (w *world) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, _ = fmt.Fprintf(w.out, format+"\n", args...)
}

// fault notes a broken promise; the first few are printed in full.
func (w *world) fault(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.faults = append(w.faults, text)
	n := len(w.faults)
	w.mu.Unlock()
	if n <= 10 {
		w.say("FAULT %s", text)
	}
}

// done reports whether enough has been refreshed, and the fail-over is over.
func (w *world) done() bool { return w.count.refreshes.Load() >= w.refreshes && w.failedOver.Load() }

// settings of both PostgreSQL. fsync protects from a power cut, which is not played; the
// standby's files are its own. mmap: a killed server leaves nothing outside its directory.
var settings = []string{
	"wal_level=replica", "max_wal_senders=5", "hot_standby=on", "max_connections=200", "shared_buffers=64MB",
	"max_wal_size=256MB", "wal_keep_size=256MB", "fsync=off", "dynamic_shared_memory_type=mmap",
}

// set starts the databases and the servers.
func (w *world) set(ctx context.Context) error {
	dir, err := makeDirectory()
	if err != nil {
		return err
	}
	w.dir = dir
	if err := w.build(ctx); err != nil {
		return err
	}
	bin, err := w.findPrograms(ctx)
	if err != nil {
		return err
	}
	if w.primary, err = postgres.StartLocal(ctx, filepath.Join(dir, "a"), bin, settings...); err != nil {
		return err
	}
	if w.standby, err = w.primary.StartStandby(ctx, filepath.Join(dir, "b"), bin, settings...); err != nil {
		return err
	}
	key, err := exec.CommandContext(ctx, w.binary, "keys", "generate").Output()
	if err != nil {
		return fmt.Errorf("keys generate: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), key, 0o600); err != nil {
		return err
	}
	if err := w.serve(ctx); err != nil {
		return err
	}
	return w.prepareAges(ctx)
}

// serve starts two servers of each sort.
func (w *world) serve(ctx context.Context) error {
	for _, sort := range []struct {
		into        *[]*server
		grace, pool int
	}{{&w.servers, 1, 16}, {&w.plainServers, plainGrace, 6}, {&w.calmServers, plainGrace, 6}} {
		for range 2 {
			s, err := w.newServer(sort.grace, sort.pool)
			if err != nil {
				return err
			}
			*sort.into = append(*sort.into, s)
			if err := s.start(); err != nil {
				return err
			}
		}
	}
	for _, s := range w.allServers() {
		if err := s.ready(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) allServers() []*server {
	return slices.Concat(w.servers, w.plainServers, w.calmServers)
}

func (w *world) build(ctx context.Context) error {
	if w.binary != "" {
		return nil
	}
	w.binary = filepath.Join(w.dir, "latchkey")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", w.binary, "github.com/latchkey-auth/latchkey").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}

// cleanUp ends all processes and removes all files.
func (w *world) cleanUp() {
	w.http.CloseIdleConnections()
	if w.ages != nil {
		w.ages.Close()
	}
	for _, s := range w.allServers() {
		s.kill()
	}
	w.endSender()
	for _, p := range []*postgres.Local{w.standby, w.primary} {
		if p != nil {
			_ = p.Stop()
		}
	}
	if w.dir != "" {
		_ = os.RemoveAll(w.dir)
	}
}

// findPrograms returns the directory of PostgreSQL's programs. A standby begins as a copy that
// pg_basebackup makes, which only an installed PostgreSQL has.
func (w *world) findPrograms(ctx context.Context) (string, error) {
	settings := programs.FromLookup(os.Getenv)
	if w.programs != "" {
		settings.Dir = w.programs
	}

	bin, err := programs.Find(ctx, settings, w.out)
	if err != nil {
		return "", err
	}

	if _, err := os.Stat(filepath.Join(bin, "pg_basebackup")); err != nil {
		return "", fmt.Errorf("%s does not contain pg_basebackup: install PostgreSQL (apt-get install postgresql) or set PG_BIN", bin)
	}

	return bin, nil
}

// makeDirectory makes the directory of a run, in memory where /dev/shm can be written.
func makeDirectory() (string, error) {
	dir, err := os.MkdirTemp("/dev/shm", "latchkey-chaos-")
	if err != nil {
		dir, err = os.MkdirTemp("", "latchkey-chaos-")
	}
	if err != nil {
		return "", err
	}

	return dir, os.Chmod(dir, 0o711)
}
