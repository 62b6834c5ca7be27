package postgres_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// hotStatement is a row of the table in docs/scale.md: a statement of queries/ and the columns that it compares for
// equality.
type hotStatement struct {
	name string
	keys []string
}

var hotRow = regexp.MustCompile("(?m)^\\| `(\\w+)` \\| ((?:`\\w+\\.\\w+`,? ?)+) \\|")

func hotStatements(t *testing.T) []hotStatement {
	t.Helper()
	page, err := os.ReadFile("../../docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}

	var all []hotStatement
	for _, row := range hotRow.FindAllStringSubmatch(string(page), -1) {
		keys := strings.FieldsFunc(row[2], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		all = append(all, hotStatement{name: row[1], keys: keys})
	}
	if len(all) < 15 {
		t.Fatalf("docs/scale.md lists %d hot statements", len(all))
	}

	return all
}

// statementTexts are the statements of internal/db, by name.
func statementTexts(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../db/*.sql.gen.go")
	if err != nil {
		t.Fatal(err)
	}

	texts := map[string]string{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if comment, statement, found := strings.Cut(text, "\n"); found && strings.HasPrefix(comment, "-- name: ") {
				texts[strings.Fields(comment)[2]] = statement
			}

			return true
		})
	}

	return texts
}

// crowd fills the tables that hot statements read. Every value follows from its number.
const crowd = `
	INSERT INTO users (id, display, password_hash, created_at, username, username_key)
		SELECT n, 'user ' || n, 'x', now(), 'user' || n, 'user' || n FROM generate_series(1, %[1]d / 4) n;
	INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
		SELECT n, 'user' || n || '@example.com', now(), true, now() FROM generate_series(1, %[1]d / 4) n;
	INSERT INTO tenants (id, name, created_at)
		SELECT md5(n::text)::uuid, 'tenant ' || n, now() FROM generate_series(1, 1000) n;
	INSERT INTO memberships (tenant_id, user_id, is_primary, created_at)
		SELECT md5((1 + n %% 1000)::text)::uuid, n, true, now() FROM generate_series(1, %[1]d / 8) n;
	INSERT INTO authenticators (id, user_id, type, name, created_at, spent, misses)
		SELECT n, n, 'webauthn', '', now(), 0, 0 FROM generate_series(1, %[1]d / 20) n;
	INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at,
			refresh_expires_at, confirmed_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, address, methods)
		SELECT md5('session ' || n)::uuid, n, sha256(convert_to(n::text, 'UTF8')), 1 + (n - 1) %% (%[1]d / 4),
			now(), now() + interval '90 days', 1, now() - interval '1 hour', now() + interval '1 day',
			now(), false, now(), 'app/1.0', 'a phone', '192.0.2.1', '[]'
		FROM generate_series(1, %[1]d) n;
	INSERT INTO rate_limits (key, used_until, cost_seconds, period_seconds)
		SELECT sha256(convert_to('limit' || n, 'UTF8')), now(), 1, 60 FROM generate_series(1, %[1]d / 10) n;
	ANALYZE users, email_addresses, tenants, memberships, authenticators, sessions, rate_limits;`

// crowded are the tables that crowd fills: reading one of them from end to end is what no request may do.
var crowded = regexp.MustCompile(
	`Seq Scan on (users|email_addresses|tenants|memberships|authenticators|sessions|rate_limits)\b`)

var parameter = regexp.MustCompile(`\$(\d+)`)

// explain returns the plan that PostgreSQL makes for any values of the parameters.
func explain(t *testing.T, c *pgx.Conn, statement string) string {
	t.Helper()
	most := 0
	for _, found := range parameter.FindAllStringSubmatch(statement, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, n)
	}

	run(t, c, "PREPARE hot AS "+statement)
	defer run(t, c, "DEALLOCATE hot")
	values := strings.TrimSuffix(strings.Repeat("NULL, ", most), ", ")
	rows, err := c.Query(t.Context(), "EXPLAIN (COSTS off) EXECUTE hot("+values+")")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}

	return strings.Join(lines, "\n")
}

// Each statement that docs/scale.md calls hot finds its rows by an index, and by the key that the page names.
// LATCHKEY_HOT_SESSIONS=10000000 tries it at that size.
func TestHotStatements_findTheirRowsByOneKey(t *testing.T) {
	t.Parallel()
	sessions := 100000
	if size := os.Getenv("LATCHKEY_HOT_SESSIONS"); size != "" {
		var err error
		if sessions, err = strconv.Atoi(size); err != nil {
			t.Fatal(err)
		}
	}

	c := connect(t, testdb.New(t))
	run(t, c, fmt.Sprintf(crowd, sessions))
	run(t, c, "SET plan_cache_mode = force_generic_plan")
	texts := statementTexts(t)

	for _, hot := range hotStatements(t) {
		t.Run(hot.name, func(t *testing.T) {
			text, known := texts[hot.name]
			if !known {
				t.Fatalf("docs/scale.md lists a statement that queries/ does not have")
			}

			plan := explain(t, c, text)
			if found := crowded.FindString(plan); found != "" {
				t.Errorf("%s:\n%s", found, plan)
			}
			for _, key := range hot.keys {
				_, column, _ := strings.Cut(key, ".")
				if !regexp.MustCompile(`Index Cond: .*\b` + column + ` = `).MatchString(plan) {
					t.Errorf("no index finds %s:\n%s", key, plan)
				}
			}
		})
	}
}
