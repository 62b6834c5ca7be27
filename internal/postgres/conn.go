package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// conn runs single statements on a connection of the pool, with its own limit on
// the wait for one, and gives every error its meaning (violation.go).
type conn struct {
	pool   *pgxpool.Pool
	pooled bool // whether a connection pooler is between: see pooler.go
}

func (c *conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	pc, err := acquire(ctx, c.pool)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	if c.pooled {
		tag, err := pooledStatement{pc, sql, args}.runExec(ctx)
		return tag, failure(err)
	}
	defer pc.Release()
	tag, err := pc.Exec(ctx, sql, args...)
	return tag, failure(err)
}

func (c *conn) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	pc, err := acquire(ctx, c.pool)
	if err != nil {
		return nil, err
	}
	if c.pooled {
		r, err := pooledStatement{pc, sql, args}.runQuery(ctx)
		return r, failure(err)
	}
	r, err := pc.Query(ctx, sql, args...)
	if err != nil {
		pc.Release()
		return nil, failure(err)
	}
	return &rows{Rows: r, finish: releasing(pc)}, nil
}

// QueryRow is tried a second time when the connection turns out to be dead and the
// statement only reads: after a fail-over every idle connection of the pool is one.
func (c *conn) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	r := c.queryRow(ctx, sql, args...)
	if r.err == nil && readsOnly(sql) {
		r.again = func() *row { return c.queryRow(ctx, sql, args...) }
	}
	return r
}

func (c *conn) queryRow(ctx context.Context, sql string, args ...any) *row {
	pc, err := acquire(ctx, c.pool)
	if err != nil {
		return &row{err: err}
	}
	if c.pooled {
		return pooledStatement{pc, sql, args}.runQueryRow(ctx)
	}
	return &row{Row: pc.QueryRow(ctx, sql, args...), finish: releasing(pc), dead: pc.Conn().IsClosed}
}

// readsOnly looks at the verb that follows sqlc's comment with the query's name.
func readsOnly(sql string) bool {
	_, statement, _ := strings.Cut(sql, "\n")
	return strings.HasPrefix(statement, "SELECT")
}

// transaction gives the errors inside a transaction their meaning.
type transaction struct{ pgx.Tx }

func (t *transaction) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	tag, err := t.Tx.Exec(ctx, sql, args...)
	return tag, failure(err)
}

func (t *transaction) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	r, err := t.Tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, failure(err)
	}
	return &rows{Rows: r}, nil
}

func (t *transaction) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return &row{Row: t.Tx.QueryRow(ctx, sql, args...)}
}

type row struct {
	pgx.Row
	finish func() error // gives the connection back; nil inside a transaction
	dead   func() bool  // whether the connection has ended
	again  func() *row  // nil: not to be repeated
	err    error
}

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.Row.Scan(dest...)
	again := err != nil && r.again != nil && r.dead()
	if r.finish != nil {
		if finished := r.finish(); err == nil {
			err = finished
		}
	}
	if again {
		return r.again().Scan(dest...)
	}
	return failure(err)
}

type rows struct {
	pgx.Rows
	finish func() error // gives the connection back; nil inside a transaction, and once called
	err    error        // of finish
}

// Next finishes after the last row, so that Err knows how the statement ended.
func (r *rows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.Close()
	}
	return more
}

func (r *rows) Close() {
	r.Rows.Close()
	if r.finish != nil {
		r.err = r.finish()
		r.finish = nil
	}
}

func (r *rows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return failure(err)
	}
	return failure(r.err)
}
