package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

var claimsFunctionName = regexp.MustCompile(`^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$`)

// ClaimsFunction is the operator's function (user_id bigint) returns jsonb, which returns further claims of a
// user's access tokens. The zero value calls nothing.
type ClaimsFunction struct {
	db  *DB
	sql string
}

// NewClaimsFunction checks a setting such as "app.claims". An empty name is valid.
func NewClaimsFunction(db *DB, name string) (ClaimsFunction, error) {
	if name == "" {
		return ClaimsFunction{}, nil
	}
	if !claimsFunctionName.MatchString(name) {
		return ClaimsFunction{}, fmt.Errorf("LATCHKEY_CLAIMS_FUNCTION: want schema.function in lower case")
	}
	// The one SQL text that is built at run time (house_test.go names it): a function's name
	// cannot be a parameter. The pattern above admits nothing but two plain identifiers.
	return ClaimsFunction{db: db, sql: "SELECT " + name + "($1::bigint)::jsonb"}, nil
}

// Check reports whether the function exists and the server's role may call it; for the start.
func (c ClaimsFunction) Check(ctx context.Context, name string) error {
	if c.sql == "" {
		return nil
	}
	schema, _, _ := strings.Cut(name, ".")
	fault, err := c.db.FindFunctionFault(ctx, db.FindFunctionFaultParams{Schema: schema, Signature: name + "(bigint)"})
	if err != nil {
		return err
	}

	switch fault {
	case "missing":
		return fmt.Errorf("LATCHKEY_CLAIMS_FUNCTION: there is no function %s(bigint)", name)
	case "schema":
		return fmt.Errorf("LATCHKEY_CLAIMS_FUNCTION: the database role of DATABASE_URL may not use the schema %[1]s: "+
			"GRANT USAGE ON SCHEMA %[1]s TO that role", schema)
	case "execute":
		return fmt.Errorf("LATCHKEY_CLAIMS_FUNCTION: the database role of DATABASE_URL may not call %[1]s(bigint): "+
			"GRANT EXECUTE ON FUNCTION %[1]s(bigint) TO that role", name)
	}

	return nil
}

// IsSet reports whether there is a function to call.
func (c ClaimsFunction) IsSet() bool { return c.sql != "" }

// Call returns the claims of a user: nil when no function is set. An error of the function is
// problem.TemporarilyUnavailable, and no row is problem.InvalidClaims: a token without its
// claims would be a token that says less than the operator demands.
func (c ClaimsFunction) Call(ctx context.Context, userID int64) (json.RawMessage, error) {
	if c.sql == "" {
		return nil, nil
	}
	var claims json.RawMessage
	err := (&conn{pool: c.db.pool, pooled: c.db.pooled}).QueryRow(ctx, c.sql, userID).Scan(&claims)
	return claims, claimsFailure(err)
}

// CallTx is Call inside a transaction, which sees what it has written.
func (c ClaimsFunction) CallTx(ctx context.Context, tx Tx, userID int64) (json.RawMessage, error) {
	if c.sql == "" {
		return nil, nil
	}
	var claims json.RawMessage
	err := tx.Raw.QueryRow(ctx, c.sql, userID).Scan(&claims)
	return claims, claimsFailure(err)
}

func claimsFailure(err error) error {
	if err == nil {
		return nil
	}
	if err == pgx.ErrNoRows { //nolint:errorlint // a set-returning function that returned nothing
		return problem.InvalidClaims.Because(fmt.Errorf("claims function: it returned no row"))
	}
	return problem.TemporarilyUnavailable.Because(fmt.Errorf("claims function: %w", err))
}
