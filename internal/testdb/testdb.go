// Package testdb owns the databases of the tests: a fresh one for each, cloned from a
// migrated template on a real PostgreSQL. It is no part of the program.
package testdb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

// Env names the variable with the address of the server to use. `make test` sets it,
// so that all packages share one; without it each package starts its own.
const Env = "LATCHKEY_TEST_DATABASE_URL"

// Fast are settings for data that nobody will miss.
var Fast = []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300", "shared_buffers=64MB"}

// Programs returns the directory of PostgreSQL's server programs: PG_BIN, an installed one, or one
// that is fetched.
func Programs(ctx context.Context) (string, error) {
	return programs.Find(ctx, programs.FromLookup(os.Getenv), os.Stderr)
}

// Start starts a server for tests, in memory where the system has a /dev/shm that can be written,
// and returns its address and how to stop it.
func Start(ctx context.Context) (url string, stop func(), err error) {
	bin, err := Programs(ctx)
	if err != nil {
		return "", nil, err
	}

	dir, err := os.MkdirTemp("/dev/shm", "latchkey-test-")
	if err != nil {
		dir, err = os.MkdirTemp("", "latchkey-test-")
	}

	if err != nil {
		return "", nil, err
	}

	if err := os.Chmod(dir, 0o711); err != nil { // the server's account passes through
		return "", nil, err
	}

	local, err := postgres.StartLocal(ctx, filepath.Join(dir, "pg"), bin, Fast...)
	if err != nil {
		_ = os.RemoveAll(dir)
		return "", nil, err
	}

	return local.URL, func() { _ = local.Stop(); _ = os.RemoveAll(dir) }, nil
}

var server struct {
	once sync.Once
	url  string
	stop func()
	err  error
}

// Main is the body of a package's TestMain: it runs the tests, then stops the server
// that they started, if they did. after runs between the two.
func Main(m *testing.M, after func(code int) int) {
	code := m.Run()
	if after != nil {
		code = after(code)
	}

	if server.stop != nil {
		server.stop()
	}

	os.Exit(code)
}

func serverURL() (string, error) {
	server.once.Do(func() {
		if server.url = os.Getenv(Env); server.url != "" {
			return
		}

		server.url, server.stop, server.err = Start(context.Background())
	})

	return server.url, server.err
}

// New returns the address of a database of the test's own, migrated and empty, which
// is dropped at its end.
func New(t testing.TB) string {
	t.Helper()
	return create(t, "TEMPLATE "+template(t)+" STRATEGY wal_log")
}

// Empty returns the address of a database without a schema.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, "")
}

// create makes and later drops a database. The names are ours, so the SQL is too.
func create(t testing.TB, how string) string {
	t.Helper()

	url, err := serverURL()
	if err != nil {
		t.Fatalf("a test needs PostgreSQL: %v", err)
	}

	name := "test_" + random()
	exec(t, url, "CREATE DATABASE "+name+" "+how)
	t.Cleanup(func() { exec(t, url, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })

	return On(url, name)
}

// On is the address of another database on the same server.
func On(url, name string) string {
	return strings.Replace(url, "dbname=postgres", "dbname="+name, 1)
}

var migrated struct {
	once sync.Once
	name string
	err  error
}

// template returns the migrated database that others are cloned from: one per test
// process, so that no process meets another one's half-made template.
func template(t testing.TB) string {
	t.Helper()
	migrated.once.Do(func() {
		url, err := serverURL()
		if err != nil {
			migrated.err = err
			return
		}

		migrated.name = "template_" + random()
		exec(t, url, "CREATE DATABASE "+migrated.name)

		d, err := postgres.Open(context.Background(), postgres.Settings{URL: On(url, migrated.name), MaxConnections: 2}, time.Now)
		if err != nil {
			migrated.err = err
			return
		}
		defer d.Close()
		_, migrated.err = d.Migrate(context.Background())
	})

	if migrated.err != nil {
		t.Fatalf("a test needs PostgreSQL: %v", migrated.err)
	}

	return migrated.name
}

// EveryRow is every row of every table as text, for tests that look for what must not stand
// there. bytea shows as hexadecimal.
func EveryRow(t testing.TB, url string) string {
	t.Helper()
	ctx := context.Background()

	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = c.Close(ctx) }()

	rows, err := c.Query(ctx, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND NOT starts_with(schemaname, 'pg_temp') ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}

	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}

	var all strings.Builder
	for _, table := range tables {
		var text string
		if err := c.QueryRow(ctx, "SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM "+table+" t").Scan(&text); err != nil {
			t.Fatal(err)
		}

		all.WriteString(text + "\n")
	}

	return all.String()
}

func exec(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.Background()

	c, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("a test needs PostgreSQL: %v", err)
	}

	defer func() { _ = c.Close(ctx) }()

	if _, err := c.Exec(ctx, sql); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", sql, err))
	}
}

func random() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}
