package e2e

import (
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// served is how to run `latchkey serve` on a database.
func served(t testing.TB, url string, env ...string) launch {
	t.Helper()
	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return launch{args: []string{"serve"}, env: append([]string{
		"DATABASE_URL=" + url, "HEADLESS_JWT_PRIVATE_KEY=" + key, "LATCHKEY_ADDR=127.0.0.1:0",
	}, env...)}
}

// TestServe_SIGTERMDrains holds sign-ins up in the database, so that they surely run when
// the signal comes; the hashing, which is what makes them slow, comes after it.
func TestServe_SIGTERMDrains(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	p := served(t, url).serving(t)
	p.db = url
	p.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(200) // its connection stays open, idle
	lock := p.connect()
	defer func() { _ = lock.Close(t.Context()) }()
	if _, err := lock.Exec(t.Context(), "BEGIN; LOCK TABLE email_addresses IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	answers := make([]answer, min(3, runtime.GOMAXPROCS(0))) // as many as are let in to hash at once
	var running sync.WaitGroup
	for i := range answers {
		running.Go(func() {
			answers[i] = p.call("POST", loginPath, credentials("ada@example.com", goodPassword))
		})
	}
	p.until(10*time.Second, "waiting for the lock", func() bool {
		return query[int](p.world, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == len(answers)
	})
	p.signal(syscall.SIGTERM)
	p.until(10*time.Second, "refusing new connections", p.refuses)
	if _, err := lock.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	running.Wait()
	for _, a := range answers {
		a.wants(200)
		if a.text("meta.access_token") == "" {
			t.Errorf("a shortened answer: %s", a.Body)
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d: %s", code, p.log)
	}
	if !strings.Contains(p.log.String(), `"msg":"stopped"`) {
		t.Errorf("the log does not say that it stopped: %s", p.log)
	}
}

func TestServe_anIdleClientDoesNotHoldTheEndUp(t *testing.T) {
	t.Parallel()
	p := served(t, testdb.New(t)).serving(t)
	p.call("GET", configPath, "").wants(200)
	from := time.Now()
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 || time.Since(from) > 8*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(from))
	}
}

// TestServe_startsWithoutItsDatabaseAndRecovers: one that is away at start is an outage
// like any other.
func TestServe_startsWithoutItsDatabaseAndRecovers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "pg")
	p := served(t, "host="+dir+" user=postgres dbname=postgres sslmode=disable").serving(t)
	for _, a := range []answer{
		p.call("POST", loginPath, credentials("ada@example.com", goodPassword)),
		p.call("POST", signupPath, credentials("ada@example.com", goodPassword)),
		p.spend("x.y.z", ""),
	} {
		if a.Status == 400 { // a refresh token that is none needs no database
			continue
		}
		a.wants(503, "temporarily_unavailable")
		if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
			t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
		}
	}
	p.call("GET", configPath, "").wants(200)
	local, err := postgres.StartLocal(t.Context(), dir, serverPrograms(t), testdb.Fast...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Stop() })
	var a answer
	p.until(30*time.Second, "recovered", func() bool {
		a = p.call("POST", signupPath, credentials("ada@example.com", goodPassword))
		return a.Status != 503
	})
	a.wants(200)
	p.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)
	// The watcher looks at the schema again before it says so: a request may be faster.
	p.until(30*time.Second, "saying so", func() bool { return strings.Contains(p.log.String(), "the database is back") })
}

func TestServe_anOldSchemaIsRefusedWhenItMayNotMigrate(t *testing.T) {
	t.Parallel()
	served(t, testdb.Empty(t), "LATCHKEY_AUTO_MIGRATE=false").run(t).wants(1, "latchkey migrate up")
	served(t, testdb.New(t), "LATCHKEY_AUTO_MIGRATE=false").serving(t)
}

func TestServe_severalStartAtOnceOnAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	l := served(t, testdb.Empty(t))
	list := []*process{l.start(t), l.start(t), l.start(t)}
	for _, p := range list {
		p.until(30*time.Second, "ready", func() bool { return strings.Contains(p.log.String(), `"msg":"listening"`) })
	}
}

func TestServe_allMistakesAreToldAtOnceAndNoSecret(t *testing.T) {
	t.Parallel()
	r := launch{args: []string{"serve"}, env: []string{
		"DATABASE_URL=postgres://ada:s3cr3t@[", "HEADLESS_JWT_PRIVATE_KEY=s3cr3t", // what only a server needs
		"LATCHKEY_AUTO_MIGRATE=s3cr3t", "LATCHKEY_REFRESH_GRACE=s3cr3t", // no values of their kind
		"HEADLESS_JWT_ALGORITHM=RS256", "ACCOUNT_LOGIN_METHODS=pigeon", "LATCHKEY_TRUSTED_PROXIES=nonsense", // not supported
		"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=100000", "LATCHKEY_SESSION_MAX_AGE=90000", // not together
	}}.run(t).wants(2, "DATABASE_URL:", "HEADLESS_JWT_PRIVATE_KEY:", "LATCHKEY_AUTO_MIGRATE:", "LATCHKEY_REFRESH_GRACE:",
		"HEADLESS_JWT_ALGORITHM:", "ACCOUNT_LOGIN_METHODS:", "LATCHKEY_TRUSTED_PROXIES:", "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN:")
	if strings.Contains(r.out+r.err, "s3cr3t") {
		t.Errorf("it shows a value: %s", r.err)
	}
	r = launch{args: []string{"serve"}}.run(t).wants(2, "DATABASE_URL: is needed", "HEADLESS_JWT_PRIVATE_KEY: no key")
	if n := strings.Count(r.err, "\n  - "); n != 2 {
		t.Errorf("%d problems: %s", n, r.err)
	}
}

func TestServe_namesThatWeDoNotKnowAreAWarning(t *testing.T) {
	t.Parallel()
	p := served(t, testdb.New(t), "LATCHKEY_TYPO=s3cr3t", "ACCOUNT_ADAPTER=s3cr3t", "HEADLESS_CLIENTS=s3cr3t", "MFA_WHATEVER=s3cr3t", "ACCOUNT_RATE_LIMITS=false").serving(t)
	for _, name := range []string{"LATCHKEY_TYPO", "ACCOUNT_ADAPTER", "HEADLESS_CLIENTS", "MFA_WHATEVER"} {
		if !strings.Contains(p.log.String(), "warning: "+name+" is not a setting of Latchkey") {
			t.Errorf("no warning of %s: %s", name, p.log)
		}
	}
	if n := strings.Count(p.log.String(), "warning:"); n != 4 {
		t.Errorf("%d warnings: %s", n, p.log)
	}
	if strings.Contains(p.log.String(), "s3cr3t") {
		t.Errorf("it shows a value: %s", p.log)
	}
}

func TestServe_aTakenAddressIsAnError(t *testing.T) {
	t.Parallel()
	l := served(t, testdb.New(t))
	p := l.serving(t)
	l.env = append(l.env, "LATCHKEY_ADDR="+strings.TrimPrefix(p.url, "http://"))
	l.run(t).wants(1, "another program listens on", "LATCHKEY_ADDR=127.0.0.1:8081")
}

// What waiting cannot end, ends the start.
func TestServe_aWrongWayToTheDatabaseEndsTheStart(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)

	for name, row := range map[string]struct{ change, says string }{
		"an unknown database": {"dbname=nowhere", `database "nowhere" does not exist: create it, or name another`},
		"an unknown role":     {"user=nobody_of_ours", "refuses the role or its password"},
	} {
		t.Run(name, func(t *testing.T) {
			served(t, database+" "+row.change).run(t).wants(2, "the settings are wrong", "DATABASE_URL: ", row.says)
		})
	}
}
