package main

import "time"

// newestScenarios are those of two sign-ins, or a sign-in and a sign-out, at once: the one that began
// last wins, in whatever order the answers come.
var newestScenarios = []scenario{
	{"newest_in_in_late", "P14", "two sign-ins at once, and the older one is answered last: the newer one stays", newest{}.play},
	{"newest_in_in_early", "P14", "the older one is answered first: it is not kept", newest{early: true}.play},
	{"newest_in_asked_late", "P14", "the newer one is asked for a second factor, and the older one completes later", newest{asked: true}.play},
	{"newest_in_asked_early", "P14", "the same, and the older one completes first", newest{asked: true, early: true}.play},
	{"newest_asked_in_late", "P14", "the older one is asked for a second factor later: nothing is pending", newest{wasAsked: true}.play},
	{"newest_asked_in_early", "P14", "the same, and the older one is answered first", newest{wasAsked: true, early: true}.play},
	{"newest_asked_asked_late", "P14", "both are asked for a second factor: the code belongs to the newer one", newest{wasAsked: true, asked: true}.play},
	{"newest_asked_asked_early", "P14", "the same, and the older one is answered first", newest{wasAsked: true, asked: true, early: true}.play},
	{"newest_over_session", "P14", "both over a session that is there", newest{over: true}.play},
	{"newest_over_session_early", "P14", "the same, and the older one is answered first", newest{over: true, early: true}.play},
	{"newest_offline", "P14", "the older session cannot be ended at once: it is ended later", newest{offline: true}.play},
	{"newest_offline_over", "P14", "the same over a session: both are ended later", newest{offline: true, over: true}.play},
	{"newest_offline_killed", "P2 P14", "killed before it could be ended: the next run ends it", newest{offline: true, killed: true}.play},
	{"sign_in_over_killed", "P2 P14", "killed when the new session is stored over another one: that one is ended", signInOverKilled},
	{"newest_sign_up", "P14", "a sign-up that is older than a sign-in", newest{older: bySignUp}.play},
	{"newest_provider", "P14", "a sign-in by a provider that is older than one by password", newest{older: byProvider}.play},
	{"newest_provider_early", "P14", "the same, and the older one is answered first", newest{older: byProvider, early: true}.play},
	{"newest_passkey", "P14", "a sign-in by a passkey that is older than one by password", newest{older: byPasskey}.play},
	{"newest_adopt", "P14", "a token that is taken over while a newer sign-in completes", newest{older: byAdoption}.play},
	{"newest_factor_late", "P14", "an old second factor is accepted after a newer sign-in has completed", newestFactor(false)},
	{"newest_factor_asked", "P14", "an old second factor is accepted while a newer sign-in is asked for its own", newestFactor(true)},
	{"sign_out_late_in", "P14", "a sign-in is answered after a newer sign-out: nobody is signed in", signOutNewer},
	{"sign_out_waits_for_lock", "P14", "a sign-out waits for the lock while a newer sign-in completes: that stays", signOutOlderLock},
	{"sign_out_waits_elsewhere", "P4 P14", "the same, and the sign-in is that of another process", signOutOlderElsewhere},
	{"sign_out_waits_for_server", "P14", "a sign-out waits for the server while a newer sign-in completes", signOutOlderServer},
	{"sign_out_waits_for_refresh", "P14", "a refresh, a sign-out, a newer sign-in, and then the answer to the refresh", signOutOlderRefresh},
	{"unwritten_sign_in", "P9", "the new session cannot be stored: the one before stays, the new one is ended on the server", unwritten(0)},
	{"unwritten_once", "P9", "the same where one write fails", unwritten(1)},
	{"unwritten_factor", "P9", "the same where a second factor completes the sign-in", unwrittenFactor},
	{"unwritten_alone", "P9", "a first session cannot be stored: signed out, and it is ended on the server", unwrittenAlone},
}

// beginning is a way to begin a sign-in, and where its answer can be held.
type beginning struct {
	at    place
	by    func(*user) command
	fresh bool // it makes the account
}

var (
	byPassword = beginning{at: signingIn, by: (*user).signIn}
	bySignUp   = beginning{at: signingIn, by: (*user).signUp, fresh: true}
	byProvider = beginning{at: providing, by: func(u *user) command { return u.w.identity(u.email) }, fresh: true}
	byPasskey  = beginning{at: showing, by: func(u *user) command {
		u.w.addPasskey(u.email)
		return u.w.byPasskey()
	}}
	byAdoption = beginning{at: refreshing, by: func(u *user) command {
		_, refresh := u.tokens()
		return adopting(refresh)
	}}
)

// newest is two sign-ins in flight.
type newest struct {
	older    beginning // by password where it is zero
	wasAsked bool      // the older one is asked for a second factor
	asked    bool      // the newer one is
	early    bool      // the older one is answered first
	over     bool      // a session is there before
	offline  bool      // no session can be ended at first
	killed   bool      // and the process is killed then
}

func (n newest) play(w *world) {
	p := w.phone()
	if n.over {
		p.signUp()
	}
	if n.older.by == nil {
		n.older = byPassword
	}
	older, newer := n.users(w)
	begins := n.older.by(older)

	first := w.play(newFault(n.older.at, holdAfter).only(1))
	a := p.start(begins)
	w.reaches(first, a)

	second := w.play(newFault(signingIn, holdAfter).only(1))
	b := p.start(newer.signIn())
	w.reaches(second, b)

	if n.offline {
		w.play(newFault(signingOut, cutBefore))
		w.play(newFault(refreshing, cutBefore))
	}

	if n.early {
		w.release(first)
		a.overtaken()
	}

	w.release(second)
	r := b.wait()

	if !n.early {
		w.release(first)
		a.overtaken()
	}

	p.completes(newer, r)
	w.lift()
	if n.killed {
		p.kill()
		p = w.phone()
	}

	w.ends(p, older.email)
	if n.over {
		w.ends(p, w.email)
	}
	p.lasts(newer.email)
}

func (n newest) users(w *world) (older, newer *user) {
	account := func(name string, factor, fresh bool) *user {
		switch {
		case factor:
			return w.protected(name)
		case fresh:
			return w.nobody(name)
		}
		return w.user(name)
	}

	return account("older", n.wasAsked, n.older.fresh), account("newer", n.asked, false)
}

// lasts wants a user to be signed in, also when the token has expired.
func (p *phone) lasts(email string) {
	p.is(email)
	p.expired()
	p.is(email)
}

// completes takes what a sign-in was answered with, and gives the second factor where it is asked for.
func (p *phone) completes(u *user, r reply) {
	if r.Error != nil {
		fail("the newer sign-in: %v", *r.Error)
	}

	if len(u.codes) > 0 {
		wants("the newer sign-in", r.Result, "pending")
		r = p.do(u.code())
	}
	wants("the newer sign-in", r.Result, "signed_in")
	p.is(u.email)
}

// overtaken wants the answer to a command that a newer one has overtaken.
func (c pending) overtaken() {
	r := c.wait()
	if r.Error == nil {
		fail("%v was overtaken by a newer one, and is %s", c.name, r.Result)
	}
	if r.Error.Kind != "nothing_pending" {
		fail("%v was overtaken by a newer one: %v, not nothing_pending", c.name, *r.Error)
	}
}

// newestFactor accepts a second factor after a newer sign-in has completed, or is asked for its own.
func newestFactor(asked bool) func(*world) {
	return func(w *world) {
		p := w.phone()
		older, newer := newest{wasAsked: true, asked: asked}.users(w)
		wants("the older sign-in", p.do(older.signIn()).Result, "pending")

		f := w.play(newFault(factoring, holdAfter).only(1))
		a := p.start(older.code())
		w.reaches(f, a)
		r := p.do(newer.signIn())

		w.release(f)
		a.overtaken()

		p.completes(newer, r)
		w.ends(p, older.email)
		p.lasts(newer.email)
	}
}

func signInOverKilled(w *world) {
	p := w.signedUp()
	newer := w.user("newer")

	p.do(command{"do": "kill_at", "point": "after_persist"})
	p.start(newer.signIn())
	p.dies()

	p = w.phone()
	p.is(newer.email)
	w.ends(p, w.email)
	p.lasts(newer.email)
}

func signOutNewer(w *world) {
	p := w.phone()
	older := w.user("older")

	f := w.play(newFault(signingIn, holdAfter).only(1))
	a := p.start(older.signIn())
	w.reaches(f, a)
	p.do(command{"do": "sign_out"})

	w.release(f)
	if r := a.wait(); r.Error == nil || r.Error.Kind != "nothing_pending" && r.Error.Kind != "signed_out" {
		fail("a sign-in that a newer sign-out has overtaken: %s %v", r.Result, r.Error)
	}
	p.out()
	w.ends(p, older.email)

	wants("the next sign-in", p.do(older.signIn()).Result, "signed_in")
	p.lasts(older.email)
}

// signOutOlderLock makes the sign-out wait for the lock, which the sign-in gets.
func signOutOlderLock(w *world) {
	p := w.signedUp()
	newer := w.user("newer")

	p.fault("lock_stuck", 1)
	out := p.start(command{"do": "sign_out"})
	p.soon("signed_out")
	in := p.start(newer.signIn())
	soon(func() bool { return len(in.answer) > 0 })

	p.fault("none", 0)
	p.advance(11 * time.Second)
	w.bothDone(p, out, in, newer)
}

// signOutOlderElsewhere is a sign-out that waits for the lock while another process signs in.
func signOutOlderElsewhere(w *world) {
	a := w.signedUp()
	b := w.phone()
	newer := w.user("newer")

	a.fault("lock_stuck", 1)
	out := a.start(command{"do": "sign_out"})
	a.soon("signed_out")
	in := b.start(newer.signIn())
	soon(func() bool { return len(in.answer) > 0 })

	a.fault("none", 0)
	a.advance(11 * time.Second)
	if r := out.wait(); !r.OK {
		fail("the sign-out: %v", *r.Error)
	}
	if r := in.wait(); r.Result != "signed_in" {
		fail("the sign-in: %+v", r.Error)
	}

	b.is(newer.email)
	w.ends(a, w.email)
	b.lasts(newer.email)
}

// signOutOlderServer holds what the sign-out sends.
func signOutOlderServer(w *world) {
	p := w.signedUp()
	newer := w.user("newer")

	f := w.play(newFault(signingOut, holdBefore).only(1))
	out := p.start(command{"do": "sign_out"})
	soon(f.isHeld)
	in := p.start(newer.signIn())
	soon(func() bool { return len(in.answer) > 0 })

	w.release(f)
	w.bothDone(p, out, in, newer)
}

// signOutOlderRefresh holds the answer to a refresh, for which a sign-out may wait.
func signOutOlderRefresh(w *world) {
	p := w.signedUp()
	newer := w.user("newer")
	p.expired()

	f := w.play(newFault(refreshing, holdAfter).only(1))
	call := p.start(command{"do": "call"})
	w.reaches(f, call)

	out := p.start(command{"do": "sign_out"})
	p.soon("signed_out")
	in := p.start(newer.signIn())
	soon(func() bool { return len(in.answer) > 0 })

	w.release(f)
	call.wait() // signed out, or answered for the user who is signed in now
	w.bothDone(p, out, in, newer)
}

// bothDone wants a sign-out and a newer sign-in to go well, and the newer one to count.
func (w *world) bothDone(p *phone, out, in pending, newer *user) {
	if r := in.wait(); r.Result != "signed_in" {
		fail("the sign-in: %+v", r.Error)
	}
	if r := out.wait(); !r.OK {
		fail("the sign-out: %v", *r.Error)
	}

	p.is(newer.email)
	w.ends(p, w.email)
	p.lasts(newer.email)

	p.kill()
	w.phone().is(newer.email)
}

// soon waits for what may happen, a second of real time at most.
func soon(holds func() bool) {
	end := time.Now().Add(time.Second)
	for !holds() && time.Now().Before(end) {
		time.Sleep(5 * time.Millisecond)
	}
}

// soon waits for a state that the client may be in before a command has ended.
func (p *phone) soon(state string) {
	soon(func() bool { return p.do(command{"do": "state"}).State == state })
}

// unwritten signs in over a session while the store refuses writes.
func unwritten(times int) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		other := w.user("other")

		p.fault("reject_writes", times)
		r := p.try(other.signIn())
		p.fault("none", 0)

		if times > 0 && r.OK { // what could not be written was not the session
			p.is(other.email)
			w.ends(p, w.email)
			p.lasts(other.email)
			return
		}

		if r.Error == nil {
			fail("a session that cannot be stored is %s", r.Result)
		}
		wants("the error", r.Error.Kind, "store")
		w.staysIn(p, other)
	}
}

func unwrittenFactor(w *world) {
	p := w.signedUp()
	other := w.protected("other")
	wants("sign-in", p.do(other.signIn()).Result, "pending")

	p.fault("reject_writes", 0)
	wants("the error", p.refusal(other.code()).Kind, "store")
	p.fault("none", 0)

	w.staysIn(p, other)
}

// staysIn wants the session of before to go on, and that of another user, who could not be signed in,
// to end.
func (w *world) staysIn(p *phone, other *user) {
	p.signedIn()
	p.is(w.email)
	w.ends(p, other.email)
	p.lasts(w.email)

	p.kill()
	p = w.phone()
	p.is(w.email)
	w.ends(p, other.email)
	p.is(w.email)
}

func unwrittenAlone(w *world) {
	p := w.phone()
	other := w.user("other")

	p.fault("reject_writes", 0)
	wants("the error", p.refusal(other.signIn()).Kind, "store")
	p.fault("none", 0)

	p.out()
	w.ends(p, other.email)
	p.out()

	wants("the next sign-in", p.do(other.signIn()).Result, "signed_in")
	p.is(other.email)
}
