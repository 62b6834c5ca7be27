package arrival

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestGate_letsRequestsWaitUntilItOpens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		if g.Closed() || !g.Wait() {
			t.Error("a new gate is closed")
		}

		for range 2 { // a service can arrive again
			g.Set(Arriving)
			g.Set(Arriving)
			var waiting sync.WaitGroup
			passed := make(chan bool, 100)
			for range 100 {
				waiting.Go(func() { passed <- g.Wait() })
			}
			time.Sleep(Longest - time.Nanosecond)
			synctest.Wait()
			if len(passed) > 0 {
				t.Error("one has not waited")
			}

			g.Set(Live)
			g.Set(Live)
			waiting.Wait()
			close(passed)
			for ok := range passed {
				if !ok {
					t.Error("a request is refused")
				}
			}
			if g.Closed() || !g.Wait() || g.waiting.Load() != 0 {
				t.Error("it is still closed")
			}
		}

		g.Set(Arriving)
		g.Set("") // the move has ended
		if !g.Wait() {
			t.Error("it is closed although nobody moves in")
		}
	})
}

func TestGate_refusesWhatWaitsTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.Set(Arriving)
		began := time.Now()
		if g.Wait() || g.waiting.Load() != 0 || time.Since(began) != Longest {
			t.Errorf("after %v: it lets a request pass, or too late", time.Since(began))
		}
	})
}

func TestGate_refusesMoreThanMayWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		g.Set(Arriving)
		began := time.Now()
		var waiting sync.WaitGroup
		for range mostWaiting {
			waiting.Go(func() { g.Wait() })
		}
		synctest.Wait()
		if g.Wait() || time.Since(began) != 0 {
			t.Error("one too many waits")
		}
		g.Set(Live)
		waiting.Wait()
	})
}
