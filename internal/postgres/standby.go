package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
)

// StartStandby copies the running server l into dir and starts the copy as its
// asynchronous streaming standby, with the given settings; those that PostgreSQL
// compares, such as max_connections, must not be below l's.
func (l *Local) StartStandby(ctx context.Context, dir, bin string, settings ...string) (*Local, error) {
	standby, err := newLocal(dir)
	if err != nil {
		return nil, err
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(standby.root, "data")
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "pg_basebackup"), "-h", l.root, "-U", "postgres", "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync") //nolint:gosec // PostgreSQL's own program, from where the server comes from
	cmd.Dir = standby.root
	// It has a child of its own, which would outlive it and keep its output open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account, Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("pg_basebackup: %w: %s", err, bytes.TrimSpace(out))
	}
	return StartLocal(ctx, dir, bin, settings...)
}

// Kill ends the server's first process with SIGKILL, as a crash would. The others end by
// themselves when they find it gone; Done is closed when the last of them has.
func (l *Local) Kill() {
	if l.Pid() != 0 {
		_ = l.cmd.Process.Kill()
	}
}

// Root is the directory of the data and the socket.
func (l *Local) Root() string { return l.root }

// ChildAttributes are for a program that shall end when we do, where the system can see
// to that, and not at a Ctrl-C that is meant for us. The thread that starts it must live
// as long as it does.
func ChildAttributes() *syscall.SysProcAttr { return childAttributes(nil) }
