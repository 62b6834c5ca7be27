package latchkey

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// handClock goes on when it is moved.
type handClock struct {
	mu        sync.Mutex
	wall      time.Time
	monotonic time.Duration
	timers    []*handTimer
}

type handTimer struct {
	at time.Duration
	f  func()
}

func newHandClock() *handClock { return &handClock{wall: time.Unix(1_800_000_000, 0)} }

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.wall
}

func (c *handClock) Monotonic() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()

	return c.monotonic
}

func (c *handClock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &handTimer{c.monotonic + d, f}
	c.timers = append(c.timers, t)

	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(other *handTimer) bool { return other == t })
	}
}

// advance moves both clocks.
func (c *handClock) advance(d time.Duration) {
	c.jump(d)

	c.mu.Lock()
	defer c.mu.Unlock()
	c.monotonic += d
	due := func(t *handTimer) bool { return t.at <= c.monotonic }
	for _, t := range c.timers {
		if due(t) {
			go t.f()
		}
	}
	c.timers = slices.DeleteFunc(c.timers, due)
}

// jump moves the wall clock alone.
func (c *handClock) jump(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall = c.wall.Add(d)
}

func TestHandClock_startsTimersThatAreDue(t *testing.T) {
	c := newHandClock()
	fired := make(chan string, 2)
	c.AfterFunc(time.Second, func() { fired <- "early" })
	stop := c.AfterFunc(time.Second, func() { fired <- "stopped" })
	stop()
	c.advance(time.Second)
	if got := <-fired; got != "early" || len(c.timers) > 0 {
		t.Errorf("%s, and %d timers", got, len(c.timers))
	}
}
