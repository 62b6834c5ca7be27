package postgres_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m, nil) }

func open(t *testing.T, url string) *postgres.DB {
	t.Helper()
	d, err := postgres.Open(t.Context(), postgres.Settings{URL: url, MaxConnections: 3}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

// described is the schema as pg_dump writes it, without what differs from dump to dump
// and without goose's own table.
func described(t *testing.T, url string) string {
	t.Helper()
	out, err := exec.Command(pgDump(t), "--schema-only", "--no-owner", "--exclude-table=goose_db_version*", "--exclude-schema=river", "-d", url).Output()
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^(--|\\(un)?restrict ).*$`).ReplaceAllString(string(out), "")
}

func pgDump(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath("pg_dump")
	if err != nil {
		t.Fatal("pg_dump is missing: it comes with PostgreSQL's client programs (apt-get install postgresql)")
	}
	return path
}

func TestMigrate_buildsExactlySchemaSQL(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile("../../schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	byHand := testdb.Empty(t)
	c, err := pgx.Connect(t.Context(), byHand)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(t.Context(), string(schema)); err != nil {
		t.Fatal(err)
	}
	if want, got := described(t, byHand), described(t, testdb.New(t)); want != got {
		t.Errorf("migrations build\n%s\nschema.sql is\n%s", got, want)
	}
}

func TestMigrate_severalProcessesAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	url := testdb.Empty(t)
	applied, failed := make([]int, 5), make([]error, 5)
	var wg sync.WaitGroup
	for i := range applied {
		d := open(t, url)
		wg.Go(func() { applied[i], failed[i] = d.Migrate(t.Context()) })
	}
	wg.Wait()
	total := 0
	for i := range applied {
		total += applied[i]
		if failed[i] != nil {
			t.Error(failed[i])
		}
	}
	list, err := open(t, url).Migrations(t.Context())
	if err != nil || len(list) != total || total == 0 {
		t.Errorf("%d applied, %d there (%v)", total, len(list), err)
	}
}

func TestMigrate_anOldSchemaIsNoticed(t *testing.T) {
	t.Parallel()
	d := open(t, testdb.Empty(t))
	if err := d.CheckSchema(t.Context()); !errors.Is(err, postgres.ErrOldSchema) {
		t.Errorf("an empty database: %v", err)
	}
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckSchema(t.Context()); err != nil {
		t.Errorf("after migrating: %v", err)
	}
}

func TestSchema_everyTableIsDescribed(t *testing.T) {
	t.Parallel()
	c, err := pgx.Connect(t.Context(), testdb.New(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	rows, err := c.Query(t.Context(), `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
		AND obj_description(oid) IS NULL AND relname NOT LIKE 'goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	bare, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(bare) > 0 {
		t.Errorf("tables without a comment: %s (%v)", strings.Join(bare, ", "), err)
	}
}
