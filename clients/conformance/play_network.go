package main

import (
	"slices"
	"time"
)

// outage plays one answer to all refreshes, then none. It is made anew for each client.
func outage(f *fault) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.calls(1)
		p.expired()
		w.play(f.again())
		for range 3 {
			p.kept()
		}
		if n := w.count(refreshing); n != 1 {
			fail("%d refreshes without any time between them", n)
		}
		w.lift()
		p.advance(minute)
		p.recovers()
	}
}

func offline(w *world) {
	p := w.signedUp()
	p.expired()
	w.play(newFault(everything, cutBefore))
	for range 20 {
		p.kept()
		p.advance(10 * time.Second)
	}
	if n := w.count(refreshing); n > 20 {
		fail("%d refreshes for 20 calls", n)
	}
	w.lift()
	p.recovers()
}

func redirected(w *world) {
	p := w.signedUp()
	p.expired()
	f := answering(refreshing, 302, htmlType, "")
	f.header.Set("Location", w.url+"/portal")
	w.play(f)
	w.play(answering(elsewhere, 200, htmlType, portal))
	p.kept()
	w.lift()
	p.recovers()
}

func otherProblem(w *world) {
	p := w.signedUp()
	p.expired()
	w.play(problem(refreshing, 400, "invalid_json").only(1))
	f := p.refused()
	wants("the error", f.Kind, "problem")
	wants("the code", f.Code, "invalid_json")
	p.signedIn()
	p.recovers()
}

func stillAlive(w *world) {
	p := w.signedUp()
	w.play(problem(refreshing, 503, "temporarily_unavailable").after(2))
	p.advance(280 * time.Second)
	for range 10 {
		p.calls(3)
		p.advance(time.Second)
	}
	if n := w.count(refreshing); n < 1 || n > 6 {
		fail("%d refreshes in 10 s of outage", n)
	}
	p.signedIn()
}

// retryAfterHonoured plays one refusal that asks for two minutes.
func retryAfterHonoured(status int, code string) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		p.expired()
		w.play(problem(refreshing, status, code).after(120).only(1))
		if f := p.kept(); f.RetryAfter < 119 || f.RetryAfter > 300 {
			fail("the error says Retry-After %g, the server 120", f.RetryAfter)
		}
		for range 118 {
			p.advance(time.Second)
			p.refused()
		}
		wants("refreshes before Retry-After", w.count(refreshing), 1)

		p.advance(3 * time.Second)
		p.recovers()
	}
}

// tenMinutes makes a call every 5 s for 10 minutes.
func tenMinutes(w *world, p *phone) {
	for range 120 {
		calls, refreshes := w.count(profile), w.count(refreshing)
		p.do(command{"do": "call"})
		if n := w.count(profile) - calls; n > 2 {
			fail("one call was sent %d times", n)
		}
		if n := w.count(refreshing) - refreshes; n > 1 {
			fail("one call refreshed %d times", n)
		}
		p.advance(5 * time.Second)
	}
	if n := w.count(refreshing); n < 1 || n > 6 {
		fail("%d refreshes in 10 minutes", n)
	}
	p.signedIn()
}

func storm(w *world) {
	p := w.signedUp()
	w.play(unauthorized(everything, false, `{"id":"login"}`))
	tenMinutes(w, p)
	w.lift()
	p.recovers()
}

func stormUseless(w *world) {
	p := w.signedUp()
	w.play(unauthorized(profile, false, `{"id":"login"}`))
	tenMinutes(w, p)
	w.lift()
	p.recovers()
}

// handedOut plays one answer to a call, which must reach the caller as it is.
func handedOut(f *fault, status int) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		w.play(f.again())
		r := p.do(command{"do": "call"})
		if !slices.Equal(r.Statuses, []int{status}) {
			fail("the caller got %v %v", r.Statuses, r.Errors)
		}
		wants("refreshes", w.count(refreshing), 0)
		wants("requests", w.count(profile), 1)
		w.lift()
		p.calls(1)
		p.signedIn()
	}
}

func terminalCodes(w *world) {
	p := w.signedUp()
	for i, code := range []string{
		"refresh_token_invalid", "session_expired", "session_ended", "password_changed", "ownership_verified",
		"refresh_token_reused", "account_disabled", "account_deleted",
	} {
		if i > 0 {
			r := p.do(command{"do": "sign_in", "email": w.email, "password": goodPassword})
			wants("sign-in", r.Result, "signed_in")
		}

		p.seen()
		p.expired()
		w.play(problem(refreshing, 400, code).only(1))

		before := w.count(refreshing)
		r := p.do(command{"do": "call", "n": 50})

		wants("failed calls", len(r.Errors), 50)
		for _, e := range r.Errors {
			wants("the error", e.Kind, "signed_out")
			wants("its code", e.Code, code)
		}

		p.signedOut(code)
		wants("the next call", p.refused().Kind, "signed_out")
		wants("refreshes", w.count(refreshing)-before, 1)
		w.tokenless()
	}
}

func endedOnServer(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.seen()
	w.endOnServer(w.lastAccess())
	wants("the error", p.refused().Kind, "signed_out")
	p.signedOut("session_ended")
	p.kill()
	p = w.phone()
	r := p.do(command{"do": "state"})
	wants("state of the next run", r.State, "signed_out")
	p.signUpAgain()
	p.calls(1)
}
