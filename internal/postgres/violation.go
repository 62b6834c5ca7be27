package postgres

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// failure decides what an error of the driver means. "No rows" and what a statement
// of ours did wrong pass through; everything else is an answer that we did not get:
// problem.TemporarilyUnavailable. So a look-up that failed can never be taken for one
// that found nothing, and no outage signs anybody out.
func failure(err error) error {
	if err == nil || errors.Is(err, pgx.ErrNoRows) || problem.All(err) != nil {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if ours(pg.Code) {
			return err
		}
		return problem.TemporarilyUnavailable.Because(err)
	}
	var scan pgx.ScanArgError
	if errors.As(err, &scan) {
		return err
	}
	return problem.TemporarilyUnavailable.Because(err)
}

// Unavailable gives an error of a library that talks to the database by itself the
// meaning that it has here.
func Unavailable(err error) error { return failure(err) }

// ours reports whether a statement of ours causes such an error: the SQLSTATE classes of data,
// integrity, syntax and names. Some of class 42 are no mistake of a statement. A missing table,
// column or function means that the schema is of another version, a missing privilege that the role
// lacks a grant, and a prepared statement that exists already means that a connection pooler is
// between (LATCHKEY_DATABASE_POOLER): an operator ends all of them, and the same request works then.
func ours(code string) bool {
	switch code {
	case "42P01", "42703", "42883": // undefined table, column, function
		return false
	case "42501", "42P05": // insufficient privilege, duplicate prepared statement
		return false
	}
	return strings.HasPrefix(code, "22") || strings.HasPrefix(code, "23") || strings.HasPrefix(code, "42")
}

// IsNotFound reports whether a :one query found no row.
func IsNotFound(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// BrokenConstraint names the constraint that a statement would have broken, and reports whether there is one.
func BrokenConstraint(err error) (string, bool) {
	var pg *pgconn.PgError
	isBroken := errors.As(err, &pg) && len(pg.Code) == 5 && pg.Code[:2] == "23"
	if !isBroken {
		return "", false
	}

	return pg.ConstraintName, true
}
