package main

import (
	"slices"
	"time"
)

const (
	minute = time.Minute
	day    = 24 * time.Hour
)

func answerLost(w *world) {
	p := w.signedUp()
	for n := range 50 {
		p.expired()
		w.play(newFault(refreshing, cutAfter).only(1))
		p.kept()
		p.advance([]time.Duration{time.Second, minute, 10 * minute, 8 * time.Hour, 3 * day}[n%5])
		p.recovers()
	}
	wants("generations", generation(w.lastAccess()), 51)
}

// onRefresh plays one fault of the connection on the next refresh.
func onRefresh(h how) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.expired()
		w.play(newFault(refreshing, h).only(1))
		p.kept()
		p.recovers()
		wants("generations", generation(w.lastAccess()), 2)
	}
}

func answerLate(w *world) {
	p := w.signedUp()
	p.expired()
	f := w.play(newFault(refreshing, holdAfter).only(1))
	c := p.start(command{"do": "call"})
	<-f.held
	p.advance(2 * minute)
	r := c.wait()
	if len(r.Errors) != 1 || r.Errors[0].Kind != "network" {
		fail("a refresh without an answer for 2 minutes: %v %v", r.Statuses, r.Errors)
	}
	w.lift()
	p.recovers()
}

func killedAt(point string) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.calls(1)
		p.expired()
		p.do(command{"do": "kill_at", "point": point})
		p.start(command{"do": "refresh"})
		p.dies()
		p = w.phone()
		p.advance(8 * time.Hour)
		p.recovers()
	}
}

func parallelStale(w *world) {
	p := w.signedUp()
	w.expire()
	p.calls(50)
	wants("refreshes", w.count(refreshing), 1)
	p.signedIn()
}

func parallelExpired(w *world) {
	p := w.signedUp()
	stale := w.lastAccess()
	p.expired()
	p.calls(200)
	wants("refreshes", w.count(refreshing), 1)
	wants("requests", w.count(profile), 200)
	if slices.Contains(w.look().bearers, stale) {
		fail("a request carried the expired token")
	}
}

func twoClients(w *world) {
	p := w.signedUp()
	p.do(command{"do": "start", "client": "b", "base_url": w.url, "store": w.store})
	for range 5 {
		p.expired()
		before := w.count(refreshing)
		a := p.start(command{"do": "call", "n": 100})
		b := p.start(command{"do": "call", "n": 100, "client": "b"})
		allOK(a.wait(), 100)
		allOK(b.wait(), 100)
		if n := w.count(refreshing) - before; n < 1 || n > 2 {
			fail("%d refreshes of two clients for one expiry", n)
		}
	}
	wants("refreshes at once", w.look().together, 1)
	p.signedIn()
}

func twoProcesses(w *world) {
	a := w.signedUp()
	b := w.phone()
	const cycles = 20
	for range cycles {
		a.expired()
		b.expired()
		first, second := a.start(command{"do": "call", "n": 10}), b.start(command{"do": "call", "n": 10})
		allOK(first.wait(), 10)
		allOK(second.wait(), 10)
	}
	// Access tokens are not stored, so each process has expiries of its own.
	if n := w.count(refreshing); n > 2*cycles+1 {
		fail("%d refreshes for %d expiries", n, 2*cycles)
	}
	wants("refreshes at once", w.look().together, 1)
	a.signedIn()
	b.signedIn()
}

func holderKilled(w *world) {
	a := w.signedUp()
	b := w.phone()
	a.expired()
	f := w.play(newFault(refreshing, holdAfter).only(1))
	a.start(command{"do": "refresh"})
	<-f.held
	waiting := b.start(command{"do": "call"})
	a.kill()
	allOK(waiting.wait(), 1)
	b.signedIn()
}

func rotatedElsewhere(w *world) {
	a := w.signedUp()
	a.calls(1)
	b := w.phone()
	for range 2 {
		b.expired()
		b.calls(1)
	}
	a.expired()
	a.calls(5)
	a.signedIn()
	wants("generations", generation(w.lastAccess()), 4)
}

func signedOutElsewhere(w *world) {
	a := w.signedUp()
	a.seen()
	b := w.phone()
	b.do(command{"do": "sign_out"})
	before := w.count(refreshing)
	a.expired()
	f := a.refused()
	wants("the error", f.Kind, "signed_out")
	wants("refreshes", w.count(refreshing), before)
	wants("state", a.do(command{"do": "state"}).State, "signed_out")
}

func signedInElsewhere(w *world) {
	w.refusedMeanwhile(400, "session_ended", w.replaceSession)
}

func conflictElsewhere(w *world) {
	w.refusedMeanwhile(409, "refresh_conflict", w.refreshElsewhere)
	wants("generations", generation(w.lastAccess()), 3)
}

// refusedMeanwhile refuses the refresh of a call while another process changes the store. The call
// goes on with what is stored then.
func (w *world) refusedMeanwhile(status int, code string, elsewhere func()) {
	p := w.signedUp()
	p.expired()
	f := problem(refreshing, status, code).after(1).only(1)
	f.how = holdBefore
	w.play(f)
	waiting := p.start(command{"do": "call"})
	<-f.held
	elsewhere()
	w.release(f)
	allOK(waiting.wait(), 1)
	p.signedIn()
}

func bodyRepeated(w *world) {
	p := w.signedUp()
	w.expire()
	allOK(p.do(command{"do": "call", "body": `{"display":"Ada Lovelace"}`}), 1)
	wants("requests", w.count(profile), 2)
}

func aheadOfExpiry(w *world) {
	p := w.signedUp()
	p.advance(295 * time.Second)
	p.calls(1)
	eventually("a refresh ahead of expiry", func() bool { return w.count(refreshing) == 1 })
	p.advance(10 * time.Second)
	p.calls(20)
	wants("refreshes", w.count(refreshing), 1)
	wants("requests", w.count(profile), 21)
}

func cancelOne(w *world) {
	p := w.signedUp()
	p.expired()
	f := w.play(newFault(refreshing, holdAfter).only(1))
	one, other := p.start(command{"do": "call"}), p.start(command{"do": "call"})
	<-f.held
	p.do(command{"do": "cancel", "target": one.id})
	cancelled(one.wait())
	w.lift()
	allOK(other.wait(), 1)
	wants("refreshes", w.count(refreshing), 1)
}

func cancelAll(w *world) {
	p := w.signedUp()
	p.expired()
	f := w.play(newFault(refreshing, holdAfter).only(1))
	c := p.start(command{"do": "call"})
	<-f.held
	p.do(command{"do": "cancel", "target": c.id})
	cancelled(c.wait())
	w.lift()
	p.calls(1)
	wants("refreshes", w.count(refreshing), 1)
	p.signedIn()
}

func cancelled(r reply) {
	if len(r.Errors) != 1 || r.Errors[0].Kind != "cancelled" {
		fail("a cancelled call: %v %v", r.Statuses, r.Errors)
	}
}
