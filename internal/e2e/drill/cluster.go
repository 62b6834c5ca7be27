package main

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"
)

// connect connects to a database as the superuser.
func (d *drill) connect(ctx context.Context, addr, database string) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()

	return pgx.Connect(ctx, fmt.Sprintf("postgres://postgres:%s@%s/%s", d.password, addr, database))
}

// ask reports whether a node answers a question with yes, within a second.
func (d *drill) ask(ctx context.Context, n *node, question string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	c, err := d.connect(ctx, n.addr, "postgres")
	if err != nil {
		return false
	}
	defer func() { _ = c.Close(ctx) }()

	var yes bool
	err = c.QueryRow(ctx, question).Scan(&yes)

	return err == nil && yes
}

// writable reports whether a node is a primary that takes writes.
func (d *drill) writable(ctx context.Context, n *node) bool {
	return d.ask(ctx, n, "SELECT NOT pg_is_in_recovery()")
}

// primary is the node that takes writes; nil where none does.
func (d *drill) primary(ctx context.Context) *node {
	for _, n := range d.nodes {
		if d.writable(ctx, n) {
			return n
		}
	}

	return nil
}

// followed asks a primary whether a standby has everything that is committed.
const followed = `SELECT count(*) > 0 FROM pg_stat_replication
	WHERE state = 'streaming' AND sync_state = 'sync'`

// standby is the node that follows the primary without a lag; nil where none does.
func (d *drill) standby(ctx context.Context) *node {
	primary := d.primary(ctx)
	if primary == nil || !d.ask(ctx, primary, followed) {
		return nil
	}
	if primary == d.nodes[0] {
		return d.nodes[1]
	}

	return d.nodes[0]
}

// makeDatabase makes the role and a database as docs/operate.md does.
func (d *drill) makeDatabase(ctx context.Context, name string) error {
	c, err := d.connect(ctx, d.primary(ctx).addr, "postgres")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()

	var known bool
	if err := c.QueryRow(ctx, "SELECT count(*) > 0 FROM pg_roles WHERE rolname = 'latchkey'").Scan(&known); err != nil {
		return err
	}
	if !known {
		if _, err := c.Exec(ctx, "CREATE ROLE latchkey LOGIN PASSWORD '"+d.password+"'"); err != nil {
			return err
		}
	}
	_, err = c.Exec(ctx, "CREATE DATABASE "+name+" OWNER latchkey ENCODING 'UTF8' TEMPLATE template0")

	return err
}

// switchOver asks Patroni to make the other node the primary, as an operator does.
func (d *drill) switchOver(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "patronictl", "-c", d.nodes[0].config, "switchover", "latchkey", "--force")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("patronictl switchover: %w: %s", err, out)
	}

	return nil
}

// awaitOther waits for the other node to become the primary, and notes when.
func (d *drill) awaitOther(ctx context.Context, before *node) error {
	return d.until(ctx, 2*time.Minute, "a new primary", func() bool {
		for _, n := range d.nodes {
			if n != before && d.writable(ctx, n) {
				d.tally.newPrimary()
				return true
			}
		}

		return false
	})
}
