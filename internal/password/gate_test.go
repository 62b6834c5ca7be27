package password

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// full takes every slot of a new gate and returns them.
func full(t *testing.T) (*Gate, []*Slot) {
	t.Helper()
	g := NewGate()
	var slots []*Slot
	for range max(2, runtime.GOMAXPROCS(0)) {
		s, err := g.Enter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		slots = append(slots, s)
	}
	return g, slots
}

func mustBeBusy(t *testing.T, s *Slot, err error) {
	t.Helper()
	var p *problem.Problem
	if s != nil || !errors.Is(err, problem.TemporarilyUnavailable) || !errors.As(err, &p) || p.RetryAfter != time.Second {
		t.Errorf("got %v, %v; want TemporarilyUnavailable, to be tried again after a second", s, err)
	}
}

// The clock inside the bubble moves only when everybody waits: a time of zero means
// that nobody did.
func TestSEC39_fullQueueIsShedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, slots := full(t)
		start := time.Now()
		outcomes := make(chan error)
		for range g.slots.queue {
			go func() {
				s, err := g.Enter(t.Context())
				if err == nil {
					s.Leave()
				}
				outcomes <- err
			}()
		}
		synctest.Wait()
		if want := int64(4 * max(2, runtime.GOMAXPROCS(0))); g.slots.queue != want || g.slots.waiting.Load() != want {
			t.Errorf("%d of %d wait, want %d", g.slots.waiting.Load(), g.slots.queue, want)
		}
		for range 3 {
			s, err := g.Enter(t.Context())
			mustBeBusy(t, s, err)
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("shed after %s, want at once", waited)
		}
		for _, s := range slots {
			s.Leave()
		}
		for range g.slots.queue {
			if err := <-outcomes; err != nil {
				t.Errorf("one in the queue was shed: %v", err)
			}
		}
		if n := g.slots.waiting.Load(); n != 0 {
			t.Errorf("%d are still counted as waiting", n)
		}
	})
}

func TestSEC39_nobodyWaitsLongerThanASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, _ := full(t)
		start := time.Now()
		s, err := g.Enter(t.Context())
		mustBeBusy(t, s, err)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("waited %s", waited)
		}
		if n := g.slots.waiting.Load(); n != 0 {
			t.Errorf("%d are still counted as waiting", n)
		}
	})
}

func TestSEC39_requestThatIsGivenUpLeavesTheQueue(t *testing.T) {
	t.Parallel()
	g, _ := full(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := g.Enter(ctx)
	mustBeBusy(t, s, err)
	if n := g.slots.waiting.Load(); n != 0 {
		t.Errorf("%d are still counted as waiting", n)
	}
}

// A flood of sign-ups that never end leaves a slot to sign-ins, and their whole queue.
func TestGate_signUpsLeaveSlotsToSignIns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		most := max(2, runtime.GOMAXPROCS(0))
		entered, shed := make(chan *Slot, 100), make(chan error, 100)
		for range 100 {
			go func() {
				s, err := g.EnterSignup(t.Context())
				if err != nil {
					shed <- err
					return
				}
				entered <- s
			}()
		}
		synctest.Wait()
		if len(entered) != most-1 {
			t.Errorf("%d sign-ups hash at once, want %d of %d", len(entered), most-1, most)
		}
		if len(shed) != 100-(most-1)-4*most {
			t.Errorf("%d sign-ups were shed at once", len(shed))
		}

		start := time.Now()
		for range 20 {
			s, err := g.Enter(t.Context())
			if err != nil {
				t.Fatalf("a sign-in was shed: %v", err)
			}
			s.Leave()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("a sign-in waited %s", waited)
		}

		time.Sleep(maxWait) // in the bubble: those that wait give up
		synctest.Wait()
		if len(shed) != 100-(most-1) || g.signups.waiting.Load() != 0 || g.slots.waiting.Load() != 0 {
			t.Errorf("%d sign-ups were shed, %d and %d wait", len(shed), g.signups.waiting.Load(), g.slots.waiting.Load())
		}
		for range most - 1 {
			s := <-entered
			s.Leave()
			s.Leave()
		}
		s, err := g.EnterSignup(t.Context())
		if err != nil {
			t.Fatalf("the place of a sign-up that has ended is not free: %v", err)
		}
		s.Leave()
	})
}

// A sign-up that finds no slot must not keep its place among the sign-ups.
func TestGate_aSignUpWithoutASlotReleasesItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, slots := full(t)
		for range 10 {
			s, err := g.EnterSignup(t.Context())
			mustBeBusy(t, s, err)
		}
		for _, s := range slots {
			s.Leave()
		}
		s, err := g.EnterSignup(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Leave()
	})
}

// Were the second call counted, one more than GOMAXPROCS could hash at once, or the
// semaphore would panic.
func TestLeave_twiceIsHarmless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, slots := full(t)
		slots[0].Leave()
		slots[0].Leave()
		again, err := g.Enter(t.Context())
		if err != nil {
			t.Fatalf("the slot that was left is not free: %v", err)
		}
		s, err := g.Enter(t.Context())
		mustBeBusy(t, s, err)
		slots[0].Leave()
		s, err = g.Enter(t.Context())
		mustBeBusy(t, s, err)
		again.Leave()
		for _, s := range slots {
			s.Leave()
		}
	})
}

func TestGate_countsEveryHash(t *testing.T) {
	t.Parallel()
	g := NewGate()
	s, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Leave()
	stored, err := s.Hash("secret")
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range []*string{&stored, nil} {
		s.Verify("secret", hash)
	}
	if n := g.Hashes(); n != 3 {
		t.Errorf("counted %d, want 3", n)
	}
}
