package latchkey

import "time"

// Clock is the time as a session sees it. A test gives a session one that it moves by
// hand; [SystemClock] is what everybody else uses.
type Clock interface {
	// Now is the wall clock, which may be wrong by years and jump. It only makes a session
	// believe that more time has passed than Monotonic says.
	Now() time.Time
	// Monotonic is the time since some fixed moment. It never jumps, and may be at a halt
	// while the machine sleeps.
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

// moment is a point in time by both clocks.
type moment struct {
	monotonic time.Duration
	wall      time.Time
}

// now is the present moment.
func (s *Session) now() moment {
	// Without the monotonic reading that time.Now adds, Sub compares the wall clocks.
	return moment{s.clock.Monotonic(), s.clock.Now().Round(0)}
}

// since is how much time has passed since another moment, by the clock that says more: the
// monotonic one may be at a halt while the machine sleeps, the wall clock may jump back.
func (m moment) since(before moment) time.Duration {
	return max(m.monotonic-before.monotonic, m.wall.Sub(before.wall))
}
