package password

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/latchkey-auth/latchkey/internal/foreignhash"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// maxWait is how long a request queues for a hashing slot.
const maxWait = time.Second

// Gate bounds how many passwords are hashed at once. Unbounded, argon2id takes
// 19 MiB for every waiting sign-in and slows all of them (SEC-39).
//
// Security: one slot at least is out of reach of sign-ups, and they wait in a queue of
// their own. A sign-up costs as much as a sign-in and needs no account, so that a flood of
// sign-ups would stop every sign-in (TestGate_signUpsLeaveSlotsToSignIns).
type Gate struct {
	slots   line // of everything that hashes
	signups line // of sign-ups, before they ask for one of the slots
	hashes  atomic.Int64
	hashers hashers // what hashes: as many as slots hash at once
	// portable computes argon2id with golang.org/x/crypto alone: see Configure.
	portable bool
	// foreignKeys are the keys of other systems' hashes.
	foreignKeys foreignhash.Keys
	// decoys are nil as long as all passwords are hashed as today.
	decoys atomic.Pointer[decoys]

	// Key keys the choice of decoys. All servers must have the same. Set it before SetDecoys.
	Key *secret.Key

	// Unreadable is called with the reason when a stored hash cannot be read. Set it before use.
	Unreadable func(cause error)
	// Count is called with the time that a request waited for a slot, and with shed where it got
	// none. nil counts nothing. Set it before use.
	Count func(waited time.Duration, shed bool)
}

// line is a number of places, and a bounded queue for them.
type line struct {
	places  *semaphore.Weighted
	queue   int64
	waiting atomic.Int64
}

// NewGate lets GOMAXPROCS hash at once, two at least, and four times as many wait. All slots
// but one may be of sign-ups, which wait in a queue of the same length. argon2id is computed by
// golang.org/x/crypto until Configure.
func NewGate() *Gate {
	n := max(2, int64(runtime.GOMAXPROCS(0)))

	return &Gate{
		slots:    line{places: semaphore.NewWeighted(n), queue: 4 * n},
		signups:  line{places: semaphore.NewWeighted(n - 1), queue: 4 * n},
		portable: true,
	}
}

// Hashes is how many times a password was hashed since the start.
func (g *Gate) Hashes() int64 { return g.hashes.Load() }

// Enter takes a slot, waiting up to a second for one. It returns
// problem.TemporarilyUnavailable when the queue is full or the wait too long. Call
// it before the account is looked up, so that shedding tells nothing about it.
func (g *Gate) Enter(ctx context.Context) (*Slot, error) {
	if err := g.counted(ctx, g.slots.acquire); err != nil {
		return nil, err
	}

	return &Slot{gate: g, ctx: ctx}, nil
}

// counted calls acquire, which may wait up to a second. It tells Count how long that took, and whether
// it got a slot.
func (g *Gate) counted(ctx context.Context, acquire func(context.Context) error) error {
	ctx, span := trace.Start(ctx, "password gate wait")
	defer span.End()

	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()

	began := time.Now()
	err := acquire(ctx)
	if g.Count != nil {
		g.Count(time.Since(began), err != nil)
	}
	if err != nil {
		span.Fail(problem.TemporarilyUnavailable.Code)
	}

	return err
}

// EnterSignup is Enter for a caller who has no account yet. It is refused while sign-ins still
// find a slot.
func (g *Gate) EnterSignup(ctx context.Context) (*Slot, error) {
	if err := g.counted(ctx, g.acquireSignup); err != nil {
		return nil, err
	}

	return &Slot{gate: g, ctx: ctx, signup: true}, nil
}

// acquireSignup takes a place of the sign-ups, and a slot.
func (g *Gate) acquireSignup(ctx context.Context) error {
	if err := g.signups.acquire(ctx); err != nil {
		return err
	}

	err := g.slots.acquire(ctx)
	if err != nil {
		g.signups.places.Release(1)
	}

	return err
}

// acquire takes a place, and waits for one as long as ctx allows.
func (l *line) acquire(ctx context.Context) error {
	if l.places.TryAcquire(1) {
		return nil
	}

	busy := problem.TemporarilyUnavailable.After(time.Second)
	if l.waiting.Add(1) > l.queue {
		l.waiting.Add(-1)

		return busy
	}
	defer l.waiting.Add(-1)
	if err := l.places.Acquire(ctx, 1); err != nil {
		return busy.Because(err)
	}

	return nil
}

// Slot is the right to hash. Only its methods hash, so nothing can pass the gate by.
type Slot struct {
	gate   *Gate
	ctx    context.Context // of who entered: a hash is a step of their trace
	signup bool
	left   bool
}

// Leave releases the slot; calling it twice is harmless.
func (s *Slot) Leave() {
	if s.left {
		return
	}

	s.left = true
	s.gate.slots.places.Release(1)
	if s.signup {
		s.gate.signups.places.Release(1)
	}
}
