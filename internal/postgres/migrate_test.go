package postgres_test

import (
	"context"
	"errors"
	"os"
	"slices"
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

// schemaObjects lists everything in the schema public, one line each, but goose's own table: from
// the catalogue, so that no client program is needed.
const schemaObjects = `
WITH tables AS (
	SELECT c.oid, c.relname, c.reloptions FROM pg_class c
	WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'goose_db_version%'
)
SELECT format('table %s %s', relname, reloptions) FROM tables
UNION ALL
SELECT format('column %s.%s %s %s null=%s default=%s', t.relname, row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum),
	a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid LEFT JOIN pg_attrdef d ON d.adrelid = t.oid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('constraint %s %s %s', t.relname, c.conname, pg_get_constraintdef(c.oid)) FROM tables t JOIN pg_constraint c ON c.conrelid = t.oid
UNION ALL
SELECT format('index %s valid=%s', pg_get_indexdef(i.indexrelid), i.indisvalid) FROM tables t JOIN pg_index i ON i.indrelid = t.oid
UNION ALL
SELECT format('trigger %s %s', t.relname, pg_get_triggerdef(g.oid)) FROM tables t JOIN pg_trigger g ON g.tgrelid = t.oid WHERE NOT g.tgisinternal
UNION ALL
SELECT format('function %s', pg_get_functiondef(p.oid)) FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT format('sequence %s', relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'S' AND relname NOT LIKE 'goose_db_version%'
UNION ALL
SELECT format('comment %s.%s %s', t.relname, d.objsubid, d.description) FROM tables t JOIN pg_description d ON d.objoid = t.oid
ORDER BY 1`

// described is the schema of a database, an object a line.
func described(t *testing.T, url string) string {
	t.Helper()

	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()

	rows, err := c.Query(t.Context(), schemaObjects)
	if err != nil {
		t.Fatal(err)
	}

	objects, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}

	return strings.Join(objects, "\n")
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
	want := strings.Split(described(t, byHand), "\n")
	got := strings.Split(described(t, testdb.New(t)), "\n")

	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("schema.sql has it, the migrations do not build it: %s", line)
		}
	}

	for _, line := range got {
		if !slices.Contains(want, line) {
			t.Errorf("the migrations build it, schema.sql does not have it: %s", line)
		}
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
