package latchkey

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// api is an API of the app's own, which answers with a status.
type api struct {
	*peer
	status atomic.Int32
}

func newAPI(t *testing.T, status int) *api {
	t.Helper()
	a := &api{}
	a.status.Store(int32(status))
	a.peer = newPeer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(a.status.Load())) })

	return a
}

// status makes a call and returns its status.
func status(t *testing.T, s *Session, url string) int {
	t.Helper()
	client := &http.Client{Transport: s.Transport(nil)}
	r, err := client.Get(url)
	must(t, err)
	must(t, r.Body.Close())

	return r.StatusCode
}

// An API that always answers 401 costs at most six refreshes in ten minutes, and nobody else.
func TestRefusals_ofOneOriginHoldUpNoOther(t *testing.T) {
	for _, every := range []time.Duration{time.Second, 10 * time.Second, time.Minute} {
		server, good, bad := newAccounts(t), newAPI(t, 200), newAPI(t, 401)
		clock := newHandClock()
		s := server.open(t, Settings{Clock: clock, Origins: []string{good.URL, bad.URL}})
		must(t, signIn(t, s, "ada"))

		var refreshed []time.Duration
		for now := time.Duration(0); now < time.Hour; now += every {
			if got := status(t, s, bad.URL); got != 401 {
				t.Fatalf("every %s: the bad API answers %d", every, got)
			}
			if got := status(t, s, good.URL); got != 200 {
				t.Fatalf("every %s: the good API answers %d", every, got)
			}
			for len(refreshed) < len(server.spends()) {
				refreshed = append(refreshed, now)
			}
			clock.advance(every)
		}
		// Those for tokens that expire are among them.
		for i := range refreshed {
			if i >= 6 && refreshed[i]-refreshed[i-6] < 10*time.Minute {
				t.Fatalf("every %s: seven refreshes from %s to %s", every, refreshed[i-6], refreshed[i])
			}
		}
	}
}

func TestRefusals_ofManyOriginsAreSixInTenMinutes(t *testing.T) {
	server := newAccounts(t)
	var origins []string
	for range 20 {
		origins = append(origins, newAPI(t, 401).URL)
	}
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock, Origins: origins})
	must(t, signIn(t, s, "ada"))
	for range 4 {
		for _, url := range origins {
			status(t, s, url)
		}
		clock.advance(time.Minute)
	}
	if n := len(server.spends()); n > 6 {
		t.Errorf("%d refreshes", n)
	}
}

func TestRefusals_endWhereARefreshHelps(t *testing.T) {
	server, bad := newAccounts(t), newAPI(t, 401)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock, Origins: []string{bad.URL}})
	must(t, signIn(t, s, "ada"))
	status(t, s, bad.URL)
	if status(t, s, bad.URL); len(server.spends()) != 1 {
		t.Errorf("%d refreshes for two calls", len(server.spends()))
	}
	clock.advance(time.Second)
	status(t, s, bad.URL)
	if len(server.spends()) != 2 {
		t.Errorf("%d refreshes, although a second has passed", len(server.spends()))
	}
	s.mu.Lock()
	s.refused.helped(originOfText(t, bad.URL))
	allowed := s.refused.allow(originOfText(t, bad.URL), clock.Monotonic())
	s.mu.Unlock()
	if !allowed {
		t.Error("a refresh that has helped ends nothing")
	}
}

func originOfText(t *testing.T, text string) string {
	t.Helper()
	origin, err := parseOrigin(text, false)
	must(t, err)

	return origin
}

// A burst of calls that are all refused counts once.
func TestRefusals_aBurstCountsOnce(t *testing.T) {
	var r refusals
	for range 50 {
		r.refused("o", "token", 0, &Error{Status: 401})
	}
	if r.allow("o", firstDelay-1) && r.allow("o", firstDelay/2-1) || !r.allow("o", firstDelay) {
		t.Errorf("a wait until %s", r.origins["o"].notBefore)
	}
}

// A call while offline fails at once, in every way that it begins.
func TestOffline_aCallFailsAtOnce(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	// A transport repeats a request by itself where a connection that it has kept is gone.
	fresh := WithHTTPClient(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
	s := server.open(t, Settings{Clock: clock, Options: []ClientOption{fresh}})
	must(t, signIn(t, s, "ada"))
	clock.advance(time.Hour)
	server.lose(true)
	for range 5 {
		before := len(server.spends())
		wantNetwork(t, get(t, s, server.URL+"/api"), false)
		wantNetwork(t, get(t, s, server.URL+"/api"), true)
		wantNetwork(t, s.Refresh(t.Context()), false) // asks
		wantNetwork(t, s.Refresh(t.Context()), true)
		if n := len(server.spends()) - before; n != 2 {
			t.Errorf("%d refreshes", n)
		}
		clock.advance(15 * time.Second)
	}
	server.lose(false)
	must(t, get(t, s, server.URL+"/api"))
}

func TestOffline_onlineEndsTheWait(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock})
	must(t, signIn(t, s, "ada"))
	clock.advance(time.Hour)
	server.lose(true)
	for range 6 {
		wantNetwork(t, get(t, s, server.URL+"/api"), false)
		clock.advance(15 * time.Second)
	}
	wantNetwork(t, get(t, s, server.URL+"/api"), false)
	server.lose(false)
	clock.advance(time.Millisecond)
	s.Online()
	must(t, get(t, s, server.URL+"/api"))
}

// A sign-in that nobody answers ends, without a deadline of the caller's.
func TestOffline_aCallHasALimit(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock})
	reached, free := make(chan struct{}), make(chan struct{})
	server.before("ada", func() { close(reached); <-free })
	failed := make(chan error, 1)
	go func() { failed <- signIn(t, s, "ada") }()
	<-reached
	clock.advance(callLimit)
	wantNetwork(t, <-failed, false)
	close(free)
}

func wantNetwork(t *testing.T, err error, waiting bool) {
	t.Helper()
	var none *NetworkError
	if !errors.As(err, &none) || (none.After > 0) != waiting || none.After > 15*time.Second {
		t.Errorf("got %v; waiting: want %v", err, waiting)
	}
}

// The machine slept: the monotonic clock was at a halt, and the token has expired.
func TestClock_aTokenExpiresWhileTheMachineSleeps(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock})
	must(t, signIn(t, s, "ada"))
	for _, jump := range []time.Duration{8 * time.Hour, 10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour, 0} {
		server.requests()
		clock.jump(jump)
		must(t, get(t, s, server.URL+"/api"))
		must(t, get(t, s, server.URL+"/api"))
		want := 2
		if jump > 0 {
			want = 3 // a refresh
		}
		if got := server.requests(); len(got) != want {
			t.Errorf("a jump of %s: %q", jump, got)
		}
	}
}
