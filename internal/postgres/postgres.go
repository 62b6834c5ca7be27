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
	URL            string `env:"DATABASE_URL" secret:"url" doc:"PostgreSQL 15 or newer: a URL or key=value words. May name several hosts with target_session_attrs=read-write. Off this machine use sslmode=verify-full and sslrootcert: without sslmode, a server that offers no TLS is used without encryption, and serve warns of that."`
	DirectURL      string `env:"LATCHKEY_DATABASE_DIRECT_URL" secret:"url" doc:"Address of PostgreSQL itself, for migrations, where DATABASE_URL is the address of a connection pooler. Default: DATABASE_URL."`
	Pooler         string `env:"LATCHKEY_DATABASE_POOLER" default:"none" doc:"none, or transaction where a connection pooler is between that gives a connection to each transaction, such as pgbouncer with pool_mode=transaction: no prepared statements, no notifications, and time limits that go out with every transaction. The pooler itself needs no special setting."`
	MaxConnections int    `env:"LATCHKEY_DATABASE_MAX_CONNECTIONS" default:"16" min:"2" max:"1000" doc:"Most connections of this process that serve requests; messages have up to 5 more of their own."`
	AutoMigrate    bool   `env:"LATCHKEY_AUTO_MIGRATE" default:"true" doc:"Bring the schema up to date at start. When false, serve refuses to start on an older schema."`
}

// Check returns everything that is wrong with the settings.
func (s Settings) Check() []error {
	if s.Pooler != noPooler && s.Pooler != transactionPooler {
		return []error{errors.New("LATCHKEY_DATABASE_POOLER: want none or transaction")}
	}
	return nil
}

// acquireTimeout is how long a request waits for a connection.
const acquireTimeout = time.Second

// ThroughPooler reports whether a connection pooler gives each transaction another connection.
func (s Settings) ThroughPooler() bool { return s.Pooler == transactionPooler }

// Clock tells the time.
type Clock func() time.Time

// DB is the database.
type DB struct {
	*db.Queries // outside any transaction: single statements

	pool       *pgxpool.Pool
	background *pgxpool.Pool
	// direct is the way to PostgreSQL itself, without the limits that requests have.
	direct     *pgxpool.Config
	pooled     bool // whether a connection pooler is between
	clock      Clock
	ahead      atomic.Int64 // how far the clock is ahead of the database's: see clock.go
	statements *counter
}

// Open prepares the pool. It does not connect: a database that is away at start is
// an outage like any other.
func Open(ctx context.Context, settings Settings, clock Clock) (*DB, error) {
	pooled := settings.ThroughPooler()
	config, err := parseAddress(settings.URL, pooled)
	if err != nil {
		return nil, errors.New("DATABASE_URL: not a PostgreSQL address") // the parser's own text may show the password
	}
	direct, err := settings.direct()
	if err != nil {
		return nil, err
	}
	statements := &counter{}
	config.MaxConns = int32(settings.MaxConnections) //nolint:gosec // bounded by the setting's max
	config.ConnConfig.Tracer = statements
	side := config.Copy()
	side.MaxConns, side.ConnConfig.Tracer = backgroundConnections, statementTracer{}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	background, err := pgxpool.NewWithConfig(ctx, side)
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return &DB{
		Queries: db.New(&conn{pool: pool, pooled: pooled}), pool: pool, background: background,
		direct: direct, pooled: pooled, clock: clock, statements: statements,
	}, nil
}

// parseAddress reads an address and adds what every connection of ours has.
func parseAddress(url string, pooled bool) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.AfterConnect = bareUUIDs
	config.ConnConfig.ConnectTimeout = 3 * time.Second
	parameters := config.ConnConfig.RuntimeParams
	parameters["application_name"] = "latchkey"
	parameters["timezone"] = "UTC"

	if pooled {
		throughPooler(config.ConnConfig)
	} else {
		requestLimits.addTo(parameters)
	}
	return config, nil
}

// direct is the way that migrations take.
func (s Settings) direct() (*pgxpool.Config, error) {
	url, pooled := s.DirectURL, false
	if url == "" {
		url, pooled = s.URL, s.ThroughPooler()
	}
	config, err := parseAddress(url, pooled)
	if err != nil {
		return nil, errors.New("LATCHKEY_DATABASE_DIRECT_URL: not a PostgreSQL address")
	}
	if !pooled {
		unlimited.addTo(config.ConnConfig.RuntimeParams)
	}
	config.MaxConns = 2
	return config, nil
}

// backgroundConnections is how many connections background work has.
const backgroundConnections = 4

// Background is a small pool of its own for what works beside the requests: neither may
// starve the other. It connects when it is first used.
func (d *DB) Background() *pgxpool.Pool { return d.background }

// BackgroundQueries are single statements on that pool.
func (d *DB) BackgroundQueries() *db.Queries {
	return db.New(&conn{pool: d.background, pooled: d.pooled})
}

// Ping asks the database whether it answers, beside the requests.
func (d *DB) Ping(ctx context.Context) error { return failure(d.background.Ping(ctx)) }

// Close waits for connections in use and closes all.
func (d *DB) Close() {
	d.background.Close()
	d.pool.Close()
}

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
	return d.transact(ctx, d.pool, d.options(), f)
}

// Look runs f in a transaction that can write nothing: PostgreSQL refuses each statement that
// would.
func (d *DB) Look(ctx context.Context, f func(tx Tx) error) error {
	options := d.options()
	if d.pooled {
		options.BeginQuery += "; SET TRANSACTION READ ONLY"
	} else {
		options.AccessMode = pgx.ReadOnly
	}
	return d.transact(ctx, d.pool, options, f)
}

func (d *DB) transact(ctx context.Context, pool *pgxpool.Pool, options pgx.TxOptions, f func(tx Tx) error) error {
	c, err := acquire(ctx, pool)
	if err != nil {
		return err
	}
	defer c.Release()
	var own error // of f: what its statements met has its meaning already
	err = pgx.BeginTxFunc(ctx, c, options, func(raw pgx.Tx) error {
		own = f(Tx{Queries: db.New(&transaction{raw}), Raw: raw, Now: d.Now()})
		return own
	})
	if own != nil {
		return own
	}
	return failure(err)
}

// options are how the transactions of requests begin. Without a pooler the connection has its limits.
func (d *DB) options() pgx.TxOptions {
	if d.pooled {
		return pgx.TxOptions{BeginQuery: requestLimits.begin()}
	}
	return pgx.TxOptions{}
}

// begin begins a transaction for a single statement behind a pooler (pooler.go), which ends it.
func begin(ctx context.Context, c *pgxpool.Conn, within limits) (pgx.Tx, error) {
	return c.BeginTx(ctx, pgx.TxOptions{BeginQuery: within.begin()})
}

// transact runs f in a transaction on a connection that is no request's, for migrations.
func transact(ctx context.Context, c *pgx.Conn, within limits, f func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, c, pgx.TxOptions{BeginQuery: within.begin()}, f)
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
