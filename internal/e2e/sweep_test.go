package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/app"
)

// pile makes $1 rows of a kind that nobody needs any more; left counts those that are there.
type pile struct{ table, make, left string }

var piles = []pile{
	{"rate_limits", `SELECT sha256(n::text::bytea), now() - interval '1 day', 1, 60 FROM generate_series(1, $1) n`, "true"},
	{"audit_events (id, occurred_at, event, result, actor, address)", `SELECT gen_random_uuid(), now() - interval '91 days', 'login', 'success', 'user', '192.0.2.1' FROM generate_series(1, $1)`, "address IS NOT NULL AND occurred_at < now() - interval '90 days'"},
	{"codes", `SELECT id, 'login', NULL, 'x@example.com', token_hash, 1, 1, 1, now(), now() - interval '1 day' FROM sessions WHERE user_id IS NULL LIMIT $1`, "true"},
	{"links", `SELECT sha256(n::text::bytea), 'verify_email', (SELECT id FROM users), 'x@example.com', now(), now() - interval '1 day' FROM generate_series(1, $1) n`, "expires_at < now()"},
	{"messages (id, kind, sealed, created_at)", `SELECT gen_random_uuid(), 'nothing', 'x', now() - interval '31 days' FROM generate_series(1, $1)`, "created_at < now() - interval '30 days'"},
	{"messages (id, kind, sealed, created_at)", `SELECT gen_random_uuid(), 'nothing', 'x', now() - interval '8 days' FROM generate_series(1, $1)`, "sealed IS NOT NULL AND created_at < now() - interval '7 days'"},
	{"account_changes", `SELECT (SELECT id FROM users), n, 'password_changed', '', '', '{}', now(), now() - interval '1 day', NULL FROM generate_series(1, $1) n`, "true"},
	{"ceremonies", `SELECT id, 'login', 'x', now() - interval '1 day' FROM sessions WHERE user_id IS NULL LIMIT $1`, "true"},
	{"provider_nonces", `SELECT sha256(n::text::bytea), now() - interval '1 day' FROM generate_series(1, $1) n`, "true"},
	{"spent_id_tokens", `SELECT sha256(n::text::bytea), now() - interval '1 day' FROM generate_series(1, $1) n`, "true"},
}

func (p pile) name() string {
	name, _, _ := strings.Cut(p.table, " ")
	return name
}

// Several servers that sweep at once would each do the work of all.
func TestJanitor_isOneServerAtATime(t *testing.T) {
	t.Parallel()
	w := limited(t)
	w.call("POST", loginPath, `{}`).wants(400)
	w.ageLimits(time.Hour)
	counters := func() int { return query[int](w, "SELECT count(*) FROM rate_limits") }

	other := w.connect()
	defer func() { _ = other.Close(t.Context()) }()
	if _, err := other.Exec(t.Context(), "BEGIN; SELECT pg_advisory_xact_lock(7105000002)"); err != nil {
		t.Fatal(err)
	}
	w.swept()
	if n := counters(); n != 1 {
		t.Errorf("%d counters, want 1: another server is at it", n)
	}

	// The lock ends with the connection of a server that is gone.
	if err := other.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the lock being free", func() bool {
		w.swept()
		return counters() == 0
	})
}

// Ended sessions are read page by page, and go whatever page they are on.
func TestSweep_removesOldSessionsOnEveryPage(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.exec(`INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_expires_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, methods, token_expires_at, ended_at, end_reason)
		SELECT gen_random_uuid(), n, sha256(n::text::bytea), u.id, now(), now() + interval '90 days', 1, now(), now() + CASE WHEN n % 3 = 0 THEN interval '-91 days' ELSE interval '1 day' END, false, now(), '', '', '[]', now() + CASE WHEN n % 3 = 0 THEN interval '-91 days' ELSE interval '1 day' END,
			CASE WHEN n % 3 = 1 THEN now() - interval '91 days' WHEN n % 3 = 2 THEN now() - interval '89 days' END, CASE WHEN n % 3 > 0 THEN 'signed_out' END
		FROM generate_series(1, 30000) n, users u`)
	for range 3 {
		w.swept()
	}
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE greatest(refresh_expires_at, token_expires_at) < now() OR ended_at < now() - interval '90 days'"); n != 0 {
		t.Errorf("%d old sessions are left", n)
	}
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != 10001 {
		t.Errorf("%d sessions, want those of the last 90 days and the living one", n)
	}
}

// One sweep removes all that has piled up, however much it is: a statement takes 5000 at most.
func TestSweep_goesOnUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	const rows = 10_001
	w := start(t)
	w.signedUp(ada)
	// Visitors who are on the way in, and whose codes and questions are too old.
	w.exec(`INSERT INTO sessions (id, listing_id, token_hash, created_at, expires_at, generation, rotated_at, refresh_expires_at, sends_idempotency_keys, last_seen_at, user_agent, device_name, methods, attempt)
		SELECT gen_random_uuid(), n, sha256(n::text::bytea), t, t, 1, t, t, false, t, '', '', '[]', '{}' FROM generate_series(1, $1) n, (SELECT now() + interval '1 day') a(t)`, rows)
	for _, p := range piles {
		w.exec("INSERT INTO "+p.table+" "+p.make, rows)
		if n := query[int](w, "SELECT count(*) FROM "+p.name()+" WHERE "+p.left); n < rows {
			t.Fatalf("%s: %d rows are there", p.name(), n)
		}
	}
	began := time.Now()
	w.swept()
	t.Logf("%d kinds of %d rows took %v", len(piles), rows, time.Since(began))
	for _, p := range piles {
		if n := query[int](w, "SELECT count(*) FROM "+p.name()+" WHERE "+p.left); n != 0 {
			t.Errorf("%s: %d rows are left of %q", p.name(), n, p.left)
		}
	}
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != rows+1 {
		t.Errorf("%d sessions: those of living people and visitors stay", n)
	}
	w.exec("UPDATE sessions SET expires_at = now() - interval '1 day' WHERE user_id IS NULL")
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions are left", n)
	}
}

// Nobody has to start a sweep: each server sweeps again and again while it runs.
func TestSweep_aRunningServerSweepsByItself(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.exec(`INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT id, 'old@example.com', false, now() - interval '8 days' FROM users`)
	w.exec(`INSERT INTO users (id, display, created_at, unused_since) VALUES (17, 'x', now(), now() - interval '31 days')`)
	w.exec(`INSERT INTO rate_limits VALUES (sha256('x'), now() - interval '1 day', 1, 60)`)

	w.options = append(w.options, app.SweepEvery(20*time.Millisecond))
	w.serve()
	left := func() string {
		return query[string](w, `SELECT concat_ws(' ', (SELECT count(*) FROM email_addresses), (SELECT count(*) FROM users), (SELECT count(*) FROM rate_limits))`)
	}
	eventually(t, 10*time.Second, "swept", func() bool { return left() == "1 1 0" })
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event IN ('email_expired', 'account_deleted') AND actor = 'server'"); n != 2 {
		t.Errorf("%d audit rows, want one for the address and one for the account", n)
	}
}

// What is sealed for a key that no server has had for 90 days goes: a key that is found later opens nothing.
func TestSweep_sharedKeysOfLostKeysGo(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec(`INSERT INTO shared_secrets (name, key_id, secret_id, sealed, seen_at)
		SELECT name, key_id || n, secret_id, sealed, now() - n * interval '1 day' FROM shared_secrets, (VALUES (89), (91)) AS days (n)`)
	before := query[int](w, "SELECT count(*) FROM shared_secrets")
	w.swept()

	if n := query[int](w, "SELECT count(*) FROM shared_secrets"); n != before*2/3 {
		t.Errorf("%d of %d rows are left, want two thirds", n, before)
	}
	if n := query[int](w, "SELECT count(*) FROM shared_secrets WHERE seen_at < now() - interval '90 days'"); n != 0 {
		t.Errorf("%d rows are left of a key that was not seen for 90 days", n)
	}
}

// A server that starts in an outage may reach the database before it has the shared keys: it does not sweep
// until it has them, since what it removes is hashed in the audit log.
func TestSweep_waitsForTheKeys(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.exec(`INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT id, 'old@example.com', false, now() - interval '8 days' FROM users`)
	addresses := func() int { return query[int](w, "SELECT count(*) FROM email_addresses") }
	w.exec("ALTER TABLE shared_secrets RENAME TO away")

	w.cut()
	w.options = append(w.options, app.SweepEvery(10*time.Millisecond))
	w.serve()
	w.mend()
	eventually(t, 10*time.Second, "the server reaching the database", func() bool {
		return query[int](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'") > 0
	})
	for range 50 {
		if addresses() != 2 {
			t.Fatal("a server without keys has swept")
		}
	}

	w.exec("ALTER TABLE away RENAME TO shared_secrets")
	eventually(t, 10*time.Second, "swept", func() bool { return addresses() == 1 })
}
