package e2e

import (
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// wire is a proxy between the server and PostgreSQL that can swallow answers: what was
// asked is done, and nobody hears of it.
type wire struct {
	t        *testing.T
	listener net.Listener
	socket   string

	mu      sync.Mutex
	swallow bool
	hold    bool          // keep the connection open, so that the server goes on waiting
	hit     chan struct{} // closed at the first answer that was swallowed
	open    map[net.Conn]bool
}

// newWire is a proxy in front of the server of a database's address, and the address
// through it.
func newWire(t *testing.T, address string) (*wire, string) {
	t.Helper()
	_, dir, _ := strings.Cut(address, "host=")
	dir, rest, _ := strings.Cut(dir, " ")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &wire{t: t, listener: l, socket: filepath.Join(dir, ".s.PGSQL.5432"), open: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	go p.accept()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return p, "host=" + host + " port=" + port + " " + rest
}

func (p *wire) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		database, err := net.Dial("unix", p.socket)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[database] = true, true
		p.mu.Unlock()
		go func() { _, _ = io.Copy(database, client); _ = database.Close() }()
		go p.answers(client, database)
	}
}

// answers passes on what the database says, until it is to be swallowed.
func (p *wire) answers(client, database net.Conn) {
	defer func() { _ = client.Close(); _ = database.Close() }()
	b := make([]byte, 64<<10)
	for {
		n, err := database.Read(b)
		if err != nil {
			return
		}
		p.mu.Lock()
		swallow, hold := p.swallow, p.hold
		if swallow && p.hit != nil {
			close(p.hit)
			p.hit = nil
		}
		p.mu.Unlock()
		if swallow && hold {
			continue
		}
		if swallow {
			return // the database has done its work; the client's connection ends
		}
		if _, err := client.Write(b[:n]); err != nil {
			return
		}
	}
}

// lose makes the next answers vanish, and returns what is closed when one has.
func (p *wire) lose() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow, p.hit = true, make(chan struct{})
	return p.hit
}

// silence is lose without an end to the connection: the server waits for an answer.
func (p *wire) silence() <-chan struct{} {
	hit := p.lose()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold = true
	return hit
}

func (p *wire) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallow, p.hold = false, false
}

func (p *wire) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

// TestTREF09_aConnectionThatIsCutDuringTheCommitIs503AndNothingIsLost: the row has moved
// on, the server does not know; the same token and key give the successor that was made.
func TestTREF09_aConnectionThatIsCutDuringTheCommitIs503AndNothingIsLost(t *testing.T) {
	t.Parallel()
	w := start(t)
	wire, through := newWire(t, w.db)
	w.app, w.url = w.serve("DATABASE_URL=" + through)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	// The connection knows the statement from here on: its next answer is that of the UPDATE.
	e.Refresh = w.spend(e.Refresh, "key-number-0").wants(200).text("meta.refresh_token")
	for n, want := range []int64{3, 4, 5} {
		key := []string{"key-number-1", "key-number-2", "key-number-3"}[n]
		w.age(grown)
		lost := wire.lose()
		w.spend(e.Refresh, key).wants(503, "temporarily_unavailable")
		<-lost
		if g := query[int64](w, "SELECT generation FROM sessions"); g != want {
			t.Fatalf("generation %d, want %d: the cut came before the commit", g, want)
		}
		wire.mend()
		a := w.persistent(func() answer { return w.spend(e.Refresh, key) }).wants(200)
		if g := query[int64](w, "SELECT generation FROM sessions"); g != want {
			t.Fatalf("generation %d after the retry, want %d", g, want)
		}
		e.Refresh = a.text("meta.refresh_token")
		w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	}
}

// TestF08_aSignUpWhoseCommitIsNotHeardOfIs503: the account may be there; signing in says.
func TestF08_aSignUpWhoseCommitIsNotHeardOfIs503(t *testing.T) {
	t.Parallel()
	w := start(t)
	wire, through := newWire(t, w.db)
	w.app, w.url = w.serve("DATABASE_URL=" + through)
	w.call("GET", configPath, "").wants(200)
	wire.lose()
	w.call("POST", signupPath, credentials("ada@example.com", goodPassword)).wants(503)
	wire.mend()
	w.persistent(func() answer { return w.call("POST", signupPath, credentials("ada@example.com", goodPassword)) }).wants(200)
}
