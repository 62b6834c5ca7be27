package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Local is a PostgreSQL of our own: a direct child process on a unix socket, for
// `latchkey dev` and for tests. Not pg_ctl, which detaches the server: a killed
// parent would leave an orphan that blocks the next start.
type Local struct {
	// URL is the address to connect to.
	URL string

	root string        // where data and socket stand
	cmd  *exec.Cmd     // nil if another process started the server
	done chan struct{} // closed when the child has ended
	log  *tail         // what it printed; read after done only
}

// tail keeps the end of what is written to it: a server that runs for weeks says a lot.
type tail struct{ b []byte }

const tailSize = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.b = append(t.b, p...)
	if over := len(t.b) - tailSize; over > 0 {
		t.b = append(t.b[:0], t.b[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.b) }

// StartLocal starts PostgreSQL on the data below dir, which it creates, or joins the
// server that already runs there. settings are of the form name=value. bin is the directory of
// the server programs (package programs finds it). It returns ctx's error when ctx ends before
// the server answers; afterwards the server no longer depends on ctx.
func StartLocal(ctx context.Context, dir, bin string, settings ...string) (*Local, error) {
	l, err := newLocal(dir)
	if err != nil {
		return nil, err
	}
	if l.ping(ctx) == nil {
		return l, nil
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(l.root, "data")
	if err := initialise(ctx, bin, data, account); err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-k", l.root, "-c", "listen_addresses="}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return l, l.start(ctx, data, func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, "postgres"), args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = data, l.log, l.log
		cmd.SysProcAttr = childAttributes(account)
		return cmd
	})
}

// shortRoot is dir, unless that is too long for a socket's path, which may have 107
// bytes: then it is a short twin below the temporary directory.
func shortRoot(dir string) string {
	if len(dir) <= 80 {
		return dir
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), "latchkey-"+hex.EncodeToString(sum[:6]))
}

func newLocal(dir string) (*Local, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root := shortRoot(dir)
	l := &Local{URL: "host=" + root + " user=postgres dbname=postgres sslmode=disable", root: root}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	account, err := serverAccount()
	if err != nil {
		return nil, err
	}
	if root != dir {
		if err := checkTwin(root, account); err != nil {
			return nil, err
		}
	}
	if account != nil { // root: the server's own account must be able to write here
		if err := os.Chown(root, int(account.Uid), int(account.Gid)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// checkTwin refuses a directory of another account at the place of the twin.
//
// Security: every account can write to the temporary directory. A server of another account there would receive
// our passwords, and with a symbolic link root would change the owner of any directory
// (TestStartLocal_refusesATwinThatSomebodyElseMade).
func checkTwin(root string, account *syscall.Credential) error {
	info, err := os.Lstat(root)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	ours := ok && (int(stat.Uid) == os.Geteuid() || account != nil && stat.Uid == account.Uid)
	if !info.IsDir() || !ours {
		return fmt.Errorf("%s belongs to another account: choose a shorter --dir", root)
	}
	return nil
}

func (l *Local) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, l.URL)
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

// leaving is how long a server may take to end that our predecessor left behind.
const leaving = 30 * time.Second

var errEnded = errors.New("postgres ended at once")

// start runs the child. A predecessor that was killed leaves a server that is still
// writing its data away, and can be neither joined nor replaced: we wait for its end.
func (l *Local) start(ctx context.Context, data string, command func() *exec.Cmd) error {
	patience := time.After(leaving)
	occupied := func() bool {
		_, err := os.Stat(filepath.Join(data, "postmaster.pid"))
		return err == nil
	}
	for {
		before := occupied()
		l.done, l.log = make(chan struct{}), &tail{}
		l.cmd = command()
		err := l.run(ctx)
		if !errors.Is(err, errEnded) {
			return err
		}
		if !before && !occupied() {
			return err // nobody else was there: it ended for a reason of its own
		}
		select {
		case <-patience:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		if l.ping(ctx) == nil {
			l.cmd = nil
			return nil
		}
	}
}

// run starts the child and waits until it answers.
func (l *Local) run(ctx context.Context) error {
	started := make(chan error, 1)
	go func() {
		// The parent-death signal follows the thread that forks, so this one must live as
		// long as the child does.
		runtime.LockOSThread()
		err := l.cmd.Start()
		started <- err
		if err == nil {
			_ = l.cmd.Wait()
			close(l.done)
		}
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for l.ping(ctx) != nil {
		select {
		case <-l.done:
			return fmt.Errorf("%w:\n%s", errEnded, l.log)
		case <-ctx.Done():
			// Nobody has used it yet: an immediate shutdown loses nothing, and ends a start at once.
			_ = l.cmd.Process.Signal(syscall.SIGQUIT)
			_ = l.Stop()
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// Joined reports whether the server was running before, and so outlives us.
func (l *Local) Joined() bool { return l.cmd == nil }

// Pid is the server's process, or 0 when it was joined.
func (l *Local) Pid() int {
	if l.cmd == nil || l.cmd.Process == nil {
		return 0
	}
	return l.cmd.Process.Pid
}

// Done is closed when the server has ended.
func (l *Local) Done() <-chan struct{} { return l.done }

// Stop ends the server: open transactions roll back, the data is closed cleanly. A
// joined server is left alone.
func (l *Local) Stop() error {
	if l.cmd == nil || l.cmd.Process == nil {
		return nil
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} { // fast, then immediate
		_ = l.cmd.Process.Signal(s)
		select {
		case <-l.done:
			return nil
		case <-time.After(10 * time.Second):
		}
	}
	return errors.New("postgres does not stop")
}

// initialise makes a data directory beside its final place and renames it, so that
// an interrupted first start leaves nothing half done.
func initialise(ctx context.Context, bin, data string, account *syscall.Credential) error {
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	}
	fresh := data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), "-D", fresh, "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--no-locale", "--no-sync", "--data-checksums")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it removes what it made
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		who := "this account"
		if account != nil {
			who = "account " + strconv.Itoa(int(account.Uid)) + " (PostgreSQL does not run as root)"
		}
		return fmt.Errorf("initdb: %w: %s\n%s must be able to enter %s (choose another --dir) and to run the programs in %s (choose another PG_BIN)",
			err, bytes.TrimSpace(out), who, filepath.Dir(data), bin)
	}
	return os.Rename(fresh, data)
}

// serverAccount is whom the server runs as: nil for ourselves; as root, which
// PostgreSQL refuses, `postgres` or else `nobody`.
func serverAccount() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
			gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
			if err1 == nil && err2 == nil {
				return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
			}
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is neither an account postgres nor nobody")
}
