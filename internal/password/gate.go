package password

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
	"golang.org/x/sync/semaphore"
)

// maxWait is how long a request queues for a hashing slot.
const maxWait = time.Second

// Gate bounds how many passwords are hashed at once. Unbounded, argon2id takes
// 19 MiB for every waiting sign-in and slows all of them (SEC-39).
type Gate struct {
	slots   *semaphore.Weighted
	queue   int64
	waiting atomic.Int64
	hashes  atomic.Int64
}

// NewGate lets GOMAXPROCS hash at once and four times as many wait.
func NewGate() *Gate {
	n := int64(runtime.GOMAXPROCS(0))
	return &Gate{slots: semaphore.NewWeighted(n), queue: 4 * n}
}

// Hashes is how many times a password was hashed since the start.
func (g *Gate) Hashes() int64 { return g.hashes.Load() }

// Enter takes a slot, waiting up to a second for one. It returns
// problem.TemporarilyUnavailable when the queue is full or the wait too long. Call
// it before the account is looked up, so that shedding tells nothing about it.
func (g *Gate) Enter(ctx context.Context) (*Slot, error) {
	if g.slots.TryAcquire(1) {
		return &Slot{gate: g}, nil
	}
	busy := problem.TemporarilyUnavailable.After(time.Second)
	if g.waiting.Add(1) > g.queue {
		g.waiting.Add(-1)
		return nil, busy
	}
	defer g.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	if err := g.slots.Acquire(ctx, 1); err != nil {
		return nil, busy.Because(err)
	}
	return &Slot{gate: g}, nil
}

// Slot is the right to hash. Only its methods hash, so nothing can pass the gate by.
type Slot struct {
	gate *Gate
	left bool
}

// Leave gives the slot back; calling it twice is harmless.
func (s *Slot) Leave() {
	if !s.left {
		s.left = true
		s.gate.slots.Release(1)
	}
}
