package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// node is one of the two machines with PostgreSQL, under Patroni.
type node struct {
	name, addr, api    string
	disk, data, config string
	mounted            bool // whether the disk is one of its own
	patroni            *process
}

// place is one of the two machines with a server.
type place struct {
	name, addr, ops string
	server          *process
	binary          string
	database        string // path of the file with its DATABASE_URL
}

// drill is everything that runs, and what is known of it.
type drill struct {
	options
	dir, bin     string
	uid, gid     int
	processes    []*process
	nodes        []*node
	servers      []*place
	etcd         *process
	etcdAddr     string
	peerAddr     string
	postgresAddr string
	frontAddr    string
	root         string // of the repository; empty: this folder
	front, back  string // paths of HAProxy's configurations
	etcdConfig   string // path of etcd's settings
	password     string
	http         *http.Client
	tally        *tally
	phones       []*phone
	steady       atomic.Bool // whether no client signs in anew
	chosen       []scenario
}

func newDrill(o options) (*drill, error) {
	d := &drill{
		options: o, uid: os.Getuid(), gid: os.Getgid(),
		http: &http.Client{Timeout: 2 * time.Second}, tally: &tally{phones: o.hasty + o.patient},
	}
	if d.uid == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return nil, errors.New("there is no account postgres, and PostgreSQL does not run as root: " +
				"apt-get install postgresql")
		}
		d.uid, _ = strconv.Atoi(account.Uid)
		d.gid, _ = strconv.Atoi(account.Gid)
	}
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_ctl")
	if len(bins) == 0 {
		return nil, errors.New("no PostgreSQL below /usr/lib/postgresql: apt-get install postgresql")
	}
	d.bin = filepath.Dir(bins[len(bins)-1])

	dir, err := os.MkdirTemp("", "latchkey-drill-")
	if err != nil {
		return nil, err
	}
	d.dir = dir
	if err := os.Chown(dir, d.uid, d.gid); err != nil {
		return nil, err
	}

	return d, d.copyPrograms()
}

// copyPrograms puts the servers where the account can read them.
func (d *drill) copyPrograms() error {
	for _, p := range []*string{&d.binary, &d.previous} {
		if *p == "" {
			continue
		}
		content, err := os.ReadFile(*p)
		if err != nil {
			return err
		}
		*p = filepath.Join(d.dir, "latchkey-"+strconv.Itoa(len(content)))
		if err := os.WriteFile(*p, content, 0o755); err != nil {
			return err
		}
	}

	return nil
}

// set starts the database, the servers and what is in front of both.
func (d *drill) set(ctx context.Context) error {
	if err := d.findPorts(); err != nil {
		return err
	}
	if err := d.adaptAll(); err != nil {
		return err
	}
	if err := d.setDatabase(ctx); err != nil {
		return err
	}

	return d.setServers(ctx)
}

func (d *drill) findPorts() error {
	var free [12]string
	for n := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }() // all at the end, so that no two are the same
		free[n] = l.Addr().String()
	}

	d.etcdAddr, d.postgresAddr, d.frontAddr, d.peerAddr = free[0], free[1], free[2], free[11]
	for n, name := range []string{"one", "two"} {
		at := free[3+4*n:]
		disk := filepath.Join(d.dir, "disk-"+name)
		d.nodes = append(d.nodes, &node{name: name, addr: at[0], api: at[1], disk: disk, data: filepath.Join(disk, "data")})
		d.servers = append(d.servers, &place{name: name, addr: at[2], ops: at[3], binary: d.binary})
	}

	return nil
}

// setDatabase starts etcd, the two nodes, and HAProxy for all that follows.
func (d *drill) setDatabase(ctx context.Context) error {
	settings, err := environment(d.etcdConfig)
	if err != nil {
		return err
	}
	d.etcd = d.program("etcd", settings, "etcd")
	if err := d.etcd.start(); err != nil {
		return err
	}

	d.password = "drill"
	passwords := []string{
		"PATRONI_SUPERUSER_PASSWORD=drill", "PATRONI_REPLICATION_PASSWORD=drill", "PATRONI_REWIND_PASSWORD=drill",
	}
	for _, n := range d.nodes {
		if err := d.giveDisk(n); err != nil {
			return err
		}
		n.patroni = d.program("patroni-"+n.name, passwords, "patroni", n.config)
		if err := n.patroni.start(); err != nil {
			return err
		}
		if err := d.until(ctx, 90*time.Second, "a primary", func() bool { return d.primary(ctx) != nil }); err != nil {
			return err
		}
	}
	if err := d.until(ctx, 90*time.Second, "a replica", func() bool { return d.standby(ctx) != nil }); err != nil {
		return err
	}

	return d.makeDatabase(ctx, "latchkey")
}

// setServers starts HAProxy and both servers.
func (d *drill) setServers(ctx context.Context) error {
	if err := d.program("haproxy", nil, "haproxy", "-db", "-f", d.front, "-f", d.back).start(); err != nil {
		return err
	}

	key, err := exec.CommandContext(ctx, d.binary, "keys", "generate").Output()
	if err != nil {
		return fmt.Errorf("keys generate: %w", err)
	}
	if _, err := d.write("key.pem", string(key)); err != nil {
		return err
	}
	if _, err := d.write("sealing-keys", "k1:"+strings.Repeat("A", 43)+"="); err != nil {
		return err
	}
	database, err := d.databaseFile("latchkey")
	if err != nil {
		return err
	}
	for _, s := range d.servers {
		s.database = database
		if err := d.serve(ctx, s, d.first()); err != nil {
			return err
		}
	}

	return nil
}

// first is the program that the drill begins with.
func (d *drill) first() string {
	upgraded := slices.ContainsFunc(d.chosen, func(s scenario) bool { return s.name == "upgrade" })
	if upgraded && d.previous != "" {
		return d.previous
	}

	return d.binary
}

// databaseFile writes the address of a database, as docs/operate.md has it in a file.
func (d *drill) databaseFile(name string) (string, error) {
	address := fmt.Sprintf("postgres://latchkey:%s@%s/%s?sslmode=prefer", d.password, d.postgresAddr, name)

	return d.write("database-url-"+name, address)
}

// serve starts a program at a place, and waits until it and HAProxy are ready. The settings are the shipped ones
// but for the grace: a client that refreshes within it writes nothing, and these refresh every second.
func (d *drill) serve(ctx context.Context, s *place, binary string) error {
	s.binary = binary
	s.server = d.program("server-"+s.name, []string{
		"DATABASE_URL_FILE=" + s.database,
		"HEADLESS_JWT_PRIVATE_KEY_FILE=" + filepath.Join(d.dir, "key.pem"),
		"LATCHKEY_SEALING_KEYS_FILE=" + filepath.Join(d.dir, "sealing-keys"),
		"LATCHKEY_TRUSTED_PROXIES=127.0.0.1",
		"LATCHKEY_ADDR=" + s.addr,
		"LATCHKEY_OPS_ADDR=" + s.ops,
		"LATCHKEY_MAIL_DIR=" + d.dir,
		"LATCHKEY_REFRESH_GRACE=1",
	}, binary, "serve")
	if err := s.server.start(); err != nil {
		return err
	}
	if err := d.until(ctx, 60*time.Second, s.name+" is ready", func() bool { return d.ready(s) }); err != nil {
		return err
	}

	return nil
}

// ready reports whether a server says that it may get requests.
func (d *drill) ready(s *place) bool { return d.answers("http://" + s.ops + "/readyz") }

// answers reports whether an address answers 200.
func (d *drill) answers(url string) bool {
	answer, err := d.http.Get(url)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()

	return answer.StatusCode == http.StatusOK
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)

	return port
}

// settle waits until both nodes, both servers and the way through all of it are well.
func (d *drill) settle(ctx context.Context) error {
	well := func() bool {
		return d.standby(ctx) != nil && d.ready(d.servers[0]) && d.ready(d.servers[1]) &&
			d.answers("http://"+d.frontAddr+"/_allauth/app/v1/config")
	}
	if err := d.until(ctx, 2*time.Minute, "both nodes and both servers are well", well); err != nil {
		return err
	}

	return d.pause(ctx, 3*time.Second) // HAProxy's checks
}

func (d *drill) pause(ctx context.Context, for_ time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(for_):
		return nil
	}
}

// cleanUp ends all processes and removes all files.
func (d *drill) cleanUp() {
	for _, p := range d.processes {
		p.kill() // Patroni before PostgreSQL, which it would start again
	}
	for _, n := range d.nodes {
		if err := endPostgres(n.data); err != nil {
			_ = complain(err)
		}
	}
	if d.keep {
		say("the logs are in %s", d.dir)
		return
	}
	for _, n := range d.nodes {
		n.takeDisk()
	}
	_ = os.RemoveAll(d.dir)
}
