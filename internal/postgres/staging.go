package postgres

import (
	"context"
	_ "embed"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/db"
)

//go:embed staging.sql
var staging string

// stagingIndexes are made once the rows are there.
//
//go:embed staging_indexes.sql
var stagingIndexes string

// ErrNoDirectURL says that an import cannot work through a connection pooler.
var ErrNoDirectURL = errors.New("LATCHKEY_DATABASE_DIRECT_URL: an import needs the address of PostgreSQL itself, since DATABASE_URL is that of a connection pooler")

// Staging is a connection of its own, with the temporary tables of staging.sql. They end with it.
type Staging struct {
	c *pgx.Conn
	d *DB
}

// Stage runs f with a connection of its own that has no limits of time.
func (d *DB) Stage(ctx context.Context, f func(*Staging) error) error {
	config := d.direct.ConnConfig.Copy()
	if d.pooled && config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		return ErrNoDirectURL
	}

	// A statement of a process that was killed ends with it, and so does its lock.
	config.RuntimeParams["client_connection_check_interval"] = "1000"
	// Only temporary tables are that large.
	config.RuntimeParams["temp_buffers"] = "32MB"
	config.RuntimeParams["work_mem"] = "64MB"

	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()

	if err := bareUUIDs(ctx, c); err != nil {
		return failure(err)
	}
	if _, err := c.Exec(ctx, staging, pgx.QueryExecModeSimpleProtocol); err != nil {
		return failure(err)
	}

	return f(&Staging{c, d})
}

// Index makes the indexes of the temporary tables, and statistics of their rows.
func (s *Staging) Index(ctx context.Context) error {
	_, err := s.c.Exec(ctx, stagingIndexes, pgx.QueryExecModeSimpleProtocol)

	return failure(err)
}

// Tx runs f in a transaction: see DB.Tx.
func (s *Staging) Tx(ctx context.Context, f func(tx Tx) error) error {
	return s.within(ctx, unlimited, f)
}

func (s *Staging) within(ctx context.Context, limits limits, f func(tx Tx) error) error {
	var own error
	err := transact(ctx, s.c, limits, func(raw pgx.Tx) error {
		own = f(Tx{Queries: db.New(&transaction{raw}), Raw: raw, Now: s.d.Now()})
		return own
	})
	if own != nil {
		return own
	}

	return failure(err)
}

// Snapshot runs f in a transaction that writes nothing and sees the database as it is at its beginning.
func (d *DB) Snapshot(ctx context.Context, f func(tx Tx) error) error {
	c, err := pgx.ConnectConfig(ctx, d.direct.ConnConfig.Copy())
	if err != nil {
		return failure(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if err := bareUUIDs(ctx, c); err != nil {
		return failure(err)
	}

	s := &Staging{c, d}

	return s.Tx(ctx, func(tx Tx) error {
		if err := tx.SetSnapshot(ctx); err != nil {
			return err
		}

		return f(tx)
	})
}

// CopyFrom copies rows on a connection of the pool.
func (c *conn) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	pc, err := acquire(ctx, c.pool)
	if err != nil {
		return 0, err
	}
	defer pc.Release()
	n, err := pc.CopyFrom(ctx, table, columns, rows)

	return n, failure(err)
}

// CopyFrom copies rows within the transaction.
func (t *transaction) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	n, err := t.Tx.CopyFrom(ctx, table, columns, rows)

	return n, failure(err)
}
