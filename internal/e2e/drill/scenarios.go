package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// scenario is one thing that happens.
type scenario struct {
	name     string
	seamless bool // no request may fail
	play     func(d *drill, ctx context.Context) error
}

var scenarios = []scenario{
	{name: "upgrade", seamless: true, play: (*drill).upgrade},
	{name: "restart", seamless: true, play: (*drill).restartServers},
	{name: "dump", seamless: true, play: (*drill).dump},
	{name: "restore", seamless: true, play: (*drill).restore},
	{name: "switchover", play: (*drill).planned},
	{name: "postgres-killed", play: (*drill).killPostgres},
	{name: "machine-killed", play: (*drill).killMachine},
	{name: "postgres-frozen", play: (*drill).freezePostgres},
	{name: "disk-full", play: (*drill).fillPrimary},
	{name: "standby-killed", play: (*drill).killStandby},
	{name: "standby-frozen", play: (*drill).freezeStandby},
	{name: "etcd-frozen", play: (*drill).freezeEtcd},
}

func names() string {
	var text strings.Builder
	for _, s := range scenarios {
		text.WriteString("  " + s.name + "\n")
	}

	return text.String()
}

// choose finds the scenarios that the command line names; all where it names none.
func choose(wanted []string) ([]scenario, error) {
	if len(wanted) == 0 {
		return scenarios, nil
	}

	var chosen []scenario
	for _, name := range wanted {
		n := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if n < 0 {
			return nil, fmt.Errorf("there is no scenario %s; there are:\n%s", name, names())
		}
		chosen = append(chosen, scenarios[n])
	}

	return chosen, nil
}

// cannot is why a scenario cannot be played here; empty where it can.
func (d *drill) cannot(s scenario) string {
	if s.name == "upgrade" && d.previous == "" {
		return "no program of the release before"
	}
	if s.name == "disk-full" && !d.nodes[0].mounted {
		return "only root can set up a small disk"
	}

	return ""
}

// drained is longer than a server takes to end: LATCHKEY_DRAIN_DELAY and ten seconds.
const drained = 20 * time.Second

// replaceServers stops one server after the other as its service manager does, and starts a program in its place.
func (d *drill) replaceServers(ctx context.Context, binary string) error {
	for _, s := range d.servers {
		if err := s.server.stop(drained); err != nil {
			return err
		}
		if err := d.serve(ctx, s, binary); err != nil {
			return err
		}
		if err := d.pause(ctx, 3*time.Second); err != nil { // HAProxy's checks
			return err
		}
	}

	return nil
}

// upgrade replaces the servers of the release before, with which the drill has begun, after the new program has
// migrated the schema beside them.
func (d *drill) upgrade(ctx context.Context) error {
	migrate := d.program("migrate", []string{"DATABASE_URL_FILE=" + d.servers[0].database}, d.binary, "migrate", "up")
	if err := migrate.start(); err != nil {
		return err
	}
	<-migrate.ended()
	if tail := migrate.tail(); !strings.Contains(tail, "up to date") {
		return fmt.Errorf("migrate up: %s", tail)
	}

	return d.replaceServers(ctx, d.binary)
}

func (d *drill) restartServers(ctx context.Context) error {
	return d.replaceServers(ctx, d.servers[0].binary)
}

func (d *drill) planned(ctx context.Context) error {
	before := d.primary(ctx)
	if err := d.switchOver(ctx); err != nil {
		return err
	}

	return d.awaitOther(ctx, before)
}

// killPostgres kills PostgreSQL's first process on the primary; Patroni lives on.
func (d *drill) killPostgres(ctx context.Context) error {
	before := d.primary(ctx)
	signalAll([]int{postmaster(before.data)}, syscall.SIGKILL)

	return d.awaitOther(ctx, before)
}

// killMachine kills PostgreSQL and Patroni on the primary, as a power cut would, and starts Patroni again later.
func (d *drill) killMachine(ctx context.Context) error {
	before := d.primary(ctx)
	before.patroni.kill()
	signalAll(family(postmaster(before.data)), syscall.SIGKILL)
	if err := d.awaitOther(ctx, before); err != nil {
		return err
	}

	return before.patroni.start()
}
