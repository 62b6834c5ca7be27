package main

import (
	"slices"
	"sync"
	"time"
)

// clock stands still until it is moved.
type clock struct {
	mu     sync.Mutex
	start  time.Time
	offset time.Duration // how wrong the wall clock is
	moved  time.Duration
	timers []*timer
}

type timer struct {
	at time.Duration
	f  func()
}

func newClock() *clock { return &clock{start: time.Now()} }

// Now implements latchkey.Clock.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start.Add(c.moved).Add(c.offset)
}

// Monotonic implements latchkey.Clock.
func (c *clock) Monotonic() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// AfterFunc implements latchkey.Clock.
func (c *clock) AfterFunc(d time.Duration, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &timer{c.moved + d, f}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(other *timer) bool { return other == t })
	}
}

// set moves the wall clock, then both, and starts the timers that are due, in order.
func (c *clock) set(offset *int64, advance float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if offset != nil {
		c.offset = time.Duration(*offset) * time.Second
	}
	c.moved += time.Duration(advance * float64(time.Second))
	slices.SortStableFunc(c.timers, func(a, b *timer) int { return int(a.at - b.at) })
	for len(c.timers) > 0 && c.timers[0].at <= c.moved {
		go c.timers[0].f()
		c.timers = c.timers[1:]
	}
}
