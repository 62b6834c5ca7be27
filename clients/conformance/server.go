package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// server is the Latchkey server behind all proxies.
type server struct {
	url      string
	services string // where Apple and Google are played
	cmd      *exec.Cmd
}

// startServer starts `latchkey dev`, which brings a PostgreSQL of its own, and makes its refresh
// tokens old.
func startServer(ctx context.Context, dir string, o options) (*server, error) {
	s := &server{url: o.url, services: o.services}
	if o.url == "" {
		var err error
		if s, err = startDev(ctx, dir, o); err != nil {
			return nil, err
		}
		o.database = "host=" + filepath.Join(dir, "server", "postgres") + " user=postgres dbname=postgres sslmode=disable"
	}
	if err := makeOld(ctx, o.database); err != nil {
		s.stop()
		return nil, fmt.Errorf("the server's database: %w", err)
	}
	return s, nil
}

func startDev(ctx context.Context, dir string, o options) (*server, error) {
	cmd := exec.CommandContext(ctx, o.server, "dev", "--dir", filepath.Join(dir, "server"), "--addr", "127.0.0.1:0", "--json")
	// Nobody reads the mail of the accounts, some of which get a second factor.
	cmd.Env = append(cmd.Environ(), "ACCOUNT_RATE_LIMITS=false", "MFA_ALLOW_UNVERIFIED_EMAIL=true", "ACCOUNT_EMAIL_VERIFICATION=none", "SOCIALACCOUNT_PROVIDERS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = log.Close() // the server has it
	var ready struct{ URL, Services string }
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		text, _ := os.ReadFile(log.Name()) // it says why, or nothing does
		return nil, errors.Join(fmt.Errorf("the server did not start: %s", text), cmd.Wait())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }() // it must never wait for a reader

	return &server{cmd: cmd, url: ready.URL, services: ready.Services}, nil
}

// stop ends the server and its database in order.
func (s *server) stop() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // gone already is stopped too
	_ = s.cmd.Wait()
}
