// Command cost measures what one sign-up, sign-in, refresh and look-up cost: processor time of the server and of
// PostgreSQL, statements, and bytes of PostgreSQL's log. docs/scale.md quotes it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

func main() {
	binary := flag.String("server", "bin/latchkey", "the program to measure")
	users := flag.Int("users", 200, "how many users sign up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	if err := measure(ctx, os.Stdout, *binary, *users); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

// stage is a PostgreSQL, a server on it, and a connection that asks PostgreSQL what it did.
type stage struct {
	dir      string
	database *postgres.Local
	server   *exec.Cmd
	url      string
	control  *pgx.Conn
}

func measure(ctx context.Context, out io.Writer, binary string, users int) error {
	s := &stage{}
	defer s.close()
	if err := s.open(ctx, binary); err != nil {
		return err
	}

	c := newClients(s.url, users)
	var costs []cost
	for _, p := range []struct {
		name string
		play func(ctx context.Context) (int, error)
	}{
		{"sign-up", c.signUp}, {"sign-in", c.signIn}, {"refresh", c.refresh}, {"look-up", c.lookUp},
	} {
		measured, err := s.measure(ctx, p.name, p.play)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		costs = append(costs, measured)
	}
	report(out, costs)

	return nil
}

// settings of PostgreSQL. Without images of whole pages the figures of the log do not depend on when a checkpoint
// was.
var settings = []string{
	"shared_preload_libraries=pg_stat_statements", "pg_stat_statements.track=top",
	"full_page_writes=off", "autovacuum=off",
}

func (s *stage) open(ctx context.Context, binary string) error {
	dir, err := os.MkdirTemp("", "latchkey-cost-")
	if err != nil {
		return err
	}
	s.dir = dir
	if err := os.Chmod(dir, 0o711); err != nil { // the database's account passes through
		return err
	}
	bin, err := programs.Find(ctx, programs.FromLookup(os.Getenv), os.Stderr)
	if err != nil {
		return err
	}
	s.database, err = postgres.StartLocal(ctx, filepath.Join(dir, "pg"), bin, settings...)
	if err != nil {
		return fmt.Errorf("%w (it needs pg_stat_statements: apt-get install postgresql-contrib)", err)
	}
	if s.control, err = pgx.Connect(ctx, s.database.URL); err != nil {
		return err
	}
	if _, err := s.control.Exec(ctx, "CREATE EXTENSION pg_stat_statements"); err != nil {
		return err
	}

	return s.serve(ctx, binary)
}

// serve starts the server with the shipped settings but for the grace: a refresh within it writes nothing.
func (s *stage) serve(ctx context.Context, binary string) error {
	key, err := exec.CommandContext(ctx, binary, "keys", "generate").Output()
	if err != nil {
		return err
	}
	keyFile := filepath.Join(s.dir, "key.pem")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr := listener.Addr().String()
	_ = listener.Close()

	s.url = "http://" + addr
	s.server = exec.Command(binary, "serve")
	s.server.Env = []string{
		"DATABASE_URL=" + s.database.URL, "HEADLESS_JWT_PRIVATE_KEY_FILE=" + keyFile,
		"LATCHKEY_ADDR=" + addr, "LATCHKEY_OPS_ADDR=off", "LATCHKEY_TRUSTED_PROXIES=127.0.0.1",
		"LATCHKEY_MAIL_DIR=" + s.dir, "LATCHKEY_REFRESH_GRACE=1", "LATCHKEY_DRAIN_DELAY=0",
	}
	if err := s.server.Start(); err != nil {
		return err
	}
	for range 500 {
		connection, err := net.Dial("tcp", addr)
		if err == nil {
			return connection.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}

	return errors.New("the server does not listen")
}

func (s *stage) close() {
	if s.server != nil && s.server.Process != nil {
		_ = s.server.Process.Signal(syscall.SIGTERM)
		_ = s.server.Wait()
	}
	if s.control != nil {
		_ = s.control.Close(context.Background())
	}
	if s.database != nil {
		_ = s.database.Stop()
	}
	_ = os.RemoveAll(s.dir)
}

func report(out io.Writer, costs []cost) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(out, format+"\n", args...) }
	say("Per call, one at a time; %d processors, %s.\n", runtime.NumCPU(), runtime.Version())
	say("           server CPU   database CPU   statements   log of the database")
	for _, c := range costs {
		say("%-10s %8.2f ms %11.2f ms %12.1f %15.0f bytes", c.name, c.server*1000, c.database*1000, c.statements, c.log)
	}
	for _, c := range costs {
		say("\n%s:", c.name)
		for _, s := range c.parts {
			say("%6.1f  %s", s.calls, s.name)
		}
	}
}
