package e2e

import "testing"

// An operator signs out one user, or all, at once and for every token (ASVS 7.4.5).
func TestCommand_usersEndSessions(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, address := range []string{ada, grace} {
		w.signedUp(address)
		w.markVerified(address)
	}
	mine, hers := w.signIn(ada), w.signIn(grace)
	over := func(e entry) {
		t.Helper()
		w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
		w.call("GET", sessionPath, "", "X-Session-Token: "+e.session).wants(410)
		w.spend(e.refresh, "").wants(400, "session_ended@refresh")
	}

	w.command("", "users", "end-sessions", ada).wants(0, "ada@example.com: done, 2 sessions ended")
	over(mine)
	w.call("GET", sessionPath, "", bearer(hers.access)).wants(200)

	// The user signs in again; then every session of all users ends, in several steps.
	again := w.signIn(ada)
	w.exec(`INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(), 'listing_id', n,
		'token_hash', '\x' || encode(sha256(n::text::bytea), 'hex')))).* FROM sessions s, generate_series(1, 2100) n
		WHERE s.id = (SELECT id FROM sessions WHERE ended_at IS NULL ORDER BY created_at DESC LIMIT 1)`)
	w.command("", "users", "end-sessions", "--all").wants(0, "all users: done, 2103 sessions ended")
	over(again)
	over(hers)
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"); n != 0 {
		t.Errorf("%d sessions go on", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'sessions_ended' AND actor = 'operator'"); n != 2 {
		t.Errorf("%d audit rows, want one for the user and one for all", n)
	}
	w.signIn(ada)

	w.command("", "users", "end-sessions", "--all").wants(0, "all users: done, 1 sessions ended")
	w.command("", "users", "end-sessions", "--all", ada).wants(2, "either a user or --all")
	w.command("", "users", "end-sessions").wants(2, "either a user or --id")
}
