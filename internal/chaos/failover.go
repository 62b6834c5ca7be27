package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	newcomers  = 8 // sign-ups that the fail-over loses
	soon       = 30 * time.Second
	longEnough = time.Hour
)

// failOver waits for the middle of the run, lets the standby fall behind, kills the primary
// and promotes the standby: what was written meanwhile is really lost.
func (w *world) failOver(ctx context.Context, phones []*phone) error {
	middle := func() bool { return w.count.refreshes.Load() >= w.refreshes/2 }
	if err := until(ctx, longEnough, "the middle of the run", middle); err != nil {
		return err
	}
	w.peace.Lock()
	defer w.peace.Unlock()
	if err := w.stopStreaming(ctx); err != nil {
		return err
	}
	var lost []*phone
	for n := range newcomers {
		p := w.newPhone(300+n, fmt.Sprintf("newcomer-%d", n))
		if err := p.signUp(ctx, w.address()); err != nil {
			return err
		}
		lost = append(lost, p)
	}
	goal := w.count.refreshes.Load() + min(2000, w.refreshes/10)
	if err := until(ctx, 2*soon, "writes to lose", func() bool { return w.count.refreshes.Load() >= goal }); err != nil {
		return err
	}
	w.epoch.Add(1)
	segment := w.segment()
	w.primary.Kill()
	w.endSender() // stopped, it would never notice
	select {
	case <-w.primary.Done():
	case <-time.After(soon):
		return errors.New("the killed primary does not end")
	}
	if segment != "" {
		_ = exec.Command("ipcrm", "-m", segment).Run() // what a killed PostgreSQL leaves in the system
	}
	return w.promote(ctx, phones, lost)
}

// segment is the System V shared memory by which PostgreSQL marks its data as in use.
func (w *world) segment() string {
	text, err := os.ReadFile(filepath.Join(w.primary.Root(), "data", "postmaster.pid"))
	if lines := strings.Split(string(text), "\n"); err == nil && len(lines) > 6 {
		if words := strings.Fields(lines[6]); len(words) == 2 {
			return words[1]
		}
	}
	return ""
}

// stopStreaming stops the process that sends to the standby, once the standby has all.
// Stopping the one that receives would not do: what is sent waits in the socket.
func (w *world) stopStreaming(ctx context.Context) error {
	c, err := pgx.Connect(ctx, w.primary.URL)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	var sender int64
	var written string
	err = c.QueryRow(ctx, "SELECT pid, pg_current_wal_flush_lsn()::text FROM pg_stat_replication").Scan(&sender, &written)
	if err != nil {
		return fmt.Errorf("the standby is not connected: %w", err)
	}
	has := func() bool {
		var yes bool
		err := c.QueryRow(ctx, "SELECT replay_lsn >= $1::text::pg_lsn FROM pg_stat_replication", written).Scan(&yes)
		return err == nil && yes
	}
	if err := until(ctx, soon, "the standby catches up", has); err != nil {
		return err
	}
	w.sender.Store(sender)
	return syscall.Kill(int(sender), syscall.SIGSTOP)
}

// endSender ends the stopped process: it would outlive its server.
func (w *world) endSender() {
	if pid := int(w.sender.Swap(0)); pid != 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// promote notes what the standby knows, makes it the primary, and lets the newcomers whom
// it does not know sign up again.
func (w *world) promote(ctx context.Context, phones, lost []*phone) error {
	c, err := pgx.Connect(ctx, w.standby.URL)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	replayed := func() bool {
		var yes bool
		err := c.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn()").Scan(&yes)
		return err == nil && yes
	}
	if err := until(ctx, soon, "the standby replays", replayed); err != nil {
		return err
	}
	known, err := generations(ctx, c)
	if err != nil {
		return err
	}
	w.behind.Store(&known)
	for _, p := range phones {
		if was, there := known[p.session()]; there {
			w.count.writesLost.Add(max(0, p.reached.Load()-was))
		}
	}
	var done bool
	if err := c.QueryRow(ctx, "SELECT pg_promote(true, 30)").Scan(&done); err != nil || !done {
		return fmt.Errorf("the standby is not promoted: %w", err)
	}
	for _, p := range lost {
		if _, there := known[p.session()]; !there {
			w.count.signupsLost.Add(1)
		}
		if err := p.signUp(ctx, p.email); err != nil {
			return err
		}
	}
	w.say("%6.0f s  fail-over: %d rotations and %d sign-ups are lost", time.Since(w.started).Seconds(), w.count.writesLost.Load(), w.count.signupsLost.Load())
	w.failedOver.Store(true)
	return nil
}

// generations are those of all sessions, by their id as tokens write it.
func generations(ctx context.Context, c *pgx.Conn) (map[string]int64, error) {
	rows, err := c.Query(ctx, "SELECT translate(rtrim(encode(uuid_send(id), 'base64'), '='), '+/', '-_'), generation FROM sessions")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	known := map[string]int64{}
	for rows.Next() {
		var id string
		var generation int64
		if err := rows.Scan(&id, &generation); err != nil {
			return nil, err
		}
		known[id] = generation
	}
	return known, rows.Err()
}
