package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
	"github.com/latchkey-auth/latchkey/internal/app"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/testdb"
	"github.com/latchkey-auth/latchkey/internal/token"
)

const goodPassword = "correct horse battery"

// clock is moved by hand and stands still otherwise.
type clock struct {
	mu  sync.Mutex
	now time.Time
	// moved is called after the clock was moved; nil for nobody.
	moved func(time.Duration)
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance lets time pass, for the servers and for the rows whose age the database measures.
func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()

	if c.moved != nil {
		c.moved(d)
	}
}

// Drift sets the clock of the servers, forward or back, while no time passes.
func (c *clock) Drift(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// ageLimits makes rate limits as much older: they are counted by the database's clock, which
// tests cannot move.
func (w *world) ageLimits(d time.Duration) {
	w.t.Helper()
	w.exec("UPDATE rate_limits SET used_until = used_until - $1 * interval '1 second'", d.Seconds())
}

// holdLimits stops the clock by which rate limits are counted at the time of this call: a busy
// machine would have some of a limit back before a test has used it up. Only time that ageLimits
// lets pass counts.
func (w *world) holdLimits() {
	w.t.Helper()

	w.exec(fmt.Sprintf(`CREATE FUNCTION held_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			NEW.used_until := NEW.used_until - (now() - timestamptz '%s'); RETURN NEW;
		END $$;
		CREATE TRIGGER held_back BEFORE INSERT ON rate_limits
			FOR EACH ROW EXECUTE FUNCTION held_back()`, time.Now().UTC().Format(time.RFC3339Nano)))
}

// world is one running server and its database.
type world struct {
	t     testing.TB
	url   string // of the server
	db    string // address of the database
	key   string // the signing key, PEM
	clock *clock
	log   *buffer
	app   *app.App
	// options of the servers: they trust the clock that the test moves.
	options []app.Option
	http    *http.Client
	mails   string // directory that mails are written to
	stop    func() // ends the last server

	secrets *secrets
}

// buffer is a log that tests read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// start runs a server on a fresh database, with settings on top of the defaults.
func start(t testing.TB, settings ...string) *world {
	t.Helper()

	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}

	return startOn(t, testdb.New(t), key, settings...)
}

// startOn runs a server on a database, with a signing key, and with settings on top of the defaults.
func startOn(t testing.TB, database, key string, settings ...string) *world {
	t.Helper()

	w := &world{
		t: t, db: database, key: key, clock: newClock(), log: &buffer{},
		options: []app.Option{app.TrustClock()}, secrets: &secrets{seen: map[string]string{}},
	}
	w.http = &http.Client{Transport: checked{t, &http.Transport{MaxIdleConnsPerHost: 64}, w.secrets}, Timeout: 20 * time.Second}
	t.Cleanup(w.nothingReadable) // when its servers have ended, and before its database goes
	w.app, w.url = w.serve(settings...)
	limited := slices.ContainsFunc(settings, func(s string) bool { return strings.HasPrefix(s, "ACCOUNT_RATE_LIMITS=") })
	if limited {
		w.holdLimits()
	}
	w.clock.moved = func(d time.Duration) {
		w.age(max(0, d)) // a clock that is set back makes nothing younger
		if limited {
			w.ageLimits(d)
		}
	}
	return w
}

// bornGrown makes every generation of this database so old from its beginning that each refresh
// of it rotates, for tests in which time does not matter and rotations do.
func (w *world) bornGrown() {
	w.t.Helper()
	w.exec(fmt.Sprintf(`CREATE FUNCTION born_grown() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			NEW.rotated_at := NEW.rotated_at - interval '%d seconds'; RETURN NEW;
		END $$;
		CREATE TRIGGER born_grown BEFORE INSERT OR UPDATE OF generation, user_id ON sessions
			FOR EACH ROW EXECUTE FUNCTION born_grown()`, int(grown.Seconds())))
}

// grown is an age beyond the default grace: a refresh token that is as old rotates when it is
// spent; a younger one is repeated.
const grown = 61 * time.Second

// age makes the current generation of every session older, by the clock of the database.
func (w *world) age(by time.Duration) {
	w.t.Helper()
	w.exec("UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => $1)", by.Seconds())
}

// serve runs one more server process's worth of program on the world's database.
func (w *world) serve(settings ...string) (*app.App, string) {
	w.t.Helper()
	env := config.Environment{
		"DATABASE_URL": w.db, "HEADLESS_JWT_PRIVATE_KEY": w.key, "LATCHKEY_ADDR": "127.0.0.1:0",
		"LATCHKEY_DATABASE_MAX_CONNECTIONS": "6", "ACCOUNT_RATE_LIMITS": "false",
		"LATCHKEY_OPS_ADDR": "off", "LATCHKEY_DRAIN_DELAY": "0",
	}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		env[name] = value
	}
	c, warnings, err := config.Read(env)
	if err != nil || len(warnings) > 0 {
		w.t.Fatal(err, warnings)
	}
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, c, w.clock.Now, slog.New(slog.NewJSONHandler(w.log, nil)), w.options...)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := a.Prepare(ctx); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	var ended sync.Once
	w.stop = func() {
		ended.Do(func() {
			stop()
			w.http.CloseIdleConnections()
			if err := <-done; err != nil {
				w.t.Error(err)
			}
			a.Close()
		})
	}
	w.t.Cleanup(w.stop)
	return a, "http://" + a.Addr()
}

// client is a signed-out Go client of the world's server.
func (w *world) client() *latchkey.Session {
	w.t.Helper()
	return w.clientOf(w.url)
}

func (w *world) clientOf(url string) *latchkey.Session {
	w.t.Helper()
	s, err := latchkey.NewSession(url, latchkey.WithHTTPClient(w.http))
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// signedUp is a client that has just made an account.
func (w *world) signedUp(email string) *latchkey.Session {
	w.t.Helper()
	s := w.client()
	if _, err := s.SignUp(w.t.Context(), email, goodPassword); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// answer is a raw answer.
type answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   string
}

// call sends a raw request; headers are "Name: value".
func (w *world) call(method, path, body string, headers ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := w.http.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return readAnswer(w.t, got)
}

// readAnswer reads an answer whole; one that breaks off has status 0.
func readAnswer(t testing.TB, got *http.Response) answer {
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return answer{t: t}
	}
	return answer{t, got.StatusCode, got.Header, string(text)}
}

// get reads a member of the answer, such as "meta.access_token"; nil where there is none.
func (a answer) get(path string) any {
	a.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(a.Body), &value); err != nil {
		a.t.Fatalf("%v: %s", err, a.Body)
	}
	for _, name := range strings.Split(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			if len(v) == 0 {
				return nil
			}
			value, _ = v[0].(map[string]any)[name]
		default:
			return nil
		}
	}
	return value
}

func (a answer) text(path string) string {
	s, _ := a.get(path).(string)
	return s
}

// wants fails unless the answer has the status and, where codes are given, exactly
// those problems, written "code" or "code@param".
func (a answer) wants(status int, codes ...string) answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Fatalf("status %d, want %d: %s", a.Status, status, a.Body)
	}
	if len(codes) == 0 {
		return a
	}
	var got struct {
		Errors []struct{ Code, Param string }
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		a.t.Fatal(err)
	}
	var have []string
	for _, e := range got.Errors {
		if e.Param != "" {
			e.Code += "@" + e.Param
		}
		have = append(have, e.Code)
	}
	if strings.Join(have, " ") != strings.Join(codes, " ") {
		a.t.Fatalf("problems %q, want %q", have, codes)
	}
	return a
}

// The paths that tests call by hand.
const (
	configPath   = "/_allauth/app/v1/config"
	signupPath   = "/_allauth/app/v1/auth/signup"
	loginPath    = "/_allauth/app/v1/auth/login"
	sessionPath  = "/_allauth/app/v1/auth/session"
	sessionsPath = "/_allauth/app/v1/auth/sessions"
	refreshPath  = "/_allauth/app/v1/auth/token/refresh"
	pairPath     = "/_allauth/app/v1/tokens/refresh"
	profilePath  = "/api/v1/users/profile/"
	jwksPath     = "/.well-known/jwks.json"
)

func credentials(email, password string) string {
	b, _ := json.Marshal(map[string]string{"email": email, "password": password})
	return string(b)
}

func bearer(t string) string { return "Authorization: Bearer " + t }

// exec runs SQL on the world's database.
func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	c := w.connect()
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(context.Background(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

// query reads one value from the world's database.
func query[T any](w *world, sql string, args ...any) T {
	w.t.Helper()
	c := w.connect()
	defer func() { _ = c.Close(context.Background()) }()
	var value T
	if err := c.QueryRow(context.Background(), sql, args...).Scan(&value); err != nil {
		w.t.Fatal(err)
	}
	return value
}

// column reads the first column of all rows.
func column[T any](w *world, sql string, args ...any) []T {
	w.t.Helper()
	c := w.connect()
	defer func() { _ = c.Close(context.Background()) }()

	rows, err := c.Query(context.Background(), sql, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// meanwhile makes calls, one after the other, that each come to wait for a person's row, runs
// SQL then and lets them go. It returns their answers.
func (w *world) meanwhile(sql string, calls ...func() answer) []answer {
	w.t.Helper()
	ctx := context.Background()
	other := w.connect()
	defer func() { _ = other.Close(ctx) }()
	if _, err := other.Exec(ctx, "BEGIN; SELECT 1 FROM users FOR UPDATE"); err != nil {
		w.t.Fatal(err)
	}
	answers := make([]answer, len(calls))
	var done sync.WaitGroup
	for n, call := range calls {
		done.Go(func() { answers[n] = call() })
		eventually(w.t, 5*time.Second, "a call waiting for the person", func() bool {
			return query[int](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == n+1
		})
	}
	if _, err := other.Exec(ctx, sql+"; COMMIT"); err != nil {
		w.t.Fatal(err)
	}
	done.Wait()
	return answers
}

func (w *world) connect() *pgx.Conn {
	w.t.Helper()
	c, err := pgx.Connect(context.Background(), w.db)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// name is the world's database.
func (w *world) name() string {
	_, rest, _ := strings.Cut(w.db, "dbname=")
	name, _, _ := strings.Cut(rest, " ")
	return name
}

// admin runs SQL on the same server, outside the world's database.
func (w *world) admin(sql string) {
	w.t.Helper()
	c, err := pgx.Connect(context.Background(), strings.Replace(w.db, "dbname="+w.name(), "dbname=postgres", 1))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	if _, err := c.Exec(context.Background(), sql); err != nil {
		w.t.Fatal(err)
	}
}
