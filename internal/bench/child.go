package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a server that is measured: a process of its own.
type child struct {
	name  string
	url   string
	cmd   *exec.Cmd
	done  chan struct{}
	ready time.Duration // from its start to its first answer
}

// ticks is how many units of /proc/PID/stat are a second: USER_HZ, on every Linux.
const ticks = 100

// start runs a program until it answers. Its log goes where nobody reads it, as everything
// that it writes there is a part of what a request costs.
func (b *bench) start(name, database string, program ...string) (*child, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	c := &child{name: name, url: "http://" + address, done: make(chan struct{})}
	keyFile := filepath.Join(b.dir, "key.pem")
	if err := os.WriteFile(keyFile, []byte(b.key), 0o600); err != nil {
		return nil, err
	}
	c.cmd = exec.Command(program[0], program[1:]...)
	c.cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "DATABASE_URL=" + database, "LATCHKEY_ADDR=" + address,
		"HEADLESS_JWT_PRIVATE_KEY_FILE=" + keyFile, "LATCHKEY_TRUSTED_PROXIES=127.0.0.1", "LATCHKEY_OPS_ADDR=127.0.0.1:0", "LATCHKEY_DRAIN_DELAY=0", benchHash + "=" + b.hash,
	}
	for _, name := range []string{"GOGC", "GOMAXPROCS", "GOMEMLIMIT"} { // to try out what they do
		if value, set := os.LookupEnv(name); set {
			c.cmd.Env = append(c.cmd.Env, name+"="+value)
		}
	}
	from := time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.done)
	}()
	if err := c.await(b.ctx); err != nil {
		c.stop()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c.ready = time.Since(from)
	return c, nil
}

func (b *bench) server(database string) (*child, error) {
	return b.start("latchkey", database, b.binary, "serve")
}

// myself starts this program with another task.
func (b *bench) myself(database, task string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return b.start(task, database, append([]string{self, task}, args...)...)
}

// await asks until there is an answer; the question needs the database.
func (c *child) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	client := &http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+sessionPath, nil)
		if err != nil {
			return err
		}
		r.Header.Set("X-Session-Token", "none")
		answer, err := client.Do(r)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusGone {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.done:
			return errors.New("it ended at once")
		case <-time.After(time.Millisecond):
		}
	}
}

func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(15 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

func stopAll(children ...*child) {
	for _, c := range children {
		if c != nil {
			c.stop()
		}
	}
}

// freeAddress is one that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

// cpu is what the process has used so far.
func (c *child) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), ") ") // the name before may hold blanks
	words := strings.Fields(after)
	if len(words) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(words[11], 10, 64)
	system, _ := strconv.ParseInt(words[12], 10, 64)
	return time.Duration(user+system) * time.Second / ticks
}

// memory is the resident memory in MB: a line of /proc/PID/status, VmRSS (now) or VmHWM
// (at most since the start).
func (c *child) memory(line string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(text), line+":")
	words := strings.Fields(after)
	if len(words) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(words[0], 64)
	return kib / 1024
}
