package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

const day = 24 * time.Hour

func TestExpire_anUnverifiedAddressGoesAfterSevenDays(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.reproved(ada)
	w.markVerified(ada)
	v.post(emailsPath, "email", grace).wants(200)
	v.post(emailsPath, "email", bob).wants(200)
	w.markVerified(bob)
	key := w.mailedKey(grace, 1)
	w.exec("UPDATE links SET expires_at = expires_at + interval '30 days'")

	w.clock.Advance(7*day - time.Minute)
	w.swept()
	if got := w.addresses(); got != ada+" primary verified, "+bob+" verified, "+grace {
		t.Errorf("before the time: %s", got)
	}

	w.clock.Advance(2 * time.Minute)
	w.swept()
	w.swept()
	if got := w.addresses(); got != ada+" primary verified, "+bob+" verified" {
		t.Errorf("after the time: %s", got)
	}

	w.visitor().post(verifyEmailPath, "key", key).wants(400, "invalid_or_expired_key@key")
	if n := query[int](w, "SELECT count(*) FROM links WHERE address = $1", grace); n != 0 {
		t.Errorf("%d links of the address are left", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'email_expired' AND actor = 'server' AND user_id = (SELECT id FROM users) AND email_hash IS NOT NULL"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

// A primary address stays, verified or not: it is all that an account has.
func TestExpire_aPrimaryAddressStays(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	w.signedIn(ada)
	w.clock.Advance(400 * day)
	w.swept()
	if got := w.addresses(); got != ada+" primary" {
		t.Errorf("the addresses are %q", got)
	}
}

// An account goes only if a sign-up made it, nobody has signed in to it since, and nothing of it
// was proved or given to it.
func TestExpire_anAccountThatNobodyHasUsedGoesAfterThirtyDays(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		settings string
		makes    func(w *world, s *services)
		stays    bool
	}{
		"a sign-up that waits for its link": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
		}, false},
		"a sign-up that waits for its code": {mandatoryByCode, func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
		}, false},
		"a sign-up that waits for its number": {"ACCOUNT_EMAIL_VERIFICATION=optional" + bothWays, func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "phone", number, "password", goodPassword).waits("verify_phone")
		}, false},
		"a sign-up that signed in at once": {"ACCOUNT_EMAIL_VERIFICATION=optional", func(w *world, _ *services) {
			w.signedIn(ada)
		}, true},
		"a sign-up that signed in by its code": {mandatoryByCode, func(w *world, _ *services) {
			w.verified(ada)
			w.exec("UPDATE email_addresses SET verified_at = NULL")
		}, true},
		"an address that was verified elsewhere": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			w.visitor().post(verifyEmailPath, "key", w.mailedKey(ada, 1)).waits()
		}, true},
		"a verified number": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			w.exec("UPDATE users SET phone = $1, phone_verified_at = now()", number)
		}, true},
		"a sign-up with a provider": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, s *services) {
			w.visitor().bring("login", s, fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: ada}).waits("verify_email")
		}, true},
		"a member of a tenant": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, _ *services) {
			w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			w.exec("INSERT INTO tenants (id, name, created_at) VALUES (gen_random_uuid(), 'Corp', now())")
			w.exec("INSERT INTO memberships (tenant_id, user_id, is_primary, created_at) SELECT t.id, u.id, true, now() FROM tenants t, users u")
		}, true},
		"an account that an operator made": {"ACCOUNT_EMAIL_VERIFICATION=mandatory", func(w *world, _ *services) {
			w.command("", "users", "create", ada, "--no-password").wants(0)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, append(newGateway(t).settings(), row.settings)...)
			row.makes(w, s)
			id := query[int64](w, "SELECT id FROM users")

			w.clock.Advance(30*day - time.Minute)
			w.swept()
			if query[int](w, "SELECT count(*) FROM users") != 1 {
				t.Fatal("the account is gone before its time")
			}

			w.clock.Advance(2 * time.Minute)
			w.swept()
			w.swept()
			left := query[int](w, "SELECT count(*) FROM users") == 1
			if left != row.stays {
				t.Errorf("the account is there: %t, want %t", left, row.stays)
			}
			rows := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'account_deleted' AND actor = 'server' AND user_id = $1", id)
			if (rows == 1) == row.stays {
				t.Errorf("%d audit rows of the deletion", rows)
			}
			personal := query[int](w, "SELECT count(*) FROM audit_events WHERE user_id = $1 AND (address IS NOT NULL OR user_agent IS NOT NULL)", id)
			if personal > 0 && !row.stays {
				t.Errorf("%d audit rows of the account are personal", personal)
			}

			// What stays is not looked at again.
			if n := query[int](w, "SELECT count(*) FROM users WHERE unused_since IS NOT NULL"); n != 0 {
				t.Errorf("%d accounts are still looked at", n)
			}
			if n := len(w.letters(ada)); n > 1 {
				t.Errorf("the deletion was mailed to an address that nobody has verified")
			}
		})
	}
}

// explained is the plan of a statement.
func (w *world) explained(statement string) string {
	w.t.Helper()
	c := w.connect()
	defer func() { _ = c.Close(context.Background()) }()
	rows, err := c.Query(context.Background(), "EXPLAIN "+statement)
	if err != nil {
		w.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// Both steps find what they remove by an index, however large the tables are.
func TestExpire_findsItsRowsByAnIndex(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("INSERT INTO users (id, display, created_at) SELECT n, 'x', now() FROM generate_series(1, 20000) n")
	w.exec("INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at) SELECT n, n || '@example.com', now(), true, now() FROM generate_series(1, 20000) n")
	w.exec("ANALYZE users, email_addresses")

	for statement, index := range map[string]string{
		"SELECT id FROM users WHERE unused_since < now() ORDER BY unused_since LIMIT 500 FOR UPDATE SKIP LOCKED":                                                                  "users_unused",
		"SELECT user_id FROM email_addresses x WHERE x.verified_at IS NULL AND NOT x.is_primary AND x.created_at < now() ORDER BY x.created_at LIMIT 2000 FOR UPDATE SKIP LOCKED": "email_addresses_expiring",
	} {
		plan := w.explained(statement)
		if !strings.Contains(plan, index) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s:\n%s", statement, plan)
		}
	}
}

// One sweep removes all that has expired, however much that is. Accounts that stay count as looked at.
func TestExpire_oneSweepRemovesAllThatHasPiledUp(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec(`INSERT INTO users (id, display, created_at, unused_since) SELECT n, 'x', now(), now() - interval '31 days' FROM generate_series(1, 1700) n`)
	w.exec(`INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at)
		SELECT n, n || '@example.com', CASE WHEN n <= 600 THEN now() END, true, now() FROM generate_series(1, 1700) n`)
	w.exec(`INSERT INTO email_addresses (user_id, address, is_primary, created_at)
		SELECT 1, n || '@other.example.com', false, now() - interval '8 days' FROM generate_series(1, 4100) n`)

	w.swept()
	if users, addresses := query[int](w, "SELECT count(*) FROM users"), query[int](w, "SELECT count(*) FROM email_addresses"); users != 600 || addresses != 600 {
		t.Errorf("%d users with %d addresses are left, want the 600 that have verified one", users, addresses)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'account_deleted' AND actor = 'server'"); n != 1100 {
		t.Errorf("%d audit rows of deletions, want 1100", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'email_expired' AND actor = 'server'"); n != 4100 {
		t.Errorf("%d audit rows of addresses, want 4100", n)
	}
}
