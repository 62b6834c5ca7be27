package main

import "strings"

// showScenarios are those of what an app prints: no token is in it.
var showScenarios = []scenario{
	{"show", "P11", "printing the client shows no token: before a sign-in, after it, after a refresh, after a sign-out", show},
	{"show_pending", "P11", "nor while a sign-in is under way", showPending},
	{"show_next_run", "P11", "nor in the next run, and with a sign-out that the server is still to be told of", showNextRun},
}

// shows prints the client, and finds neither a token nor the end of one.
func (p *phone) shows() {
	text := p.do(command{"do": "show"}).Text
	wants("the driver shows nothing", text == "", false)

	s := p.w.look()
	for what, tokens := range map[string][]string{
		"an access token": s.access, "a refresh token": s.refresh,
		"the token of a sign-in": s.secrets, "a device token": s.devices,
	} {
		for _, token := range tokens {
			if strings.Contains(text, token[len(token)-min(24, len(token)):]) {
				fail("the printed client contains %s", what)
			}
		}
	}
	if strings.Contains(text, goodPassword) {
		fail("the printed client contains a password")
	}
}

func show(w *world) {
	p := w.fresh()
	p.shows()
	p.signUp()
	p.shows()
	p.goesOn()
	p.shows()
	p.do(command{"do": "sign_out"})
	p.shows()
}

func showPending(w *world) {
	p := w.signedUp()
	other := w.protected("other")
	wants("sign-in", p.do(other.signIn()).Result, "pending")
	p.shows()
	wants("session tokens that the proxy has seen", len(w.look().secrets) > 0, true)

	wants("the second factor", p.do(other.code()).Result, "signed_in")
	p.shows()
}

func showNextRun(w *world) {
	p := w.signedUp()
	p.kill()
	p = w.phone()
	p.seen()
	p.shows()

	p.goesOn()
	w.play(newFault(everything, cutBefore))
	p.do(command{"do": "sign_out"})
	p.shows()
}
