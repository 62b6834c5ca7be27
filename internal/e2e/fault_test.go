package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/token"
)

// TestTCHA01_aServerThatIsKilledAgainAndAgainCostsNoSession kills `latchkey serve` with
// signal 9 at random moments while phones refresh.
func TestTCHA01_aServerThatIsKilledAgainAndAgainCostsNoSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	port := freePort(t)
	serve := func() *process {
		return launch{args: []string{"serve"}, env: []string{
			"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=" + port, "ACCOUNT_RATE_LIMITS=false",
		}}.serving(t)
	}
	p := serve()
	at := *w
	at.url = "http://" + port
	var phones []*phone
	for n := range 4 {
		ph := newPhone(w, rand.New(rand.NewSource(int64(n))), fmt.Sprintf("phone-%d", n))
		ph.w = &at
		phones = append(phones, ph)
	}
	l := startLoad(t, phones)
	for range 8 {
		before := l.refreshes.Load()
		eventually(t, 20*time.Second, "refreshing", func() bool { return l.refreshes.Load() > before+int64(20+phones[0].rnd.Intn(60)) })
		p.signal(syscall.SIGKILL)
		<-p.done
		p = serve()
	}
	l.stop()
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); n != 0 {
		t.Errorf("%d sessions ended", n)
	}
}

// load is phones that refresh as fast as they can, whatever happens to the server.
type load struct {
	t         *testing.T
	refreshes atomic.Int64
	ended     atomic.Bool
	wg        sync.WaitGroup
}

func startLoad(t *testing.T, phones []*phone) *load {
	t.Helper()
	l := &load{t: t}
	for _, p := range phones {
		l.wg.Go(func() {
			for !l.ended.Load() {
				l.try(p)
			}
		})
	}
	return l
}

// try is one refresh over a connection of its own; an answer that does not come costs
// nothing but another attempt.
func (l *load) try(p *phone) {
	url := p.w.url
	if len(p.urls) > 0 {
		p.turn++
		url = p.urls[p.turn%len(p.urls)]
	}
	r, err := http.NewRequest("POST", url+refreshPath, strings.NewReader(`{"refresh":"`+p.store.refresh+`"}`))
	if err != nil {
		l.t.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", p.store.key)
	r.Close = true
	got, err := p.w.http.Do(r)
	if err != nil {
		return
	}
	a := readAnswer(l.t, got)
	switch {
	case a.Status == http.StatusOK:
		p.persist(a.text("meta.refresh_token"), a.text("meta.access_token"))
		l.refreshes.Add(1)
	case a.Status != http.StatusServiceUnavailable && a.Status != 0:
		l.t.Errorf("an honest phone was told %d: %s", a.Status, a.Body)
		l.ended.Store(true)
	}
}

func (l *load) stop() {
	l.ended.Store(true)
	l.wg.Wait()
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// TestTCHA03_aFrozenDatabaseIs503AndRecovers stops PostgreSQL's processes: nothing
// answers, nothing is refused.
func TestTCHA03_aFrozenDatabaseIs503AndRecovers(t *testing.T) {
	t.Parallel()
	local, _ := ownPostgres(t)
	w := start(t)
	w.db = local.URL
	w.app, w.url = w.serve()
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	w.call("GET", profilePath, "", bearer(e.Access)).wants(200)
	freeze(t, local.Pid(), syscall.SIGSTOP)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() { w.call("GET", profilePath, "", bearer(e.Access)).wants(503, "temporarily_unavailable") })
	}
	wg.Wait()
	freeze(t, local.Pid(), syscall.SIGCONT)
	eventually(t, 10*time.Second, "serving again", func() bool { return w.call("GET", profilePath, "", bearer(e.Access)).Status == 200 })
	w.persistent(func() answer { return w.spend(e.Refresh, "key-number-1") }).wants(200)
}

// freeze signals a postmaster and all its children, which are groups of their own.
func freeze(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()

	for _, process := range append(childrenOf(t, pid), pid) {
		if err := syscall.Kill(process, s); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
}

// childrenOf lists the processes that a process has started and that still run.
func childrenOf(t *testing.T, pid int) []int {
	t.Helper()

	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("left out: the children of PostgreSQL are found below /proc, which only Linux has")
	}

	var children []int

	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil { // it has ended meanwhile
			continue
		}

		// PID (NAME) STATE PARENT …; the name may contain spaces and parentheses.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) < 2 || fields[1] != strconv.Itoa(pid) {
			continue
		}

		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}

		children = append(children, child)
	}

	return children
}

// TestTCHA07_aFifthOfAllAnswersIsLost: after a thousand refreshes every phone is signed in.
func TestTCHA07_aFifthOfAllAnswersIsLost(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bornGrown()
	w.signedUp("ada@example.com")
	rnd := seeded(t)
	p := newPhone(w, rnd, "phone")
	for range 1000 {
		if rnd.Intn(5) == 0 {
			p.send(p.store).wants(200) // and nobody hears of it
			continue
		}
		p.refresh().wants(200)
		if rnd.Intn(4) == 0 {
			w.call("GET", sessionPath, "", bearer(p.store.access)).wants(200)
		}
	}
}

// TestTCHA10_aFullDiskForLogsStopsNobody: standard error takes nothing.
func TestTCHA10_aFullDiskForLogsStopsNobody(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatalf("this test needs /dev/full, which Linux has: %v", err)
	}
	defer func() { _ = full.Close() }()
	w := start(t)
	w.signedUp("ada@example.com")
	port := freePort(t)
	cmd := launch{args: []string{"serve"}, env: []string{"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=" + port}}.command(t)
	cmd.Stdout, cmd.Stderr = full, full
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() })
	at := *w
	at.url = "http://" + port
	eventually(t, 10*time.Second, "serving", func() bool {
		c, err := net.Dial("tcp", port)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	at.signIn("ada@example.com")
}

// TestTCHA11_aRollingRestartWithAKeyRotationCostsNothing: two servers, one key file, each
// step of the rotation between two restarts.
func TestTCHA11_aRollingRestartWithAKeyRotationCostsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bornGrown()
	w.signedUp("ada@example.com")
	path := filepath.Join(t.TempDir(), "key.pem")
	w.writeKeys(path, w.key)
	ports := []string{freePort(t), freePort(t)}
	serve := func(port string) *process {
		return launch{args: []string{"serve"}, env: []string{
			"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY_FILE=" + path, "LATCHKEY_ADDR=" + port, "ACCOUNT_RATE_LIMITS=false",
		}}.serving(t)
	}
	nodes := []*process{serve(ports[0]), serve(ports[1])}
	var phones []*phone
	for n := range 4 {
		p := newPhone(w, rand.New(rand.NewSource(int64(n))), fmt.Sprintf("phone-%d", n))
		p.urls = []string{"http://" + ports[n%2], "http://" + ports[(n+1)%2]} // by turns
		phones = append(phones, p)
	}
	l := startLoad(t, phones)
	for range 2 { // add a key; let it sign
		text, err := token.ReadKeyFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := token.ParseKeyFile(text)
		if err != nil {
			t.Fatal(err)
		}
		if file, _, err = file.Rotate(time.Now(), time.Hour); err != nil {
			t.Fatal(err)
		}
		w.writeKeys(path, file.String())
		for n := range nodes {
			before := l.refreshes.Load()
			eventually(t, 20*time.Second, "refreshing", func() bool { return l.refreshes.Load() > before+40 })
			nodes[n].signal(syscall.SIGTERM)
			if code := nodes[n].exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			nodes[n] = serve(ports[n])
		}
	}
	l.stop()
}
