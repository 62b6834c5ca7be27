package testdb

import (
	"context"
	_ "embed"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// before is what pg_dump --inserts wrote of a database that commit 68acdd3 served, the last before 0.2.0:
// Ada has signed up and asked for a code, which no mail server took; Eve's address has used up its wrong
// passwords; Bob has a TOTP authenticator.
//
//go:embed testdata/68acdd3.sql
var before string

//go:embed testdata/68acdd3.json
var beforeSecrets []byte

// Before is what belongs to such a database: the keys of its servers, and what its clients have.
type Before struct {
	// URL is the database's address.
	URL string `json:"-"`
	// Key is the signing key, and SealingKeys what the second of its servers had as LATCHKEY_SEALING_KEYS.
	Key         string `json:"key"`
	SealingKeys string `json:"sealing_keys"`
	// At is when it was written; its rows are moved from there to now.
	At time.Time `json:"at"`

	AdaSession  string `json:"ada_session"`
	AdaRefresh  string `json:"ada_refresh"`
	CodeSession string `json:"code_session"`
	BobSecret   string `json:"bob_secret"`
}

// shift moves all times of a database. Triggers would refuse some of it.
const shift = `DO $do$
DECLARE c record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR c IN SELECT a.attrelid::regclass AS of, a.attname AS name FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
              WHERE r.relkind = 'r' AND a.attnum > 0 AND a.atttypid = 'timestamptz'::regtype
                AND r.relnamespace::regnamespace::text IN ('public', 'river')
    LOOP
        EXECUTE format('UPDATE %s SET %I = %I + (now() - %L::timestamptz)', c.of, c.name, c.name, current_setting('test.at'));
    END LOOP;
END $do$`

// OfBefore is a database as the servers of before 0.2.0 have left it, a moment ago.
func OfBefore(t testing.TB) Before {
	t.Helper()
	var b Before
	if err := json.Unmarshal(beforeSecrets, &b); err != nil {
		t.Fatal(err)
	}
	b.URL = Empty(t)
	ctx := context.Background()
	c, err := pgx.Connect(ctx, b.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	for _, sql := range []string{before, "RESET search_path", "SET test.at = '" + b.At.Format(time.RFC3339) + "'", shift} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	return b
}
