package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// change replaces what a document says about the operator's machines by what this one has. The rest is used as it is
// documented, and a change of a text that the document lacks is an error.
type change struct{ from, to string }

// adapted writes a documented configuration with changes into the drill's directory, and returns its path.
func (d *drill) adapted(document, name string, changes []change) (string, error) {
	content, err := os.ReadFile(filepath.Join(d.root, "docs/deploy", document))
	if err != nil {
		return "", err
	}

	text := string(content)
	for _, c := range changes {
		if !strings.Contains(text, c.from) {
			return "", fmt.Errorf("%s does not contain %q", document, c.from)
		}
		text = strings.ReplaceAll(text, c.from, c.to)
	}

	return d.write(name, text)
}

// adaptAll writes the configurations of etcd, Patroni and HAProxy.
func (d *drill) adaptAll() (err error) {
	if d.etcdConfig, err = d.adapted("patroni/etcd.env", "etcd.env", d.etcdChanges()); err != nil {
		return err
	}
	for _, n := range d.nodes {
		if n.config, err = d.adapted("patroni/patroni.yml", "patroni-"+n.name+".yml", d.patroniChanges(n)); err != nil {
			return err
		}
	}
	if d.front, err = d.adapted("proxy/haproxy.cfg", "haproxy.cfg", d.proxyChanges()); err != nil {
		return err
	}
	d.back, err = d.adapted("patroni/haproxy.cfg", "postgresql.cfg", d.postgresChanges())

	return err
}

// write writes a file that the programs can read.
func (d *drill) write(name, text string) (string, error) {
	path := filepath.Join(d.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", err
	}

	return path, os.Chown(path, d.uid, d.gid)
}

// etcdChanges put one of the three machines with etcd on this one, and leave the others out.
func (d *drill) etcdChanges() []change {
	return []change{
		{",etcd2=http://10.0.0.12:2380,etcd3=http://10.0.0.13:2380", ""},
		{",http://127.0.0.1:2379", ""},
		{"10.0.0.11:2379", d.etcdAddr},
		{"10.0.0.11:2380", d.peerAddr},
		{"/var/lib/etcd/latchkey", filepath.Join(d.dir, "etcd")},
	}
}

// environment reads a file of settings as systemd does: a line each, and comments.
func environment(path string) ([]string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}

	var all []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}

	return all, nil
}

// patroniChanges put one of the two machines with PostgreSQL on this one.
func (d *drill) patroniChanges(n *node) []change {
	return []change{
		{"name: one", "name: " + n.name},
		{"10.0.0.21:8008", n.api},
		{"10.0.0.21:5432", n.addr},
		{"10.0.0.11:2379,10.0.0.12:2379,10.0.0.13:2379", d.etcdAddr},
		{"/var/lib/postgresql/15/latchkey", n.data},
		{"/usr/lib/postgresql/15/bin", d.bin},
		{"/var/lib/postgresql/patroni.pgpass", filepath.Join(d.dir, n.name+".pgpass")},
		{"/var/run/postgresql", d.dir},
		{"mode: required", "mode: off"}, // the drill plays the watchdog
		{"10.0.0.0/24", "127.0.0.0/8"},
	}
}

// postgresChanges point the way to the primary at the two nodes.
func (d *drill) postgresChanges() []change {
	one, two := d.nodes[0], d.nodes[1]

	return []change{
		{"127.0.0.1:5000", d.postgresAddr},
		{"check port 8008", "check"},
		{"server one 10.0.0.21:5432", "server one " + one.addr + " port " + portOf(one.api)},
		{"server two 10.0.0.22:5432", "server two " + two.addr + " port " + portOf(two.api)},
	}
}

// proxyChanges put addresses into the place of compose.yaml's names, as the document's comment says.
func (d *drill) proxyChanges() []change {
	one, two := d.servers[0], d.servers[1]

	return []change{
		{"resolvers docker\n  nameserver dns 127.0.0.11:53\n  hold valid 2s\n", ""},
		{" resolvers docker", ""},
		{"bind :8088", "bind " + d.frontAddr},
		{"check port 9464", "check"},
		{"server one server:8080", "server one " + one.addr + " port " + portOf(one.ops)},
		{"server two second:8080", "server two " + two.addr + " port " + portOf(two.ops)},
	}
}
