package postgres_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// released are the migrations that a release has issued, by their SHA-256. A release adds its own.
var released = map[string]string{
	"00001_accounts.sql": "c14cb603638614d26900340e0c7cf58c7ce1323d3710e100d1e118acd1e27716",
	"00002_outbox.sql":   "b36f4a6ce285918d03253f3a49ee6abac64bb97af9e4e01b6fcb62b1a5fea4a5",
	"00003_journeys.sql": "f9558030782b10b4b3cef6b69bca8c920c9b12cf65e2b17c26b7212ce792a67c",
	"00004_factors.sql":  "e9541ebb78a64b9c622093a093e95688de047d6b0d2ac6235d8f8c1dcbcd41fc",
}

// A migration that a release has issued ran on the databases of others: an edit of it would reach
// new databases alone, and the two kinds would differ from then on.
func TestMigrations_releasedOnesNeverChange(t *testing.T) {
	t.Parallel()

	for name, want := range released {
		text, err := os.ReadFile(filepath.Join("migrations", name))
		if err != nil {
			t.Errorf("a released migration is gone: %v", err)
			continue
		}

		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s is released and has changed: add a migration instead (SHA-256 %s, want %s)", name, got, want)
		}
	}
}

// rowCounts are the rows of the tables that hold what users have.
func rowCounts(t *testing.T, c *pgx.Conn) map[string]int {
	t.Helper()

	counts := map[string]int{}
	for _, table := range []string{
		"users", "email_addresses", "sessions", "codes", "links", "authenticators", "messages", "audit_events", "river.river_job",
	} {
		counts[table] = ask[int](t, c, "SELECT count(*) FROM "+table)
	}

	return counts
}

// reads reads what requests read, as they do, until stop is closed: with 2 s for a lock at most.
func reads(t *testing.T, url string, stop <-chan struct{}) <-chan error {
	t.Helper()

	c := connect(t, url)
	run(t, c, "SET lock_timeout = '2s'")

	failed := make(chan error, 1)
	go func() {
		defer close(failed)
		for {
			select {
			case <-stop:
				return
			default:
			}

			_, err := c.Exec(t.Context(), `SELECT count(*) FROM users u JOIN email_addresses e ON e.user_id = u.id
				LEFT JOIN sessions s ON s.user_id = u.id LEFT JOIN codes c ON c.user_id = u.id LEFT JOIN links l ON l.user_id = u.id`)
			if err != nil {
				failed <- err
				return
			}
		}
	}()

	return failed
}

// A long report reads the tables that the migrations alter. They wait a second for their locks, let the
// requests behind them go on, and come back until the report has ended.
func TestMigrate_upgradesADatabaseOf68acdd3WhileItIsRead(t *testing.T) {
	t.Parallel()
	old := testdb.Old(t)
	c := connect(t, old.URL)
	before := rowCounts(t, c)
	if before["users"] != 3 || before["authenticators"] != 2 || before["messages"] == 0 {
		t.Fatalf("the old database has %v", before)
	}
	if err := open(t, old.URL).CheckSchema(t.Context()); !errors.Is(err, postgres.ErrOldSchema) {
		t.Fatalf("its schema: got %v, want ErrOldSchema", err)
	}

	report := connect(t, old.URL)
	run(t, report, "BEGIN; SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions)")
	stop := make(chan struct{})
	failed := reads(t, old.URL, stop)

	d := open(t, old.URL)
	delays := 0
	applied, err := d.Migrate(t.Context(), func(m postgres.MigrationDelay) {
		if delays++; delays == 2 {
			_, _ = report.Exec(context.Background(), "COMMIT")
		}
		if m.Wait > 10*time.Second {
			t.Errorf("%s comes back after %v only", m.Name, m.Wait)
		}
	})
	close(stop)

	if err != nil || applied == 0 {
		t.Fatalf("%d migrations: %v", applied, err)
	}
	if delays < 2 {
		t.Errorf("%d delays, want 2: the report was in the way", delays)
	}
	if err := <-failed; err != nil {
		t.Errorf("a request failed beside the migrations: %v", err)
	}

	if err := d.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	if want, got := described(t, testdb.New(t)), described(t, old.URL); want != got {
		t.Errorf("the upgrade builds\n%s\na new database is\n%s", got, want)
	}
	if after := rowCounts(t, c); !maps.Equal(before, after) {
		t.Errorf("rows before %v, after %v", before, after)
	}
}
