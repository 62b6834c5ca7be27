package latchkey

import (
	"errors"
	"testing"
	"time"
)

func TestBackoff_sixAttemptsInTenMinutesAtMost(t *testing.T) {
	for range 2000 { // the jitter differs
		var b backoff
		attempts := 0
		for now := time.Duration(0); now < 10*time.Minute; now += time.Second {
			if b.wait(now) == nil {
				attempts++
				b.fail(now, &Error{Status: 503})
			}
		}
		if attempts > 6 || attempts < 4 {
			t.Fatalf("%d attempts", attempts)
		}
	}
}

func TestBackoff_neverEndsForGood(t *testing.T) {
	var b backoff
	now := time.Duration(0)
	for range 100 {
		b.fail(now, &Error{Status: 500})
		if b.notBefore-now > maxDelay || b.notBefore-now < firstDelay/2 {
			t.Fatalf("a delay of %s", b.notBefore-now)
		}
		now = b.notBefore
	}
}

func TestBackoff_waitsForRetryAfter(t *testing.T) {
	var b backoff
	b.fail(0, &Error{Status: 503, RetryAfter: 2 * time.Minute})
	var wait *WaitError
	if err := b.wait(2*time.Minute - 1); !errors.As(err, &wait) || wait.After != 1 {
		t.Errorf("a nanosecond early: %v", err)
	}
	if err := b.wait(2 * time.Minute); err != nil {
		t.Error(err)
	}
}

var errNoRoute = &NetworkError{Err: errors.New("no route")}

// A network that is back is used within 15 seconds, however long it was away.
func TestWaits_withoutAnAnswerAreShort(t *testing.T) {
	for _, minutes := range []int{1, 2, 5, 10, 30} {
		for range 100 { // the jitter differs
			var w waits
			now := time.Duration(0)
			for ; now < time.Duration(minutes)*time.Minute; now += 100 * time.Millisecond {
				if w.wait(now, false) == nil {
					w.fail(now, now, errNoRoute)
				}
			}
			if left := w.left(now); left > 15*time.Second {
				t.Fatalf("after %d minutes: a wait of %s", minutes, left)
			}
		}
	}
}

func TestWaits_saysThatThereIsNoNetwork(t *testing.T) {
	var w waits
	w.fail(0, 0, errNoRoute)
	var none *NetworkError
	if err := w.wait(0, false); !errors.As(err, &none) || none.After <= 0 || !errors.Is(err, errNoRoute.Err) {
		t.Errorf("got %v", err)
	}
}

func TestWaits_aCallByTheUserAsksOnceInEachWait(t *testing.T) {
	var w waits
	w.fail(0, 0, errNoRoute)
	if err := w.wait(0, true); err != nil {
		t.Errorf("the first: %v", err)
	}
	w.fail(0, 0, errNoRoute)
	if err := w.wait(0, true); err == nil {
		t.Error("the second asks too")
	}
	w.fail(w.silent.notBefore, w.silent.notBefore, errNoRoute) // the next wait
	if err := w.wait(w.silent.notBefore-1, true); err != nil {
		t.Errorf("in the next wait: %v", err)
	}
}

func TestWaits_endOnlineButNotWhereTheServerAskedForThem(t *testing.T) {
	var w waits
	w.fail(0, 0, errNoRoute)
	w.silent.back(1)
	if err := w.wait(1, false); err != nil {
		t.Errorf("online: %v", err)
	}
	w.fail(0, 2, errNoRoute) // began before
	if err := w.wait(2, false); err != nil {
		t.Errorf("an attempt of before counts: %v", err)
	}

	w.fail(3, 3, &Error{Status: 503, RetryAfter: time.Minute})
	w.silent.back(4)
	var wait *WaitError
	if err := w.wait(4, true); !errors.As(err, &wait) || wait.After != time.Minute-1 {
		t.Errorf("Retry-After: %v", err)
	}
}

// An attempt that hung counts from where it began: the limit of 15 seconds is not added to the wait.
func TestWaits_countFromWhereTheAttemptBegan(t *testing.T) {
	var w waits
	for range 5 {
		w.fail(0, 15*time.Second, errNoRoute)
	}
	if left := w.left(15 * time.Second); left <= 0 || left > time.Second {
		t.Errorf("a wait of %s", left)
	}
}
