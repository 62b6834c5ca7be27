package latchkey

import "time"

// Clock is the time as a session sees it. A test gives a session one that it moves by
// hand; [SystemClock] is what everybody else uses.
type Clock interface {
	// Now is the wall clock. It stands in a [Change] and decides nothing: the clock of
	// a device may be wrong by years.
	Now() time.Time
	// Monotonic is the time since some fixed moment; it never jumps.
	Monotonic() time.Duration
	// AfterFunc calls f in a goroutine of its own after d of monotonic time. Calling
	// stop before that prevents it.
	AfterFunc(d time.Duration, f func()) (stop func())
}

// SystemClock is the clock of this machine.
func SystemClock() Clock { return systemClock{} }

type systemClock struct{}

var processStart = time.Now()

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) Monotonic() time.Duration { return time.Since(processStart) }

func (systemClock) AfterFunc(d time.Duration, f func()) func() {
	t := time.AfterFunc(d, f)
	return func() { t.Stop() }
}
