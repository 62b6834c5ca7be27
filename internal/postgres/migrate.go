package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// MigrationStatus is one migration and when it was applied.
type MigrationStatus struct {
	Version   int64
	Name      string
	AppliedAt *time.Time
}

// ErrOldSchema says that the database needs `latchkey migrate up`.
var ErrOldSchema = errors.New("the database schema is older than this program: run `latchkey migrate up`")

// Migrate applies what is missing and returns how many migrations that were. Several
// processes may call it at once on an empty database: one works, the others wait.
func (d *DB) Migrate(ctx context.Context) (int, error) {
	// The lock is the connection's, and goes with it.
	lock, err := pgx.ConnectConfig(ctx, d.unhurried())
	if err != nil {
		return 0, failure(err)
	}
	defer func() { _ = lock.Close(context.WithoutCancel(ctx)) }()
	if err := db.New(lock).LockMigrations(ctx); err != nil {
		return 0, failure(err)
	}
	provider, done, err := d.provider()
	if err != nil {
		return 0, err
	}
	defer done()
	applied, err := provider.Up(ctx)
	if err != nil {
		return len(applied), fmt.Errorf("migrate: %w", err)
	}
	jobs, err := d.jobs()
	if err != nil {
		return len(applied), err
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return len(applied), fmt.Errorf("migrate the job queue: %w", failure(err))
	}
	return len(applied), nil
}

// jobs migrates river's own tables, which stand in a schema of their own.
func (d *DB) jobs() (*rivermigrate.Migrator[pgx.Tx], error) {
	return rivermigrate.New(riverpgxv5.New(d.background), &rivermigrate.Config{
		Schema: "river", Logger: slog.New(slog.DiscardHandler),
	})
}

// unhurried is the way to the database without the limits that requests have.
func (d *DB) unhurried() *pgx.ConnConfig {
	config := d.pool.Config().ConnConfig.Copy()
	config.Tracer = nil // what a server does at its start is no part of any request
	delete(config.RuntimeParams, "statement_timeout")
	delete(config.RuntimeParams, "lock_timeout")
	return config
}

// CheckSchema returns ErrOldSchema when migrations are missing.
func (d *DB) CheckSchema(ctx context.Context) error {
	provider, done, err := d.provider()
	if err != nil {
		return err
	}
	defer done()
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return failure(err)
	}
	if pending {
		return ErrOldSchema
	}
	jobs, err := d.jobs()
	if err != nil {
		return err
	}
	found, err := jobs.Validate(ctx, nil)
	if err != nil {
		return failure(err)
	}
	if !found.OK {
		return ErrOldSchema
	}
	return nil
}

// Migrations lists all migrations, oldest first.
func (d *DB) Migrations(ctx context.Context) ([]MigrationStatus, error) {
	provider, done, err := d.provider()
	if err != nil {
		return nil, err
	}
	defer done()
	found, err := provider.Status(ctx)
	if err != nil {
		return nil, failure(err)
	}
	list := make([]MigrationStatus, 0, len(found))
	for _, m := range found {
		s := MigrationStatus{Version: m.Source.Version, Name: m.Source.Path}
		if m.State == goose.StateApplied {
			s.AppliedAt = &m.AppliedAt
		}
		list = append(list, s)
	}
	return list, nil
}

func (d *DB) provider() (*goose.Provider, func(), error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	handle := stdlib.OpenDB(*d.unhurried())
	p, err := goose.NewProvider(goose.DialectPostgres, handle, files, goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		_ = handle.Close()
		return nil, nil, fmt.Errorf("migrations: %w", err)
	}
	return p, func() { _ = handle.Close() }, nil
}
