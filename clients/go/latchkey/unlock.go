package latchkey

import (
	"context"
	"sync"
	"time"
)

// dismissedFor is how long nobody is asked again after a prompt was dismissed.
const dismissedFor = 30 * time.Second

// unlocker lets requests pass once the person has unlocked the session.
type unlocker struct {
	prompt func(context.Context) error

	mu        sync.Mutex
	locked    bool
	asking    *prompt
	dismissed bool
	quiet     time.Duration // nobody is asked before, by the monotonic clock
}

// prompt is one that is open; whoever comes meanwhile waits for it too.
type prompt struct {
	done chan struct{}
	err  error
}

// Lock makes requests ask the person again, where [Settings.Unlock] is set: an app does
// it when it goes to the background.
func (s *Session) Lock() {
	s.unlock.mu.Lock()
	defer s.unlock.mu.Unlock()
	s.unlock.locked = s.unlock.prompt != nil
}

// pass returns nil once the session is unlocked.
func (u *unlocker) pass(ctx context.Context, clock Clock) error {
	u.mu.Lock()
	if !u.locked {
		u.mu.Unlock()
		return nil
	}
	if u.dismissed && clock.Monotonic() < u.quiet {
		u.mu.Unlock()
		return ErrDismissed
	}
	p := u.asking
	if p == nil {
		p = &prompt{done: make(chan struct{})}
		u.asking = p
		// The prompt belongs to all who wait for it: a caller who gives up does not close it.
		go u.ask(context.WithoutCancel(ctx), p, clock)
	}
	u.mu.Unlock()
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (u *unlocker) ask(ctx context.Context, p *prompt, clock Clock) {
	err := u.prompt(ctx)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asking = nil
	u.locked, u.dismissed = err != nil, err != nil
	if err != nil {
		p.err = ErrDismissed
		u.quiet = clock.Monotonic() + dismissedFor
	}
	close(p.done)
}
