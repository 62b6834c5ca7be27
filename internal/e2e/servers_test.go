package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/testdb"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// cluster is a database and a key file that servers share, each a process of its own.
type cluster struct {
	*world
	file string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	key, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, db: testdb.New(t), key: key, clock: newClock(), log: &buffer{}, mails: t.TempDir()}
	c := &cluster{w, filepath.Join(t.TempDir(), "key.pem")}
	c.writeKeys(c.file, key)
	return c
}

// server starts one more server, and returns the way to call it.
func (c *cluster) server() *process {
	c.t.Helper()
	p := launch{args: []string{"serve"}, env: []string{
		"DATABASE_URL=" + c.db, "HEADLESS_JWT_PRIVATE_KEY_FILE=" + c.file, "LATCHKEY_ADDR=127.0.0.1:0", "ACCOUNT_RATE_LIMITS=false",
		"ACCOUNT_LOGIN_BY_CODE_ENABLED=true", "ACCOUNT_EMAIL_VERIFICATION=none", "LATCHKEY_MAIL_DIR=" + c.mails,
	}}.serving(c.t)
	p.db, p.mails, p.clock = c.db, c.mails, c.clock
	return p
}

// rotate does the next step of a rotation, however early that is.
func (c *cluster) rotate() {
	c.t.Helper()
	launch{args: []string{"keys", "rotate", "--force", c.file}, env: []string{"DATABASE_URL=" + c.db}}.run(c.t).wants(0)
}

// signsInAcross asks one server for a code and gives it to another.
func (c *cluster) signsInAcross(asked, told *process) {
	c.t.Helper()
	n := len(c.letters(ada))
	asks := asked.visitor()
	asks.post(codeRequestPath, "email", ada).waits("login_by_code")
	from := time.Now()
	eventually(c.t, 60*time.Second, "mailed", func() bool { return len(c.letters(ada)) > n })
	if d := time.Since(from); d > 10*time.Second {
		c.t.Errorf("the mail took %v: the server that sends could not open what the other sealed", d)
	}
	asks.w = told.world
	asks.post(codeConfirmPath, "code", asked.mailedCode(ada, n+1)).in()
}

// TestServers_aKeyRotationBetweenTheirStartsSeparatesNothing starts one server before a rotation and one
// after each of its steps: each takes the codes of the others, and sends their mails.
func TestServers_aKeyRotationBetweenTheirStartsSeparatesNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	servers := []*process{c.server()}
	servers[0].signedUp(ada)
	for range 3 { // a key is added, signs, and the old one is dropped
		c.rotate()
		servers = append(servers, c.server())
		for _, other := range servers[:len(servers)-1] {
			c.signsInAcross(other, servers[len(servers)-1])
			c.signsInAcross(servers[len(servers)-1], other)
		}
	}
	if n := query[int](c.world, "SELECT count(DISTINCT secret_id) FROM shared_secrets"); n != 2 {
		t.Errorf("%d shared keys, want one for HMACs and one that seals", n)
	}
	for n, p := range servers {
		if strings.Contains(p.log.String(), "sealed") || strings.Contains(p.log.String(), `"level":"ERROR"`) {
			t.Errorf("server %d: %s", n+1, p.log)
		}
	}
}

// TestServers_oneWithAnotherKeyWaitsUntilARunningOneKnowsIt: the key file has changed whole, and no server
// has read it yet.
func TestServers_oneWithAnotherKeyWaitsUntilARunningOneKnowsIt(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := c.server()
	first.signedUp(ada)
	other, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	c.writeKeys(c.file, other)
	second := c.server()
	c.signsInAcross(first, second)
	c.signsInAcross(second, first)
}

// TestServers_aReplacedKeyStartsAnew: nobody is left who could open the shared keys.
func TestServers_aReplacedKeyStartsAnew(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := c.server()
	first.signedUp(ada)
	c.signsInAcross(first, first)
	other, _, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	first.cmd.Process.Kill()
	<-first.done
	c.writeKeys(c.file, other)
	c.exec("UPDATE shared_secrets SET seen_at = now() - interval '2 minutes'")
	second := c.server()
	if !strings.Contains(second.log.String(), "no server runs that can open the shared keys") {
		t.Errorf("nothing says that codes are lost: %s", second.log)
	}
	c.signsInAcross(second, second)
}

// TestServers_aStartInAnOutageServesOnceTheKeysAreThere: what needs the shared keys is 503 before that, and
// what needs no database goes on.
func TestServers_aStartInAnOutageServesOnceTheKeysAreThere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.http = start(t).http
	c.exec("ALTER TABLE shared_secrets RENAME TO away")
	c.cut()
	p := c.server()
	p.call("GET", configPath, "").wants(200)
	p.call("GET", jwksPath, "").wants(200)
	p.call("POST", loginPath, credentials(ada, goodPassword)).wants(503, "temporarily_unavailable")
	p.call("GET", sessionPath, "", "X-Session-Token: x").wants(503, "temporarily_unavailable")

	// The database is back, and the keys are not to be had yet.
	c.mend()
	p.call("POST", codeRequestPath, `{"email":"`+ada+`"}`).wants(503, "temporarily_unavailable")
	p.call("POST", signupPath, credentials(ada, goodPassword)).wants(503, "temporarily_unavailable")
	c.exec("ALTER TABLE away RENAME TO shared_secrets")
	eventually(t, 20*time.Second, "serving", func() bool { return p.call("POST", signupPath, credentials(ada, goodPassword)).Status == 200 })
	c.signsInAcross(p, p)
}

// sealedFor is which keys of the settings open the shared keys.
func (c *cluster) sealedFor(kind string) int {
	return query[int](c.world, "SELECT count(DISTINCT key_id) FROM shared_secrets WHERE key_id LIKE $1", kind+":%")
}

// TestServers_messagesOfBeforeTheSealingKeysAreStillSent: LATCHKEY_SEALING_KEYS is set later, and the
// messages and the HMACs of before stay readable.
func TestServers_messagesOfBeforeTheSealingKeysAreStillSent(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	first := c.server()
	first.signedUp(ada)
	visitor := first.visitor()
	c.exec("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.scheduled_at = now() + interval '1 hour'; NEW.state = 'scheduled'; RETURN NEW; END $$")
	c.exec("CREATE TRIGGER wait BEFORE INSERT ON river.river_job FOR EACH ROW EXECUTE FUNCTION wait()")
	visitor.post(codeRequestPath, "email", ada).waits("login_by_code")
	first.cmd.Process.Kill()
	<-first.done

	keys := filepath.Join(t.TempDir(), "sealing")
	if err := os.WriteFile(keys, []byte(fmt.Sprintf("new:%s", strings.Repeat("A", 43)+"=")), 0o600); err != nil {
		t.Fatal(err)
	}
	second := launch{args: []string{"serve"}, env: []string{
		"DATABASE_URL=" + c.db, "HEADLESS_JWT_PRIVATE_KEY_FILE=" + c.file, "LATCHKEY_ADDR=127.0.0.1:0", "LATCHKEY_SEALING_KEYS_FILE=" + keys,
		"ACCOUNT_LOGIN_BY_CODE_ENABLED=true", "LATCHKEY_MAIL_DIR=" + c.mails, "ACCOUNT_RATE_LIMITS=false",
	}}.serving(t)
	if c.sealedFor("sealing") != 1 || c.sealedFor("signing") != 1 {
		t.Errorf("the shared keys are sealed for %d sealing and %d signing keys", c.sealedFor("sealing"), c.sealedFor("signing"))
	}
	c.exec("DROP TRIGGER wait ON river.river_job")
	c.exec("UPDATE river.river_job SET scheduled_at = now(), state = 'available' WHERE state = 'scheduled'")
	eventually(t, 20*time.Second, "mailed", func() bool { return len(c.letters(ada)) > 0 })
	second.db, second.mails, second.clock = c.db, c.mails, c.clock
	visitor.w = second.world
	visitor.post(codeConfirmPath, "code", second.mailedCode(ada, len(c.letters(ada)))).in()
}

// at is one more server of a world, whose clock is wrong by so much.
func (w *world) at(wrong time.Duration, settings ...string) *world {
	w.t.Helper()
	other := *w
	other.clock = newClock()
	other.clock.Advance(wrong)
	other.app, other.url = other.serve(settings...)
	return &other
}

// TestServers_clocksThatDifferSeparateNothing: servers go by the database's clock, whatever theirs says.
func TestServers_clocksThatDifferSeparateNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_BY_CODE_ENABLED=true")
	w.options = nil
	settings := []string{
		links, "ACCOUNT_LOGIN_BY_CODE_ENABLED=true", "LATCHKEY_MAIL_DIR=" + w.mails, "ACCOUNT_RATE_LIMITS=true",
		"ACCOUNT_REAUTHENTICATION_TIMEOUT=60", "ACCOUNT_LOGIN_BY_CODE_TIMEOUT=60",
	}
	servers := []*world{w.at(0, settings...), w.at(10*time.Minute, settings...), w.at(-10*time.Minute, settings...)}
	servers[1].signedUp(ada)
	w.exec("UPDATE email_addresses SET verified_at = now()")
	for _, one := range servers {
		for _, other := range servers {
			v := one.visitor()
			v.post(loginPath, "email", ada, "password", goodPassword).in()
			v.w = other
			v.do("GET", sessionPath, "").wants(200)
			other.call("GET", profilePath, "", bearer(v.access)).wants(200)
			w.age(grown)
			other.call("POST", refreshPath, object("refresh", v.fresh)).wants(200)

			n := len(w.letters(ada))
			asks := one.visitor()
			asks.post(codeRequestPath, "email", ada).waits("login_by_code")
			asks.w = other
			asks.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).in()
			w.exec("DELETE FROM rate_limits") // this many sign-ins are one too many for them
		}
	}
	if !strings.Contains(w.log.String(), "the clocks of this server and of the database differ") {
		t.Error("nothing says that the clocks differ")
	}
}

// TestServers_anAccessTokenFromTheFutureIsAccepted: until a server has looked at the database's clock.
func TestServers_anAccessTokenFromTheFutureIsAccepted(t *testing.T) {
	t.Parallel()
	w := start(t)
	fast, tooFast := w.at(110*time.Second), w.at(130*time.Second)
	w.call("GET", profilePath, "", bearer(fast.signedUp(ada).Tokens().Access)).wants(200)
	w.call("GET", profilePath, "", bearer(tooFast.signedUp(grace).Tokens().Access)).wants(401)
}
