package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestCommand_usersEnableLetsTheUserSignInAgain(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)
	e := w.signIn(ada)
	w.command("", "users", "disable", ada).wants(0)
	w.call("POST", loginPath, credentials(ada, goodPassword)).wants(400, "email_password_mismatch@password")

	w.command("", "users", "enable", "Ada@example.com").wants(0, "ada@example.com: enabled\n")
	w.signIn(ada)
	w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
	w.spend(e.refresh, "").wants(400, "account_disabled@refresh")

	w.command("", "users", "enable", ada).wants(0, "ada@example.com: was not disabled\n")
	w.command("", "users", "enable", "nobody@example.com").wants(1, "there is no user with the address")
	events := query[string](w, "SELECT string_agg(event, ' ' ORDER BY id) FROM audit_events WHERE actor = 'operator'")
	if events != "account_disabled account_enabled" {
		t.Errorf("the audit log says %q, want one row for each change", events)
	}
}

// An operator who sets a password for a user believes that the user can sign in now.
func TestCommand_aChangeOfADisabledAccountSaysThatItIsDisabled(t *testing.T) {
	t.Parallel()

	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)
	const warning = "ada@example.com is disabled and cannot sign in: latchkey users enable --id "
	commands := map[string][]string{
		"a new password": {"set-password", ada}, "no factors": {"remove-factors", ada}, "its sessions end": {"end-sessions", ada},
	}

	for what, command := range commands {
		if r := w.command(anotherPassword, append([]string{"users"}, command...)...).wants(0, "done"); strings.Contains(r.err, warning) {
			t.Errorf("%s, of an account that is not disabled: %s", what, r.err)
		}
	}

	if r := w.command("", "users", "disable", ada).wants(0, "done"); strings.Contains(r.err, warning) {
		t.Errorf("disabling warns of itself: %s", r.err)
	}
	for what, command := range commands {
		if r := w.command(anotherPassword, append([]string{"users"}, command...)...).wants(0, "done"); !strings.Contains(r.err, warning) {
			t.Errorf("%s: %s", what, r.err)
		}
	}
}

func TestCommand_usersListShowsThemByPages(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, address := range []string{ada, grace, "carol@example.com"} {
		w.signedUp(address)
	}
	w.markVerified(ada)
	w.markVerified(grace)
	w.command("", "users", "disable", grace).wants(0)
	w.exec("UPDATE users SET deletes_at = now() + interval '1 day' WHERE id = (SELECT user_id FROM email_addresses WHERE address = 'carol@example.com')")

	all := w.command("", "users", "list").wants(0)
	for _, line := range []string{`active`, `"ada@example.com"`, `disabled`, `"grace@example.com"`, `leaving`, `"carol@example.com", not verified`} {
		if !strings.Contains(all.out, line) {
			t.Errorf("the list lacks %s:\n%s", line, all.out)
		}
	}
	if lines := strings.Count(all.out, "\n"); lines != 3 {
		t.Errorf("%d lines, want 3:\n%s", lines, all.out)
	}

	disabled := w.command("", "users", "list", "--disabled").wants(0, grace)
	if strings.Contains(disabled.out, ada) || strings.Contains(disabled.out, "carol") {
		t.Errorf("users who are not disabled: %s", disabled.out)
	}

	// Page by page each user shows once.
	seen, after := map[string]bool{}, int64(0)
	for {
		page := strings.TrimSpace(w.command("", "users", "list", "--json", "--limit=2", fmt.Sprintf("--after=%d", after)).wants(0).out)
		if page == "" {
			break
		}
		for _, line := range strings.Split(page, "\n") {
			var user struct {
				ID            int64
				Email, State  string
				EmailVerified bool    `json:"email_verified"`
				DisabledAt    *string `json:"disabled_at"`
			}
			if err := json.Unmarshal([]byte(line), &user); err != nil {
				t.Fatal(err)
			}
			if seen[user.Email] || user.ID <= after {
				t.Errorf("%s shows twice or out of order", user.Email)
			}
			if (user.State == "disabled") != (user.Email == grace) || (user.DisabledAt != nil) != (user.Email == grace) {
				t.Errorf("%s is %s", user.Email, user.State)
			}
			if user.EmailVerified == (user.Email == "carol@example.com") {
				t.Errorf("%s: verified %v", user.Email, user.EmailVerified)
			}
			seen[user.Email], after = true, user.ID
		}
	}
	if len(seen) != 3 {
		t.Errorf("the pages show %v", seen)
	}

	w.command("", "users", "list", "--limit=0").wants(2, "--limit")
	launch{args: []string{"users", "list"}}.run(t).wants(2, "DATABASE_URL: is needed")
}

// A user who asks the operator for a new password is often one whose guesses are used up, by the user or
// by others.
func TestCommand_usersSetPasswordClearsTheCountersOfGuesses(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		keyed, hmacKey bool
	}{
		"with the signing key":   {true, false},
		"with LATCHKEY_HMAC_KEY": {false, true},
		"without a key":          {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hmacKey := "LATCHKEY_HMAC_KEY=" + strings.Repeat("h", 32)
			limits := `ACCOUNT_RATE_LIMITS={"login":false,"signup":false,"login_failed":"3/1h/key"}`
			settings, env := []string{limits}, []string{limits}
			if row.hmacKey {
				settings, env = append(settings, hmacKey), append(env, hmacKey)
			}
			w := start(t, settings...)
			if row.keyed {
				env = append(env, "HEADLESS_JWT_PRIVATE_KEY="+w.key)
			}
			w.signedUp(ada)
			w.markVerified(ada)
			w.signedUp(grace)
			for _, address := range []string{ada, grace} {
				for range 3 {
					w.call("POST", loginPath, credentials(address, "a wrong password")).wants(400, "email_password_mismatch@password")
				}
				w.call("POST", loginPath, credentials(address, goodPassword)).wants(400, "too_many_login_attempts")
			}

			env = append(env, "DATABASE_URL="+w.db)
			shared := query[string](w, "SELECT coalesce(string_agg(concat(key_id, secret_id), ' ' ORDER BY key_id), '') FROM shared_secrets WHERE name = 'hmac'")
			r := launch{args: []string{"users", "set-password", ada}, input: anotherPassword, env: env}.run(t).wants(0, "ada@example.com: done")

			warned := strings.Contains(r.err, "the counters of wrong guesses stay")
			a := w.call("POST", loginPath, credentials(ada, anotherPassword))
			if row.keyed || row.hmacKey {
				a.wants(200)
			} else {
				a.wants(400, "too_many_login_attempts")
			}
			if warned == (row.keyed || row.hmacKey) {
				t.Errorf("warned %v: %s", warned, r.err)
			}
			w.call("POST", loginPath, credentials(grace, goodPassword)).wants(400, "too_many_login_attempts")
			if after := query[string](w, "SELECT coalesce(string_agg(concat(key_id, secret_id), ' ' ORDER BY key_id), '') FROM shared_secrets WHERE name = 'hmac'"); after != shared {
				t.Errorf("the command has written to the shared keys: %s, before %s", after, shared)
			}
		})
	}
}

// Wrong codes of a second factor are counted with the factor, so that no key is needed to forget them.
func TestCommand_usersSetPasswordOpensAFactorThatGuessesHaveClosed(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	app := w.signedIn(ada).withTOTP()
	w.markVerified(ada)
	w.exec("UPDATE authenticators SET misses = 100")

	w.command(anotherPassword, "users", "set-password", ada).wants(0)
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", anotherPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
}
