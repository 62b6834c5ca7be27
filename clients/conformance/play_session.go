package main

import (
	"fmt"
	"slices"
	"time"
)

func pendingSignIn(w *world) {
	p := w.phone()
	w.play(unauthorized(signingIn, false, `{"id":"login"},{"id":"verify_email","is_pending":true}`).only(1))
	r := p.do(command{"do": "sign_up", "email": w.email, "password": goodPassword})
	wants("sign-up", r.Result, "pending")
	wants("flows", slices.Equal(r.Flows, []string{"verify_email"}), true)
	wants("state", p.do(command{"do": "state"}).State, "signed_out")
	w.lift()
	p.signUp()
	p.calls(1)
}

func signInRefused(w *world) {
	p := w.signedUp()
	p.do(command{"do": "sign_out"})
	r := p.try(command{"do": "sign_in", "email": w.email, "password": "not the password"})
	if r.Error == nil {
		fail("a wrong password signs in")
	}
	wants("the error", r.Error.Kind, "problem")
	wants("its code", r.Error.Code, "email_password_mismatch")
	wants("its action", r.Error.Action, "show")
}

func signInAway(w *world) {
	p := w.phone()
	w.play(problem(signingIn, 503, "temporarily_unavailable").after(3).only(1))
	r := p.try(command{"do": "sign_up", "email": w.email, "password": goodPassword})
	if r.Error == nil {
		fail("signed up with a server that is away")
	}
	wants("the error", r.Error.Kind, "server")
	wants("its action", r.Error.Action, "retry")
	p.signUp()
	p.calls(1)
}

func (p *phone) signUpAgain() {
	r := p.do(command{"do": "sign_in", "email": p.w.email, "password": goodPassword})
	wants("sign-in", r.Result, "signed_in")
}

// deviceKnown signs out and in again, in the same run and in the next one. Every scenario holds
// that no other request carries the device token, and that the driver's output does not either.
func deviceKnown(w *world) {
	p := w.signedUp()
	p.expired()
	p.calls(1)
	p.do(command{"do": "sign_out"})
	p.signUpAgain()

	p.do(command{"do": "sign_out"})
	p.kill()
	p = w.phone()
	p.signUpAgain()

	s := w.look()
	wants("device tokens that were handed out", len(s.devices), 3)
	wants("sign-ins", len(s.known), 3)
	wants("a device token at the first sign-in", s.known[0] != "", false)
	for n := 1; n < len(s.known); n++ {
		wants(fmt.Sprintf("sign-in %d shows the device token of the one before", n+1), s.known[n] == s.devices[n-1], true)
	}
}

func signOut(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.seen()
	token := w.lastAccess()
	p.do(command{"do": "sign_out"})
	p.signedOut("user")
	eventually("the session ends on the server", func() bool { return !w.alive(token) })
	eventually("the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
	before := w.count(everything)
	wants("the next call", p.refused().Kind, "signed_out")
	wants("requests", w.count(everything), before)
	p.kill()
	p = w.phone()
	wants("state of the next run", p.do(command{"do": "state"}).State, "signed_out")
	p.signUpAgain()
	p.calls(1)
}

// signOutDuring signs out while a refresh is held at the proxy.
func signOutDuring(h how) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.seen()
		token := w.lastAccess()
		p.expired()

		f := w.play(newFault(refreshing, h).only(1))
		call := p.start(command{"do": "call"})
		<-f.held

		out := p.start(command{"do": "sign_out"})
		eventually("signed out here, with the refresh still under way", func() bool {
			return p.do(command{"do": "state", "client": "a"}).State == "signed_out"
		})

		w.lift()
		if r := out.wait(); !r.OK {
			fail("sign_out: %v", *r.Error)
		}

		r := call.wait()
		if len(r.Errors) != 1 || r.Errors[0].Kind != "signed_out" {
			fail("the call that waited for the refresh: %v %v", r.Statuses, r.Errors)
		}

		p.advance(minute)
		eventually("the session ends on the server", func() bool { return !w.alive(token) })
		eventually("the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
		wants("state", p.do(command{"do": "state"}).State, "signed_out")
		wants("the next call", p.refused().Kind, "signed_out")
		wants("requests with a token", len(w.look().bearers), 0)
	}
}

func signOutTwice(w *world) {
	p := w.signedUp()
	p.seen()
	p.do(command{"do": "sign_out"})
	p.do(command{"do": "sign_out"})
	p.signedOut("user")
}

func signOutWriteRejected(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.seen()
	p.fault("reject_writes", 0)
	if r := p.try(command{"do": "sign_out"}); !r.OK && r.Error.Kind != "store" {
		fail("sign_out: %v", *r.Error)
	}
	p.signedOut("user")
	before := w.count(profile)
	if f := p.refused(); f.Kind != "signed_out" && f.Kind != "store" {
		fail("the next call: %v", f)
	}
	p.fault("none", 0)
	wants("the next call", p.refused().Kind, "signed_out")
	wants("requests", w.count(profile), before)
	w.within15Minutes(p, "the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
}

func signOutOffline(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.seen()
	token := w.lastAccess()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})
	p.signedOut("user")
	wants("the next call", p.refused().Kind, "signed_out")
	w.lift()
	w.toldLater(p, token)
}

// toldLater wants the server to learn of a sign-out within 15 minutes, and nothing left.
func (w *world) toldLater(p *phone, token string) {
	w.within15Minutes(p, "the session ends on the server, and the store holds no token", func() bool {
		return !w.alive(token) && w.attempt(w.tokenless) == ""
	})
}

// within15Minutes lets time pass until the background work of a phone has done something.
// Each step leaves it a moment of real time: a step also runs time-outs out.
func (w *world) within15Minutes(p *phone, what string, holds func() bool) {
	for range 15 {
		p.advance(minute)
		for range 10 {
			if holds() {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	fail("not within 15 minutes: %s", what)
}

func signOutOfflineKilled(w *world) {
	p := w.signedUp()
	token := w.lastAccess()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})
	p.kill()
	w.lift()
	p = w.phone()
	wants("state of the next run", p.do(command{"do": "state"}).State, "signed_out")
	w.toldLater(p, token)
}

func signOutOfflineExpired(w *world) {
	p := w.signedUp()
	token := w.lastAccess()
	p.expired()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})
	wants("state", p.do(command{"do": "state"}).State, "signed_out")
	w.lift()
	w.toldLater(p, token)
}

func signInAfterOffline(w *world) {
	p := w.signedUp()
	token := w.lastAccess()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})
	w.lift()
	p.signUpAgain()
	p.seen()
	p.calls(1)
	fresh := w.lastAccess()
	w.within15Minutes(p, "the old session ends on the server", func() bool { return !w.alive(token) })
	wants("the new session lives", w.alive(fresh), true)
	p.recovers()
}

// signOutOfflineTwo signs out, in and out again while no session can be ended.
func signOutOfflineTwo(w *world) {
	p := w.signedUp()
	w.play(newFault(signingOut, cutBefore))
	w.play(newFault(refreshing, cutBefore))

	p.do(command{"do": "sign_out"})
	p.signUpAgain()
	p.do(command{"do": "sign_out"})
	wants("state", p.do(command{"do": "state"}).State, "signed_out")

	w.lift()
	w.ends(p, w.email)
	w.within15Minutes(p, "the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
	p.out()
}

func signOutAnswerLost(w *world) {
	p := w.signedUp()
	p.seen()
	token := w.lastAccess()
	w.play(newFault(signingOut, cutAfter).only(1))
	p.do(command{"do": "sign_out"})
	p.signedOut("user")
	w.toldLater(p, token)
}
