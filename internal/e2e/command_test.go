package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// command runs a command of the program on the world's database.
func (w *world) command(input string, args ...string) result {
	w.t.Helper()
	return launch{args: args, input: input, env: []string{"DATABASE_URL=" + w.db}}.run(w.t)
}

// summaries are the commands that `latchkey --help` lists, and what it says of each.
func summaries(t *testing.T) map[string]string {
	t.Helper()
	_, list, _ := strings.Cut(launch{args: []string{"--help"}}.run(t).wants(0, "Usage: latchkey <command>", "latchkey dev").out, "Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	list = regexp.MustCompile(`\n {10,}`).ReplaceAllString(list, " ") // unwrap
	found := map[string]string{}
	for _, line := range strings.Split(list, "\n") {
		name, text, _ := strings.Cut(strings.TrimSpace(line), "  ")
		found[name] = strings.TrimSpace(text)
	}
	return found
}

func TestCommand_everyHelpSaysWhatItDoes(t *testing.T) {
	t.Parallel()
	all := summaries(t)
	for _, known := range []string{"serve", "dev", "migrate up", "keys generate", "users create", "tenants add-member", "config", "version"} {
		if all[known] == "" {
			t.Errorf("%s is not listed: %v", known, all)
		}
	}
	for command, text := range all {
		r := launch{args: append(strings.Fields(command), "--help")}.run(t).wants(0, "Usage: latchkey "+command)
		if r.err != "" || !strings.Contains(strings.Join(strings.Fields(r.out), " "), text) {
			t.Errorf("%s --help does not say %q: %s%s", command, text, r.out, r.err)
		}
		if group, _, ok := strings.Cut(command, " "); ok {
			launch{args: []string{group, "--help"}}.run(t).wants(0, "Usage: latchkey "+group, command+" ")
		}
	}
	if r := (launch{}).run(t).wants(0, "Usage: latchkey"); !strings.Contains(r.out, "migrate up") {
		t.Errorf("without arguments: %s", r.out)
	}
}

func TestCommand_aWrongCommandLineIs2(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"nonsense", "migrate", "migrate nonsense", "users create", "serve --nonsense", "tenants add-member nonsense ada@example.com"} {
		launch{args: strings.Fields(line)}.run(t).wants(2, "latchkey: ", "Try: latchkey --help")
	}
	for _, line := range []string{"migrate up", "users disable ada@example.com", "tenants create x"} {
		launch{args: strings.Fields(line)}.run(t).wants(2, "DATABASE_URL: is needed")
	}
	launch{args: []string{"version"}}.run(t).wants(0, "latchkey 0.")
}

func TestCommand_migrateUpAndStatus(t *testing.T) {
	t.Parallel()
	w := &world{t: t, db: testdb.Empty(t)}
	w.command("", "migrate", "status").wants(0, "00001_accounts.sql  missing: latchkey migrate up")
	for _, line := range []string{"users disable ada@example.com", "tenants create Engines"} {
		w.command("", strings.Fields(line)...).wants(1, "latchkey migrate up")
	}
	w.command(goodPassword, "users", "create", "ada@example.com").wants(1, "latchkey migrate up")
	w.command("", "migrate", "up").wants(0, "the schema is up to date")
	w.command("", "migrate", "up").wants(0, "0 applied; the schema is up to date")
	if r := w.command("", "migrate", "status").wants(0, "00001_accounts.sql  applied 20"); strings.Contains(r.out, "missing") {
		t.Errorf("status: %s", r.out)
	}
}

func TestCommand_migrateUpByFourAtOnce(t *testing.T) {
	t.Parallel()
	l := launch{args: []string{"migrate", "up"}, env: []string{"DATABASE_URL=" + testdb.Empty(t)}}
	var list []*process
	for range 4 {
		list = append(list, l.start(t))
	}
	worked := 0
	for _, p := range list {
		if code := p.exit(); code != 0 || !strings.Contains(p.out.String(), "the schema is up to date") {
			t.Errorf("exit code %d: %s%s", code, p.out, p.log)
		}
		if !strings.HasPrefix(p.out.String(), "0 applied") {
			worked++
		}
	}
	if worked != 1 {
		t.Errorf("%d of them migrated", worked)
	}
}

func TestCommand_keysGenerateMakesAKeyThatServes(t *testing.T) {
	t.Parallel()
	r := launch{args: []string{"keys", "generate"}}.run(t).wants(0)
	ring, err := token.NewKeyring(r.out)
	if err != nil {
		t.Fatal(err)
	}
	if kid := strings.TrimSpace(strings.TrimPrefix(r.err, "kid: ")); len(ring.Public()) != 1 || ring.Public()[0].ID != kid {
		t.Errorf("kid %q: %+v", kid, ring.Public())
	}
	other := launch{args: []string{"keys", "generate"}}.run(t).wants(0)
	if other.out == r.out {
		t.Error("twice the same key")
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, []byte(r.out), 0o600); err != nil {
		t.Fatal(err)
	}
	l := launch{args: []string{"serve"}, env: []string{"DATABASE_URL=" + testdb.New(t), "HEADLESS_JWT_PRIVATE_KEY_FILE=" + file, "LATCHKEY_ADDR=127.0.0.1:0"}}
	if kid := l.serving(t).call("GET", jwksPath, "").text("keys.kid"); kid != ring.Public()[0].ID {
		t.Errorf("served: %s", kid)
	}
}

func TestCommand_usersCreate(t *testing.T) {
	t.Parallel()
	w := start(t)
	r := w.command(goodPassword+"\n", "users", "create", " Ada@Example.com ", "--verified").wants(0)
	if r.err != "" || !regexp.MustCompile(`^[1-9][0-9]*\n$`).MatchString(r.out) {
		t.Errorf("not the id alone: %q %q", r.out, r.err)
	}
	a := w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(200)
	if id, _ := a.get("data.user.id").(float64); strconv.FormatFloat(id, 'f', -1, 64) != strings.TrimSpace(r.out) {
		t.Errorf("another id: %s, %s", r.out, a.Body)
	}
	if p := w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200); p.get("email_verified") != true || p.get("tenant_id") != nil {
		t.Errorf("profile: %s", p.Body)
	}
	w.command(goodPassword, "users", "create", "ADA@example.com").wants(1, "another user has verified ada@example.com")
	w.command("short", "users", "create", "bob@example.com").wants(1, "This password is too short.")
	w.command("", "users", "create", "bob@example.com").wants(1, "no password on standard input")
	w.command(goodPassword, "users", "create", "nonsense").wants(1, `"nonsense" is not an email address`)
	w.command("", "users", "create", "bob@example.com", "--no-password").wants(0)
	w.call("POST", loginPath, credentials("bob@example.com", goodPassword)).wants(400, "email_password_mismatch@password")
	if n := query[int](w, "SELECT count(*) FROM users"); n != 2 {
		t.Errorf("%d users", n)
	}
}

func TestCommand_usersSetPasswordEndsTheSessions(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.markVerified("ada@example.com")
	bob := w.signedUp("bob@example.com")
	e := w.signIn("ada@example.com")
	w.command("short", "users", "set-password", "ada@example.com").wants(1, "too short")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(200)
	w.command("another good password\n", "users", "set-password", "ada@example.com").wants(0, "ada@example.com: done, 2 sessions ended")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
	w.call("GET", sessionPath, "", "X-Session-Token: "+e.session).wants(410)
	w.spend(e.refresh, "").wants(400, "password_changed@refresh")
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(400, "email_password_mismatch@password")
	w.call("POST", loginPath, credentials("ada@example.com", "another good password")).wants(200)
	if _, err := bob.Current(t.Context()); err != nil {
		t.Errorf("somebody else was signed out: %v", err)
	}
	w.command("another good password", "users", "set-password", "nobody@example.com").wants(1, "there is no user with the address")
}

func TestCommand_usersDisableEndsTheSessions(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.markVerified("ada@example.com")
	e := w.signIn("ada@example.com")
	w.command("", "users", "disable", "Ada@example.com").wants(0, "ada@example.com: done, 2 sessions ended")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
	w.spend(e.refresh, "").wants(400, "account_disabled@refresh")
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword)).wants(400, "email_password_mismatch@password")
	w.command("", "users", "disable", "ada@example.com").wants(0, "0 sessions ended")
	w.command("", "users", "disable", "nobody@example.com").wants(1, "there is no user with the address")
}

func TestCommand_tenants(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.markVerified("ada@example.com")
	e := w.signIn("ada@example.com")
	first := strings.TrimSpace(w.command("", "tenants", "create", "Engines").wants(0).out)
	second := strings.TrimSpace(w.command("", "tenants", "create", "Looms").wants(0).out)
	w.command("", "tenants", "create", "  ").wants(1, "1 to 150 characters")

	// shows refreshes, and compares the tenant in the token and in the profile.
	shows := func(want string) {
		t.Helper()
		a := w.spend(e.refresh, "").wants(200)
		e.refresh = a.text("meta.refresh_token")
		c := claims(t, a.text("meta.access_token"))
		p := w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)
		if got, _ := c["tenant_id"].(string); got != want || p.text("tenant_id") != want {
			t.Errorf("tenant: token %v, profile %v, want %q", c["tenant_id"], p.get("tenant_id"), want)
		}
	}
	shows("")
	w.command("", "tenants", "add-member", first, "ada@example.com").wants(0, "ada@example.com is a member of "+first)
	shows(first)
	w.command("", "tenants", "add-member", first, "ada@example.com").wants(0) // once more changes nothing
	shows(first)
	w.command("", "tenants", "add-member", second, "ada@example.com").wants(0)
	shows(first)
	w.command("", "tenants", "add-member", second, "ada@example.com", "--primary").wants(0)
	shows(second)
	r := w.command("", "tenants", "add-member", tenantA, "ada@example.com").wants(1, "there is no tenant with this id")
	if strings.Contains(r.err, "unavailable") {
		t.Errorf("a wrong id is told as an outage: %s", r.err)
	}
	w.command("", "tenants", "add-member", first, "nobody@example.com").wants(1, "there is no user with the address")
	w.command("", "tenants", "remove-member", second, "ada@example.com").wants(0, "ada@example.com is no longer a member of "+second)
	shows("") // no other tenant becomes the primary one
	w.command("", "tenants", "remove-member", second, "ada@example.com").wants(1, "the user is no member of this tenant")
	w.command("", "tenants", "remove-member", first, "ada@example.com").wants(0)
	if n := query[int](w, "SELECT count(*) FROM memberships"); n != 0 {
		t.Errorf("%d memberships are left", n)
	}
	if got := query[string](w, "SELECT string_agg(event, ' ' ORDER BY id) FROM audit_events WHERE actor = 'operator'"); got != "tenant_created tenant_created member_added member_added member_added member_added member_removed member_removed" {
		t.Errorf("the audit log says %s", got)
	}
}

func TestCommand_configMasksSecrets(t *testing.T) {
	t.Parallel()
	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	url := "postgres://ada:s3cr3t@db.example.com/auth"
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, set := range []string{"DATABASE_URL=" + url, "DATABASE_URL_FILE=" + file} {
		l := launch{args: []string{"config"}, env: []string{set, "HEADLESS_JWT_PRIVATE_KEY=" + key, "LATCHKEY_ISSUER=https://auth.example.com"}}
		r := l.run(t).wants(0, "DATABASE_URL=********", "HEADLESS_JWT_PRIVATE_KEY=********", "LATCHKEY_ISSUER=https://auth.example.com", "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN=300")
		for _, secret := range []string{"s3cr3t", "db.example.com", strings.Split(key, "\n")[1]} {
			if strings.Contains(r.out+r.err, secret) {
				t.Errorf("it shows %s: %s", secret, r.out)
			}
		}
	}
	launch{args: []string{"config"}, env: []string{"LATCHKEY_AUTO_MIGRATE=perhaps"}}.run(t).wants(2, "LATCHKEY_AUTO_MIGRATE: want true or false", "DATABASE_URL=\n")
}

func TestCommand_configMarkdownIsTheReference(t *testing.T) {
	t.Parallel()
	r := launch{args: []string{"config", "--markdown"}, env: []string{"LATCHKEY_ISSUER=elsewhere"}}.run(t).wants(0)
	if r.out != read(t, "../../docs/settings.md") {
		t.Error("docs/settings.md is not current: make generate")
	}
}

// TestCommand_anOutageIsToldAsOne, and shows no password.
func TestCommand_anOutageIsToldAsOne(t *testing.T) {
	t.Parallel()
	away := "host=/nonexistent user=ada password=s3cr3t dbname=auth"
	for _, line := range []string{"migrate up", "migrate status", "users disable ada@example.com", "tenants create x"} {
		r := launch{args: strings.Fields(line), env: []string{"DATABASE_URL=" + away}}.run(t).wants(1, "/nonexistent")
		if strings.Contains(r.out+r.err, "s3cr3t") {
			t.Errorf("%s shows the password: %s", line, r.err)
		}
	}
}
