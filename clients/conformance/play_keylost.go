package main

import (
	"maps"
	"time"
)

// keyLostScenarios are those of a store that can never be read again: its key is gone.
var keyLostScenarios = []scenario{
	{"key_lost_kept", "P9", "nothing is deleted by itself, for an hour", keyLostKept},
	{"key_lost_sign_in", "P9", "a sign-in replaces it after a minute of failed reads, and not before", keyLostSignIn(func(p *phone, d time.Duration) { p.advance(d) })},
	{"key_lost_wall", "P9", "the minute passes by the wall clock alone", keyLostSignIn(func(p *phone, d time.Duration) { p.wall(d) })},
	{"key_lost_sign_out", "P9", "so does a sign-out", keyLostSignOut},
	{"key_lost_sign_out_early", "P9", "a sign-out before the minute is over fails, and is repeated after it", keyLostSignOutEarly},
	{"key_lost_sign_up", "P9", "so does a sign-up", keyLostSignUp},
	{"key_lost_force_in", "P9", "a sign-in with force replaces it at once", keyLostForceIn},
	{"key_lost_force_factor", "P9", "a sign-in with force that is asked for a second factor goes on without a second force", keyLostForceFactor},
	{"key_lost_force_out", "P9", "a sign-out with force replaces it at once", keyLostForceOut},
	{"key_lost_running", "P9", "the key is lost while the app runs: the session is kept until the user signs out", keyLostRunning},
	{"key_lost_locked", "P5", "a locked device is no lost key, however long it is locked", keyLostLocked},
	{"key_lost_hiccup", "P9", "reads that fail for hours and then succeed: signed in", keyLostHiccup},
}

const storageKeyLost = "storage_key_lost"

// keyLost is the next run of a phone whose user was signed in. Its store cannot be read.
func (w *world) keyLost() *phone {
	w.signedUp().kill()
	p := w.bare()
	p.fault("key_lost", 0)
	p.do(command{"do": "start", "base_url": w.url, "store": w.store})

	return p
}

// unreadable looks at the store in some ways, all of which fail.
func (p *phone) unreadable() {
	for range 2 {
		wants("state", p.do(command{"do": "state"}).State, "unknown")
		f := p.refused()
		wants("the error", f.Kind, "store")
		wants("its action", f.Action, "retry")
	}
}

func keyLostKept(w *world) {
	p := w.keyLost()
	before := slots(files(w.store))
	sent := w.count(everything)

	for range 120 {
		p.unreadable()
		p.advance(30 * time.Second)
	}

	wants("unchanged", maps.Equal(slots(files(w.store)), before), true)
	wants("requests", w.count(everything), sent)
}

// tooEarly wants a command not to replace what cannot be read.
func (p *phone) tooEarly(c command) {
	before := slots(files(p.w.store))
	wants("the error before the minute is over", p.refusal(c).Kind, "store")
	wants("unchanged", maps.Equal(slots(files(p.w.store)), before), true)
}

// aMinute lets reads fail for a minute.
func (p *phone) aMinute() {
	for range 7 {
		p.unreadable()
		p.advance(10 * time.Second)
	}
	p.unreadable()
}

// replaced wants the events of a sign-in that has replaced what could not be read.
func (p *phone) replaced(email string) {
	r := p.do(command{"do": "state"})
	wants("state", r.State, "signed_in")
	lost := 0
	for _, e := range r.Events {
		if e.Kind == "signed_out" {
			wants("the reason that the app gets", e.Reason, storageKeyLost)
			lost++
		}
	}
	wants("events with the reason", lost, 1)

	p.is(email)
	p.goesOn()
	p.kill()
	p = p.w.phone()
	p.is(email)
}

func keyLostSignIn(passes func(*phone, time.Duration)) func(*world) {
	return func(w *world) {
		p := w.keyLost()
		p.unreadable()
		p.tooEarly(command{"do": "sign_in", "email": w.email, "password": goodPassword})

		passes(p, 50*time.Second)
		p.unreadable()
		p.tooEarly(command{"do": "sign_in", "email": w.email, "password": goodPassword})

		passes(p, 70*time.Second)
		p.unreadable()
		p.signUpAgain()
		p.replaced(w.email)
	}
}

func keyLostSignOut(w *world) {
	p := w.keyLost()
	p.aMinute()
	p.do(command{"do": "sign_out"})
	w.replacedByNothing(p)
}

// keyLostSignOutEarly signs out before the minute is over, and again after it.
func keyLostSignOutEarly(w *world) {
	p := w.keyLost()
	p.unreadable()
	p.tooEarly(command{"do": "sign_out"})

	for range 7 {
		p.refused()
		p.advance(10 * time.Second)
	}
	p.do(command{"do": "sign_out"})
	p.kill()

	p = w.phone()
	p.out()
}

// replacedByNothing wants a sign-out to have replaced what could not be read, and a sign-in to work.
func (w *world) replacedByNothing(p *phone) {
	r := p.do(command{"do": "state"})
	wants("state", r.State, "signed_out")
	wants("reason", r.Reason, storageKeyLost)
	wants("the next call", p.refused().Kind, "signed_out")
	w.tokenless()

	p.kill()
	p = w.phone()
	p.out()
	p.signUpAgain()
	p.goesOn()
}

func keyLostSignUp(w *world) {
	p := w.keyLost()
	fresh := w.nobody("fresh")
	p.unreadable()
	p.tooEarly(fresh.signUp())

	p.aMinute()
	wants("sign-up", p.do(fresh.signUp()).Result, "signed_in")
	p.replaced(fresh.email)
}

func keyLostForceIn(w *world) {
	p := w.keyLost()
	wants("state", p.do(command{"do": "state"}).State, "unknown")
	r := p.do(command{"do": "sign_in", "email": w.email, "password": goodPassword, "force": true})
	wants("sign-in", r.Result, "signed_in")
	p.replaced(w.email)
}

func keyLostForceFactor(w *world) {
	p := w.keyLost()
	wants("state", p.do(command{"do": "state"}).State, "unknown")

	u := w.protected("other")
	begins := u.signIn()
	begins["force"] = true
	wants("sign-in", p.do(begins).Result, "pending")
	wants("the code", p.do(u.code()).Result, "signed_in")
	p.replaced(u.email)
}

func keyLostForceOut(w *world) {
	p := w.keyLost()
	wants("state", p.do(command{"do": "state"}).State, "unknown")
	p.do(command{"do": "sign_out", "force": true})
	w.replacedByNothing(p)
}

func keyLostRunning(w *world) {
	p := w.signedUp()
	p.fault("key_lost", 0)
	p.calls(3)
	p.expired()
	before := slots(files(w.store))

	for range 60 {
		wants("the error", p.kept().Kind, "store")
		p.advance(minute)
	}
	wants("unchanged", maps.Equal(slots(files(w.store)), before), true)

	p.seen()
	p.do(command{"do": "sign_out"})
	r := p.do(command{"do": "state"})
	wants("state", r.State, "signed_out")
	wants("events", len(r.Events), 1)
	w.tokenless()

	p.signUpAgain()
	p.goesOn()
}

func keyLostLocked(w *world) {
	w.signedUp().kill()
	stored := slots(files(w.store))

	p := w.bare()
	p.fault("locked", 0)
	p.do(command{"do": "start", "base_url": w.url, "store": w.store})

	for range 60 {
		wants("state", p.do(command{"do": "state"}).State, "locked")
		wants("the error", p.refused().Kind, "locked")
		p.advance(minute)
	}
	in := command{"do": "sign_in", "email": w.email, "password": goodPassword}
	wants("the error of a sign-in", p.refusal(in).Kind, "locked")
	wants("unchanged", maps.Equal(slots(files(w.store)), stored), true)

	p.fault("fail_reads", 0) // the first reads that fail for another reason
	p.tooEarly(in)

	p.fault("none", 0)
	p.recovers()
	p.is(w.email)
}

func keyLostHiccup(w *world) {
	w.signedUp().kill()
	p := w.bare()
	p.fault("fail_reads", 0)
	p.do(command{"do": "start", "base_url": w.url, "store": w.store})

	for range 60 {
		p.unreadable()
		p.advance(3 * minute)
	}

	p.fault("none", 0)
	p.recovers()
	p.is(w.email)
}
