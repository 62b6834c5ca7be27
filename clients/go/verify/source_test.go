package verify_test

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// reads fails unless the key set was read exactly n times.
func (f *forge) reads(t *testing.T, n int) {
	t.Helper()
	if got := f.jwks.count(); got != n {
		t.Fatalf("the key set was read %d times, want %d", got, n)
	}
}

// unknown is a token of a key that the server does not have, by a kid of that number.
func (f *forge) unknown(n int) string {
	return f.compact(f.headerWith(f.kid, fmt.Sprintf("unknown-%d", n)), goodClaims)
}

func together(n int, f func(n int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func TestKeys_areReadOnceForManyTokens(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	compact := f.good()
	together(100, func(int) { f.is(t, compact, nil) })
	f.reads(t, 1)
}

func TestKeys_unknownNamesDoNotHammerTheServer(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.is(t, f.good(), nil)
	flood := func() { together(1000, func(n int) { f.is(t, f.unknown(n), verify.ErrInvalid) }) }
	flood()
	f.reads(t, 1) // the set was read a moment ago
	f.clock.Advance(30 * time.Second)
	f.is(t, f.unknown(1000), verify.ErrInvalid)
	f.reads(t, 2)
	flood()
	f.reads(t, 2)
	f.clock.Advance(30 * time.Second)
	flood() // all of these names are known to be unknown
	f.is(t, f.unknown(1000), verify.ErrInvalid)
	f.reads(t, 2)
	f.is(t, f.unknown(1001), verify.ErrInvalid)
	f.reads(t, 3)
}

// The names that are remembered have a bound too: after it, the pause alone holds.
func TestKeys_theMemoryOfUnknownNamesIsBounded(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.is(t, f.good(), nil)
	for n := range 1500 {
		f.is(t, f.unknown(n), verify.ErrInvalid)
	}
	f.clock.Advance(30 * time.Second)
	f.is(t, f.unknown(1), verify.ErrInvalid) // remembered
	f.reads(t, 1)
	f.is(t, f.unknown(1499), verify.ErrInvalid) // not any more
	f.reads(t, 2)
	f.clock.Advance(30 * time.Second)
	f.is(t, f.unknown(2), verify.ErrInvalid) // the memory has begun anew
	f.reads(t, 3)
}

func TestKeys_aNewOneIsFoundByItsName(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.is(t, f.good(), nil)
	next := newKey(t)
	f.jwks.shows(t, f.key, next)
	f.clock.Advance(29 * time.Second)
	f.is(t, f.by(next), verify.ErrInvalid) // read 29 s ago: see unknownNamesDoNotHammer
	f.clock.Advance(301 * time.Second)
	f.is(t, f.by(next), nil)
	f.is(t, f.by(f.key), nil)
}

// A set whose time is over serves on while it is read anew, for as long again.
func TestSEC14_aRemovedKeyVerifiesNoMoreAfterTwiceItsTime(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.is(t, f.good(), nil)
	f.jwks.shows(t, newKey(t))
	f.clock.Advance(300*time.Second - 1)
	f.is(t, f.by(f.key), nil)
	f.reads(t, 1)
	f.clock.Advance(300*time.Second + 1)
	f.is(t, f.by(f.key), verify.ErrInvalid) // waits for the read
	f.reads(t, 2)
}

// On a busy backend it is the first call after the set's time that has it read.
func TestKeys_areReadAnewWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	f.is(t, f.good(), nil)
	honest, hit := f.jwks.handler, make(chan struct{})
	f.jwks.answers(func(w http.ResponseWriter, r *http.Request) { honest(w, r); hit <- struct{}{} })
	f.clock.Advance(300 * time.Second)
	together(20, func(int) { f.is(t, f.by(f.key), nil) })
	select {
	case <-hit:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody reads them")
	}
	f.reads(t, 2)
}

func TestKeys_areKeptWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"status 503":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"a captive portal": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"an empty object":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"no keys":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"a connection cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			f.is(t, f.good(), nil)
			honest := f.jwks.handler
			f.jwks.answers(handler)
			for _, later := range []time.Duration{10 * time.Minute, 24 * time.Hour, 30 * 24 * time.Hour} {
				f.clock.Advance(later)
				f.is(t, f.by(f.key), nil)
			}
			f.reads(t, 4)
			// Whether a new name is a key, nobody can say now: no 401, which ends sign-ins.
			f.is(t, f.by(newKey(t)), verify.ErrUnavailable)
			f.reads(t, 4) // 5 s have not passed
			f.clock.Advance(5 * time.Second)
			f.jwks.answers(honest)
			f.is(t, f.by(newKey(t)), verify.ErrInvalid)
			f.reads(t, 5)
		})
	}
}

func TestKeys_noneEverObtained(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	honest := f.jwks.handler
	f.jwks.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	together(100, func(int) { f.is(t, f.good(), verify.ErrUnavailable) })
	f.reads(t, 1)
	f.jwks.answers(honest)
	f.is(t, f.good(), verify.ErrUnavailable)
	f.clock.Advance(time.Second)
	f.is(t, f.good(), nil)
	f.reads(t, 2)
}

// A clock that was an hour ahead when the server was away must not cost us that hour.
func TestKeys_aClockThatIsSetBackDoesNotStopReading(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	honest := f.jwks.handler
	f.jwks.answers(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) })
	f.is(t, f.good(), verify.ErrUnavailable)
	f.clock.Advance(-time.Hour)
	f.jwks.answers(honest)
	f.is(t, f.by(f.key), nil)
}

func TestSEC05_malformedKeyNameNeverReachesTheServer(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	for _, kid := range []string{"", "../../key", "a b", "a'--", "ä", strings.Repeat("k", 65), `\n` + f.kid, f.kid + `\n`} {
		f.is(t, f.compact(f.headerWith(f.kid, kid), goodClaims), verify.ErrInvalid)
	}
	f.reads(t, 0)
	f.is(t, f.compact(f.headerWith(f.kid, strings.Repeat("k", 64)), goodClaims), verify.ErrInvalid)
	f.reads(t, 1)
}

// A caller that leaves does not take the read with it: others wait for it too.
func TestKeys_aCancelledCallLeavesTheReadToOthers(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	honest, entered, release := f.jwks.handler, make(chan struct{}, 2), make(chan struct{})
	f.jwks.answers(func(w http.ResponseWriter, r *http.Request) { entered <- struct{}{}; <-release; honest(w, r) })
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := f.verifier.Verify(ctx, f.good()); left <- err }()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled call: %v", err)
	}
	f.clock.Advance(10 * time.Second)
	if _, err := f.verifier.Verify(ctx, f.good()); !errors.Is(err, context.Canceled) { // a slow read is not begun twice
		t.Errorf("the next one: %v", err)
	}
	close(release)
	f.is(t, f.good(), nil)
	f.reads(t, 1)
}

// An hour of a busy backend while the server rotates as `latchkey keys rotate` does: the
// new key is published at minute 5, signs from 15 on, the old one is gone at 25. No token
// of an honest app is ever refused.
func TestKeys_rotationUnderLoad(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	old, next := f.key, newKey(t)
	signer := map[bool]*ecdsa.PrivateKey{false: old, true: next}
	kept := map[int]string{} // the token of each minute
	for minute := range 60 {
		switch minute {
		case 5:
			f.jwks.shows(t, old, next)
		case 15:
			f.jwks.shows(t, next, old)
		case 25:
			f.jwks.shows(t, next)
		}
		kept[minute] = f.by(signer[minute >= 15])
		together(16, func(n int) {
			f.is(t, kept[max(0, minute-n%5)], nil) // up to four minutes old
			f.is(t, f.unknown(minute*16+n), verify.ErrInvalid)
		})
		f.clock.Advance(time.Minute)
	}
	f.is(t, f.by(old), verify.ErrInvalid) // a thief's
	// Once a minute for the unknown names, and no more for the rotation.
	if n := f.jwks.count(); n > 61 {
		t.Errorf("the key set was read %d times in an hour", n)
	}
}
