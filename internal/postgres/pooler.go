package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What LATCHKEY_DATABASE_POOLER may say.
const (
	noPooler          = "none"
	transactionPooler = "transaction"
)

// limits are how long PostgreSQL works and waits for us. Zero is without end.
type limits struct {
	statement time.Duration
	lock      time.Duration
	idle      time.Duration // of an open transaction in which nothing is asked
}

var (
	requestLimits = limits{statement: 3 * time.Second, lock: 2 * time.Second, idle: 5 * time.Second}
	// unlimited overrides what the role or the database may have set for requests: to build an index
	// may take an hour.
	unlimited = limits{}
)

// addTo sets the limits of a connection at its start.
func (l limits) addTo(parameters map[string]string) {
	parameters["statement_timeout"] = milliseconds(l.statement)
	parameters["lock_timeout"] = milliseconds(l.lock)
	parameters["idle_in_transaction_session_timeout"] = milliseconds(l.idle)
}

// begin is the statement that begins a transaction with these limits, in one round trip.
func (l limits) begin() string { return "BEGIN; " + l.local() }

// local sets the limits until the transaction ends.
func (l limits) local() string {
	return fmt.Sprintf("SET LOCAL statement_timeout = %s; SET LOCAL lock_timeout = %s; SET LOCAL idle_in_transaction_session_timeout = %s",
		milliseconds(l.statement), milliseconds(l.lock), milliseconds(l.idle))
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// descriptions is more than the program has statements, so that none is described twice.
const descriptions = 2048

// throughPooler makes a connection fit for a pooler that gives every transaction another connection
// to PostgreSQL. Prepared statements and settings would stay on such a connection and affect its next client, so
// statements have no name, and the limits are sent with each of them. A pooler knows
// application_name and timezone, and refuses other parameters at the start.
func throughPooler(config *pgx.ConnConfig) {
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	config.DescriptionCacheCapacity = descriptions
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(config.RuntimeParams, name)
	}
}

// IsPooler reports whether an error is what a connection pooler says to the limits that a connection to
// PostgreSQL itself begins with.
func IsPooler(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && strings.HasPrefix(pg.Message, "unsupported startup parameter")
}

// pooledStatement is a single statement behind a pooler: it goes out together with its limits.
type pooledStatement struct {
	c    *pgxpool.Conn
	sql  string
	args []any
}

// setLimits are the limits of a statement that is sent in a batch. They last until the batch ends, which
// is a transaction. To describe this statement PostgreSQL needs no lock.
const setLimits = "SELECT set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true)"

// querier is what runs a statement: a transaction, or what is left of a batch.
type querier struct {
	exec     func() (pgconn.CommandTag, error)
	query    func() (pgx.Rows, error)
	queryRow func() pgx.Row
	// finish ends the transaction and gives the connection back. Until it has returned without an
	// error, nothing that the statement returned is certain.
	finish func() error
}

// send takes one round trip where the connection knows the statement. A new one has to be described
// first, and PostgreSQL waits for the statement's locks to do so: that is done inside a transaction
// which has the limits already.
func (s pooledStatement) send(ctx context.Context) querier {
	if !s.described() {
		return s.inTransaction(ctx)
	}
	var batch pgx.Batch
	batch.Queue(setLimits, milliseconds(requestLimits.statement), milliseconds(requestLimits.lock))
	batch.Queue(s.sql, s.args...)
	results := s.c.SendBatch(ctx, &batch)
	_, _ = results.Exec() // what fails here, fails again at the statement
	return querier{exec: results.Exec, query: results.Query, queryRow: results.QueryRow, finish: func() error {
		err := results.Close()
		s.c.Release()
		return err
	}}
}

func (s pooledStatement) inTransaction(ctx context.Context) querier {
	tx, err := begin(ctx, s.c, requestLimits)
	if err != nil {
		return querier{
			exec:     func() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, err },
			query:    func() (pgx.Rows, error) { return nil, err },
			queryRow: func() pgx.Row { return &row{err: err} },
			finish:   func() error { s.c.Release(); return err },
		}
	}
	return querier{
		exec:     func() (pgconn.CommandTag, error) { return tx.Exec(ctx, s.sql, s.args...) },
		query:    func() (pgx.Rows, error) { return tx.Query(ctx, s.sql, s.args...) },
		queryRow: func() pgx.Row { return tx.QueryRow(ctx, s.sql, s.args...) },
		finish: func() error {
			err := tx.Commit(ctx) // of what has failed, it is a rollback
			if err == nil {
				s.remember()
			}
			s.c.Release()
			return err
		},
	}
}

// describedKey is where a connection keeps which statements it knows.
const describedKey = "latchkey described"

func (s pooledStatement) described() bool {
	known, _ := s.c.Conn().PgConn().CustomData()[describedKey].(map[string]bool)
	return known[s.sql]
}

func (s pooledStatement) remember() {
	data := s.c.Conn().PgConn().CustomData()
	known, _ := data[describedKey].(map[string]bool)
	if known == nil {
		known = map[string]bool{}
		data[describedKey] = known
	}
	known[s.sql] = true
}

func (s pooledStatement) runExec(ctx context.Context) (pgconn.CommandTag, error) {
	q := s.send(ctx)
	tag, err := q.exec()
	if finished := q.finish(); err == nil {
		err = finished
	}
	return tag, err
}

func (s pooledStatement) runQuery(ctx context.Context) (pgx.Rows, error) {
	q := s.send(ctx)
	r, err := q.query()
	if err != nil {
		_ = q.finish()
		return nil, err
	}
	return &rows{Rows: r, finish: q.finish}, nil
}

func (s pooledStatement) runQueryRow(ctx context.Context) *row {
	q := s.send(ctx)
	return &row{Row: q.queryRow(), finish: q.finish, dead: s.c.Conn().IsClosed}
}

// releasing gives a connection back on which a statement has ended by itself.
func releasing(c *pgxpool.Conn) func() error {
	return func() error {
		c.Release()
		return nil
	}
}
