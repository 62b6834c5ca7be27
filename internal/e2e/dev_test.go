package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/testdb"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// dev runs `latchkey dev` on a directory until it has printed its tour.
func (l launch) dev(t testing.TB, dir string) *process {
	t.Helper()
	l.args = []string{"dev", "--dir", dir, "--addr", "127.0.0.1:0"}
	p := l.start(t)
	p.until(time.Minute, "ready", func() bool { return strings.Contains(p.out.String(), "/openapi.json\n") })
	p.url = p.said(`listening on (http://\S+)`)
	return p
}

// said is what the tour says where the pattern has its group.
func (p *process) said(pattern string) string {
	p.t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(p.out.String())
	if found == nil {
		p.t.Fatalf("the tour does not say %s:\n%s", pattern, p.out)
	}
	return found[1]
}

// demo signs in as the demo user, with the password that the tour shows.
func (p *process) demo() answer {
	p.t.Helper()
	password := p.said(`"email":"demo@example.com","password":"([^"]+)"`)
	return p.call("POST", loginPath, credentials("demo@example.com", password)).wants(200)
}

// Programs that start it read one line of JSON, and nothing else is on standard output: mails go beside it.
func TestDev_aProgramReadsOneLine(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	l := launch{args: []string{"dev", "--dir", dir, "--addr", "127.0.0.1:0", "--json"}}
	p := l.start(t)
	p.until(time.Minute, "ready", func() bool { return strings.HasSuffix(p.out.String(), "\n") })

	var ready map[string]string
	if err := json.Unmarshal([]byte(p.out.String()), &ready); err != nil {
		t.Fatalf("%v:\n%s", err, p.out)
	}
	if ready["directory"] != dir {
		t.Errorf("directory: %q, want %q", ready["directory"], dir)
	}

	p.url = ready["url"]
	p.call("POST", loginPath, credentials(ready["email"], ready["password"])).wants(200)
	if answer, err := http.Get(ready["services"] + "/apple/keys"); err != nil || answer.Body.Close() != nil {
		t.Errorf("the fake Apple does not answer: %v", err)
	}

	p.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)
	p.until(10*time.Second, "a mail", func() bool { return strings.Contains(p.log.String(), "mail to "+ada) })
	if printed := strings.Count(p.out.String(), "\n"); printed != 1 {
		t.Errorf("%d lines, want one:\n%s", printed, p.out)
	}
}

// accounts calls f as ourselves and, where we are root, as an ordinary user, with a
// directory that is theirs.
func accounts(t *testing.T, f func(t *testing.T, l launch, dir string)) {
	t.Helper()
	t.Run("as ourselves", func(t *testing.T) {
		t.Parallel()
		f(t, launch{}, filepath.Join(short(t), "d"))
	})
	if os.Geteuid() != 0 {
		return
	}
	t.Run("as nobody", func(t *testing.T) {
		t.Parallel()
		u, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		home := short(t)
		if err := os.Chown(home, uid, gid); err != nil {
			t.Fatal(err)
		}
		as := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		f(t, launch{as: as, env: []string{"HOME=" + home}}, filepath.Join(home, "d"))
	})
}

// The goal of a first start is ten seconds; a busy machine gets three times as long. It runs before its
// neighbours, not beside them.
func TestDev_isReadySoon(t *testing.T) {
	binary(t) // building it does not count
	from := time.Now()
	launch{}.dev(t, filepath.Join(short(t), "d"))
	if took := time.Since(from); took > 30*time.Second {
		t.Errorf("ready after %v", took)
	}
}

func TestDev_theTourWorksAsPrinted(t *testing.T) {
	t.Parallel()
	accounts(t, func(t *testing.T, l launch, dir string) {
		p := l.dev(t, dir)
		var script strings.Builder
		for _, line := range strings.Split(p.out.String(), "\n") {
			if indented, ok := strings.CutPrefix(line, "  "); ok {
				script.WriteString(indented + "\n")
			}
		}
		answers := bash(t, script.String())
		signup, login, session, profile, changed, refresh, out, after := answers[0], answers[1], answers[2], answers[3], answers[4], answers[5], answers[6], answers[7]
		for i, want := range []float64{200, 200, 200, 0, 0, 200, 401, 401} {
			if got, _ := answers[i].get("status").(float64); got != want { // a profile has no envelope
				t.Errorf("answer %d: %s", i+1, answers[i].Body)
			}
		}
		if signup.text("meta.access_token") == "" || login.text("data.user.email") != "demo@example.com" || session.text("data.user.email") != "demo@example.com" {
			t.Errorf("sign-up, sign-in, session: %s %s %s", signup.Body, login.Body, session.Body)
		}
		if profile.text("email") != "demo@example.com" || profile.text("tenant_id") == "" || profile.get("email_verified") != true {
			t.Errorf("profile: %s", profile.Body)
		}
		if changed.text("display") != "Demo User" || refresh.text("meta.access_token") == "" {
			t.Errorf("change, refresh: %s %s", changed.Body, refresh.Body)
		}
		if out.text("data.flows.id") != "login" || out.get("meta.is_authenticated") != false || after.get("meta.is_authenticated") != false {
			t.Errorf("sign-out, session: %s %s", out.Body, after.Body)
		}
	})
}

// bash runs the tour's lines as somebody who pastes them, and returns what they print.
func bash(t *testing.T, script string) []answer {
	t.Helper()

	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("left out: the tour as it is printed needs %s", tool)
		}
	}

	calls := strings.Count(script, "curl ")
	if calls != 8 {
		t.Fatalf("the tour has %d calls, this test knows 8:\n%s", calls, script)
	}
	cmd := exec.Command("bash", "-e", "-u", "-o", "pipefail")
	cmd.Stdin = strings.NewReader(script)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %s\n%s", err, out, stderr.String())
	}
	var answers []answer
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if strings.HasPrefix(line, "# ") { // what the tour says between its calls
			continue
		}
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %s", line)
		}
		answers = append(answers, answer{t: t, Body: line})
	}
	if len(answers) != calls {
		t.Fatalf("%d calls, %d answers:\n%s", calls, len(answers), out)
	}
	return answers
}

// postmaster is the process of the database below dir.
func postmaster(t testing.TB, dir string) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil || !alive(pid) {
		t.Fatalf("no server with pid %q: %v", first, err)
	}
	return pid
}

func TestDev_ctrlCAndSIGTERMEndTheDatabaseToo(t *testing.T) {
	t.Parallel()
	accounts(t, func(t *testing.T, l launch, dir string) {
		for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			p := l.dev(t, dir)
			database := postmaster(t, dir)
			p.demo()
			p.signal(s)
			if code := p.exit(); code != 0 {
				t.Errorf("%v: exit code %d: %s", s, code, p.log)
			}
			if alive(database) {
				t.Errorf("%v: the database lives on", s)
			}
		}
	})
}

func TestDev_whatItMadeIsThereAtTheNextStartEvenAfterAKill(t *testing.T) {
	t.Parallel()
	accounts(t, func(t *testing.T, l launch, dir string) {
		first := l.dev(t, dir)
		database := postmaster(t, dir)
		before, key := first.demo(), first.call("GET", jwksPath, "").wants(200)
		refresh := before.text("meta.refresh_token")
		first.signal(syscall.SIGKILL)
		<-first.done
		if runtime.GOOS == "linux" { // elsewhere the next start joins the server
			eventually(t, 30*time.Second, "without the database", func() bool { return !alive(database) })
		}
		second := l.dev(t, dir)
		after := second.demo()
		if before.get("data.user.id") != after.get("data.user.id") || first.said(`"password":"([^"]{12,})"\}'\); echo`) != second.said(`"password":"([^"]{12,})"\}'\); echo`) {
			t.Errorf("another demo user: %s %s", before.Body, after.Body)
		}
		if kid := second.call("GET", jwksPath, "").text("keys.kid"); kid == "" || kid != key.text("keys.kid") {
			t.Errorf("another key: %s, before %s", kid, key.Body)
		}
		second.spend(refresh, "").wants(200) // nobody was signed out
		second.db = "host=" + filepath.Join(dir, "postgres") + " user=postgres dbname=postgres sslmode=disable"
		if n := query[int](second.world, "SELECT count(*) FROM tenants"); n != 1 {
			t.Errorf("%d demo tenants", n)
		}
	})
}

// TestDev_startsRightAfterAKill: the database of the killed one is still writing its data
// away then, and can be neither joined nor replaced.
func TestDev_startsRightAfterAKill(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	p := launch{}.dev(t, dir)
	for range 3 {
		p.db = "host=" + filepath.Join(dir, "postgres") + " user=postgres dbname=postgres sslmode=disable"
		p.exec("DROP TABLE IF EXISTS ballast")
		p.exec("CREATE TABLE ballast AS SELECT n, repeat('x', 200) AS text FROM generate_series(1, 200000) n")
		p.signal(syscall.SIGKILL)
		<-p.done
		p = launch{}.dev(t, dir)
		p.demo()
	}
}

func TestDev_aStartThatWasKilledHalfWayIsMadeGoodByTheNext(t *testing.T) {
	t.Parallel()
	url, dir := testdb.New(t), filepath.Join(short(t), "d")
	if err := os.MkdirAll(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "demo-password"), []byte("written, but not used\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch{env: []string{"DATABASE_URL=" + url}}.dev(t, dir)
	p.demo()
	elsewhere := launch{env: []string{"DATABASE_URL=" + testdb.New(t)}}.dev(t, dir) // another database, the same directory
	elsewhere.demo()
	stranger := launch{env: []string{"DATABASE_URL=" + url}}.dev(t, filepath.Join(short(t), "d"))
	if !strings.Contains(stranger.log.String(), "warning: demo@example.com is in this database already") {
		t.Errorf("the tour shows a password that is not the demo user's, without a warning: %s", stranger.log)
	}
	p.demo() // its password was left alone
}

func TestDev_aDatabaseInUseIsRefused(t *testing.T) {
	t.Parallel()

	url := testdb.New(t)
	p := served(t, url).serving(t)
	p.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(200)
	p.db = url

	l := launch{args: []string{"dev", "--dir", filepath.Join(short(t), "d"), "--addr", "127.0.0.1:0"}, env: []string{"DATABASE_URL=" + url}}
	l.run(t).wants(1, "DATABASE_URL", "latchkey serve")

	if n := query[int](p.world, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("the database has %d users, want 1", n)
	}
}

func TestDev_takesADatabaseThatIsThere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	p := launch{env: []string{"DATABASE_URL=" + testdb.New(t)}}.dev(t, dir)
	p.demo()
	if _, err := os.Stat(filepath.Join(dir, "postgres")); !os.IsNotExist(err) {
		t.Errorf("it made a database of its own: %v", err)
	}
}

func TestDev_takesTheSettingsOfServe(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	key, kid, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(short(t), "url")
	if err := os.WriteFile(file, []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(short(t), "d")
	p := launch{env: []string{
		"DATABASE_URL_FILE=" + file, "HEADLESS_JWT_PRIVATE_KEY=" + key, "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN=120",
		"LATCHKEY_ISSUER=https://auth.example.com", "LATCHKEY_AUDIENCE=app", "LATCHKEY_SIGNUP_OPEN=false",
		"HEADLESS_JWT_ROTATE_REFRESH_TOKEN=False", "HEADLESS_JWT_AUTHORIZATION_HEADER_SCHEME=JWT",
	}}.dev(t, dir)
	in := p.demo()
	access := claims(t, in.text("meta.access_token"))
	if access["exp"].(float64)-access["iat"].(float64) != 120 || access["iss"] != "https://auth.example.com" || access["aud"] != "app" {
		t.Errorf("access token: %v", access)
	}
	if got := p.call("GET", jwksPath, "").text("keys.kid"); got != kid {
		t.Errorf("kid %s, want %s", got, kid)
	}
	p.call("POST", signupPath, credentials("new@example.com", goodPassword)).wants(403)
	p.call("GET", profilePath, "", "Authorization: JWT "+in.text("meta.access_token")).wants(200)
	if a := p.spend(in.text("meta.refresh_token"), "").wants(200); a.get("meta.refresh_token") != nil && a.text("meta.refresh_token") != in.text("meta.refresh_token") {
		t.Errorf("the refresh token rotates: %s", a.Body)
	}
	if _, err := os.Stat(filepath.Join(dir, "key.pem")); !os.IsNotExist(err) {
		t.Errorf("it made a key although one was given: %v", err)
	}
}

func TestDev_bringsItsOwnSchemaUpToDateInAnyCase(t *testing.T) {
	t.Parallel()
	launch{env: []string{"LATCHKEY_AUTO_MIGRATE=false"}}.dev(t, filepath.Join(short(t), "d")).demo()
}

// TestServe_neverFetches names a mirror that counts its visitors; `latchkey dev` with the same
// settings does visit it.
func TestServe_neverFetches(t *testing.T) {
	t.Parallel()

	var visits atomic.Int64
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits.Add(1)
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(mirror.Close)

	fetching := []string{
		"PG_BIN=", "LATCHKEY_POSTGRES_VERSION=18",
		"LATCHKEY_POSTGRES_MIRROR=" + mirror.URL, "LATCHKEY_POSTGRES_CACHE=" + filepath.Join(short(t), "cache"),
	}

	launch{args: []string{"serve"}, env: fetching}.run(t).wants(2, "DATABASE_URL")
	served(t, testdb.New(t), fetching...).serving(t)

	if n := visits.Load(); n != 0 {
		t.Errorf("latchkey serve visited the mirror %d times", n)
	}

	dev := launch{args: []string{"dev", "--dir", filepath.Join(short(t), "d"), "--addr", "127.0.0.1:0"}, env: fetching}
	dev.run(t).wants(1, "404", "LATCHKEY_POSTGRES_MIRROR")

	if n := visits.Load(); n != 1 {
		t.Errorf("latchkey dev visited the mirror %d times, want 1", n)
	}
}

func TestDev_namesThePackageThatIsMissing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	l := launch{args: []string{"dev", "--dir", dir, "--addr", "127.0.0.1:0"}, env: []string{"PG_BIN=" + filepath.Join(dir, "nowhere")}}
	l.run(t).wants(1, "PG_BIN", "apt-get install postgresql", "brew install postgresql@17")
}

func TestDev_refusesADirectoryOfAnotherAccount(t *testing.T) {
	t.Parallel()
	dir := short(t)
	if os.Geteuid() == 0 {
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	} else {
		dir = "/" // root's
	}
	launch{args: []string{"dev", "--dir", dir, "--addr", "127.0.0.1:0"}}.run(t).wants(1, "belongs to another account")
}

// TestDev_theKeyAndTheDatabaseAreNobodyElses: what stands below the directory is secret.
func TestDev_theKeyAndTheDatabaseAreNobodyElses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	launch{}.dev(t, dir)
	for _, name := range []string{"key.pem", "demo-password", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", name, info.Mode())
		}
	}
	if os.Geteuid() != 0 {
		return
	}
	stranger := exec.Command("sh", "-c", `cd "$0" && exec cat key.pem`, dir)
	stranger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := stranger.Output(); err == nil || len(out) > 0 {
		t.Error("another account reads the key")
	}
	c, err := pgx.Connect(t.Context(), "host="+filepath.Join(dir, "postgres")+" user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	var addresses string
	if err := c.QueryRow(t.Context(), "SHOW listen_addresses").Scan(&addresses); err != nil || addresses != "" {
		t.Errorf("the database listens on %q: %v", addresses, err)
	}
}

// What a phone needs of the second half of the protocol is there from the start: Apple and
// Google, played; passkeys at http://localhost; TOTP, with a sealing key that is kept.
func TestDev_playsAppleAndGoogleAndKnowsPasskeys(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "d")
	p := launch{}.dev(t, dir)
	fake := p.said(`Apple and Google are played by (http://\S+):`)
	a := p.call("GET", configPath, "")
	for _, want := range []string{`"supported_types":["recovery_codes","totp","webauthn"]`, `"passkey_login_enabled":true`, `{"client_id":"dev.latchkey.app,dev.latchkey.web","flows":["provider_token"],"id":"apple","name":"Apple"}`} {
		if !strings.Contains(a.Body, want) {
			t.Errorf("no %s in %s", want, a.Body)
		}
	}
	for service, client := range map[string]string{"apple": "dev.latchkey.app", "google": "dev.latchkey.google"} {
		made := elsewhere(t, "POST", fake+"/"+service+"/token-for", object("client_id", client, "email", service+"@gmail.com")).wants(200)
		in := p.visitor().do("POST", providerTokenPath, brought("login", service, client, made.text("id_token"))).in()
		if in.text("data.user.email") != service+"@gmail.com" {
			t.Error(in.Body)
		}
	}
	if page := elsewhere(t, "GET", fake+"/apple/sign-in?client_id=dev.latchkey.app&redirect_uri=http%3A%2F%2Flocalhost%3A8081%2F", "").wants(200); !strings.Contains(page.Body, "<form") {
		t.Error(page.Body)
	}
	v := p.visitor()
	if options := v.asked(keyLoginPath); !strings.Contains(string(options), `"rpId":"localhost"`) {
		t.Errorf("%s", options)
	}
	// Settings of one's own take the place of all that.
	own := launch{env: []string{"SOCIALACCOUNT_PROVIDERS={}", "LATCHKEY_WEBAUTHN_RP_ID=example.com"}}.dev(t, filepath.Join(short(t), "d"))
	if strings.Contains(own.out.String(), "played by") || !strings.Contains(own.call("GET", configPath, "").Body, `"providers":[]`) {
		t.Error(own.out.String())
	}
	if a := own.call("GET", configPath, ""); !strings.Contains(a.Body, `"supported_types":["recovery_codes","totp"]`) {
		t.Error(a.Body)
	}
}

// elsewhere sends a request to somebody else's server.
func elsewhere(t *testing.T, method, url, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return readAnswer(t, got)
}
