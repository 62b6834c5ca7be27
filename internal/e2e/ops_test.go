package e2e

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/testdb"
)

const (
	opsAnyPort = "LATCHKEY_OPS_ADDR=127.0.0.1:0"
	livePath   = "/livez"
	readyPath  = "/readyz"
)

// ask reads a path of the listener for operators.
func ask(t testing.TB, addr, path string) (status int, body string) {
	t.Helper()

	response, err := http.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()

	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}

	return response.StatusCode, string(text)
}

var listeningForOperators = regexp.MustCompile(`"msg":"listening for operators","addr":"([^"]+)"`)

// opsAddr waits until the process says where it listens for operators.
func (p *process) opsAddr() string {
	p.t.Helper()

	var addr string
	p.until(20*time.Second, "listening for operators", func() bool {
		if found := listeningForOperators.FindStringSubmatch(p.log.String()); found != nil {
			addr = found[1]
		}

		return addr != ""
	})

	return addr
}

func TestProbes_aStartWithoutItsDatabaseIsAliveAndNotReady(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(short(t), "pg")
	p := served(t, "host="+dir+" user=postgres dbname=postgres sslmode=disable", opsAnyPort).start(t)
	addr := p.opsAddr()

	if status, body := ask(t, addr, livePath); status != 200 {
		t.Errorf("%s: %d %s", livePath, status, body)
	}
	if status, body := ask(t, addr, readyPath); status != 503 || !strings.Contains(body, `"prepared":"waiting"`) {
		t.Errorf("%s: %d %s", readyPath, status, body)
	}

	local, err := postgres.StartLocal(t.Context(), dir, serverPrograms(t), testdb.Fast...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Stop() })

	p.until(30*time.Second, "ready", func() bool {
		status, _ := ask(t, addr, readyPath)
		return status == 200
	})
}

func TestProbes_aDrainAnswersClosesAndIsNotReady(t *testing.T) {
	t.Parallel()
	p := served(t, testdb.New(t), opsAnyPort, "LATCHKEY_DRAIN_DELAY=120").serving(t)
	addr := p.opsAddr()
	p.until(20*time.Second, "ready", func() bool {
		status, _ := ask(t, addr, readyPath)
		return status == 200
	})
	open := p.call("GET", configPath, "").wants(200)
	if open.Header.Get("Connection") == "close" {
		t.Error("the connection is closed although the server goes on")
	}

	p.signal(syscall.SIGTERM)
	p.until(20*time.Second, "not ready", func() bool {
		status, body := ask(t, addr, readyPath)
		return status == 503 && strings.Contains(body, `"draining":"yes"`)
	})

	if status, _ := ask(t, addr, livePath); status != 200 {
		t.Errorf("%s while it drains: %d", livePath, status)
	}
	p.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(200)
	if !p.closesConnections() {
		t.Error("an answer while it drains leaves the connection open")
	}

	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != -1 {
		t.Errorf("exit code %d after the second signal, want the signal's own end", code)
	}
}

// The health check of a container is a command: an image from scratch has no curl.
func TestReady_asksTheServerOnThisMachine(t *testing.T) {
	t.Parallel()
	ready := func(addr string) result {
		return launch{args: []string{"ready"}, env: []string{"LATCHKEY_OPS_ADDR=" + addr}}.run(t)
	}

	p := served(t, testdb.New(t), opsAnyPort, "LATCHKEY_DRAIN_DELAY=120").serving(t)
	addr := p.opsAddr()
	p.until(20*time.Second, "ready", func() bool { return ready(addr).code == 0 })
	_, port, _ := strings.Cut(addr, ":")
	ready("0.0.0.0:"+port).wants(0, `"status":"ready"`)

	p.signal(syscall.SIGTERM)
	p.until(20*time.Second, "not ready", func() bool { return ready(addr).code == 1 })
	ready(addr).wants(1, "not ready", `"draining":"yes"`)
	p.signal(syscall.SIGTERM)
	p.exit()
	ready(addr).wants(1, "not ready")
	ready("off").wants(1, "LATCHKEY_OPS_ADDR is off")
}

// closesConnections reports whether an answer says that its connection ends.
func (p *process) closesConnections() bool {
	p.t.Helper()

	response, err := http.Get(p.url + configPath)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = response.Body.Close()

	return response.Close
}

func TestProbes_aPortThatIsTakenIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()

	taken := listener.Addr().String()
	served(t, testdb.New(t), "LATCHKEY_OPS_ADDR="+taken).run(t).
		wants(1, "another program listens on "+taken, "LATCHKEY_OPS_ADDR=host:port, or off")
	served(t, testdb.New(t), "LATCHKEY_OPS_ADDR=nonsense").run(t).wants(2, `LATCHKEY_OPS_ADDR: "nonsense" is not host:port`)
}

func TestProbes_profilesAreASetting(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]int{"LATCHKEY_OPS_PPROF=false": 404, "LATCHKEY_OPS_PPROF=true": 200} {
		w := start(t, opsAnyPort, setting)
		if status, _ := ask(t, w.app.OpsAddr(), "/debug/pprof/cmdline"); status != want {
			t.Errorf("%s: %d, want %d", setting, status, want)
		}
	}
}

func TestProbes_canBeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_OPS_ADDR=off")
	if addr := w.app.OpsAddr(); addr != "" {
		t.Errorf("it listens on %s", addr)
	}
}

// TestMetrics_countWhatHappens also looks for what a client chose: none of it is in a label.
func TestMetrics_countWhatHappens(t *testing.T) {
	t.Parallel()
	w := start(t, opsAnyPort)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.call("POST", loginPath, credentials("ada@example.com", wrongPassword)).wants(400)
	w.call("GET", "/chosen-by-a-client", "").wants(404)
	w.spend(e.refresh, "").wants(200) // young: repeated
	w.pastGrace()
	next := w.spend(e.refresh, "").wants(200) // rotated
	w.pastGrace()
	w.spend(next.text("meta.refresh_token"), "").wants(200)
	w.spend(e.refresh, "").wants(400) // two generations back: reuse

	status, body := ask(t, w.app.OpsAddr(), "/metrics")
	if status != 200 {
		t.Fatal(status, body)
	}

	for _, line := range []string{
		`latchkey_http_requests_total{code="",operation="signup",status="200"} 1`,
		`latchkey_http_requests_total{code="email_password_mismatch",operation="login",status="400"} 1`,
		`latchkey_http_requests_total{code="http",operation="unknown",status="404"} 1`,
		`latchkey_http_request_duration_seconds_count{operation="login"} 2`,
		`latchkey_refreshes_total{verdict="repeat"} 1`,
		`latchkey_refreshes_total{verdict="rotate"} 2`,
		`latchkey_refreshes_total{verdict="reuse"} 1`,
		`latchkey_refreshes_total{verdict="conflict"} 0`,
		`latchkey_database_connections_max{pool="requests"} 6`,
		`latchkey_outbox_messages{state="failed"} 0`,
		`latchkey_password_gate_shed_total 0`,
		`latchkey_password_gate_wait_seconds_count 3`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	for _, chosen := range []string{"chosen-by-a-client", "ada@", "example.com"} {
		if strings.Contains(body, chosen) {
			t.Errorf("a label holds %q, which a client chose", chosen)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}
