package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

const password = "a long enough password"

// phone is the client of Go with one user's session.
type phone struct {
	d       *drill
	email   string
	session *latchkey.Session
	clock   *hastyClock // nil: the user waits as long as the client says
}

// hastyClock is a clock that a hurried user moves: a user who asks again at once, or starts the app anew, is not held
// up by the client's waits between attempts.
type hastyClock struct {
	latchkey.Clock
	ahead atomic.Int64
}

// Monotonic implements latchkey.Clock.
func (c *hastyClock) Monotonic() time.Duration {
	return c.Clock.Monotonic() + time.Duration(c.ahead.Load())
}

// signUpAll makes the clients, a few at a time: the servers compute one hash for each.
func (d *drill) signUpAll(ctx context.Context) error {
	for n := range d.hasty + d.patient {
		p, err := d.newPhone(n, n < d.hasty)
		if err != nil {
			return err
		}
		d.phones = append(d.phones, p)
	}

	for _, p := range d.phones {
		if _, err := p.session.SignUp(ctx, p.email, password); err != nil {
			return fmt.Errorf("sign-up: %w", err)
		}
	}

	return nil
}

// newPhone makes a client with a network address of its own, since the limits count by address.
func (d *drill) newPhone(n int, hasty bool) (*phone, error) {
	p := &phone{d: d, email: fmt.Sprintf("user-%d@example.com", n)}
	own := &net.TCPAddr{IP: net.IPv4(127, 10, byte(n/200), byte(1+n%200))}
	dialer := net.Dialer{Timeout: 5 * time.Second, LocalAddr: own}
	client := &http.Client{Transport: &watched{p, &http.Transport{DialContext: dialer.DialContext}}}

	settings := latchkey.Settings{Options: []latchkey.ClientOption{latchkey.WithHTTPClient(client)}}
	if hasty {
		p.clock = &hastyClock{Clock: latchkey.SystemClock()}
		settings.Clock = p.clock
	}
	var err error
	p.session, err = latchkey.Open("http://"+d.frontAddr, settings)

	return p, err
}

// watched notes what becomes of each request.
type watched struct {
	p    *phone
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := w.base.RoundTrip(r)
	status := 0
	if err == nil {
		status = answer.StatusCode
	}
	w.p.d.tally.answered(w.p, exchange{began: began, path: r.Method + " " + r.URL.Path, status: status, err: err})

	return answer, err
}

// live lets all clients act until the context ends. The function that it returns waits for their end.
func (d *drill) live(ctx context.Context) (gone func()) {
	var all sync.WaitGroup
	for _, p := range d.phones {
		all.Go(func() { p.live(ctx) })
	}

	return all.Wait
}

// live is a client's life: it refreshes, uses its access token now and then, and sometimes signs in anew.
func (p *phone) live(ctx context.Context) {
	for p.rest(ctx) {
		err := p.session.Refresh(ctx)
		if err == nil && rand.IntN(10) < 3 {
			_, err = p.session.Profile(ctx)
		}
		if err == nil && !p.d.steady.Load() && rand.IntN(50) == 0 {
			_, err = p.session.SignIn(ctx, p.email, password)
		}

		var out *latchkey.SignedOutError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &out):
			p.d.tally.signedOut(p, out.Reason)
			_, _ = p.session.SignIn(ctx, p.email, password)
		case err != nil:
			p.hurry(err)
		}
	}
}

// hurry skips the time that the client would wait before it asks again.
func (p *phone) hurry(err error) {
	if p.clock == nil {
		return
	}

	var wait *latchkey.WaitError
	var silent *latchkey.NetworkError
	switch {
	case errors.As(err, &wait):
		p.clock.ahead.Add(int64(wait.After))
	case errors.As(err, &silent):
		p.clock.ahead.Add(int64(silent.After))
	}
}

// rest waits a random time, and reports whether life goes on.
func (p *phone) rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(200*time.Millisecond + rand.N(600*time.Millisecond)):
		return true
	}
}
