package e2e

import (
	"context"
	"strings"
	"testing"
	"time"
)

// trail is the world's audit log, oldest first: "event result actor".
func (w *world) trail() string {
	w.t.Helper()
	return query[string](w, "SELECT coalesce(string_agg(event || ' ' || result || ' ' || actor, ', ' ORDER BY id), '') FROM audit_events")
}

func TestSEC97_whatHappensToAccountsIsRecorded(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signInFrom("ada@example.com", "User-Agent: Phone/1\u200b")
	w.call("POST", loginPath, credentials("ada@example.com", wrongPassword)).wants(400)
	w.call("POST", loginPath, credentials("nobody@example.com", wrongPassword)).wants(400)
	w.age(grown)
	next := w.spend(e.refresh, "key-number-1").wants(200) // a plain rotation leaves no row
	w.call("GET", sessionPath, "", bearer(next.text("meta.access_token"))).wants(200)
	w.call("DELETE", sessionPath, "", bearer(next.text("meta.access_token"))).wants(401)
	thief := w.signIn("ada@example.com")
	w.age(grown)
	w.spend(thief.refresh, "key-number-1").wants(200)
	w.spend(thief.refresh, "another-key").wants(409) // nor does a conflict
	w.age(grown)
	w.spend(thief.refresh, "another-key").wants(400)
	want := "user_created success user, login success user, login failure user, login failure user, logout success user, " +
		"login success user, refresh_token_reused success server"
	if got := w.trail(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	known := query[string](w, `SELECT string_agg(coalesce(a.user_id = u.id, false)::text, ' ' ORDER BY a.id)
		FROM audit_events a, users u WHERE event = 'login' AND result = 'failure'`)
	if known != "true false" {
		t.Errorf("users of the failures: %s", known)
	}
	agent := query[string](w, "SELECT user_agent FROM audit_events WHERE event = 'login' ORDER BY id LIMIT 1")
	if agent != "Phone/1" {
		t.Errorf("user agent %q", agent)
	}
	dump := query[string](w, "SELECT string_agg(a::text, ' ') FROM audit_events a")
	for _, secret := range []string{"ada@example.com", "nobody@", goodPassword, e.session, e.access, e.refresh} {
		if strings.Contains(dump, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestAudit_isWrittenWithTheChangeOrNotAtAll(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.exec("ALTER TABLE audit_events RENAME TO away")
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(503)
	w.call("POST", signupPath, credentials("new@example.com", goodPassword)).wants(503)
	if n := query[int](w, "SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions: one that is not recorded was kept", n)
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users", n)
	}
}

func TestAudit_rowsAreKeptAndLoseWhatIsPersonal(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	for _, change := range []string{
		"DELETE FROM audit_events", "UPDATE audit_events SET event = 'logout'", "UPDATE audit_events SET address = '203.0.113.9'",
		"UPDATE audit_events SET user_id = NULL, address = NULL, user_agent = NULL", "TRUNCATE audit_events", "TRUNCATE users, audit_events CASCADE",
		"UPDATE audit_events SET address = NULL, user_agent = NULL, address_hash = 'x'",
		"INSERT INTO audit_events SELECT gen_random_uuid(), now() - interval '29 days', event, result, actor FROM audit_events; DELETE FROM audit_events WHERE occurred_at < now() - interval '1 day'",
	} {
		c := w.connect()
		if _, err := c.Exec(context.Background(), change); err == nil {
			t.Errorf("%s was allowed", change)
		}
		_ = c.Close(context.Background())
	}
	w.clock.Advance(91 * 24 * time.Hour)
	if err := w.app.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	left := query[string](w, `SELECT (address IS NULL AND user_agent IS NULL AND address_hash IS NOT NULL AND user_id IS NOT NULL)::text FROM audit_events`)
	if left != "true" {
		t.Errorf("after 90 days: %s", left)
	}
}

// TestAudit_eventsGoAfterTheirRetention: no sooner, and none at all where the settings keep them.
func TestAudit_eventsGoAfterTheirRetention(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		setting string
		left    string // ages in days
	}{
		{"LATCHKEY_AUDIT_RETENTION=0", "0 29 31 364 366 4000"},
		{"LATCHKEY_AUDIT_RETENTION=365", "0 29 31 364"},
		{"LATCHKEY_AUDIT_RETENTION=30", "0 29"},
	} {
		t.Run(row.setting, func(t *testing.T) {
			t.Parallel()
			w := start(t, row.setting)
			for _, days := range []int{0, 29, 31, 364, 366, 4000} {
				// The id is a UUIDv7 of that time: 48 bits of milliseconds.
				w.exec(`INSERT INTO audit_events (id, occurred_at, event, result, actor)
					SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid, at, 'login', 'success', 'user'
					  FROM (SELECT now() - $1 * interval '1 day' AS at) t`, days)
			}
			w.swept()
			left := query[string](w, "SELECT string_agg(date_part('day', now() - occurred_at + interval '1 minute')::text, ' ' ORDER BY id DESC) FROM audit_events")
			if left != row.left {
				t.Errorf("events of %s days are left, want %s", left, row.left)
			}
		})
	}
	launch{args: []string{"serve"}, env: []string{"LATCHKEY_AUDIT_RETENTION=29"}}.run(t).wants(2, "LATCHKEY_AUDIT_RETENTION: want 0, or 30 days and more")
}
