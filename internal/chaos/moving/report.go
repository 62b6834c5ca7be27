package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// longestWait is what a client may wait for an answer at most, as docs/promise.md says.
const longestWait = 10 * time.Second

// counted notes an answer. A client that is cut off counts with status 0.
func (d *day) counted(status int, took time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	if err == nil {
		d.statuses[status]++
	}
	d.longest = max(d.longest, took)
}

// fault notes a broken promise, and prints the first few.
func (d *day) fault(format string, values ...any) {
	d.mu.Lock()
	d.faults++
	n := d.faults
	d.mu.Unlock()
	if n <= 10 {
		d.say("FAULT "+format, values...)
	}
}

// steal plays thieves who have copied the refresh token of each victim before the flip, and show it after the grace:
// the victims use its successor already.
func (d *day) steal(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After((grace + 1) * time.Second):
	}

	for _, c := range d.everyone {
		if c.isVictim {
			d.stealFrom(ctx, c)
		}
	}
	d.say("%d thieves have shown a token that they had copied", d.victims)

	return nil
}

func (d *day) stealFrom(ctx context.Context, victim *client) {
	victim.mu.Lock()
	defer victim.mu.Unlock()
	victim.paused = true
	by := &http.Client{Timeout: 30 * time.Second}
	status, text := insist(ctx, by, victim.url, spend(victim.copied))
	if status != http.StatusBadRequest {
		d.fault("the thief of %s: %d %s", victim.name, status, text)
	}

	status, _ = insist(ctx, by, victim.url, lookUp("Authorization", "Bearer "+victim.store.access))
	if status == http.StatusUnauthorized {
		d.caught++
		return
	}
	d.fault("the session of %s goes on: %d", victim.name, status)
}

// insist sends a call until its answer arrives: some are cut.
func insist(ctx context.Context, by *http.Client, url string, what call) (status int, text []byte) {
	for range 100 {
		status, text, err := what.send(ctx, by, url)
		if err == nil && status != http.StatusServiceUnavailable {
			return status, text
		}
	}

	return 0, nil
}

// judge asks the database what became of the sessions.
func (d *day) judge(ctx context.Context) error {
	for _, check := range []struct {
		what, sql string
		want      int
	}{
		{"sessions that a thief has ended", "SELECT count(*) FROM sessions WHERE end_reason = 'reuse_detected'", d.victims},
		{"sessions that go on", "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND generation > 1", d.clients},
		{"sessions in all", "SELECT count(*) FROM sessions", d.clients + d.victims},
		{"users", users, d.clients + d.victims},
		{"events of stolen old tokens", `SELECT count(*) FROM audit_events WHERE event = 'refresh_token_reused' AND details @> '{"old_token": true}'`, d.victims},
	} {
		n, err := d.query(ctx, check.sql)
		if err != nil {
			return err
		}
		if n != check.want {
			d.fault("%s: %d, want %d", check.what, n, check.want)
		}
	}

	return nil
}

// report prints the day, and returns the exit code.
func (d *day) report() int {
	out := 0
	for _, c := range d.everyone {
		if c.signedOut.Load() && !c.isVictim {
			out++
		}
	}
	most := 0
	for _, successors := range d.proxy.successors {
		most = max(most, len(successors))
	}
	refusals := d.statuses[http.StatusBadRequest] + d.statuses[http.StatusUnauthorized] + d.statuses[http.StatusGone]

	lines := []struct {
		what string
		got  string
		good bool
	}{
		{"stock clients", fmt.Sprint(d.clients), true},
		{"requests", fmt.Sprint(d.requests), true},
		{"answers cut on their way", fmt.Sprint(d.proxy.cuts), d.proxy.cuts > 0 || d.cut == 0},
		{"importers killed", fmt.Sprint(d.killed), d.killed == d.kills},
		{"asked to come again (503)", fmt.Sprint(d.statuses[http.StatusServiceUnavailable]), true},
		{"sign-outs", fmt.Sprint(out), out == 0},
		{"400, 401 or 410 to the honest", fmt.Sprint(refusals), refusals == 0},
		{"longest wait", fmt.Sprintf("%.2f s", d.longest.Seconds()), d.longest <= longestWait},
		{"old tokens replaced", fmt.Sprint(len(d.proxy.successors)), len(d.proxy.successors) == d.clients+d.victims},
		{"most successors of one token", fmt.Sprint(most), most == 1},
		{"thieves caught", fmt.Sprintf("%d of %d", d.caught, d.victims), d.caught == d.victims},
	}
	isGood := d.faults == 0
	for _, l := range lines {
		mark := "ok"
		if !l.good {
			mark, isGood = "BROKEN", false
		}
		_, _ = fmt.Fprintf(d.out, "%-32s %12s  %s\n", l.what, l.got, mark)
	}
	if !isGood {
		return 1
	}

	return 0
}
