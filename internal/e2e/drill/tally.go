package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// exchange is one request and what became of it.
type exchange struct {
	began  time.Time
	path   string
	status int // 0: no answer
	err    error
}

// failed reports whether the client did not get what it asked for, through no fault of its own.
func (e exchange) failed() bool {
	return e.status == 0 || e.status >= http.StatusInternalServerError || e.status == http.StatusTooManyRequests
}

// tally counts what the clients notice during one scenario.
type tally struct {
	mu          sync.Mutex // guards what follows
	phones      int
	requests    int
	unavailable int // answers 503
	unanswered  int
	others      []string // failures of other kinds
	first, last time.Time
	longest     time.Duration
	signOuts    []string
	primaryAt   time.Time
	backAt      map[*phone]time.Time
}

// begin forgets what was counted before.
func (t *tally) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests, t.unavailable, t.unanswered, t.others, t.signOuts, t.longest = 0, 0, 0, nil, nil, 0
	t.first, t.last, t.primaryAt, t.backAt = time.Time{}, time.Time{}, time.Time{}, nil
	t.backAt = map[*phone]time.Time{}
}

// answered counts one exchange.
func (t *tally) answered(p *phone, e exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if errors.Is(e.err, context.Canceled) || t.backAt == nil {
		return // the end of the drill
	}

	now := time.Now()
	t.requests++
	t.longest = max(t.longest, now.Sub(e.began))
	if !e.failed() {
		if _, known := t.backAt[p]; !known && t.recovered(e.began) {
			t.backAt[p] = now
		}

		return
	}

	delete(t.backAt, p)
	if t.first.IsZero() {
		t.first = e.began
	}
	t.last = now
	switch e.status {
	case http.StatusServiceUnavailable:
		t.unavailable++
	case 0:
		t.unanswered++
		t.note("%s: %v", e.path, e.err)
	default:
		t.note("%s: %d", e.path, e.status)
	}
}

// note keeps the first few failures that are no 503.
func (t *tally) note(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); len(t.others) < 5 && !slices.Contains(t.others, text) {
		t.others = append(t.others, text)
	}
}

// recovered reports whether an answer can count as the return of its client: it was asked for after the new primary.
func (t *tally) recovered(began time.Time) bool {
	return t.primaryAt.IsZero() || began.After(t.primaryAt)
}

// newPrimary notes that there is one.
func (t *tally) newPrimary() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.primaryAt = time.Now()
	clear(t.backAt)
}

// signedOut notes a client that the server has signed out.
func (t *tally) signedOut(p *phone, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signOuts = append(t.signOuts, p.email+": "+reason)
}

// everybodyBack reports whether the last request of each client was answered.
func (t *tally) everybodyBack() bool {
	t.mu.Lock()
	defer t.mu.Unlock()

	return len(t.backAt) == t.phones
}

// result is what one scenario showed.
type result struct {
	scenario
	requests, failed     int
	outage               time.Duration // from the first failed request to the last one
	hastyBack, patiently time.Duration // after the new primary
	longest              time.Duration
	signOuts, others     []string
	failedOver           bool
}

func (t *tally) result(s scenario) result {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := result{
		scenario: s, requests: t.requests, failed: t.unavailable + t.unanswered, outage: t.last.Sub(t.first),
		longest: t.longest, failedOver: !t.primaryAt.IsZero(),
		signOuts: slices.Clone(t.signOuts), others: slices.Clone(t.others),
	}
	for p, at := range t.backAt {
		after := at.Sub(t.primaryAt)
		if p.clock != nil {
			r.hastyBack = max(r.hastyBack, after)
		} else {
			r.patiently = max(r.patiently, after)
		}
	}

	return r
}

const header = `                       requests  failed   503 for   clients back after the new primary   slowest   sign-outs
                                                    asked at once   by their own waits    answer`

// line is a row of the table.
func (r result) line() string {
	back, patiently := "", ""
	if r.failedOver {
		back, patiently = seconds(r.hastyBack), seconds(r.patiently)
	}

	return fmt.Sprintf("%-22s %8d %7d %9s %15s %20s %10s %11d",
		r.name, r.requests, r.failed, seconds(r.outage), back, patiently, seconds(r.longest), len(r.signOuts))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

const (
	mostOutage = 30 * time.Second
	mostBack   = 5 * time.Second
)

// misses are the targets that the scenario has missed.
func (r result) misses() []string {
	var all []string
	if len(r.signOuts) > 0 {
		all = append(all, "no client is signed out: "+strings.Join(r.signOuts[:min(3, len(r.signOuts))], ", "))
	}
	if r.seamless && r.failed+len(r.others) > 0 {
		all = append(all, "no request fails: "+strings.Join(r.others, ", "))
	}
	if r.outage > mostOutage {
		all = append(all, fmt.Sprintf("at most %v of 503", mostOutage))
	}
	if r.failedOver && r.hastyBack > mostBack {
		all = append(all, fmt.Sprintf("clients are back %v after the new primary", mostBack))
	}

	return all
}
