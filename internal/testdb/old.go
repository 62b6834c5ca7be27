package testdb

import (
	"context"
	_ "embed"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// oldDump is a database of commit 68acdd3; its head says what is in it.
//
//go:embed testdata/68acdd3.sql
var oldDump string

//go:embed testdata/68acdd3.json
var oldSecrets []byte

// OldTokens are the tokens of one session, as the client stored them.
type OldTokens struct {
	Session string
	Access  string
	Refresh string
}

// OldDatabase is a database that a server of commit 68acdd3 has left, and what belongs to it: the keys of
// its servers, and what its clients store.
type OldDatabase struct {
	URL string `json:"-"`
	// Age is how long ago it was written. Old moves the times of its rows to the present; what is
	// signed needs the same.
	Age time.Duration `json:"-"`

	WrittenAt   time.Time `json:"written_at"`
	SigningKey  string    `json:"signing_key"`
	SealingKeys string    `json:"sealing_keys"`

	// Ada signed up; AdaRefreshed is her other session, which has been refreshed with an Idempotency-Key.
	Ada          OldTokens
	AdaRefreshed OldTokens `json:"ada_refreshed"`
	// Carol's address is not verified; the mail with her link was not sent.
	Carol OldTokens
	// Bob has TOTP and recovery codes, sealed with SealingKeys.
	Bob              OldTokens
	BobTOTP          string   `json:"bob_totp"`
	BobRecoveryCodes []string `json:"bob_recovery_codes"`
	// Pending is the session token of a sign-in as Ada that waits for a code. The mail was not sent.
	Pending string
}

// moveTimes moves all times of a database, those in JSON and those of its jobs included, by test.age. The trigger of the audit log would
// refuse that.
const moveTimes = `DO $do$
DECLARE
    c record;
    seconds numeric := extract(epoch FROM current_setting('test.age')::interval);
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR c IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name
          FROM pg_attribute a
          JOIN pg_class r ON r.oid = a.attrelid
         WHERE r.relkind = 'r' AND a.attnum > 0 AND a.atttypid = 'timestamptz'::regtype
           AND r.relnamespace::regnamespace::text IN ('public', 'river')
    LOOP
        EXECUTE format('UPDATE %s SET %I = %I + current_setting(''test.age'')::interval', c.relation, c.name, c.name);
    END LOOP;

    UPDATE public.sessions
       SET attempt = jsonb_set(attempt, '{started_at}', to_jsonb((attempt ->> 'started_at')::numeric + seconds))
     WHERE attempt ? 'started_at';
    UPDATE public.sessions
       SET methods = (SELECT jsonb_agg(m || jsonb_build_object('at', (m ->> 'at')::numeric + seconds) ORDER BY n)
                        FROM jsonb_array_elements(methods) WITH ORDINALITY AS list (m, n))
     WHERE methods <> '[]';

    -- A TOTP code is spent by the number of its 30 seconds.
    UPDATE public.authenticators
       SET spent = spent + seconds::bigint / 30
     WHERE type = 'totp';
END $do$`

// Old returns a database of the test's own that a server of commit 68acdd3 has left a moment ago.
func Old(t testing.TB) OldDatabase {
	t.Helper()

	var old OldDatabase
	if err := json.Unmarshal(oldSecrets, &old); err != nil {
		t.Fatal(err)
	}

	old.URL = Empty(t)

	ctx := context.Background()

	c, err := pgx.Connect(ctx, old.URL)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = c.Close(ctx) }()

	var now time.Time
	if err := c.QueryRow(ctx, "SELECT now()").Scan(&now); err != nil {
		t.Fatal(err)
	}

	old.Age = now.Sub(old.WrittenAt).Truncate(time.Second)

	for _, sql := range []string{oldDump, "RESET ALL", "SET test.age = '" + old.Age.String() + "'", moveTimes} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}

	return old
}
