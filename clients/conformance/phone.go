package main

import (
	"fmt"
	"slices"
	"time"
)

// phone is a driver process, as scenarios use it.
type phone struct {
	*process
	w *world
}

// phone starts a process with a client on the scenario's store.
func (w *world) phone() *phone {
	p := w.bare()
	p.do(command{"do": "start", "base_url": w.url, "store": w.store})
	return p
}

// bare starts a process without a client.
func (w *world) bare() *phone {
	running, err := launch(w.logs, w.command)
	if err != nil {
		fail("the driver does not start: %v", err)
	}
	p := &phone{running, w}
	w.running = append(w.running, p)
	w.all = append(w.all, p)
	return p
}

// signedUp is a phone whose owner has just made an account.
func (w *world) signedUp() *phone {
	p := w.phone()
	p.signUp()
	return p
}

func (p *phone) signUp() {
	r := p.do(command{"do": "sign_up", "email": p.w.email, "password": goodPassword})
	wants("sign-up", r.Result, "signed_in")
}

const goodPassword = "correct horse battery"

// try sends a command and waits for its reply.
func (p *phone) try(c command) reply {
	_, answer, err := p.send(c)
	if err == nil {
		var r reply
		if r, err = p.wait(answer, patience); err == nil {
			if r.Error != nil && r.Error.Kind == "unsupported" {
				fail("unplayable: the driver does not know %v", c["do"])
			}
			return r
		}
	}
	fail("%v: %v", c["do"], err)
	return reply{}
}

// do is try, where the command must go well.
func (p *phone) do(c command) reply {
	r := p.try(c)
	if !r.OK {
		if r.Error == nil {
			fail("%v is not ok, and no error says why", c["do"])
		}
		fail("%v: %v", c["do"], *r.Error)
	}
	return r
}

// pending is a command that is under way.
type pending struct {
	p      *phone
	name   any
	id     int
	answer chan reply
}

// start sends a command and does not wait.
func (p *phone) start(c command) pending {
	id, answer, err := p.send(c)
	if err != nil {
		fail("%v: %v", c["do"], err)
	}
	return pending{p, c["do"], id, answer}
}

// wait waits for the reply to a command that was started.
func (c pending) wait() reply {
	r, err := c.p.wait(c.answer, patience)
	if err != nil {
		fail("%v: %v", c.name, err)
	}
	return r
}

// calls makes n requests at once, and all must be answered with 200.
func (p *phone) calls(n int) {
	allOK(p.do(command{"do": "call", "n": n}), n)
}

func allOK(r reply, n int) {
	for _, e := range r.Errors {
		fail("a call failed: %v", e)
	}
	wants("answers", len(r.Statuses), n)
	for _, s := range r.Statuses {
		wants("a call", s, 200)
	}
}

// refused makes one request, which must fail, and returns how.
func (p *phone) refused() failure {
	r := p.do(command{"do": "call"})
	if len(r.Errors) != 1 {
		fail("a call was answered with %v, and should have failed", r.Statuses)
	}
	return r.Errors[0]
}

// kept makes one request, which must fail without an end of the session.
func (p *phone) kept() failure {
	f := p.refused()
	if f.Action != "retry" && f.Action != "wait" && f.Action != "reread" {
		fail("a call failed with %v: not an error that may be tried again", f)
	}
	p.signedIn()
	return f
}

func (p *phone) signedIn() {
	r := p.do(command{"do": "state"})
	wants("state", r.State, "signed_in")
	if slices.ContainsFunc(r.Events, func(e event) bool { return e.Kind == "signed_out" }) {
		fail("the client told of a sign-out")
	}
}

// signedOut wants the end of the session to have been told once, with a reason.
func (p *phone) signedOut(reason string) {
	r := p.do(command{"do": "state"})
	wants("state", r.State, "signed_out")
	wants("reason", r.Reason, reason)
	told := slices.DeleteFunc(r.Events, func(e event) bool { return e.Kind != "signed_out" })
	wants("signed_out events", fmt.Sprint(told), fmt.Sprint([]event{{"signed_out", reason}}))
}

// seen forgets the events so far.
func (p *phone) seen() { p.do(command{"do": "state"}) }

func (p *phone) advance(d time.Duration) { p.do(command{"do": "clock", "advance": d.Seconds()}) }

func (p *phone) wall(d time.Duration) {
	p.do(command{"do": "clock", "wall_offset": int64(d.Seconds())})
}

// expired lets the access token run out, by the phone's own reckoning.
func (p *phone) expired() { p.advance(301 * time.Second) }

func (p *phone) fault(name string, times int) {
	p.do(command{"do": "store_fault", "fault": name, "times": times})
}

// recovers lets time pass until a call succeeds: 15 minutes at most.
func (p *phone) recovers() {
	for range 15 {
		r := p.do(command{"do": "call"})
		if len(r.Statuses) == 1 && r.Statuses[0] == 200 {
			p.signedIn()
			return
		}
		p.advance(time.Minute)
	}
	r := p.do(command{"do": "call"})
	allOK(r, 1)
}

// dies waits until the process has killed itself.
func (p *phone) dies() {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		fail("the process did not kill itself")
	}
	p.w.gone(p)
}

// kill ends the process as the system does.
func (p *phone) kill() {
	if err := p.cmd.Process.Kill(); err != nil {
		fail("cannot kill the driver: %v", err)
	}
	<-p.exited
	p.w.gone(p)
}

func (w *world) gone(p *phone) {
	w.running = slices.DeleteFunc(w.running, func(other *phone) bool { return other == p })
}
