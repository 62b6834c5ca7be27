package postgres

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-auth/latchkey/internal/trace"
)

// counter counts statements, BEGIN and COMMIT included, and traces them.
type counter struct {
	statementTracer

	n atomic.Int64
}

// TraceQueryStart is called before a statement.
func (c *counter) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)

	return c.statementTracer.TraceQueryStart(ctx, conn, data)
}

// statementTracer makes a step of each statement of a traced request or job.
//
// Security: the arguments stay here (TestTraces_holdNoSecretAndNoAddress).
type statementTracer struct{}

// TraceQueryStart is called before a statement.
func (statementTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return trace.StartStatement(ctx, statementName(data.SQL))
}

// TraceQueryEnd is called after a statement.
func (statementTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	trace.EndStatement(ctx, stateOf(data.Err))
}

// TraceBatchStart is called before statements that go out together: the limits, and the statement that
// they are for (pooler.go). It is the last one.
func (statementTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	name := "batch"
	if queued := data.Batch.QueuedQueries; len(queued) > 0 {
		name = statementName(queued[len(queued)-1].SQL)
	}

	return trace.StartStatement(ctx, name)
}

// TraceBatchQuery is called after each of them.
func (statementTracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd is called after all of them.
func (statementTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	trace.EndStatement(ctx, stateOf(data.Err))
}

// statementName is the name that a statement has in queries/, or else its verb.
func statementName(sql string) string {
	if named, found := strings.CutPrefix(sql, "-- name: "); found {
		name, _, _ := strings.Cut(named, " ")

		return name
	}

	verb := strings.TrimSpace(sql)
	if end := strings.IndexFunc(verb, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') }); end >= 0 {
		verb = verb[:end]
	}

	return strings.ToUpper(verb)
}

// stateOf is the SQLSTATE of an error, "failed" for an error that has none, and empty for no error.
func stateOf(err error) string {
	if err == nil {
		return ""
	}

	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}

	return "failed"
}
