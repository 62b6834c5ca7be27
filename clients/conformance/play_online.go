package main

import (
	"time"
)

// onlineScenarios are those of a phone that is offline and then back.
var onlineScenarios = []scenario{
	{"back_after_1m", "P6, offline", "a minute offline, a call each 15 s, 20 times: back within 15 s, each time", backAfter(minute)},
	{"back_after_2m", "P6", "2 minutes", backAfter(2 * minute)},
	{"back_after_5m", "P6", "5 minutes", backAfter(5 * minute)},
	{"back_after_10m", "P6", "10 minutes", backAfter(10 * minute)},
	{"back_after_30m", "P6", "30 minutes", backAfter(30 * minute)},
	{"back_from_cuts", "P6", "connections that are cut in other ways: before and after the server, in the answer, a TLS alert", backFromCuts},
	{"back_from_silence", "P6", "requests get no answer at all: an attempt ends after 15 s, and nobody waits longer for it", backFromSilence},
	{"silence_two_seconds", "P6", "no answer for minutes: a call that begins then does not wait for the 15 s of an attempt, but 2 s", silenceTwoSeconds},
	{"no_answer_waits", "P6 P7", "a call each second for 10 minutes offline: each fails at once, and few are sent", noAnswerWaits},
	{"online_ends_wait", "P6", "the app says that the network is back: the next call asks at once", onlineEndsWait},
	{"online_tells_sign_out", "P14", "then the server also learns of a sign-out at once", onlineTellsSignOut},
	{"back_parallel", "P3 P6", "50 calls at once, offline and then back: one attempt each time", backParallel},
	{"online_keeps_retry_after", "P7", "Retry-After counts, although the app says that the network is back", onlineKeeps(503, "temporarily_unavailable", 120)},
	{"online_keeps_429", "P7", "so does that of 429", onlineKeeps(429, "too_many_requests", 120)},
	{"online_keeps_500", "P7", "so does the wait after an answer without Retry-After", onlineKeeps(500, "internal_error", 0)},
	{"refresh_by_user", "P6", "a refresh that the user asks for goes out during a wait, once", refreshByUser},
	{"refresh_by_user_back", "P6", "it succeeds where the network is back", refreshByUserBack},
	{"refresh_by_user_waits", "P7", "it waits where the server has asked for it", refreshByUserWaits},
}

const rounds = 20

// offline makes one request without a network. It fails at once, and says that it is the network.
func (p *phone) offline() {
	from := time.Now()
	f := p.kept()
	within2Seconds(from)

	wants("the error without a network", f.Kind, "network")
	wants("its action", f.Action, "retry")
}

// back wants a call to succeed within 15 s by the virtual clocks, tried each second.
func (p *phone) back() {
	for range 15 {
		r := p.do(command{"do": "call"})
		if len(r.Statuses) == 1 && r.Statuses[0] == 200 {
			p.signedIn()
			return
		}

		for _, e := range r.Errors {
			wants("the error while the client waits", e.Kind, "network")
		}
		p.advance(time.Second)
	}

	allOK(p.do(command{"do": "call"}), 1)
}

// backAfter is offline for a while, and back at another moment between two calls each time.
func backAfter(away time.Duration) func(*world) {
	const step = 15 * time.Second

	return func(w *world) {
		p := w.signedUp()

		for n := range rounds {
			p.expired()
			w.play(newFault(everything, cutBefore))

			for at := time.Duration(0); at < away; at += step {
				p.offline()
				p.advance(step)
			}

			p.advance(time.Duration(n) * step / rounds)
			w.lift()
			p.back()
		}
	}
}

// backFromCuts is offline in each of the ways in which a connection ends without an answer.
func backFromCuts(w *world) {
	p := w.signedUp()

	for _, h := range []how{cutBefore, cutAfter, cutBody, noHTTP} {
		for n := range 5 {
			p.expired()
			w.play(newFault(everything, h))

			for range 12 {
				p.offline()
				p.advance(10 * time.Second)
			}

			p.advance(time.Duration(n) * 2 * time.Second)
			w.lift()
			p.back()
		}
	}
}

// backFromSilence holds what is sent. The calls that wait for one attempt end with it.
func backFromSilence(w *world) {
	p := w.signedUp()

	for range 3 {
		p.expired()
		f := w.play(newFault(everything, holdBefore))

		first := p.start(command{"do": "call"})
		w.reaches(f, first)
		p.advance(10 * time.Second)

		second := p.start(command{"do": "call", "n": 5})
		p.advance(5 * time.Second)

		for _, c := range []pending{first, second} {
			for _, e := range c.wait().Errors {
				wants("the error of a call without an answer", e.Kind, "network")
			}
		}

		p.offline()
		w.lift()
		// What was held reaches the server now. For the server, whose clock is the real one and which is
		// made to take every generation for an old one, it must not come after the next attempt.
		eventually("no refresh is on its way", func() bool { return w.look().flying == 0 })
		p.back()
	}
}

// silenceTwoSeconds holds what is sent, for longer than any wait. The client knows after the first attempt
// that nothing is answered, and does not keep a call waiting as long as an attempt takes.
func silenceTwoSeconds(w *world) {
	p := w.signedUp()
	p.expired()
	f := w.play(newFault(everything, holdBefore))
	first := p.start(command{"do": "call"})
	w.reaches(f, first)
	p.advance(15 * time.Second)
	wants("the error of the first attempt", len(first.wait().Errors), 1)

	for range 6 {
		p.advance(16 * time.Second)
		sent := w.count(refreshing)
		calls := p.start(command{"do": "call"})
		soon(func() bool { return len(calls.answer) > 0 || w.count(refreshing) > sent })
		// The timer of the client may begin a moment after the request, on a busy machine.
		for range 3 {
			p.advance(2 * time.Second)
			soon(func() bool { return len(calls.answer) > 0 })
		}

		r := calls.wait()
		wants("errors", len(r.Errors), 1)
		for _, e := range r.Errors {
			wants("the error of a call without an answer", e.Kind, "network")
		}
	}

	p.advance(16 * time.Second)
	w.lift()
	eventually("no refresh is on its way", func() bool { return w.look().flying == 0 })
	p.back()
}

// reaches waits until a fault holds the request of a command.
func (w *world) reaches(f *fault, c pending) {
	timer := time.NewTimer(patience)
	defer timer.Stop()

	select {
	case <-f.held:
	case r := <-c.answer:
		fail("%v was answered before its request was sent: %+v", c.name, r.Error)
	case <-timer.C:
		fail("%v sends nothing", c.name)
	}
}

func noAnswerWaits(w *world) {
	p := w.signedUp()
	p.expired()
	w.play(newFault(everything, cutBefore))

	for range 600 {
		p.offline()
		p.advance(time.Second)
	}

	if n := w.count(refreshing); n < 600/16 || n > 200 {
		fail("%d refreshes in 10 minutes without an answer", n)
	}
	w.lift()
	p.back()
}

// waiting is a phone whose refreshes get no answer, and which waits before it sends another.
func waiting(w *world) *phone {
	p := w.signedUp()
	p.expired()
	w.play(newFault(everything, cutBefore))

	for range 6 {
		p.offline()
		p.advance(20 * time.Second)
	}
	p.offline()

	return p
}

func onlineEndsWait(w *world) {
	p := waiting(w)
	w.lift()

	before := w.count(refreshing)
	p.offline()
	wants("refreshes before the client knows", w.count(refreshing), before)

	p.do(command{"do": "online"})
	p.calls(1)
	wants("refreshes", w.count(refreshing), before+1)

	p.do(command{"do": "online"}) // it is no news
	p.goesOn()
}

func onlineTellsSignOut(w *world) {
	p := w.signedUp()
	token := w.lastAccess()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})

	for range 30 {
		p.advance(minute)
		time.Sleep(5 * time.Millisecond) // each step runs time-outs out
	}

	w.lift()
	p.do(command{"do": "online"})
	eventually("the session ends on the server", func() bool { return !w.alive(token) })
}

func backParallel(w *world) {
	p := w.signedUp()

	for range 5 {
		p.expired()
		w.play(newFault(everything, cutBefore))
		before := w.count(refreshing)

		from := time.Now()
		r := p.do(command{"do": "call", "n": 50})
		within2Seconds(from)
		wants("failed calls", len(r.Errors), 50)
		for _, e := range r.Errors {
			wants("the error", e.Kind, "network")
		}
		wants("refreshes", w.count(refreshing)-before, 1)

		w.lift()
		p.advance(15 * time.Second)
		p.calls(50)
		wants("refreshes", w.count(refreshing)-before, 2)
	}
}

// onlineKeeps plays one refusal, and the app says more than once that the network is back.
func onlineKeeps(status int, code string, seconds int) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.expired()
		f := problem(refreshing, status, code).only(1)
		if seconds > 0 {
			f.after(seconds)
		}
		w.play(f)
		p.kept()

		p.do(command{"do": "online"})
		p.kept()
		wants("refreshes", w.count(refreshing), 1)

		for range seconds - 2 {
			p.advance(time.Second)
			p.do(command{"do": "online"})
			p.refused()
		}
		wants("refreshes before Retry-After", w.count(refreshing), 1)

		p.recovers()
	}
}

func refreshByUser(w *world) {
	p := waiting(w)
	before := w.count(refreshing)

	for range 5 {
		wants("the error of a refresh", p.refusal(command{"do": "refresh"}).Kind, "network")
	}
	wants("refreshes", w.count(refreshing)-before, 1)

	w.lift()
	p.back()
}

func refreshByUserBack(w *world) {
	p := waiting(w)
	w.lift()
	p.do(command{"do": "refresh"})
	p.calls(1)
	p.goesOn()
}

func refreshByUserWaits(w *world) {
	p := w.signedUp()
	p.expired()
	w.play(problem(refreshing, 503, "temporarily_unavailable").after(120).only(1))
	p.kept()

	for range 5 {
		wants("the error of a refresh", p.refusal(command{"do": "refresh"}).Kind, "server")
		p.advance(20 * time.Second)
	}
	wants("refreshes", w.count(refreshing), 1)

	p.advance(21 * time.Second)
	p.recovers()
}

// cancelAtOnce cancels calls just when they start. Each is answered.
func cancelAtOnce(w *world) {
	p := w.signedUp()
	var calls []pending

	for n := range 1000 {
		c := p.start(command{"do": "call"})
		time.Sleep(time.Duration(n%20) * 20 * time.Microsecond)
		p.start(command{"do": "cancel", "target": c.id})
		calls = append(calls, c)
	}

	for _, c := range calls {
		r := c.wait()
		if len(r.Errors) == 1 {
			wants("the error", r.Errors[0].Kind, "cancelled")
		} else {
			allOK(r, 1)
		}
	}
	p.calls(1)
}
