package ops

import (
	"context"
	"sync"
	"time"
)

// Outage is how long the database may be silent before the server counts as not ready.
//
// A shorter outage is answered with 503 and Retry-After by the server itself; a balancer without
// any server answers in words of its own, which no client of ours reads.
const Outage = 10 * time.Second

// PingEvery is how often the database is asked whether it answers.
const PingEvery = time.Second

// Health knows whether the server may get requests.
type Health struct {
	ping func(context.Context) error
	now  func() time.Time

	mu       sync.Mutex
	answered time.Time // when the database last answered
	prepared bool
	draining bool
}

// NewHealth makes a Health that is not ready. ping asks the database.
func NewHealth(ping func(context.Context) error, now func() time.Time) *Health {
	return &Health{ping: ping, now: now, answered: now()}
}

// Prepared notes that schema and keys are as this program needs them.
func (h *Health) Prepared() {
	h.mu.Lock()
	defer h.mu.Unlock()

	h.prepared = true
	h.answered = h.now()
}

// Drain notes that the server is about to end.
func (h *Health) Drain() {
	h.mu.Lock()
	defer h.mu.Unlock()

	h.draining = true
}

// Ask asks the database whether it answers. Call it every PingEvery.
func (h *Health) Ask(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, Outage/2)
	defer cancel()

	if h.ping(ctx) != nil {
		return
	}

	h.mu.Lock()
	defer h.mu.Unlock()

	h.answered = h.now()
}

// Report is the answer of /readyz.
type Report struct {
	Status string `json:"status"` // ready or not_ready
	Checks Checks `json:"checks"`
}

// Checks are ok, or say what is not.
type Checks struct {
	Database string `json:"database"` // ok or down
	Prepared string `json:"prepared"` // ok, or waiting for schema and keys
	Draining string `json:"draining"` // no or yes
}

// Report says whether the server may get requests, and why not.
func (h *Health) Report() Report {
	h.mu.Lock()
	defer h.mu.Unlock()

	report := Report{Status: "ready", Checks: Checks{Database: "ok", Prepared: "ok", Draining: "no"}}
	if h.now().Sub(h.answered) >= Outage {
		report.Status, report.Checks.Database = "not_ready", "down"
	}

	if !h.prepared {
		report.Status, report.Checks.Prepared = "not_ready", "waiting"
	}

	if h.draining {
		report.Status, report.Checks.Draining = "not_ready", "yes"
	}

	return report
}
