package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// server is a place where `latchkey serve` runs, is killed and runs again.
type server struct {
	w     *world
	addr  string
	url   string
	grace int // seconds
	pool  int // connections

	mu   sync.Mutex // guards what follows
	cmd  *exec.Cmd
	done chan struct{}
	log  *errorLog
}

func (w *world) newServer(grace, pool int) (*server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	addr := l.Addr().String()
	return &server{w: w, addr: addr, url: "http://" + addr, grace: grace, pool: pool, log: &errorLog{}}, nil
}

// start runs the program. It does not wait until it answers.
func (s *server) start() error {
	w := s.w
	cmd := exec.Command(w.binary, "serve")
	cmd.Env = []string{
		"DATABASE_URL=" + w.database(),
		"HEADLESS_JWT_PRIVATE_KEY_FILE=" + filepath.Join(w.dir, "key.pem"),
		"LATCHKEY_ADDR=" + s.addr,
		"ACCOUNT_RATE_LIMITS=false",
		"LATCHKEY_OPS_ADDR=off",
		"LATCHKEY_DRAIN_DELAY=0",
		fmt.Sprintf("LATCHKEY_REFRESH_GRACE=%d", s.grace),
		fmt.Sprintf("LATCHKEY_DATABASE_MAX_CONNECTIONS=%d", s.pool),
	}
	cmd.Stderr = s.log
	cmd.SysProcAttr = postgres.ChildAttributes()
	done, started := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread() // postgres.ChildAttributes says why
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.done = cmd, done
	return <-started
}

// kill ends it as a crash would, and waits for its end.
func (s *server) kill() {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.mu.Unlock()
	if cmd == nil || cmd.Process == nil {
		return
	}
	_ = cmd.Process.Kill()
	<-done
}

// ready waits until it answers.
func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		c, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			return c.Close()
		}
		s.mu.Lock()
		done := s.done
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w", s.addr, ctx.Err())
		case <-done:
			return errors.New("a server ended at its start:\n" + s.log.all())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// killServers kills one of the servers every few seconds, at a random moment, and starts
// it again a little later.
func (w *world) killServers(ctx context.Context, over chan struct{}) {
	rnd := w.random(1)
	pause := func(from, to int) bool {
		select {
		case <-ctx.Done():
		case <-over:
		case <-time.After(between(rnd, from, to)):
			return true
		}
		return false
	}
	mortal := slices.Concat(w.servers, w.plainServers)
	for pause(1000, 4000) {
		s := mortal[rnd.Intn(len(mortal))]
		s.kill()
		w.count.kills.Add(1)
		if !pause(0, 500) {
			return
		}
		if err := s.start(); err != nil {
			w.fault("a killed server does not start again: %v", err)
			return
		}
		if err := s.ready(ctx); err != nil && ctx.Err() == nil {
			w.fault("a killed server is not ready again: %v", err)
			return
		}
	}
}

// between is a random time, in milliseconds.
func between(rnd *rand.Rand, from, to int) time.Duration {
	return time.Duration(from+rnd.Intn(to-from+1)) * time.Millisecond
}

func (w *world) serverErrors() []string {
	var all []string
	for _, s := range w.allServers() {
		if text := s.log.all(); text != "" {
			all = append(all, text)
		}
	}
	return all
}

// errorLog keeps the last lines of a server's log that are no ordinary requests.
type errorLog struct {
	mu    sync.Mutex
	lines [][]byte
}

func (l *errorLog) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		if bytes.Contains(line, []byte(`"level":"INFO"`)) {
			continue
		}
		l.mu.Lock()
		if len(l.lines) >= 3 {
			l.lines = l.lines[1:]
		}
		l.lines = append(l.lines, bytes.Clone(line))
		l.mu.Unlock()
	}
	return len(b), nil
}

func (l *errorLog) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(bytes.Join(l.lines, nil))
}

// terminal are the statuses that a refresh is refused with for good.
func terminal(status int) bool { return status == http.StatusBadRequest }
