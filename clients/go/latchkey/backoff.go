package latchkey

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstDelay = time.Second
	// A step of four and a jitter of a half at most make six refreshes the most that a
	// server sees from one session in the first ten minutes of an outage.
	delayFactor = 4
	maxDelay    = 15 * time.Minute
	// Without any answer no server is burdened, and the network may be back any moment.
	maxDelayOffline = 30 * time.Second
)

// backoff keeps a session from asking again too soon. Its owner guards it.
type backoff struct {
	failures  int
	notBefore time.Duration // by the monotonic clock
	last      error
}

// wait returns a [*WaitError] while it is too early to ask again.
func (b *backoff) wait(now time.Duration) error {
	if now >= b.notBefore {
		return nil
	}
	return &WaitError{After: b.notBefore - now, Err: b.last}
}

// fail notes a failure and when the next attempt may be made.
func (b *backoff) fail(now time.Duration, err error) {
	b.failures++
	b.last = err
	limit := maxDelay
	var network *NetworkError
	if errors.As(err, &network) {
		limit = maxDelayOffline
	}
	d := firstDelay
	for range b.failures - 1 {
		d = min(d*delayFactor, limit)
	}
	d -= rand.N(d/2 + 1) //nolint:gosec // jitter, not a secret
	var refused *Error
	if errors.As(err, &refused) {
		d = max(d, refused.RetryAfter)
	}
	b.notBefore = now + d
}

// reset forgets the failures.
func (b *backoff) reset() { *b = backoff{} }
