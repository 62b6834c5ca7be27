package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"regexp"
	"strings"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/latchkey-auth/latchkey/internal/db"
)

// migrating are the limits inside a migration: no end of the work, and half a second for each lock. That is
// less than what requests wait for a lock, so that none fails because it waits behind a migration. It is also
// less than deadlock_timeout (1 s), so that in a deadlock with a request the migration ends first.
var migrating = limits{lock: 500 * time.Millisecond, idle: lockIdle}

// Waits between two tries of a migration that did not get its locks: requests go on in between.
const (
	firstRetry = time.Second
	lastRetry  = 10 * time.Second
)

// migrator applies migrations, one by one, and then those of the job queue.
type migrator struct {
	provider *goose.Provider
	pool     *pgxpool.Pool
	jobs     *rivermigrate.Migrator[pgx.Tx]
	files    fs.FS
	report   func(MigrationDelay)
}

func (m *migrator) close() {
	_ = m.provider.Close()
	m.pool.Close()
}

// all applies what is missing, and returns how many migrations of ours that were.
func (m *migrator) all(ctx context.Context) (applied int, err error) {
	// One statement for all of them: nearly every start of a server finds nothing to do.
	missing, err := m.provider.HasPending(ctx)
	if err != nil {
		return 0, failure(err)
	}

	var found []*goose.MigrationStatus
	if missing {
		found, err = m.provider.Status(ctx)
	}
	if err != nil {
		return 0, failure(err)
	}
	for _, s := range found {
		if s.State == goose.StateApplied {
			continue
		}
		if err := m.untilLocked(ctx, s.Source.Path, func() error { return m.apply(ctx, s.Source) }); err != nil {
			return applied, fmt.Errorf("migrate: %w", err)
		}
		applied++
	}

	for more := true; more; {
		err := m.untilLocked(ctx, "the job queue", func() (err error) {
			more, err = m.applyJob(ctx)
			return err
		})
		if err != nil {
			return applied, fmt.Errorf("migrate the job queue: %w", failure(err))
		}
	}
	return applied, nil
}

// untilLocked repeats a migration until it gets its locks.
func (m *migrator) untilLocked(ctx context.Context, name string, apply func() error) error {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := apply()
		if !lockFailed(err) {
			return err
		}
		m.report(MigrationDelay{Name: name, Wait: wait, Cause: err})
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// lockFailed reports whether a lock was not obtained in time, or only by a deadlock.
func lockFailed(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}

// apply applies one file. An index that an attempt before has left invalid is dropped first: CREATE
// INDEX CONCURRENTLY IF NOT EXISTS would take it for the index itself.
func (m *migrator) apply(ctx context.Context, source *goose.Source) error {
	text, err := fs.ReadFile(m.files, source.Path)
	if err != nil {
		return err
	}
	indexes := concurrentIndexes(string(text))
	if err := m.dropInvalid(ctx, indexes); err != nil {
		return err
	}

	_, err = m.provider.ApplyVersion(ctx, source.Version, true)
	if err != nil && len(indexes) > 0 {
		// An invalid index costs every write, and an invalid unique one refuses some.
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), lockIdle)
		defer cancel()
		err = errors.Join(err, m.dropInvalid(cleaning, indexes))
	}
	return err
}

var concurrentIndex = regexp.MustCompile(`(?i)CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?([a-z_][a-z0-9_]*)\s`)

// concurrentIndexes are the names of the indexes that a migration makes concurrently.
func concurrentIndexes(text string) []string {
	var names []string
	for _, found := range concurrentIndex.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1])
	}
	return names
}

func (m *migrator) dropInvalid(ctx context.Context, indexes []string) error {
	for _, name := range indexes {
		invalid, err := db.New(m.pool).FindInvalidIndex(ctx, name)
		if err != nil {
			return err
		}
		if !invalid {
			continue
		}
		// A name cannot be a parameter. The pattern above admits nothing but a plain identifier.
		if _, err := m.pool.Exec(ctx, "DROP INDEX CONCURRENTLY IF EXISTS "+name); err != nil {
			return err
		}
	}
	return nil
}

// applyJob applies the next migration of the job queue, and reports whether there was one.
func (m *migrator) applyJob(ctx context.Context) (more bool, err error) {
	c, err := m.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer c.Release()
	err = transact(ctx, c.Conn(), migrating, func(tx pgx.Tx) error {
		done, err := m.jobs.MigrateTx(ctx, tx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{MaxSteps: 1}) //nolint:staticcheck // one migration a transaction, under our lock time-outs
		more = err == nil && len(done.Versions) > 0
		return err
	})
	return more, err
}

// newJobMigrator migrates river's own tables, which are in a schema of their own.
func newJobMigrator(pool *pgxpool.Pool) (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{
		Schema: "river", Logger: slog.New(slog.DiscardHandler),
	})
}

func newProvider(config *pgx.ConnConfig, files fs.FS) (*goose.Provider, error) {
	config = config.Copy()
	config.Tracer = nil // what a server does at its start is no part of any request

	return providerOn(stdlib.OpenDB(*config), files)
}

// providerOn is goose on a way to the database, which it closes.
func providerOn(handle *sql.DB, files fs.FS) (*goose.Provider, error) {
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithAllowOutofOrder(true))
	if err != nil {
		_ = handle.Close()
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return p, nil
}

// upMark is the line below which a migration's statements stand, and outsideMark the one that asks for
// no transaction.
const (
	upMark      = "-- +goose Up\n"
	outsideMark = "-- +goose NO TRANSACTION"
)

// migrationFiles are the migrations of this program.
func migrationFiles() (fs.FS, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return limited(files)
}

// limited are migrations as they are applied: one that is a transaction sets its own limits first. One
// without a transaction needs none: it makes indexes concurrently, and neither readers nor writers queue
// behind that.
func limited(files fs.FS) (fs.FS, error) {
	list := fstest.MapFS{}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	for _, name := range names {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("migrations: %w", err)
		}
		text := string(content)
		if !strings.Contains(text, outsideMark) {
			text = strings.Replace(text, upMark, upMark+"\n"+migrating.local()+";\n", 1)
		}
		list[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return list, nil
}
