package latchkey

import (
	"errors"
	"math/rand/v2"
	"time"
)

const (
	firstDelay = time.Second
	// A step of four and a jitter of a half at most make six refreshes the most that a
	// server answers to one session in the first ten minutes of an outage.
	delayFactor = 4
	maxDelay    = 15 * time.Minute
	// No answer burdens no server, and the network may be back any moment.
	maxSilentDelay = 15 * time.Second
)

// backoff counts the attempts that an answer has refused. Its owner guards it.
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

	d := firstDelay
	for range b.failures - 1 {
		d = min(d*delayFactor, maxDelay)
	}
	d = jittered(d)

	var refused *Error
	if errors.As(err, &refused) {
		d = max(d, refused.RetryAfter)
	}
	b.notBefore = now + d
}

// reset forgets the failures.
func (b *backoff) reset() { *b = backoff{} }

// jittered shortens a delay by up to a half.
func jittered(d time.Duration) time.Duration {
	return d - rand.N(d/2+1) //nolint:gosec // jitter, not a secret
}

// silence counts the attempts that nothing has answered. Its owner guards it.
type silence struct {
	failures  int
	notBefore time.Duration // by the monotonic clock
	last      error
	// asked says that a call by the user has asked during this wait already.
	asked bool
	// asking says that the attempt in flight is such a call.
	asking bool
	// online is when the app last said that the network is back.
	online time.Duration
	told   bool
}

// wait returns a [*NetworkError] while it is too early to ask again. A call by the user may
// ask all the same, once for each wait.
func (s *silence) wait(now time.Duration, byUser bool) error {
	if now >= s.notBefore {
		return nil
	}
	if byUser && !s.asked {
		s.asked, s.asking = true, true

		return nil
	}

	return &NetworkError{Err: s.last, After: s.notBefore - now}
}

// fail notes that an attempt, which began at a moment, got no answer. The wait counts from
// there, as the attempt itself may have taken long.
func (s *silence) fail(began, now time.Duration, err error) {
	s.asked, s.asking = s.asking, false

	if s.told && began <= s.online { // the attempt was lost in the network of before
		return
	}

	s.failures++
	s.last = err

	d := firstDelay
	for range s.failures - 1 {
		d = min(2*d, maxSilentDelay)
	}
	s.notBefore = max(began+jittered(d), now+jittered(firstDelay))
}

// back notes that the network is back.
func (s *silence) back(now time.Duration) { *s = silence{online: now, told: true} }

// reset forgets the failures.
func (s *silence) reset() { *s = silence{online: s.online, told: s.told} }

// waits say when a server may be asked again. Their owner guards them.
type waits struct {
	answered backoff
	silent   silence
}

// wait returns why it is too early to ask, nil where it is not.
func (w *waits) wait(now time.Duration, byUser bool) error {
	if err := w.answered.wait(now); err != nil {
		return err
	}

	return w.silent.wait(now, byUser)
}

// fail notes why an attempt that began at a moment has failed.
func (w *waits) fail(began, now time.Duration, err error) {
	var none *NetworkError
	if errors.As(err, &none) {
		w.silent.fail(began, now, none.Err)

		return
	}

	w.silent.reset()
	w.answered.fail(now, err)
}

// left is how long it is too early to ask.
func (w *waits) left(now time.Duration) time.Duration {
	return max(w.answered.notBefore, w.silent.notBefore) - now
}

// reset forgets the failures.
func (w *waits) reset() {
	w.answered.reset()
	w.silent.reset()
}
