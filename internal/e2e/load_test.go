package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTLOAD01and02_aFloodOfSignInsIsShedAndLookUpsGoOn: known and unknown addresses alike are
// let in or told to wait, and nobody who is signed in notices.
func TestTLOAD01and02_aFloodOfSignInsIsShedAndLookUpsGoOn(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	var counts sync.Map
	var flood sync.WaitGroup
	for n := range 60 {
		flood.Go(func() {
			email := "ada@example.com"
			if n%2 == 1 { // T-LOAD-02: no cheaper path for an account that is not there
				email = fmt.Sprintf("nobody%d@example.com", n)
			}
			a := w.call("POST", loginPath, credentials(email, goodPassword))
			counter, _ := counts.LoadOrStore(a.Status, &atomic.Int64{})
			counter.(*atomic.Int64).Add(1)
			if a.Status == 503 && a.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	for range 100 {
		w.call("GET", sessionPath, "", bearer(s.Tokens().Access)).wants(200)
	}
	if err := s.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	flood.Wait()
	shed := int64(0)
	counts.Range(func(status, n any) bool {
		switch status {
		case 503:
			shed = n.(*atomic.Int64).Load()
		case 200, 400:
		default:
			t.Errorf("%d answers of %v", n.(*atomic.Int64).Load(), status)
		}
		return true
	})
	if shed == 0 {
		t.Error("nothing was shed: the gate has no bounds")
	}
}

// TestTLOAD03_idleAndSlowConnectionsKeepNobodyOut.
func TestTLOAD03_idleAndSlowConnectionsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	for n := range 400 {
		c := w.dialFrom(fmt.Sprintf("127.0.0.%d", 2+n%2)) // 200 each: within the bound of an address
		if n%4 == 0 {                                     // half a request, and then nothing
			if _, err := c.Write([]byte("POST " + loginPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 20 {
		w.call("GET", sessionPath, "", bearer(s.Tokens().Access)).wants(200)
	}
}

// TestTLOAD04_manyClientsRefreshInTheSameMoment: every one of them gets its pair.
func TestTLOAD04_manyClientsRefreshInTheSameMoment(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	tokens := make([]string, 45)
	for i := range tokens {
		tokens[i] = w.signIn("ada@example.com").refresh
	}
	w.age(grown)
	var wg sync.WaitGroup
	for i, token := range tokens {
		wg.Go(func() {
			w.persistent(func() answer { return w.spend(token, fmt.Sprintf("key-number-%d", i)) }).wants(200)
		})
	}
	wg.Wait()
}

// TestTREF05_aLockThatIsNotObtainedIs503 holds a session's row for longer than a refresh waits.
func TestTREF05_aLockThatIsNotObtainedIs503(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	lock := w.connect()
	defer func() { _ = lock.Close(t.Context()) }()
	if _, err := lock.Exec(t.Context(), "BEGIN; SELECT 1 FROM sessions FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	a := w.spend(e.Refresh, "key-number-1").wants(503, "temporarily_unavailable")
	if waited := time.Since(began); waited < time.Second {
		t.Errorf("it did not wait for the lock: %v", waited)
	}
	if a.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	if _, err := lock.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	w.spend(e.Refresh, "key-number-1").wants(200)
}

// A flood of sign-ups takes the slots that it may have, and no sign-in is refused for it.
func TestLoad_aFloodOfSignUpsStopsNoSignIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	over := make(chan struct{})
	var flood sync.WaitGroup
	var signUps, shed atomic.Int64
	for n := range 24 {
		flood.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-over:
					return
				default:
				}
				a := w.call("POST", signupPath, credentials(fmt.Sprintf("flood%d-%d@example.com", n, round), goodPassword))
				switch a.Status {
				case 503:
					shed.Add(1)
				case 200:
					signUps.Add(1)
				default:
					t.Errorf("a sign-up: %d %s", a.Status, a.Body)
				}
			}
		})
	}
	eventually(t, 10*time.Second, "sign-ups being shed", func() bool { return shed.Load() > 0 })
	for range 20 {
		if a := w.call("POST", loginPath, credentials("ada@example.com", goodPassword)); a.Status != 200 {
			t.Errorf("a sign-in in the flood: %d %s", a.Status, a.Body)
		}
	}
	close(over)
	flood.Wait()
	if signUps.Load() == 0 {
		t.Error("no sign-up had a slot")
	}
}
