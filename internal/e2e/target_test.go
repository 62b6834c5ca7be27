package e2e

import (
	"fmt"
	"strings"
	"testing"
)

const (
	newhire = "newhire@corp.test"
	evil    = "mallory@evil.test"
)

// withStranger starts a server with the account of a stranger, who has verified an address of
// their own and has added newhire's, unverified. It returns the stranger's id.
func withStranger(t *testing.T, settings ...string) (*world, int64) {
	t.Helper()
	w := mailing(t, settings...)
	stranger := w.signedIn(evil)
	w.markVerified(evil)
	stranger.proved().post(emailsPath, "email", newhire).wants(200)

	return w, query[int64](w, "SELECT user_id FROM email_addresses WHERE address = $1", evil)
}

// operatorCommands are all that act on a user whom an address names.
func operatorCommands(w *world) map[string][]string {
	tenant := strings.TrimSpace(w.command("", "tenants", "create", "Corp").wants(0).out)

	return map[string][]string{
		"add-member":     {"tenants", "add-member", tenant, "--primary"},
		"remove-member":  {"tenants", "remove-member", tenant},
		"set-password":   {"users", "set-password"},
		"disable":        {"users", "disable"},
		"enable":         {"users", "enable"},
		"remove-factors": {"users", "remove-factors"},
	}
}

// state is what a command could have changed.
func (w *world) state() string {
	w.t.Helper()
	return query[string](w, `SELECT string_agg(concat_ws(' ', u.id, u.password_hash, u.disabled_at, m.tenant_id,
		(SELECT count(*) FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL)), ', ' ORDER BY u.id)
		FROM users u LEFT JOIN memberships m ON m.user_id = u.id`)
}

func TestCommand_anUnverifiedAddressNamesNobody(t *testing.T) {
	t.Parallel()
	w, stranger := withStranger(t)
	w.signedIn("ada@corp.test") // an account that has verified nothing
	before := w.state()

	for name, args := range operatorCommands(w) {
		t.Run(name, func(t *testing.T) {
			r := w.command("a good long password\n", append(args, newhire)...)
			r.wants(1, `no user has verified the address "newhire@corp.test"`, fmt.Sprintf("--id=%d", stranger), `"mallory@evil.test", verified`)

			r = w.command("a good long password\n", append(args, "ada@corp.test")...)
			r.wants(1, `no user has verified the address "ada@corp.test"`, `"ada@corp.test", not verified`)

			w.command("a good long password\n", append(args, "nobody@corp.test")...).wants(1, `there is no user with the address "nobody@corp.test"`)
			if after := w.state(); after != before {
				t.Errorf("something changed: %s, before %s", after, before)
			}
		})
	}

	w.command("", "audit", "--user", newhire).wants(1, "no user has verified the address")
}

func TestCommand_actsOnTheUserWithAnID(t *testing.T) {
	t.Parallel()
	w, stranger := withStranger(t)
	id := fmt.Sprintf("--id=%d", stranger)
	commands := operatorCommands(w)

	for _, name := range []string{"add-member", "remove-member", "set-password", "remove-factors", "enable", "disable"} {
		args := commands[name]
		w.command("a good long password\n", append(args, id)...).wants(0, evil)
		w.command("", append(args, "--id=17")...).wants(1, "there is no user with the id 17")
		w.command("", append(args, id, evil)...).wants(2, "expected either a user or --id")
		w.command("", args...).wants(2, "expected either a user or --id")
	}

	if !query[bool](w, "SELECT disabled_at IS NOT NULL FROM users WHERE id = $1", stranger) {
		t.Error("the account is not disabled")
	}
	w.command("", "audit", id).wants(0, "account_disabled")
	w.command("", "users", "enable", id).wants(0, "mallory@evil.test: enabled")
	w.command("", "audit", id).wants(0, "account_enabled")
	w.command("", "audit", id, "--user", evil).wants(2, "expected either --user or --id")
}

func TestCommand_usersCreateIsNotBlockedByAStranger(t *testing.T) {
	t.Parallel()

	for _, flag := range []string{"", "--verified"} {
		w, stranger := withStranger(t)
		args := strings.Fields("users create " + newhire + " " + flag)
		r := w.command(goodPassword, args...).wants(0)
		warned := strings.Contains(r.err, fmt.Sprintf("--id=%d", stranger))
		if warned != (flag == "") {
			t.Errorf("%q: the warning about other accounts: %q", flag, r.err)
		}

		in := w.visitor().post(loginPath, "email", newhire, "password", goodPassword).in()
		if got := fmt.Sprintf("%.0f", in.get("data.user.id")); got != strings.TrimSpace(r.out) {
			t.Errorf("%q: signed in to %s, made %s", flag, got, r.out)
		}
	}

	w := start(t)
	w.command(goodPassword, "users", "create", newhire, "--verified").wants(0)
	w.command(goodPassword, "users", "create", newhire).wants(1, "another user has verified newhire@corp.test")
}
