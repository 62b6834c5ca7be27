package postgres_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// An error that an operator ends, or time, is an outage: the same request works then. One that a statement of
// ours causes is a mistake, and stays what it is.
func TestUnavailable_whichErrorsOfPostgreSQLAreAnOutage(t *testing.T) {
	t.Parallel()

	for code, row := range map[string]struct {
		name   string
		outage bool
	}{
		"42501": {"insufficient_privilege", true},
		"42P05": {"duplicate_prepared_statement", true},
		"42P01": {"undefined_table", true},
		"42703": {"undefined_column", true},
		"42883": {"undefined_function", true},
		"26000": {"invalid_sql_statement_name", true},
		"08006": {"connection_failure", true},
		"25006": {"read_only_sql_transaction", true},
		"28P01": {"invalid_password", true},
		"3D000": {"invalid_catalog_name", true},
		"40001": {"serialization_failure", true},
		"40P01": {"deadlock_detected", true},
		"53100": {"disk_full", true},
		"53300": {"too_many_connections", true},
		"55P03": {"lock_not_available", true},
		"57014": {"query_canceled", true},
		"57P01": {"admin_shutdown", true},
		"57P03": {"cannot_connect_now", true},
		"58030": {"io_error", true},
		"XX000": {"internal_error", true},

		"22P02": {"invalid_text_representation", false},
		"22021": {"character_not_in_repertoire", false},
		"23505": {"unique_violation", false},
		"23503": {"foreign_key_violation", false},
		"23514": {"check_violation", false},
		"42601": {"syntax_error", false},
		"42804": {"datatype_mismatch", false},
	} {
		t.Run(code+" "+row.name, func(t *testing.T) {
			t.Parallel()
			cause := &pgconn.PgError{Code: code}
			err := postgres.Unavailable(cause)
			if got := errors.Is(err, problem.TemporarilyUnavailable); got != row.outage {
				t.Errorf("an outage: got %v, want %v", got, row.outage)
			}
			if !errors.Is(err, cause) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
}
