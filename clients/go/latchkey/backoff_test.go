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

func TestBackoff_isShortWithoutANetwork(t *testing.T) {
	var b backoff
	for range 20 {
		b.fail(0, &NetworkError{errors.New("no route")})
	}
	if b.notBefore > maxDelayOffline {
		t.Errorf("%s after the network is back", b.notBefore)
	}
}
