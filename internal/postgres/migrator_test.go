package postgres_test

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// stage is a database where migrations of a test's own find what those of the job queue need.
func stage(t *testing.T) string {
	t.Helper()
	url := testdb.Empty(t)
	run(t, connect(t, url), "CREATE SCHEMA river")
	return url
}

// with are migrations of a test's own, by their names.
func with(t *testing.T, files map[string]string) fstest.MapFS {
	t.Helper()
	list := fstest.MapFS{}
	for name, text := range files {
		list[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return list
}

// concurrently is a migration that is no transaction.
func concurrently(list fstest.MapFS, name, text string) fstest.MapFS {
	list[name] = &fstest.MapFile{Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\n" + text)}
	return list
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func run(t *testing.T, c *pgx.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func ask[T any](t *testing.T, c *pgx.Conn, sql string) T {
	t.Helper()
	var value T
	if err := c.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// A report that reads users for a long time makes a migration come back later, and no reader or writer
// queues behind the migration for longer than requests wait.
func TestMigrate_waitsBehindALongReadWithoutMakingRequestsWait(t *testing.T) {
	t.Parallel()
	url := stage(t)
	d := open(t, url)
	if _, err := d.MigrateFrom(t.Context(), with(t, map[string]string{"00001_a.sql": "CREATE TABLE users (id bigint);"})); err != nil {
		t.Fatal(err)
	}
	report := connect(t, url)
	run(t, report, "BEGIN; SELECT count(*) FROM users")

	delayed, done := make(chan postgres.MigrationDelay, 100), make(chan error, 1)
	go func() {
		_, err := open(t, url).MigrateFrom(t.Context(), with(t, map[string]string{
			"00001_a.sql": "CREATE TABLE users (id bigint);", "00002_b.sql": "ALTER TABLE users ADD COLUMN b text;",
		}), func(m postgres.MigrationDelay) { delayed <- m })
		done <- err
	}()

	// Requests wait 2 s for a lock: none of these may run into that while the migration tries twice.
	request := connect(t, url)
	run(t, request, "SET lock_timeout = 2000")
	for tries := 0; tries < 2; {
		select {
		case m := <-delayed:
			if m.Name != "00002_b.sql" || m.Wait < time.Second {
				t.Errorf("delay %+v", m)
			}
			tries++
		case err := <-done:
			t.Fatalf("the migration ended beside the report: %v", err)
		default:
			run(t, request, "SELECT count(*) FROM users; INSERT INTO users VALUES (1)")
		}
	}
	run(t, report, "COMMIT")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !ask[bool](t, request, "SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'b')") {
		t.Error("the migration was not applied once the report had ended")
	}
}

// What a failed CREATE INDEX CONCURRENTLY leaves is no index; the next attempt makes one.
func TestMigrate_anIndexThatFailedIsMadeAnew(t *testing.T) {
	t.Parallel()
	url := stage(t)
	d, c := open(t, url), connect(t, url)
	files := concurrently(with(t, map[string]string{"00001_a.sql": "CREATE TABLE a (n int); INSERT INTO a VALUES (1), (1);"}),
		"00002_n.sql", "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n);")
	valid := "SELECT coalesce((SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('a_n')::oid)::text, 'none')"

	if n, err := d.MigrateFrom(t.Context(), files); err == nil || n != 1 || !strings.Contains(err.Error(), "00002") && !strings.Contains(err.Error(), "a_n") {
		t.Errorf("%d applied over rows that are alike: %v", n, err)
	}
	if got := ask[string](t, c, valid); got != "none" {
		t.Errorf("after the failure the index is %s, want none: an invalid one refuses rows", got)
	}

	// A process that was killed in the middle could drop nothing.
	if _, err := c.Exec(t.Context(), "CREATE UNIQUE INDEX CONCURRENTLY a_n ON a (n)"); err == nil || ask[string](t, c, valid) != "false" {
		t.Fatalf("the index is %s (%v)", ask[string](t, c, valid), err)
	}
	run(t, c, "DELETE FROM a")
	if n, err := d.MigrateFrom(t.Context(), files); err != nil || n != 1 {
		t.Errorf("%d applied: %v", n, err)
	}
	if got := ask[string](t, c, valid); got != "true" {
		t.Errorf("the index is valid: %s", got)
	}
}

// CREATE INDEX CONCURRENTLY waits for every older snapshot, and so would wait for the processes that
// wait for the migration lock if those did so inside a statement.
func TestMigrate_anIndexIsMadeWhileOtherProcessesWait(t *testing.T) {
	t.Parallel()
	url := stage(t)
	c := connect(t, url)
	run(t, c, "CREATE TABLE a (n int)")
	blocker := connect(t, url)
	run(t, blocker, "BEGIN; INSERT INTO a VALUES (1)")

	files := concurrently(fstest.MapFS{}, "00001_n.sql", "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n);")
	failed := make([]error, 4)
	var wg sync.WaitGroup
	for n := range failed {
		d := open(t, url)
		wg.Go(func() { _, failed[n] = d.MigrateFrom(t.Context(), files) })
	}
	// One builds the index and waits for the writer, longer than a migration waits for a lock.
	waiting := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%' AND state = 'active' AND now() - query_start > interval '1500 ms'"
	for tries := 0; ask[int](t, c, waiting) == 0; tries++ {
		if tries == 1000 {
			t.Fatal("no process builds the index")
		}
		run(t, c, "SELECT pg_sleep(0.02)")
	}
	run(t, blocker, "COMMIT")
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			t.Error(err)
		}
	}
}

// The lock ends with the process that has it, whatever becomes of its connections.
func TestMigrate_theLockEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	url := stage(t)
	c := connect(t, url)
	run(t, c, "CREATE TABLE a (n int)")
	run(t, c, "BEGIN; LOCK TABLE a")
	ctx, kill := context.WithCancel(t.Context())
	waits, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		_, err := open(t, url).MigrateFrom(ctx, with(t, map[string]string{"00001_a.sql": "ALTER TABLE a ADD COLUMN b int;"}),
			func(postgres.MigrationDelay) { once.Do(func() { close(waits) }) })
		ended <- err
	}()
	select {
	case <-waits:
	case err := <-ended:
		t.Fatalf("the migration ended beside the lock: %v", err)
	}
	if locks := ask[int](t, c, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); locks != 1 {
		t.Errorf("%d migration locks while one process migrates", locks)
	}
	kill()
	if err := <-ended; err == nil {
		t.Error("a migration that was cut off says that it is done")
	}
	run(t, c, "COMMIT")
	if _, err := open(t, url).MigrateFrom(t.Context(), with(t, map[string]string{"00001_a.sql": "ALTER TABLE a ADD COLUMN b int;"})); err != nil {
		t.Error(err)
	}
}

func TestMigrations_looksWithoutWriting(t *testing.T) {
	t.Parallel()
	url := testdb.Empty(t)
	d, c := open(t, url), connect(t, url)
	list, err := d.Migrations(t.Context())
	if err != nil || len(list) < 4 || list[0].AppliedAt != nil || list[0].Name != "00001_accounts.sql" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := d.CheckSchema(t.Context()); err == nil {
		t.Error("an empty database is taken for current")
	}
	if n := ask[int](t, c, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); n != 0 {
		t.Errorf("%d relations were made by looking", n)
	}
}

var (
	comment    = regexp.MustCompile(`--[^\n]*`)
	quoted     = regexp.MustCompile(`(?s)\$\$.*?\$\$`)
	newTable   = regexp.MustCompile(`(?i)\bCREATE TABLE (?:IF NOT EXISTS )?([a-z_.]+)`)
	plainIndex = regexp.MustCompile(`(?i)\bCREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?[a-z_]+ ON ([a-z_.]+)`)
	inPassing  = regexp.MustCompile(`(?is)^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS [a-z_][a-z0-9_]*\s.*$|^DROP INDEX CONCURRENTLY IF EXISTS [a-z_][a-z0-9_]*$`)
)

// misplaced lists what in a migration would hold up requests or could not be repeated.
func misplaced(text string) []string {
	bare := quoted.ReplaceAllString(comment.ReplaceAllString(text, ""), "")
	var wrong []string
	if strings.Contains(text, "-- +goose NO TRANSACTION") {
		for _, statement := range strings.Split(bare, ";") {
			if s := strings.TrimSpace(statement); s != "" && !inPassing.MatchString(s) {
				wrong = append(wrong, "only CREATE INDEX CONCURRENTLY IF NOT EXISTS and DROP INDEX CONCURRENTLY IF EXISTS may stand outside a transaction: "+s)
			}
		}
		return wrong
	}
	made := map[string]bool{}
	for _, found := range newTable.FindAllStringSubmatch(bare, -1) {
		made[found[1]] = true
	}
	for _, found := range plainIndex.FindAllStringSubmatch(bare, -1) {
		if !made[found[1]] {
			wrong = append(wrong, "an index on a table that exists needs a file of its own with NO TRANSACTION and CONCURRENTLY: "+found[0])
		}
	}
	return wrong
}

// From 00005 on indexes on tables that exist are made concurrently.
func TestMigrations_newOnesHoldUpNobody(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(paths) < 4 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) < "00005" {
			continue
		}
		for _, wrong := range misplaced(string(text)) {
			t.Errorf("%s: %s", path, wrong)
		}
	}
	for text, want := range map[string]int{
		"CREATE TABLE a (n int);\nCREATE INDEX a_n ON a (n);":                                                                     0,
		"CREATE INDEX b_n ON b (n);":                                                                                              1,
		"ALTER TABLE b ADD COLUMN m int;\nCREATE UNIQUE INDEX b_m ON b (m) WHERE m > 0;":                                          1,
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY IF NOT EXISTS b_n ON b (n);":                                         0,
		"-- +goose NO TRANSACTION\nCREATE INDEX CONCURRENTLY b_n ON b (n);":                                                       1,
		"-- +goose NO TRANSACTION\nALTER TABLE b ADD COLUMN m int;":                                                               1,
		"-- +goose NO TRANSACTION\nDROP INDEX CONCURRENTLY IF EXISTS b_n;\nCREATE INDEX CONCURRENTLY IF NOT EXISTS b_m ON b (m);": 0,
	} {
		if wrong := misplaced("-- +goose Up\n" + text); len(wrong) != want {
			t.Errorf("%s: %v, want %d objections", text, wrong, want)
		}
	}
}
