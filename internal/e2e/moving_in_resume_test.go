package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// many is a file of n users with a session each, and what each of them has.
func many(t *testing.T, n int) string {
	t.Helper()
	head := headLine()
	head.IDs = "text"
	lines := []any{head}
	end := format.At(time.Now().Add(1000 * time.Hour).Truncate(time.Second))
	for i := range n {
		u := userLine(fmt.Sprintf("user-%d", i), fmt.Sprintf("user-%d@example.com", i))
		u.TOTP = &format.TOTPAuthenticator{ID: format.ID(fmt.Sprint(i + 1)), Secret: base32OfDjango}
		lines = append(lines, u, &format.Session{
			User: u.ID, TokenSHA256: sum(fmt.Sprint("session", i)), LastSeenAt: u.CreatedAt, ExpiresAt: end,
			Refresh: []format.Refresh{{JTISHA256: sum(fmt.Sprint("jti", i)), ExpiresAt: end}},
		})
	}

	return file(t, lines...)
}

// An importer that is killed leaves what it has committed, and the next run stores the rest.
func TestMovingIn_aKilledImporterGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	w := moved(t)
	w.stop()
	const users = 400
	text := many(t, users)
	path := filepath.Join(t.TempDir(), "users.jsonl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	// It is killed among the users, behind the last of them, and among the sessions.
	for _, point := range []struct {
		table string
		rows  int
	}{{"users", 20}, {"users", 100}, {"users", users}, {"sessions", 40}, {"old_refresh_tokens", 200}} {
		p := w.moverLaunch("", "import", "--batch=10", path).start(t)
		p.until(time.Minute, fmt.Sprintf("%d rows in %s", point.rows, point.table), func() bool {
			return query[int](w, "SELECT count(*) FROM "+point.table) >= point.rows
		})
		_ = p.cmd.Process.Kill()
		if code := p.exit(); code != -1 && code != 0 {
			t.Fatalf("the importer ended with %d:\n%s", code, p.log)
		}
		halves := query[int](w, `SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT FROM email_addresses e WHERE e.user_id = u.id)
			OR NOT EXISTS (SELECT FROM authenticators a WHERE a.user_id = u.id) OR NOT EXISTS (SELECT FROM imported_users i WHERE i.user_id = u.id)`)
		if halves > 0 {
			t.Errorf("killed at %d rows of %s: %d users are half there", point.rows, point.table, halves)
		}
		eventually(t, time.Minute, "the lock of the killed importer is free", func() bool {
			return query[int](w, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") == 0
		})
	}

	ids := query[string](w, "SELECT string_agg(id::text, ',' ORDER BY subject) FROM users")
	w.mover("", "import", path).wants(0, fmt.Sprintf("users: %d (", users))
	w.mover("", "import", "--verify", path).wants(0, "differences: 0", fmt.Sprintf("sessions: %d in the file, %d in the database", users, users))
	if again := query[string](w, "SELECT string_agg(id::text, ',' ORDER BY subject) FROM users"); again != ids {
		t.Error("users got other ids")
	}
	before := w.everyRow()
	w.mover("", "import", path).wants(0, fmt.Sprintf("%d unchanged", users))
	if w.everyRow() != before {
		t.Error("one more run changes the database")
	}
}

// While one import runs, another one ends at once.
func TestMovingIn_oneImportAtATime(t *testing.T) {
	t.Parallel()
	w := moved(t)
	in, out := io.Pipe()
	cmd := w.moverLaunch("", "import", "-").command(t)
	cmd.Stdin = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, "the first import has the lock", func() bool {
		return query[int](w, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())") > 0
	})
	w.mover(file(t, headLine()), "import", "-").wants(1, "another import is under way")
	_, _ = io.WriteString(out, file(t, headLine()))
	_ = out.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("the first import: %v", err)
	}
}

// A difference has what changed: users, users and sessions that are gone, and refresh tokens.
func TestMovingIn_aDifferenceChangesWhatItNames(t *testing.T) {
	t.Parallel()
	w := moved(t)
	day := format.At(time.Now().Add(24 * time.Hour).Truncate(time.Second))
	session := func(user, token string, jtis ...string) *format.Session {
		s := &format.Session{User: format.ID(user), TokenSHA256: sum(token), LastSeenAt: format.At(time.Now().Add(-time.Hour)), ExpiresAt: day}
		for _, jti := range jtis {
			s.Refresh = append(s.Refresh, format.Refresh{JTISHA256: sum(jti), ExpiresAt: day})
		}
		return s
	}
	one, two, three := userLine("1", ada), userLine("2", grace), userLine("3", "linus@example.com")
	w.mover(file(t, headLine(), one, two, three, session("1", "a", "j1"), session("2", "b", "j2"), session("3", "c")), "import", "-").wants(0, "3 new", "3 stored")

	no := false
	head := headLine()
	head.Complete = &no
	// The address of user 2 is that of user 1 now; user 3 is gone; a session was signed out, another one refreshed.
	one.Emails, two.Emails = verifiedEmail("new@example.com"), verifiedEmail(ada)
	difference := file(t, head, two, one, &format.Gone{User: "3"}, &format.Gone{User: "77"}, &format.Gone{Session: sum("b")}, session("1", "a", "j3"))
	w.mover(difference, "import", "--batch=1", "-").wants(0, "0 new, 2 changed, 0 unchanged), 1 deleted", "1 ended", "1 refresh tokens stored")
	if got := query[string](w, "SELECT string_agg(user_id || address, ' ' ORDER BY user_id) FROM email_addresses"); got != "1new@example.com 2"+ada {
		t.Errorf("addresses: %s", got)
	}
	if got := query[string](w, "SELECT string_agg(encode(jti_hash, 'hex'), ' ') FROM old_refresh_tokens o JOIN sessions s ON s.id = o.session_id WHERE s.ended_at IS NULL"); got != fmt.Sprintf("%x", []byte(sum("j3"))) {
		t.Errorf("refresh tokens: %s, want that of j3 alone", got)
	}
	w.call("GET", sessionPath, "", withSessionToken("a")).wants(200)
	if a := w.call("GET", sessionPath, "", withSessionToken("b")); a.Status == 200 {
		t.Error("a session that was signed out at the source goes on")
	}
	w.stop()
	before := w.everyRow()
	w.mover(difference, "import", "-").wants(0, "2 unchanged), 0 deleted", "0 ended")
	if w.everyRow() != before {
		t.Error("the same difference again changes the database")
	}

	// A complete file without a user says so, and deletes only what an operator accepts.
	one.Display = "Ada"
	whole := file(t, headLine(), one, session("1", "a", "j3"))
	w.mover(whole, "import", "-").wants(1, "user_missing: user 2")
	w.mover(whole, "import", "--accept=user_missing", "-").wants(0, "1 deleted")
	if n := query[int](w, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users, want 1", n)
	}
	// A complete file without a session ends it.
	w.mover(file(t, headLine(), one), "import", "-").wants(0, "1 ended")
}

// A live service takes no import but late refresh tokens, of sessions that nobody has refreshed here.
func TestMovingIn_aLiveServiceTakesLateTokensOnly(t *testing.T) {
	t.Parallel()
	w := moved(t)
	w.stop()
	day := format.At(time.Now().Add(24 * time.Hour).Truncate(time.Second))
	session := func(token, jti string) *format.Session {
		return &format.Session{User: "1", TokenSHA256: sum(token), LastSeenAt: format.At(time.Now().Add(-time.Hour)), ExpiresAt: day, Refresh: []format.Refresh{{JTISHA256: sum(jti), ExpiresAt: day}}}
	}
	text := file(t, headLine(), userLine("1", ada), session("a", "j1"), session("b", "j2"))
	w.mover(text, "import", "--final", "-").wants(1, "--final is for the phase arriving")
	w.exec("INSERT INTO moving (phase, since) VALUES ('arriving', now())")
	w.mover(text, "import", "--final", "-").wants(0, "2 refresh tokens stored")
	w.exec("UPDATE moving SET phase = 'live', window_ends_at = now()")
	before := w.everyRow()
	for _, flags := range [][]string{{"import", "-"}, {"import", "--final", "-"}} {
		w.mover(strings.Replace(text, "User 1", "User 2", 1), flags...).wants(1, "is live")
	}
	w.mover(text, "import", "--dry-run", "-").wants(0)
	if w.everyRow() != before {
		t.Error("an import that was refused changed the database")
	}

	w.exec("UPDATE sessions SET generation = 2 WHERE token_hash = $1", []byte(sum("b")))
	no := false
	head := headLine()
	head.Complete = &no
	changed := userLine("1", "changed@example.com")
	late := file(t, head, changed, &format.Gone{User: "1"}, session("a", "j3"), session("b", "j4"), session("new", "j5"))
	w.mover(late, "import", "--late-tokens", "-").wants(0, "1 refresh tokens stored")
	if n := query[int](w, "SELECT count(*) FROM old_refresh_tokens"); n != 3 {
		t.Errorf("%d refresh tokens, want 3", n)
	}
	if got := query[string](w, "SELECT string_agg(address, ' ') FROM email_addresses"); got != ada {
		t.Errorf("the address: %s", got)
	}
}
