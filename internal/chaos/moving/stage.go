package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

// day is the stage, and what is counted.
type day struct {
	options
	out   io.Writer
	began time.Time

	dir      string
	database *postgres.Local
	servers  []*server
	env      []string // of the program
	site     *site
	old      *httptest.Server
	proxy    *proxy
	everyone []*client // honest clients and victims

	mu       sync.Mutex // guards what follows, and out
	statuses map[int]int
	requests int
	longest  time.Duration
	faults   int
	killed   int
	caught   int
}

// grace is LATCHKEY_REFRESH_GRACE, in seconds: a thief comes later.
const grace = 2

func (d *day) set(ctx context.Context) error {
	d.statuses = map[int]int{}
	var err error
	if d.dir, err = os.MkdirTemp("", "latchkey-moving-"); err != nil {
		return err
	}
	if err := os.Chmod(d.dir, 0o711); err != nil { // the database's account passes through
		return err
	}
	bin, err := programs.Find(ctx, programs.FromLookup(os.Getenv), os.Stderr)
	if err != nil {
		return err
	}
	if d.database, err = postgres.StartLocal(ctx, filepath.Join(d.dir, "pg"), bin, "fsync=off"); err != nil {
		return err
	}
	if d.site, err = newSite(); err != nil {
		return err
	}
	d.old = httptest.NewServer(d.site)
	if err := d.serve(ctx); err != nil {
		return err
	}
	if d.proxy, err = newProxy(d.old.URL, []string{d.servers[0].url, d.servers[1].url}, d.cut, d.clients); err != nil {
		return err
	}

	return d.signInAll()
}

// serve starts two servers.
func (d *day) serve(ctx context.Context) error {
	key, err := exec.CommandContext(ctx, d.binary, "keys", "generate").Output()
	if err != nil {
		return fmt.Errorf("keys generate: %w", err)
	}
	keyFile := filepath.Join(d.dir, "key.pem")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		return err
	}
	old, err := d.site.settings()
	if err != nil {
		return err
	}
	d.env = append(old,
		"DATABASE_URL="+d.database.URL, "HEADLESS_JWT_PRIVATE_KEY_FILE="+keyFile, "LATCHKEY_OPS_ADDR=off",
		"LATCHKEY_DRAIN_DELAY=0", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "ACCOUNT_RATE_LIMITS=false",
		"LATCHKEY_MAIL_DIR="+d.dir, fmt.Sprintf("LATCHKEY_REFRESH_GRACE=%d", grace),
		fmt.Sprintf("HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN=%d", int(siteAccess.Seconds())),
	)

	for range 2 {
		s, err := d.startServer(ctx)
		if err != nil {
			return err
		}
		d.servers = append(d.servers, s)
	}

	return nil
}

// server is a running `latchkey serve`.
type server struct {
	url  string
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

func (d *day) startServer(ctx context.Context) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := listener.Addr().String()
	_ = listener.Close()

	s := &server{url: "http://" + addr, log: &tail{}, done: make(chan struct{}), cmd: exec.Command(d.binary, "serve")}
	s.cmd.Env = append([]string{"LATCHKEY_ADDR=" + addr, "LATCHKEY_LOG_LEVEL=warn"}, d.env...)
	s.cmd.Stderr = s.log
	s.cmd.SysProcAttr = postgres.ChildAttributes()
	started := make(chan error, 1)
	go func() {
		defer close(s.done)
		runtime.LockOSThread() // postgres.ChildAttributes says why
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}

	return s, s.ready(ctx, addr)
}

func (s *server) ready(ctx context.Context, addr string) error {
	limit := time.After(time.Minute)
	for {
		if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.done:
			return errors.New("a server ended at its start: " + s.log.last())
		case <-limit:
			return errors.New("a server does not answer: " + s.log.last())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail is the end of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const most = 4000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]

	return len(p), nil
}

func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()

	return string(t.text)
}

// signInAll opens a session at the old system for each client.
func (d *day) signInAll() error {
	transport := &http.Transport{MaxIdleConns: 2 * d.clients, MaxIdleConnsPerHost: 2 * d.clients}
	for n := range d.clients + d.victims {
		got, err := d.site.signIn(fmt.Sprint(1000 + n))
		if err != nil {
			return err
		}
		c := &client{
			day: d, name: fmt.Sprintf("client %d", n), rnd: rand.New(rand.NewSource(int64(n))), url: d.proxy.addr,
			http: &http.Client{Transport: transport, Timeout: 30 * time.Second}, bySession: n%5 == 4, isVictim: n >= d.clients,
			store: got, copied: got.refresh, stored: time.Now(), seen: map[string]bool{},
		}
		d.everyone = append(d.everyone, c)
	}

	return nil
}

// latchkey runs a command of the program.
func (d *day) latchkey(ctx context.Context, input []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, d.binary, args...)
	cmd.Env, cmd.Stdin = d.env, bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("latchkey %s: %w\n%s", strings.Join(args, " "), err, out)
	}

	return nil
}

// killImporter kills an importer: the first ones in the middle of their input, the others while they store.
func (d *day) killImporter(ctx context.Context, full []byte, n int) error {
	cmd := exec.CommandContext(ctx, d.binary, "import", "--batch=7", "-")
	cmd.Env = d.env
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}

	part := len(full) * (n + 1) / 4
	isWhole := part >= len(full)
	if _, err := in.Write(full[:min(part, len(full))]); err != nil {
		return fmt.Errorf("an importer ended by itself: %w", err)
	}
	if isWhole {
		_ = in.Close()
		if err := d.awaitUsers(ctx); err != nil {
			return err
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	_ = in.Close()
	d.killed++

	return nil
}

const users = "SELECT count(*) FROM users"

// awaitUsers waits until an importer has stored users that were not there, or for two seconds.
func (d *day) awaitUsers(ctx context.Context) error {
	before, err := d.query(ctx, users)
	if err != nil {
		return err
	}
	for range 200 {
		now, err := d.query(ctx, users)
		if err != nil || now > before {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}

	return nil
}

// query reads a number from the database.
func (d *day) query(ctx context.Context, sql string, args ...any) (n int, err error) {
	c, err := pgx.Connect(ctx, d.database.URL)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.Close(ctx) }()

	return n, c.QueryRow(ctx, sql, args...).Scan(&n)
}

// cleanUp ends all processes and removes all files.
func (d *day) cleanUp() {
	if d.proxy != nil {
		_ = d.proxy.Close()
	}
	if d.old != nil {
		d.old.CloseClientConnections()
		d.old.Close()
	}
	for _, s := range d.servers {
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	if d.database != nil {
		_ = d.database.Stop()
	}
	if d.dir != "" {
		_ = os.RemoveAll(d.dir)
	}
}
