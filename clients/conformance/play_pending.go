package main

import "fmt"

// pendingScenarios are those of a sign-in that is under way, beside other things that happen.
var pendingScenarios = []scenario{
	{"pending_survives_end", "P14", "the session that is there ends on the server: the sign-in under way goes on", pendingSurvivesEnd},
	{"pending_dropped_by_409", "", "409 flow_not_pending to a step: nothing is under way any more", pendingDropped},
	{"pending_cancelled", "", "the app drops the sign-in under way: the session stays, and nothing is sent", pendingCancelled},
	{"pending_cancelled_out", "", "the same where nobody is signed in, and it begins again", pendingCancelledOut},
	{"pending_cancelled_step", "P14", "dropped while the second factor is sent: nobody is signed in by it", pendingCancelledStep},
	{"own_address", "", "a signed-in user adds and verifies an address", ownAddress(func(*phone) {})},
	{"own_address_sign_up", "", "the same, although a sign-up was abandoned before", ownAddress(abandonSignUp)},
	{"own_address_sign_in", "", "the same, although a sign-in was abandoned before", ownAddress(abandonSignIn)},
	{"own_address_between", "", "a sign-up is abandoned between adding and verifying", ownAddressBetween},
}

func pendingSurvivesEnd(w *world) {
	p := w.signedUp()
	other := w.protected("other")
	wants("sign-in", p.do(other.signIn()).Result, "pending")

	w.endOnServer(w.lastAccess())
	p.expired()
	wants("the error", p.refused().Code, "session_ended")
	wants("state", p.do(command{"do": "state"}).State, "signed_out")

	wants("the second factor", p.do(other.code()).Result, "signed_in")
	p.lasts(other.email)
}

func pendingDropped(w *world) {
	p := w.signedUp()
	other := w.protected("other")

	for range 2 {
		wants("sign-in", p.do(other.signIn()).Result, "pending")
		w.play(problem(factoring, 409, "flow_not_pending").only(1))
		if f := p.refusal(byCode("12345678")); f.Kind != "nothing_pending" && f.Code != "flow_not_pending" {
			fail("409 flow_not_pending: %v", f)
		}
		p.nothingPending()
		p.is(w.email)
	}

	wants("sign-in", p.do(other.signIn()).Result, "pending")
	wants("the second factor", p.do(other.code()).Result, "signed_in")
	p.is(other.email)
}

// nothingPending takes a step, which must fail without a request.
func (p *phone) nothingPending() {
	before := p.w.count(everything)
	wants("a step of no sign-in", p.refusal(byCode("12345678")).Kind, "nothing_pending")
	wants("requests", p.w.count(everything), before)
}

func pendingCancelled(w *world) {
	p := w.signedUp()
	other := w.protected("other")
	wants("sign-in", p.do(other.signIn()).Result, "pending")

	before := w.count(everything)
	p.do(command{"do": "cancel_pending"})
	p.do(command{"do": "cancel_pending"})
	wants("requests", w.count(everything), before)

	p.nothingPending()
	p.signedIn()
	p.lasts(w.email)
}

func pendingCancelledOut(w *world) {
	p := w.phone()
	other := w.protected("other")

	wants("sign-in", p.do(other.signIn()).Result, "pending")
	p.do(command{"do": "cancel_pending"})
	p.nothingPending()
	p.out()

	wants("sign-in", p.do(other.signIn()).Result, "pending")
	wants("the second factor", p.do(other.code()).Result, "signed_in")
	p.is(other.email)
}

func pendingCancelledStep(w *world) {
	p := w.signedUp()
	other := w.protected("other")
	wants("sign-in", p.do(other.signIn()).Result, "pending")

	f := w.play(newFault(factoring, holdAfter).only(1))
	step := p.start(other.code())
	w.reaches(f, step)
	p.do(command{"do": "cancel_pending"})

	w.release(f)
	step.overtaken()
	p.is(w.email)
	w.ends(p, other.email)
	p.lasts(w.email)
}

// abandonSignUp begins a sign-up, which waits for the verification of its address.
func abandonSignUp(p *phone) {
	w := p.w
	body := `{"status":401,"data":{"flows":[{"id":"login"},{"id":"verify_email","is_pending":true}]},` +
		`"meta":{"is_authenticated":false,"session_token":"` + abandoned + `"}}`
	w.play(answering(signingIn, 401, jsonType, body).only(1))
	wants("sign-up", p.do(w.nobody("abandoned").signUp()).Result, "pending")
}

const abandoned = "lkst_abandoned_abandoned_abandoned_abandoned"

// abandonSignIn begins a sign-in, which waits for a second factor.
func abandonSignIn(p *phone) {
	wants("sign-in", p.do(p.w.protected("abandoned").signIn()).Result, "pending")
}

// ownAddress adds and verifies an address after something else was begun.
func ownAddress(abandon func(*phone)) func(*world) {
	return func(w *world) {
		p := w.signedUp()
		abandon(p)
		p.adds()
		p.verifies()

		p.lasts(w.email)
	}
}

func ownAddressBetween(w *world) {
	p := w.signedUp()
	p.adds()
	abandonSignUp(p)
	p.adds() // the address is begun last
	p.verifies()

	p.lasts(w.email)
}

// adds adds an address. What is sent carries the user's own token and nothing else.
func (p *phone) adds() {
	n := len(p.w.look().emails)
	p.do(command{"do": "add_email", "email": fmt.Sprintf("second-%d-%s", n, p.w.email)})
	p.w.ownCredentials(n)
}

// verifies verifies it, with a code that the proxy accepts in the place of the server, which mails
// links: codes need another setting.
func (p *phone) verifies() {
	w := p.w
	session := w.ask("GET", "auth/session", w.lastAccess(), nil)
	body := `{"status":200,"data":` + string(session.Data) + `,"meta":{"is_authenticated":true}}`
	w.play(answering(verifying, 200, jsonType, body).only(1))

	n := len(w.look().emails)
	p.do(command{"do": "verify_email", "code": "BCDF-GHJK"})
	w.ownCredentials(n)
}

// ownCredentials wants one more request about an address, with the token of the signed-in user alone.
func (w *world) ownCredentials(before int) {
	emails := w.look().emails[before:]
	wants("requests about an address", len(emails), 1)
	wants("the access token is the user's", emails[0].access == w.lastAccess(), true)
	wants("the session token of a sign-in", emails[0].session, "")
}
