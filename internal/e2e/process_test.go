package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// built is the real program, made once for all tests of this process.
var built struct {
	once      sync.Once
	path      string
	err       error
	caretaker *exec.Cmd // kept, or else the garbage collector would close its input
}

// binary returns the program, where any account may run it.
func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

func build() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-bin-")
	if err != nil {
		return "", err
	}
	// It takes the directory away when its input ends, which is when this process does,
	// however that comes about.
	built.caretaker = exec.Command("sh", "-c", `cat; rm -rf "$0"`, dir)
	built.caretaker.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not meant for it
	if _, err := built.caretaker.StdinPipe(); err != nil {
		return "", err
	}
	if err := built.caretaker.Start(); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "latchkey")
	if out, err := exec.Command("go", "build", "-C", "../..", "-o", path, ".").CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
}

// launch is how to run the program.
type launch struct {
	args  []string
	env   []string // on top of PATH, HOME, TMPDIR, PG_BIN, no probes and no drain delay
	input string
	as    *syscall.Credential // nil for ourselves
}

// serverPrograms is the directory of PostgreSQL's server programs.
func serverPrograms(t testing.TB) string {
	t.Helper()

	bin, err := testdb.Programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return bin
}

func (l launch) command(t testing.TB) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(binary(t), l.args...)
	cmd.Env = []string{"PG_BIN=" + serverPrograms(t), "LATCHKEY_OPS_ADDR=off", "LATCHKEY_DRAIN_DELAY=0"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Env = append(cmd.Env, l.env...) // of two with one name the last counts
	cmd.Stdin = strings.NewReader(l.input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: l.as}
	return cmd
}

// result is what became of a command.
type result struct {
	t        testing.TB
	code     int
	out, err string
}

// run runs the program to its end.
func (l launch) run(t testing.TB) result {
	t.Helper()
	p := l.start(t)
	return result{t, p.exit(), p.out.String(), p.log.String()}
}

// wants fails unless the command ended with the code and said, on either stream, what
// is expected of it.
func (r result) wants(code int, says ...string) result {
	r.t.Helper()
	if r.code != code {
		r.t.Fatalf("exit code %d, want %d:\n%s%s", r.code, code, r.out, r.err)
	}
	for _, s := range says {
		if !strings.Contains(r.out+r.err, s) {
			r.t.Errorf("it does not say %q:\n%s%s", s, r.out, r.err)
		}
	}
	return r
}

// process is a running program, and the way to call it.
type process struct {
	*world
	cmd  *exec.Cmd
	out  *buffer // log is its standard error
	done chan struct{}
}

func (l launch) start(t testing.TB) *process {
	t.Helper()
	w := &world{t: t, log: &buffer{}, secrets: &secrets{seen: map[string]string{}}}
	w.http = &http.Client{Transport: checked{t, &http.Transport{}, w.secrets}, Timeout: 20 * time.Second}
	p := &process{world: w, cmd: l.command(t), out: &buffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		w.http.CloseIdleConnections()
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // a database of its own ends with it
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			_ = p.cmd.Process.Kill()
			<-p.done
			t.Errorf("%v had to be killed", p.cmd.Args)
		}
	})
	return p
}

// serving starts a server and waits until it says where it listens.
func (l launch) serving(t testing.TB) *process {
	t.Helper()
	p := l.start(t)
	listening := regexp.MustCompile(`"msg":"listening","addr":"([^"]+)"`)
	p.until(30*time.Second, "ready", func() bool {
		found := listening.FindStringSubmatch(p.log.String())
		if found != nil {
			p.url = "http://" + found[1]
		}
		return found != nil
	})
	return p
}

// until waits for a condition, and fails when the program ends before.
func (p *process) until(limit time.Duration, what string, condition func() bool) {
	p.t.Helper()
	eventually(p.t, limit, what, func() bool {
		if condition() {
			return true
		}
		select {
		case <-p.done:
			p.t.Fatalf("not %s, but ended with %d:\n%s%s", what, p.cmd.ProcessState.ExitCode(), p.out, p.log)
		default:
		}
		return false
	})
}

// eventually waits for a condition.
func eventually(t testing.TB, limit time.Duration, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("not %s within %v", what, limit)
		case <-tick.C:
		}
	}
}

// exit waits for the end and returns the exit code: -1 when a signal ended it.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(time.Minute):
		p.t.Fatalf("%v does not end:\n%s", p.cmd.Args, p.log)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// refuses reports whether nobody takes new connections at the process's address.
func (p *process) refuses() bool {
	c, err := net.DialTimeout("tcp", strings.TrimPrefix(p.url, "http://"), time.Second)
	if err != nil {
		return errors.Is(err, syscall.ECONNREFUSED)
	}
	_ = c.Close()
	return false
}

// alive reports whether a process runs. One that has ended and that nobody has asked
// after does not.
func alive(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

// short is a directory of the test's own. t.TempDir's may be too long for a socket, and
// the database's account may not enter them.
func short(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "latchkey-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}
