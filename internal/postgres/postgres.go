// Package postgres owns the way to the database: the pool, the one transaction, the
// migrations, the meaning of database errors, and a PostgreSQL of our own for
// development and tests. It owns no query (queries/*.sql) and no decision.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Settings of the connection. Budgets, from the outside in: handler 8 s, statement
// 3 s, lock 2 s, connection 1 s.
type Settings struct {
	URL            string `env:"DATABASE_URL" secret:"url" doc:"PostgreSQL 15 or newer: a URL or key=value words. May name several hosts with target_session_attrs=read-write."`
	MaxConnections int    `env:"LATCHKEY_DATABASE_MAX_CONNECTIONS" default:"16" min:"2" max:"1000" doc:"Most connections of this process."`
	AutoMigrate    bool   `env:"LATCHKEY_AUTO_MIGRATE" default:"true" doc:"Bring the schema up to date at start. When false, serve refuses to start on an older schema."`
}

const (
	acquireTimeout   = time.Second
	statementTimeout = "3000" // milliseconds
	lockTimeout      = "2000" // milliseconds
	idleTimeout      = "5000" // milliseconds, of an idle transaction
)

// Clock tells the time.
type Clock func() time.Time

// DB is the database.
type DB struct {
	*db.Queries // outside any transaction: single statements

	pool       *pgxpool.Pool
	background *pgxpool.Pool
	clock      Clock
	statements *counter
}

// Open prepares the pool. It does not connect: a database that is away at start is
// an outage like any other.
func Open(ctx context.Context, settings Settings, clock Clock) (*DB, error) {
	config, err := pgxpool.ParseConfig(settings.URL)
	if err != nil {
		return nil, errors.New("DATABASE_URL: not a PostgreSQL address") // the parser's own text may show the password
	}
	config.AfterConnect = bareUUIDs
	statements := &counter{}
	config.MaxConns = int32(settings.MaxConnections) //nolint:gosec // bounded by the setting's max
	config.ConnConfig.Tracer = statements
	config.ConnConfig.ConnectTimeout = 3 * time.Second
	for name, value := range map[string]string{
		"application_name":                    "latchkey",
		"statement_timeout":                   statementTimeout,
		"lock_timeout":                        lockTimeout,
		"idle_in_transaction_session_timeout": idleTimeout,
		"timezone":                            "UTC",
	} {
		config.ConnConfig.RuntimeParams[name] = value
	}
	side := config.Copy()
	side.MaxConns, side.ConnConfig.Tracer = backgroundConnections, nil
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	background, err := pgxpool.NewWithConfig(ctx, side)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return &DB{Queries: db.New(&conn{pool: pool}), pool: pool, background: background, clock: clock, statements: statements}, nil
}

// backgroundConnections is how many connections background work has.
const backgroundConnections = 4

// Background is a small pool of its own for what works beside the requests: neither may
// starve the other. It connects when it is first used.
func (d *DB) Background() *pgxpool.Pool { return d.background }

// BackgroundQueries are single statements on that pool.
func (d *DB) BackgroundQueries() *db.Queries { return db.New(&conn{pool: d.background}) }

// Close waits for connections in use and closes all.
func (d *DB) Close() {
	d.background.Close()
	d.pool.Close()
}

// Now is the time that a unit of work starting here has, in the whole microseconds that
// PostgreSQL keeps.
func (d *DB) Now() time.Time { return d.clock().Truncate(time.Microsecond) }

// Statements is how many SQL statements were sent since the start.
func (d *DB) Statements() int64 { return d.statements.n.Load() }

// Tx is one unit of work: typed queries, the raw handle for what needs it, and one
// time for all that happens in it.
type Tx struct {
	*db.Queries
	Raw pgx.Tx
	Now time.Time
}

// Tx runs f in a transaction: the only Begin in the repository. An error of f rolls
// back, so nothing that must be kept may leave f as an error: return an outcome, and
// make the error from it after the commit.
func (d *DB) Tx(ctx context.Context, f func(tx Tx) error) error {
	c, err := acquire(ctx, d.pool)
	if err != nil {
		return err
	}
	defer c.Release()
	var own error // of f: what its statements met has its meaning already
	err = pgx.BeginFunc(ctx, c, func(raw pgx.Tx) error {
		own = f(Tx{Queries: db.New(&transaction{raw}), Raw: raw, Now: d.Now()})
		return own
	})
	if own != nil {
		return own
	}
	return failure(err)
}

// acquire takes a connection, waiting at most a second for one.
func acquire(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Conn, error) {
	wait, cancel := context.WithTimeout(ctx, acquireTimeout)
	defer cancel()
	c, err := pool.Acquire(wait)
	if err != nil {
		return nil, problem.TemporarilyUnavailable.Because(fmt.Errorf("acquire a connection: %w", err))
	}
	return c, nil
}

// counter counts statements, BEGIN and COMMIT included.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
