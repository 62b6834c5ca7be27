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
type conn struct{ pool *pgxpool.Pool }

func (c *conn) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	pc, err := acquire(ctx, c.pool)
	if err != nil {
		return pgconn.CommandTag{}, err
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
	r, err := pc.Query(ctx, sql, args...)
	if err != nil {
		pc.Release()
		return nil, failure(err)
	}
	return &rows{Rows: r, release: pc.Release}, nil
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
	return &row{Row: pc.QueryRow(ctx, sql, args...), release: pc.Release, dead: pc.Conn().IsClosed}
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
	release func()
	dead    func() bool // whether the connection has ended
	again   func() *row // nil: not to be repeated
	err     error
}

func (r *row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	err := r.Row.Scan(dest...)
	again := err != nil && r.again != nil && r.dead()
	if r.release != nil {
		r.release()
	}
	if again {
		return r.again().Scan(dest...)
	}
	return failure(err)
}

type rows struct {
	pgx.Rows
	release func()
}

func (r *rows) Close() {
	r.Rows.Close()
	if r.release != nil {
		r.release()
		r.release = nil
	}
}

func (r *rows) Err() error { return failure(r.Rows.Err()) }
