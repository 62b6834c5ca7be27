package main

import "time"

// originScenarios are those of APIs of the app's own, which get the access token beside the server.
var originScenarios = []scenario{
	{"origin_tokens", "", "an API of the app's own gets the access token, any other origin does not", originTokens},
	{"origin_stale", "P3", "an API that refuses a token gets the next one, after one refresh", originStale},
	{"origin_401", "P7", "an API answers our own 401 to everything for 10 minutes: the server goes on answering", originRefuses(1, unauthorized(elsewhere, false, `{"id":"login"}`))},
	{"origin_401_empty", "P7", "it answers 401 with nothing", originRefuses(1, answering(elsewhere, 401, "", ""))},
	{"origin_401_html", "P7", "it answers 401 with HTML", originRefuses(1, answering(elsewhere, 401, htmlType, portal))},
	{"origin_401_json", "P7", "it answers 401 with JSON of its own", originRefuses(1, answering(elsewhere, 401, jsonType, `{"error":"unauthorized"}`))},
	{"origin_401_two", "P7", "two such APIs: at most 6 refreshes in 10 minutes all the same", originRefuses(2, unauthorized(elsewhere, false, `{"id":"login"}`))},
	{"origin_401_parallel", "P3 P7", "50 calls to such an API at once, each 10 s", originParallel},
	{"origin_401_hour", "P7", "such an API for an hour, polled each minute: no call to the server fails", originHour},
	{"origin_401_expiry", "P7", "a token that expires is refreshed all the same, also for that API", originExpiry},
	{"origin_401_others", "P7", "a 401 of the server, or of another API, is refreshed all the same", originOthers},
}

// alwaysShown wants each request to have carried a token.
func (a *api) alwaysShown() {
	for _, bearer := range a.shown() {
		if bearer == "" {
			fail("a request to an API of the app's own carries no token")
		}
	}
}

func originTokens(w *world) {
	ours, other := w.api(), w.api()
	p := w.phoneWith(ours)
	p.signUp()

	wants("the API", p.asks(ours), 200)
	wants("another origin", p.asks(other), 200)
	wants("the token that the API got", ours.shown()[0], w.lastAccess())
	wants("the token that the other origin got", other.shown()[0], "")

	p.expired()
	wants("the API", p.asks(ours), 200)
	wants("the token that the API got", ours.shown()[1], w.lastAccess())
	wants("refreshes", w.count(refreshing), 1)
}

func originStale(w *world) {
	ours := w.api()
	p := w.phoneWith(ours)
	p.signUp()

	ours.refuse(w.lastAccess())
	wants("the API", p.asks(ours), 200)
	wants("refreshes", w.count(refreshing), 1)
	wants("requests to the API", len(ours.shown()), 2)
	p.goesOn()
}

// mostRefreshes are those in 10 minutes: 6 that a 401 has caused, and those ahead of expiry.
const mostRefreshes = 6 + 2

// originRefuses polls APIs that refuse every token, and the server between them, for 10 minutes.
func originRefuses(n int, f *fault) func(*world) {
	return func(w *world) {
		var apis []*api
		for range n {
			a := w.api()
			a.answers(f.again())
			apis = append(apis, a)
		}
		p := w.phoneWith(apis...)
		p.signUp()

		for range 60 {
			for _, a := range apis {
				wants("the API that refuses", p.asks(a), 401)
			}
			p.calls(1)
			p.advance(10 * time.Second)
		}

		if got := w.count(refreshing); got > mostRefreshes {
			fail("%d refreshes in 10 minutes", got)
		}
		for _, a := range apis {
			a.alwaysShown()
		}
		p.signedIn()
	}
}

func originParallel(w *world) {
	refuses := w.api()
	refuses.answers(unauthorized(elsewhere, false, `{"id":"login"}`))
	p := w.phoneWith(refuses)
	p.signUp()

	for range 60 {
		r := p.do(command{"do": "call", "url": refuses.url + "/things", "n": 50})
		wants("answers of the API that refuses", len(r.Statuses), 50)
		p.calls(1)
		p.advance(10 * time.Second)
	}

	if got := w.count(refreshing); got > mostRefreshes {
		fail("%d refreshes in 10 minutes", got)
	}
	p.signedIn()
}

func originHour(w *world) {
	refuses := w.api()
	refuses.answers(unauthorized(elsewhere, false, `{"id":"login"}`))
	p := w.phoneWith(refuses)
	p.signUp()

	for range 60 {
		wants("the API that refuses", p.asks(refuses), 401)
		p.calls(1)
		p.advance(minute)
	}

	if got := w.count(refreshing); got > 6*mostRefreshes {
		fail("%d refreshes in an hour", got)
	}
	p.signedIn()
}

func originExpiry(w *world) {
	refuses := w.api()
	refuses.answers(unauthorized(elsewhere, false, `{"id":"login"}`))
	p := w.phoneWith(refuses)
	p.signUp()

	poll := func() {
		for range 20 {
			wants("the API that refuses", p.asks(refuses), 401)
			p.advance(time.Second)
		}
	}

	for range 3 {
		poll()
		p.goesOn()
		poll()

		before := w.count(refreshing)
		p.expired()
		wants("the API that refuses", p.asks(refuses), 401)
		if w.count(refreshing) == before {
			fail("an expired token was not refreshed for the API that refuses")
		}
	}
	p.signedIn()
}

func originOthers(w *world) {
	refuses, ours := w.api(), w.api()
	refuses.answers(unauthorized(elsewhere, false, `{"id":"login"}`))
	p := w.phoneWith(refuses, ours)
	p.signUp()

	wants("the API that refuses", p.asks(refuses), 401)
	wants("the API that refuses", p.asks(refuses), 401)

	w.expire()
	p.calls(1)
	ours.refuse(w.lastAccess())
	wants("another API", p.asks(ours), 200)

	if got := w.count(refreshing); got > 6 {
		fail("%d refreshes", got)
	}
	p.signedIn()
}
