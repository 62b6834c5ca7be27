package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/latchkey-auth/latchkey/internal/db"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MigrationStatus is one migration and when it was applied.
type MigrationStatus struct {
	Version   int64
	Name      string
	AppliedAt *time.Time
}

// MigrationDelay is a migration that could not get its locks, and is tried again.
type MigrationDelay struct {
	// Name is the migration's file.
	Name string
	// Wait is how long until it is tried again.
	Wait time.Duration
	// Cause is what PostgreSQL said.
	Cause error
}

// ErrOldSchema says that the database needs `latchkey migrate up`.
var ErrOldSchema = errors.New("the database schema is older than this program: run `latchkey migrate up`")

// Migrate applies what is missing and returns how many migrations that were. Several
// processes may call it at once on an empty database: one works, the others wait.
//
// A migration waits a second for its locks at most, and is tried again later: who waits for a lock
// that excludes readers makes every reader wait who comes after it. report, where it is given, learns
// of each delay.
func (d *DB) Migrate(ctx context.Context, report ...func(MigrationDelay)) (int, error) {
	files, err := migrationFiles()
	if err != nil {
		return 0, err
	}
	return d.migrateFrom(ctx, files, report...)
}

// isCurrent reports whether no migration is missing. It only reads.
func (d *DB) isCurrent(ctx context.Context) (bool, error) {
	if err := d.CheckEncoding(ctx); err != nil {
		return false, err
	}
	exists, err := d.BackgroundQueries().FindMigrationTable(ctx)
	if err != nil || !exists {
		return false, err
	}
	missing, err := d.missingMigrations(ctx)
	if err != nil || missing {
		return false, err
	}

	return d.jobsAreCurrent(ctx)
}

// missingMigrations reports whether any of this program's migrations has not been applied.
func (d *DB) missingMigrations(ctx context.Context) (bool, error) {
	files, err := migrationFiles()
	if err != nil {
		return false, err
	}
	provider, err := providerOn(stdlib.OpenDBFromPool(d.background), files)
	if err != nil {
		return false, err
	}
	defer func() { _ = provider.Close() }()

	missing, err := provider.HasPending(ctx)

	return missing, failure(err)
}

// jobsAreCurrent reports whether no migration of the job queue is missing.
func (d *DB) jobsAreCurrent(ctx context.Context) (bool, error) {
	jobs, err := newJobMigrator(d.background)
	if err != nil {
		return false, err
	}
	found, err := jobs.Validate(ctx, nil)
	if err != nil {
		return false, failure(err)
	}

	return found.OK, nil
}

func (d *DB) migrateFrom(ctx context.Context, files fs.FS, report ...func(MigrationDelay)) (applied int, err error) {
	err = d.withMigrationLock(ctx, func(ctx context.Context) error {
		m, err := d.migrator(ctx, files)
		if err != nil {
			return err
		}
		defer m.close()

		// By the way that migrations take, which may be the only one.
		if err := checkFresh(ctx, db.New(m.pool)); err != nil {
			return err
		}

		for _, f := range report {
			m.report = f
		}
		applied, err = m.all(ctx)
		return err
	})
	return applied, err
}

// CheckSchema returns ErrOldSchema when migrations are missing. It only reads.
func (d *DB) CheckSchema(ctx context.Context) error {
	current, err := d.isCurrent(ctx)
	if err == nil && !current {
		err = ErrOldSchema
	}

	return err
}

// Migrations lists all migrations, oldest first. It only reads: goose would make its table where there
// is none.
func (d *DB) Migrations(ctx context.Context) ([]MigrationStatus, error) {
	files, err := migrationFiles()
	if err != nil {
		return nil, err
	}
	exists, err := d.BackgroundQueries().FindMigrationTable(ctx)
	if err != nil {
		return nil, err
	}
	provider, err := newProvider(d.background.Config().ConnConfig, files)
	if err != nil {
		return nil, err
	}
	defer func() { _ = provider.Close() }()
	if !exists {
		return noneApplied(provider.ListSources()), nil
	}

	found, err := provider.Status(ctx)
	if err != nil {
		return nil, failure(err)
	}
	return statusOf(found), nil
}

func noneApplied(sources []*goose.Source) []MigrationStatus {
	list := make([]MigrationStatus, 0, len(sources))
	for _, s := range sources {
		list = append(list, MigrationStatus{Version: s.Version, Name: s.Path})
	}
	return list
}

func statusOf(found []*goose.MigrationStatus) []MigrationStatus {
	list := make([]MigrationStatus, 0, len(found))
	for _, m := range found {
		s := MigrationStatus{Version: m.Source.Version, Name: m.Source.Path}
		if m.State == goose.StateApplied {
			s.AppliedAt = &m.AppliedAt
		}
		list = append(list, s)
	}
	return list
}

// migrator makes what applies migrations from files; the caller closes it.
func (d *DB) migrator(ctx context.Context, files fs.FS) (*migrator, error) {
	pool, err := pgxpool.NewWithConfig(ctx, d.direct.Copy())
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	provider, err := newProvider(d.direct.ConnConfig, files)
	if err != nil {
		pool.Close()
		return nil, err
	}
	jobs, err := newJobMigrator(pool)
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &migrator{provider: provider, pool: pool, jobs: jobs, files: files, report: func(MigrationDelay) {}}, nil
}
