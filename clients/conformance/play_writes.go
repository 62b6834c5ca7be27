package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// writesScenarios kill the process after each change of the store, one after another: between the record
// and the queue of what is to end, and wherever else a client writes.
var writesScenarios = []scenario{
	{"writes_refresh", "P2", "killed after each change of the store, one after another: a refresh", eachWrite(refreshWrites)},
	{"writes_sign_in", "P2", "the same of a first sign-in", eachWrite(signInWrites)},
	{"writes_over", "P2 P14", "the same of a sign-in over a session: one goes on, and only one", eachWrite(over{}.writes)},
	{"writes_over_offline", "P2 P14", "the same, and the session before cannot be ended at once", eachWrite(over{offline: true}.writes)},
	{"writes_over_factor", "P2 P14", "the same of a second factor", eachWrite(over{factor: true}.writes)},
	{"writes_adopt_over", "P2 P14", "the same of a token that is taken over", eachWrite(over{handed: true}.writes)},
	{"writes_adopt_session_over", "P2 P14", "the same of a session token", withSession(eachWrite(over{handed: true}.writes))},
	{"writes_adopt_refused", "P2 P15", "the same of one that the server refuses: the session before stays", eachWrite(adoptRefusedWrites)},
	{"writes_over_adopting", "P2 P14", "the same of a sign-in over a token that is not accepted yet", eachWrite(overAdopting((*user).signIn))},
	{"writes_over_adopting_refused", "P2 P15", "the same, and the token is refused later: the session before is back", eachWrite(overRefused)},
	{"writes_sign_out_adopting", "P2 P14", "the same of a sign-out", eachWrite(overAdopting(signingOutOf))},
	{"writes_adopt_adopting", "P2 P14", "the same of another token that is taken over", eachWrite(overAdopting(handingOver))},
	{"writes_sign_out", "P2 P14", "the same of a sign-out: signed in still, or the session ends", eachWrite(signOutWrites(false))},
	{"writes_sign_out_offline", "P2 P14", "the same, and the server cannot be told at once", eachWrite(signOutWrites(true))},
	{"writes_sign_out_two", "P2 P14", "the same of the second of two sign-outs: both sessions end", eachWrite(signOutTwoWrites)},
}

// writing is one command whose process is killed after a number of changes of its store.
type writing struct {
	p    *phone
	does command
	// done reports whether no more changes are to come after the reply; nil: none come.
	done func() bool
	// holds is what must be true afterwards, of the next run where the process was killed.
	holds func(*phone)
}

// mostWrites is more than any client changes its store for one command.
const mostWrites = 30

// eachWrite plays a command again and again: each time the process is killed after one change more.
func eachWrite(prepare func(w *world, round int) writing) func(*world) {
	return func(w *world) {
		for n := 1; n <= mostWrites; n++ {
			k := prepare(w, n)
			k.p.do(command{"do": "kill_at", "point": "after_writes", "n": n})
			killed := k.p.killedBy(k.does, k.done)
			w.lift()

			if !killed {
				wants("the store is changed", n > 1, true)
				k.holds(k.p)
				return
			}

			next := w.phone()
			k.holds(next)
			next.kill()
		}
		fail("more than %d changes of the store", mostWrites)
	}
}

// killedBy reports whether the process was killed by a command, or by what goes on after its reply.
func (p *phone) killedBy(c command, done func() bool) bool {
	if !p.answers(c) {
		return true
	}
	soon(func() bool { return p.isGone() || done == nil || done() })

	return !p.answers(command{"do": "kill_at", "point": ""})
}

// answers reports whether a command was answered before the process was killed.
func (p *phone) answers(c command) bool {
	_, answer, err := p.send(c)
	if err == nil {
		_, err = p.wait(answer, patience)
	}
	if err == nil {
		return true
	}
	if p.dies(); p.cmd.ProcessState.Success() {
		fail("%v: the process has ended by itself", c["do"])
	}

	return false
}

func (p *phone) isGone() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// inRound is a phone on which a user has signed in who is new in each round.
func (w *world) inRound(round int) (*phone, *user) {
	u := w.user(fmt.Sprintf("before%d", round))
	p := w.phone()
	wants("signing in", p.do(u.signIn()).Result, "signed_in")
	p.is(u.email)

	return p, u
}

// withoutTokens reports whether no file of the store contains one of the refresh tokens.
func (w *world) withoutTokens(tokens []string) bool {
	for _, text := range files(w.store) {
		if slices.ContainsFunc(tokens, func(token string) bool { return strings.Contains(text, token) }) {
			return false
		}
	}

	return true
}

func refreshWrites(w *world, round int) writing {
	p, u := w.inRound(round)
	p.expired()

	return writing{p: p, does: command{"do": "call"}, holds: func(p *phone) {
		p.recovers()
		p.is(u.email)
		p.lasts(u.email)
	}}
}

func signInWrites(w *world, round int) writing {
	w.store = fmt.Sprintf("%s-%d", w.store, round)
	if err := os.Mkdir(w.store, 0o700); err != nil {
		fail("%v", err)
	}
	u := w.user(fmt.Sprintf("first%d", round))

	return writing{p: w.phone(), does: u.signIn(), holds: func(p *phone) {
		if p.do(command{"do": "state"}).State == "signed_out" {
			wants("signing in", p.do(u.signIn()).Result, "signed_in")
		}
		p.lasts(u.email)
	}}
}

// over is a sign-in over the session of another user.
type over struct{ factor, handed, offline bool }

func (o over) writes(w *world, round int) writing {
	p, before := w.inRound(round)
	earlier := w.look().refresh

	next := w.user(fmt.Sprintf("next%d", round))
	does, handed := next.signIn(), ""
	if o.factor {
		w.protect(next.email)
		next.codes, w.codes = w.codes, nil
		wants("the sign-in", p.do(does).Result, "pending")
		does = next.code()
	}
	if o.handed {
		_, handed = next.handed()
		does = adopting(handed)
	}

	done := func() bool { return w.withoutTokens(earlier) }
	if o.offline {
		w.play(newFault(signingOut, cutBefore))
		w.play(newFault(refreshing, cutBefore))
		done = nil
	}

	return writing{p: p, does: does, done: done, holds: func(p *phone) {
		if o.handed {
			p.recovers()
			p.adopts(handed, next.email)
		}
		p.one(before, next)
	}}
}

// one wants one of two users to be signed in for good, and the session before to have ended where it is the
// newer one.
func (p *phone) one(before, next *user) {
	wants("state", p.do(command{"do": "state"}).State, "signed_in")
	p.calls(1)

	bearers := p.w.look().bearers
	if email := p.w.userOf(bearers[len(bearers)-1]); email == next.email {
		p.w.ends(p, before.email)
		p.lasts(next.email)

		return
	}

	for range 3 {
		p.lasts(before.email)
	}
}

func signOutWrites(offline bool) func(*world, int) writing {
	return func(w *world, round int) writing {
		p, u := w.inRound(round)
		tokens := w.look().refresh

		done := func() bool { return w.withoutTokens(tokens) }
		if offline {
			w.play(newFault(everything, cutBefore))
			done = nil
		}

		return writing{p: p, does: command{"do": "sign_out"}, done: done, holds: func(p *phone) {
			if p.do(command{"do": "state"}).State == "signed_in" {
				p.lasts(u.email)

				return
			}
			w.ends(p, u.email)
			w.within15Minutes(p, "the store has no token", func() bool { return w.attempt(w.tokenless) == "" })
			p.out()
		}}
	}
}

// signOutTwoWrites is a sign-out while the server has still to be told of one before.
func signOutTwoWrites(w *world, round int) writing {
	p, first := w.inRound(round)
	second := w.user(fmt.Sprintf("next%d", round))

	w.play(newFault(signingOut, cutBefore))
	w.play(newFault(refreshing, cutBefore))
	p.do(command{"do": "sign_out"})
	wants("signing in", p.do(second.signIn()).Result, "signed_in")

	return writing{p: p, does: command{"do": "sign_out"}, holds: func(p *phone) {
		state := p.do(command{"do": "state"}).State
		w.ends(p, first.email)
		if state == "signed_in" {
			p.lasts(second.email)

			return
		}
		w.ends(p, second.email)
	}}
}

// adoptRefusedWrites takes over a token whose session has ended.
func adoptRefusedWrites(w *world, round int) writing {
	p, before := w.inRound(round)
	access, refresh := w.user(fmt.Sprintf("next%d", round)).handed()
	w.endOnServer(access)

	return writing{p: p, does: adopting(refresh), holds: func(p *phone) {
		p.try(command{"do": "call"}) // it may be refused now
		p.lasts(before.email)
		p.lasts(before.email)
	}}
}

// overAdopting is a command while a token over a session waits for the network.
func overAdopting(does func(next *user) command) func(*world, int) writing {
	return func(w *world, round int) writing {
		p, before := w.inRound(round)
		handed, next := w.user(fmt.Sprintf("handed%d", round)), w.user(fmt.Sprintf("next%d", round))
		p.adoptsLater(handed)

		return writing{p: p, does: does(next), holds: func(p *phone) {
			if p.do(command{"do": "state"}).State == "signed_out" {
				w.ends(p, before.email)
				w.ends(p, handed.email)

				return
			}

			p.recovers()
			bearers := w.look().bearers
			email := w.userOf(bearers[len(bearers)-1])
			w.ends(p, before.email)
			if email == next.email {
				w.ends(p, handed.email)
			}
			p.lasts(email)
		}}
	}
}

// adoptsLater takes a token over while nothing is answered, and no session can be ended.
func (p *phone) adoptsLater(u *user) (access string) {
	access, refresh := u.handed()
	p.w.play(newFault(refreshing, cutAfter))
	p.w.play(newFault(signingOut, cutBefore))
	wants("the error", p.refusal(adopting(refresh)).Kind, "network")

	return access
}

// overRefused is a sign-in while a token over a session waits for the network, which is refused later.
func overRefused(w *world, round int) writing {
	p, before := w.inRound(round)
	next := w.user(fmt.Sprintf("next%d", round))
	access := p.adoptsLater(w.user(fmt.Sprintf("handed%d", round)))

	return writing{p: p, does: next.signIn(), holds: func(p *phone) {
		w.endOnServer(access)
		p.hasTime()
		p.advance(16 * time.Second)
		p.try(command{"do": "call"}) // it may be refused now
		p.one(before, next)
	}}
}

// hasTime gives a moment of real time to what a client does at its start: time that jumps ends it.
func (p *phone) hasTime() {
	for end := time.Now().Add(200 * time.Millisecond); time.Now().Before(end); {
		p.do(command{"do": "state"})
	}
}

func signingOutOf(*user) command { return command{"do": "sign_out"} }

func handingOver(u *user) command {
	_, refresh := u.handed()

	return adopting(refresh)
}
