package arrival

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Longest is how long a request waits at most, so that clients see less than 10 s.
	Longest = 9500 * time.Millisecond
	// mostWaiting is how many requests wait at once: each is a goroutine and a connection.
	mostWaiting = 8000
)

// Gate lets requests wait while a service arrives.
type Gate struct {
	mu sync.Mutex
	// opened is closed when the service goes live; nil while nobody has to wait.
	opened  chan struct{}
	waiting atomic.Int64
}

// NewGate returns a gate that is open.
func NewGate() *Gate { return &Gate{} }

// Set closes the gate where the phase is Arriving, and opens it in any other.
func (g *Gate) Set(phase string) {
	g.mu.Lock()
	defer g.mu.Unlock()

	arriving := phase == Arriving
	switch {
	case arriving && g.opened == nil:
		g.opened = make(chan struct{})
	case !arriving && g.opened != nil:
		close(g.opened)
		g.opened = nil
	}
}

// Waiting is how many requests wait.
func (g *Gate) Waiting() int64 { return g.waiting.Load() }

// Closed reports whether requests have to wait.
func (g *Gate) Closed() bool { return g.closed() != nil }

func (g *Gate) closed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()

	return g.opened
}

// Wait returns true as soon as requests need not wait, and false where that takes too long or too many
// wait already.
func (g *Gate) Wait() bool {
	opened := g.closed()
	if opened == nil {
		return true
	}

	defer g.waiting.Add(-1)
	if g.waiting.Add(1) > mostWaiting {
		return false
	}

	limit := time.NewTimer(Longest)
	defer limit.Stop()
	select {
	case <-opened:
		return true
	case <-limit.C:
		return false
	}
}
