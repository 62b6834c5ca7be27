package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// poolerConfig is pgbouncer as its package has it, but for the pool mode: it is told nothing of our
// settings. The small pool makes clients share the connections to PostgreSQL.
const poolerConfig = `[databases]
* = %s

[pgbouncer]
unix_socket_dir = %s
listen_addr =
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`

// findPooler is pgbouncer's program, or empty where it is not installed.
func findPooler() string {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// pooler starts a pgbouncer in transaction mode in front of the server of a test's database, and
// returns the address of that database behind it. It ends with the test.
func pooler(t testing.TB, url string) string {
	t.Helper()
	program := findPooler()
	if program == "" {
		t.Skip("pgbouncer is not installed; make test says so (apt-get install pgbouncer)")
	}
	server, err := pgx.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "latchkey-pooler-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(dir, "pgbouncer.ini")
	behind := fmt.Sprintf("host=%s port=%d user=%s", server.Host, server.Port, server.User)
	if server.Password != "" {
		behind += " password=" + server.Password
	}
	text := fmt.Sprintf(poolerConfig, behind, dir)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}

	said := &buffer{}
	cmd := exec.Command(program, "-q", settings)
	cmd.Stdout, cmd.Stderr = said, said
	if info, err := os.Stat(server.Host); err == nil && os.Geteuid() == 0 {
		// pgbouncer does not run as root, and the socket's folder is PostgreSQL's own.
		stat, _ := info.Sys().(*syscall.Stat_t)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-done })

	pooled := fmt.Sprintf("host=%s port=6432 user=%s dbname=%s sslmode=disable", dir, server.User, server.Database)
	awaitPooler(t, pooled, done, said)
	return pooled
}

func awaitPooler(t testing.TB, url string, done <-chan struct{}, said fmt.Stringer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := pgx.Connect(ctx, url)
		if err == nil {
			_ = c.Close(ctx)
			return
		}
		select {
		case <-done:
			t.Fatalf("pgbouncer has ended: %s", said)
		case <-ctx.Done():
			t.Fatalf("pgbouncer does not answer: %v", err)
		case <-tick.C:
		}
	}
}

const throughPooler = "LATCHKEY_DATABASE_POOLER=transaction"

// pooled is a world whose server reaches its database through pgbouncer, and the address of that.
func pooled(t *testing.T, settings ...string) (*world, string) {
	t.Helper()
	w := start(t)
	through := pooler(t, w.db)
	w.exec("CREATE FUNCTION extra(bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$")
	w.app, w.url = w.serve(append([]string{"DATABASE_URL=" + through, throughPooler, "LATCHKEY_CLAIMS_FUNCTION=public.extra"}, settings...)...)
	return w, through
}

// onEmpty is a world without a server, on a database without a schema.
func onEmpty(t *testing.T) *world {
	t.Helper()
	w := *start(t)
	w.db = testdb.Empty(t)
	return &w
}

// TestPooler_oneSettingIsEnough starts two servers on an empty database that they reach through
// pgbouncer alone, and lets many clients share its few connections.
func TestPooler_oneSettingIsEnough(t *testing.T) {
	t.Parallel()
	w := onEmpty(t)
	through := pooler(t, w.db)
	w.mails = t.TempDir()
	env := []string{
		"DATABASE_URL=" + through, throughPooler, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0",
		"ACCOUNT_RATE_LIMITS=false", "LATCHKEY_MAIL_DIR=" + w.mails, "ACCOUNT_LOGIN_BY_CODE_ENABLED=true",
	}
	first, second := launch{args: []string{"serve"}, env: env}.serving(t), launch{args: []string{"serve"}, env: env}.serving(t)

	var clients sync.WaitGroup
	for n := range 12 {
		at := *w
		at.url = []string{first.url, second.url}[n%2]
		s := at.signedUp(fmt.Sprintf("ada%d@example.com", n))
		clients.Go(func() {
			for range 10 {
				if err := s.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
				at.call("GET", profilePath, "", bearer(s.Tokens().Access)).wants(200)
				at.call("PATCH", profilePath, `{"display":"Ada"}`, bearer(s.Tokens().Access)).wants(200)
				at.call("GET", sessionsPath, "", bearer(s.Tokens().Access)).wants(200)
			}
			at.call("DELETE", sessionPath, "", bearer(s.Tokens().Access)).wants(401)
		})
	}
	clients.Wait()

	// Messages go out without a notification.
	at := *w
	at.url = first.url
	at.call("POST", codeRequestPath, `{"email":"ada1@example.com"}`).wants(401)
	eventually(t, 20*time.Second, "mailed", func() bool { return len(at.letters("ada1@example.com")) > 0 })

	for n, p := range []*process{first, second} {
		p.signal(syscall.SIGTERM)
		if code := p.exit(); code != 0 || strings.Contains(p.log.String(), `"level":"ERROR"`) {
			t.Errorf("server %d: exit code %d\n%s", n+1, code, p.log)
		}
	}
	w.nothingLeftBehind(through)
	launch{args: []string{"serve"}, env: env}.serving(t)
}

// nothingLeftBehind fails where a pooled connection has kept something of a client that is gone.
func (w *world) nothingLeftBehind(through string) {
	w.t.Helper()
	if n := query[int](w, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); n != 0 {
		w.t.Errorf("%d advisory locks stay on pooled connections", n)
	}
	ctx := context.Background()
	for range 4 { // all of the pool: each of these transactions has one of its connections
		config, err := pgx.ParseConfig(through)
		if err != nil {
			w.t.Fatal(err)
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = c.Close(ctx) }()
		var prepared, listening int
		var limit string
		if _, err := c.Exec(ctx, "BEGIN"); err != nil {
			w.t.Fatal(err)
		}
		err = c.QueryRow(ctx, "SELECT (SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_listening_channels()), current_setting('statement_timeout')").
			Scan(&prepared, &listening, &limit)
		if err != nil || prepared != 0 || listening != 0 || limit != "0" {
			w.t.Errorf("a pooled connection has %d prepared statements, %d channels, statement_timeout %s (%v)", prepared, listening, limit, err)
		}
	}
}

// TestPooler_statementsAndTransactionsHaveTheirLimits: pgbouncer lets no limit through at the start of a
// connection.
func TestPooler_statementsAndTransactionsHaveTheirLimits(t *testing.T) {
	t.Parallel()
	w, through := pooled(t)
	e := w.signedUp("ada@example.com").Tokens()
	took := func(what string, call func() answer) {
		t.Helper()
		from := time.Now()
		call().wants(503, "temporarily_unavailable")
		// The handler gives up after 8 s by itself.
		if d := time.Since(from); d > 6*time.Second {
			t.Errorf("%s: 503 after %v, want it within the limit of 2 or 3 s", what, d)
		}
	}

	profile := func() answer { return w.call("GET", profilePath, "", bearer(e.Access)) }
	lock := w.connect()
	defer func() { _ = lock.Close(context.Background()) }()
	for _, what := range []string{"first", "known"} { // a connection has to ask what a statement means once
		if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		took("a "+what+" statement that waits for a lock", profile)
		took("a "+what+" transaction that waits for a lock", func() answer { return w.call("POST", loginPath, credentials("ada@example.com", goodPassword)) })
		if _, err := lock.Exec(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		for range 12 {
			profile().wants(200)
		}
	}

	w.exec("CREATE OR REPLACE FUNCTION extra(bigint) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN '{}'; END $$")
	took("a statement that works too long", func() answer { return w.spend(e.Refresh, "") })
	took("a transaction that works too long", func() answer { return w.call("POST", loginPath, credentials("ada@example.com", goodPassword)) })
	w.exec("CREATE OR REPLACE FUNCTION extra(bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{}'::jsonb $$")
	w.persistent(func() answer { return w.spend(e.Refresh, "") }).wants(200)
	w.nothingLeftBehind(through)
}

// TestPooler_aStatementThatCannotCommitIsNoSuccess: behind a pooler a single statement is one
// transaction with its limits, and commits after it has returned its rows.
func TestPooler_aStatementThatCannotCommitIsNoSuccess(t *testing.T) {
	t.Parallel()
	w, _ := pooled(t, "ACCOUNT_RATE_LIMITS=true")
	w.signedUp("ada@example.com")
	login := func() answer { return w.call("POST", loginPath, credentials("ada@example.com", goodPassword)) }
	for range 12 { // until the connections know the statement
		login().wants(200)
	}
	w.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = '53100'; END $$`)
	w.exec(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT OR UPDATE ON rate_limits DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	login().wants(503)
	w.exec("DROP TRIGGER refuse ON rate_limits")
	login().wants(200)
}

// TestPooler_migrationsTakeTheDirectWay: they never meet the pooler where a direct address is named.
func TestPooler_migrationsTakeTheDirectWay(t *testing.T) {
	t.Parallel()
	w := onEmpty(t)
	through := pooler(t, w.db)
	launch{args: []string{"migrate", "up"}, env: []string{
		"DATABASE_URL=host=/nowhere dbname=x", throughPooler, "LATCHKEY_DATABASE_DIRECT_URL=" + w.db,
	}}.run(t).wants(0, "the schema is up to date")
	w.app, w.url = w.serve("DATABASE_URL="+through, throughPooler, "LATCHKEY_AUTO_MIGRATE=false")
	w.signedUp("ada@example.com")
}

// TestPooler_aServerThatKnowsNothingOfItSaysWhatToSet: without the setting the server ends at once.
func TestPooler_aServerThatKnowsNothingOfItSaysWhatToSet(t *testing.T) {
	t.Parallel()
	w := start(t)
	through := pooler(t, w.db)
	env := []string{"DATABASE_URL=" + through, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0"}
	launch{args: []string{"serve"}, env: env}.run(t).wants(2, "set LATCHKEY_DATABASE_POOLER=transaction")
}

// TestPooler_aKilledMigrationLeavesNoLock: the lock is a transaction's, which pgbouncer ends with the
// connection.
func TestPooler_aKilledMigrationLeavesNoLock(t *testing.T) {
	t.Parallel()
	w := start(t)
	through := pooler(t, w.db)
	env := []string{"DATABASE_URL=" + through, throughPooler}
	w.exec("DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
	lock := w.connect()
	defer func() { _ = lock.Close(context.Background()) }()
	if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE goose_db_version IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	p := launch{args: []string{"migrate", "up"}, env: env}.start(t)
	locks := func() int {
		return query[int](w, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	}
	p.until(20*time.Second, "locked", func() bool { return locks() == 1 })
	p.signal(syscall.SIGKILL)
	<-p.done
	eventually(t, 10*time.Second, "unlocked", func() bool { return locks() == 0 })
}
