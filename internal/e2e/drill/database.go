package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// run runs one of PostgreSQL's programs against the primary, by the way that the servers take.
func (d *drill) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, program), args...)
	cmd.Env = []string{
		"PGPASSWORD=" + d.password, "PGUSER=postgres", "PGHOST=127.0.0.1", "PGPORT=" + portOf(d.postgresAddr),
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}

	return nil
}

func (d *drill) dumpFile() string { return filepath.Join(d.dir, "latchkey.dump") }

// dump backs the database up while clients go on.
func (d *drill) dump(ctx context.Context) error {
	return d.run(ctx, "pg_dump", "-Fc", "-d", "latchkey", "-f", d.dumpFile())
}

// restore backs the database up, restores it into another one, and lets both servers go on there. What the clients
// wrote in between is lost. Nobody signs in meanwhile: a session that the dump does not have is over.
func (d *drill) restore(ctx context.Context) error {
	d.steady.Store(true)
	defer d.steady.Store(false)
	if err := d.pause(ctx, 2*time.Second); err != nil { // for sign-ins that run
		return err
	}
	if err := d.dump(ctx); err != nil {
		return err
	}
	if err := d.makeDatabase(ctx, "latchkey_restored"); err != nil {
		return err
	}
	err := d.run(ctx, "pg_restore", "--no-owner", "--role=latchkey", "-d", "latchkey_restored", d.dumpFile())
	if err != nil {
		return err
	}
	if err := d.pause(ctx, 5*time.Second); err != nil { // writes to lose
		return err
	}

	database, err := d.databaseFile("latchkey_restored")
	if err != nil {
		return err
	}
	for _, s := range d.servers {
		s.database = database
	}

	return d.restartServers(ctx)
}

// frozenFor is how long something stands still that nothing replaces.
const frozenFor = 20 * time.Second

// watchdogAfter is when the watchdog resets a machine whose Patroni does not say any more that it looks after
// PostgreSQL: ttl without safety_margin, in patroni.yml.
const watchdogAfter = 15 * time.Second

// freezePostgres stops all processes of PostgreSQL on the primary, as a disk that does not answer would. Patroni
// waits for PostgreSQL, so that the watchdog resets the machine. This machine has none: the drill plays it.
func (d *drill) freezePostgres(ctx context.Context) error {
	before := d.primary(ctx)
	frozen := family(postmaster(before.data))
	signalAll(frozen, syscall.SIGSTOP)
	err := d.pause(ctx, watchdogAfter)
	before.patroni.kill()
	signalAll(frozen, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if err := d.awaitOther(ctx, before); err != nil {
		return err
	}

	return before.patroni.start()
}

// freezeStandby stops all processes of PostgreSQL on the standby, which commits wait for.
func (d *drill) freezeStandby(ctx context.Context) error {
	frozen := family(postmaster(d.standby(ctx).data))
	signalAll(frozen, syscall.SIGSTOP)
	defer signalAll(frozen, syscall.SIGCONT)

	return d.pause(ctx, frozenFor)
}

// killStandby kills PostgreSQL and Patroni on the standby.
func (d *drill) killStandby(ctx context.Context) error {
	standby := d.standby(ctx)
	standby.patroni.kill()
	signalAll(family(postmaster(standby.data)), syscall.SIGKILL)
	if err := d.pause(ctx, frozenFor); err != nil {
		return err
	}

	return standby.patroni.start()
}

// freezeEtcd stops etcd for longer than a primary may go without it.
func (d *drill) freezeEtcd(ctx context.Context) error {
	d.etcd.signal(syscall.SIGSTOP)
	defer d.etcd.signal(syscall.SIGCONT)

	return d.pause(ctx, 2*frozenFor)
}

// fillPrimary leaves the primary's disk without a free block, and lets PostgreSQL want one for its log. There is
// room again once there is another primary.
func (d *drill) fillPrimary(ctx context.Context) error {
	before := d.primary(ctx)
	c, err := d.connect(ctx, before.addr, "postgres")
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()

	empty, err := before.fillDisk()
	defer empty()
	if err != nil {
		return err
	}
	go d.useLog(ctx, c)

	return d.awaitOther(ctx, before)
}

// useLog begins one file of PostgreSQL's log after the other, until that fails.
func (d *drill) useLog(ctx context.Context, c *pgx.Conn) {
	for d.pause(ctx, 200*time.Millisecond) == nil {
		if _, err := c.Exec(ctx, "SELECT pg_switch_wal()"); err != nil {
			return
		}
	}
}
