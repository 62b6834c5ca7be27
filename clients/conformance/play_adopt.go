package main

import (
	"net/http"
	"strings"
	"time"
)

// adoptScenarios are those of an app that hands over the tokens it has.
var adoptScenarios = []scenario{
	{"adopt", "", "the tokens of an earlier client are taken over, with one refresh", adopted},
	{"adopt_answer_lost", "P1", "the answer is lost: the next call goes on with what is stored", adoptLost(newFault(refreshing, cutAfter))},
	{"adopt_cut_in_body", "P1", "half of the answer arrives", adoptLost(newFault(refreshing, cutBody))},
	{"adopt_503", "P6", "the server is away", adoptLost(problem(refreshing, 503, "temporarily_unavailable").after(2))},
	{"adopt_portal", "P6", "a captive portal answers", adoptLost(answering(refreshing, 200, htmlType, portal))},
	{"adopt_lost_again", "P1", "the answer is lost, and the app hands the tokens over again", adoptLostAgain},
	{"adopt_offline", "P6", "without a network: signed in, and the next run goes on", adoptOffline},
	{"adopt_killed_before_send", "P2", "killed when the token is stored and not yet spent", adoptKilled("before_send")},
	{"adopt_killed_after_send", "P2", "killed when the server has answered", adoptKilled("after_send")},
	{"adopt_killed_after_headers", "P2", "killed with the headers", adoptKilled("after_headers")},
	{"adopt_killed_after_body", "P2", "killed with the body", adoptKilled("after_body")},
	{"adopt_killed_after_decode", "P2", "killed before anything is stored: the app still has its tokens", adoptKilled("after_decode")},
	{"adopt_killed_after_persist", "P2", "killed when the token has just been stored", adoptKilled("after_persist")},
	{"adopt_again", "P2", "killed before the app deletes its tokens, which it hands over again: nothing changes", adoptAgain},
	{"adopt_refused", "P15", "the session has ended: typed, and nothing is stored", adoptRefused},
	{"adopt_forged", "P15", "a token that the server has not made is refused, and nothing is stored", adoptForged},
	{"adopt_over_session", "", "over a session: that one ends", adoptOverSession},
	{"adopt_over_lost", "P1", "over a session, and the answer is lost: a call goes on with what was taken over", adoptOverLost},
	{"adopt_over_killed", "P2", "over a session, and killed when the server has answered", adoptOverKilled},
	{"adopt_over_refused", "P15", "over a session, and refused: the session before stays", adoptOverRefused},
	{"adopt_unwritten", "P9", "the store refuses writes: nothing is spent", adoptUnwritten},
	{"adopt_torn", "P10", "killed with half of the record written", adoptTorn},
}

// adoptSessionScenarios are those of an app that hands over the session token it has.
var adoptSessionScenarios = []scenario{
	{"adopt_session", "", "the session token of an earlier client is exchanged for a pair, once", withSession(adopted)},
	{"adopt_session_answer_lost", "P1", "the answer is lost: the next call goes on with what is stored", withSession(adoptLost(newFault(refreshing, cutAfter)))},
	{"adopt_session_cut_in_body", "P1", "half of the answer arrives", withSession(adoptLost(newFault(refreshing, cutBody)))},
	{"adopt_session_503", "P6", "the server is away", withSession(adoptLost(problem(refreshing, 503, "temporarily_unavailable").after(2)))},
	{"adopt_session_portal", "P6", "a captive portal answers 410", withSession(adoptLost(answering(refreshing, 410, htmlType, portal)))},
	{"adopt_session_conflict", "P1", "another exchange was faster: it repeats with its own key", adoptConflict},
	{"adopt_session_lost_again", "P1", "the answer is lost, and the app hands the token over again", withSession(adoptLostAgain)},
	{"adopt_session_offline", "P6", "without a network: signed in, and the next run goes on", withSession(adoptOffline)},
	{"adopt_session_killed_before_send", "P2", "killed when the token is stored and not yet exchanged", withSession(adoptKilled("before_send"))},
	{"adopt_session_killed_after_send", "P2", "killed when the server has answered", withSession(adoptKilled("after_send"))},
	{"adopt_session_killed_after_headers", "P2", "killed with the headers", withSession(adoptKilled("after_headers"))},
	{"adopt_session_killed_after_body", "P2", "killed with the body", withSession(adoptKilled("after_body"))},
	{"adopt_session_killed_after_decode", "P2", "killed before anything is stored: the app still has its token", withSession(adoptKilled("after_decode"))},
	{"adopt_session_killed_after_persist", "P2", "killed when the token has just been stored", withSession(adoptKilled("after_persist"))},
	{"adopt_session_again", "P2", "killed before the app deletes its token, which it hands over again: nothing changes", withSession(adoptAgain)},
	{"adopt_session_refused", "P15", "the session has ended: typed, and nothing is stored", withSession(adoptRefused)},
	{"adopt_session_unknown", "P15", "a token that the server does not know is refused, and nothing is stored", adoptUnknown},
	{"adopt_session_stolen", "P15", "another client has exchanged it and gone on: typed, and the session ends for both", adoptStolen},
	{"adopt_session_over", "", "over a session: that one ends", withSession(adoptOverSession)},
	{"adopt_session_over_lost", "P1", "over a session, and the answer is lost: a call goes on with what was taken over", withSession(adoptOverLost)},
	{"adopt_session_over_killed", "P2", "over a session, and killed when the server has answered", withSession(adoptOverKilled)},
	{"adopt_session_over_refused", "P15", "over a session, and refused: the session before stays", withSession(adoptOverRefused)},
	{"adopt_session_unwritten", "P9", "the store refuses writes: nothing is exchanged", withSession(adoptUnwritten)},
	{"adopt_session_torn", "P10", "killed with half of the record written", withSession(adoptTorn)},
}

// withSession plays a scenario with session tokens.
func withSession(play func(*world)) func(*world) {
	return func(w *world) {
		w.handsSession = true
		play(w)
	}
}

// adopting hands over a refresh token, or a session token.
func adopting(token string) command {
	if strings.HasPrefix(token, "lkst_") {
		return command{"do": "adopt", "session_token": token}
	}

	return command{"do": "adopt", "refresh_token": token}
}

// fresh is a phone on which nobody has signed in, and which has said so.
func (w *world) fresh() *phone {
	p := w.phone()
	p.seen()

	return p
}

// adopts takes over a token and wants its user to be signed in.
func (p *phone) adopts(refresh, email string) {
	wants("adopt", p.do(adopting(refresh)).Result, "signed_in")
	p.w.forgets(refresh)
	p.is(email)
}

// forgets wants a session token that has been exchanged to be gone from the store: it is a bearer token,
// and may still work.
func (w *world) forgets(token string) {
	if !w.handsSession {
		return
	}
	for name, text := range files(w.store) {
		wants(name+" contains the session token", strings.Contains(text, token), false)
	}
}

func adopted(w *world) {
	u := w.user("earlier")
	access, refresh := u.handed()

	p := w.phone()
	handed := adopting(refresh)
	if !w.handsSession {
		handed["access_token"] = access
	}
	wants("adopt", p.do(handed).Result, "signed_in")
	w.forgets(refresh)
	wants("refreshes", w.count(refreshing), 1)
	p.is(u.email)
	wants("refreshes", w.count(refreshing), 1)
	wants("generations", generation(w.lastAccess()), 2)
	p.goesOn()

	p.kill()
	p = w.phone()
	p.is(u.email)
	p.goesOn()
}

// adoptLost plays trouble with the one refresh. A call goes on with it.
func adoptLost(f *fault) func(*world) {
	return func(w *world) {
		u := w.user("earlier")
		_, refresh := u.handed()
		p := w.fresh()

		w.play(f.again().only(1))
		failed := p.refusal(adopting(refresh))
		wants("its action", failed.Action, "retry")
		p.signedIn()

		p.recovers()
		p.is(u.email)
		w.forgets(refresh)
		wants("generations", generation(w.lastAccess()), 2)
		p.goesOn()
	}
}

func adoptLostAgain(w *world) {
	u := w.user("earlier")
	_, refresh := u.handed()
	p := w.fresh()

	w.play(newFault(refreshing, cutAfter).only(1))
	wants("the error", p.refusal(adopting(refresh)).Kind, "network")
	p.advance(16 * time.Second)

	p.adopts(refresh, u.email)
	wants("generations", generation(w.lastAccess()), 2)
	p.goesOn()
}

func adoptOffline(w *world) {
	u := w.user("earlier")
	_, refresh := u.handed()
	p := w.fresh()

	w.play(newFault(everything, cutBefore))
	wants("the error", p.refusal(adopting(refresh)).Kind, "network")
	p.offline()
	p.kill()

	p = w.phone()
	p.signedIn()
	p.offline()
	w.lift()
	p.back()
	p.is(u.email)
	p.goesOn()
}

// adoptKilled kills the process, and the app, which still has its tokens, hands them over again; before
// that it makes a call, where the record was stored.
func adoptKilled(point string) func(*world) {
	return func(w *world) {
		u := w.user("earlier")
		_, refresh := u.handed()

		p := w.phone()
		p.do(command{"do": "kill_at", "point": point})
		p.start(adopting(refresh))
		p.dies()

		p = w.phone()
		p.advance(8 * time.Hour)
		if point != "after_decode" {
			p.signedIn()
			p.recovers()
			p.is(u.email)
		}

		p.adopts(refresh, u.email)
		p.goesOn()
		wants("the session lives", w.alive(w.lastAccess()), true)
	}
}

func adoptAgain(w *world) {
	u := w.user("earlier")
	_, refresh := u.handed()
	p := w.fresh()
	p.adopts(refresh, u.email)

	for range 3 {
		p.goesOn()
		p.kill()
		p = w.phone()
		p.adopts(refresh, u.email)
	}

	p.seen()
	p.adopts(refresh, u.email)
	p.goesOn()
}

func adoptRefused(w *world) {
	u := w.user("earlier")
	access, refresh := u.handed()
	w.endOnServer(access)

	p := w.phone()
	p.adoptionRefused(refresh, "session_ended")
	wants("refreshes", w.count(refreshing), 1)

	p.kill()
	p = w.phone()
	p.out()
	wants("sign-in", p.do(u.signIn()).Result, "signed_in")
	p.is(u.email)
	p.goesOn()
}

// adoptionRefused wants a token to be refused for good, and no record of it.
func (p *phone) adoptionRefused(refresh, code string) {
	f := p.refusal(adopting(refresh))
	wants("the error", f.Kind, "signed_out")
	wants("its code", f.Code, code)
	p.out()
}

// adoptionLeavesNothing is adoptionRefused, and wants no file to contain the token and a sign-up to work.
func (p *phone) adoptionLeavesNothing(token, code string) {
	p.adoptionRefused(token, code)
	for name, text := range files(p.w.store) {
		wants(name+" contains what was refused", strings.Contains(text, token), false)
	}

	p.signUp()
	p.goesOn()
}

// adoptForged hands over a token whose signature is that of another one.
func adoptForged(w *world) {
	p := w.phone()
	_, one := w.user("one").handed()
	_, other := w.user("other").handed()
	forged := one[:strings.LastIndex(one, ".")] + other[strings.LastIndex(other, "."):]

	p.adoptionLeavesNothing(forged, "refresh_token_invalid")
}

// adoptConflict: another client has exchanged the token a moment ago, by the server's answer. The app
// repeats with what is stored.
func adoptConflict(w *world) {
	w.handsSession = true
	u := w.user("earlier")
	_, token := u.handed()
	p := w.fresh()

	w.play(problem(refreshing, 409, "refresh_conflict").after(1).only(1))
	wants("its action", p.refusal(adopting(token)).Action, "reread")
	p.signedIn()

	p.recovers()
	p.is(u.email)
	p.goesOn()
}

func adoptUnknown(w *world) {
	const unknown = "lkst_unknown_unknown_unknown_unknown_unknown"
	w.phone().adoptionLeavesNothing(unknown, "session_token_invalid")
}

// adoptStolen: a thief has exchanged the token and refreshed once. The server ends the session when
// its user's app exchanges it, too.
func adoptStolen(w *world) {
	w.handsSession = true
	u := w.user("earlier")
	_, token := u.handed()
	thief := w.send(http.MethodPost, "auth/token/exchange", http.Header{"X-Session-Token": {token}, "Idempotency-Key": {"key-of-the-thief"}}, nil)
	wants("the thief's exchange", thief.Status, http.StatusOK)
	thief = w.ask(http.MethodPost, "auth/token/refresh", "", map[string]string{"refresh": thief.Meta.Refresh})
	wants("the thief's refresh", thief.Status, http.StatusOK)

	p := w.fresh()
	p.adoptionRefused(token, "refresh_token_reused")
	wants("the thief's session lives", w.alive(thief.Meta.Access), false)

	p.signUp()
	p.goesOn()
}

func adoptOverSession(w *world) {
	p := w.signedUp()
	u := w.user("earlier")
	_, refresh := u.handed()

	p.adopts(refresh, u.email)
	w.ends(p, w.email)
	p.lasts(u.email)

	p.kill()
	w.phone().is(u.email)
}

func adoptOverLost(w *world) {
	p := w.signedUp()
	u := w.user("earlier")
	_, refresh := u.handed()

	w.play(newFault(refreshing, cutAfter).only(1))
	wants("the error", p.refusal(adopting(refresh)).Kind, "network")

	w.overDone(p, u, refresh)
}

func adoptOverKilled(w *world) {
	p := w.signedUp()
	u := w.user("earlier")
	_, refresh := u.handed()

	p.do(command{"do": "kill_at", "point": "after_send"})
	p.start(adopting(refresh))
	p.dies()

	w.overDone(w.phone(), u, refresh)
}

// overDone goes on with a token that was stored over a session, and hands it over again.
func (w *world) overDone(p *phone, u *user, refresh string) {
	p.recovers()
	p.is(u.email)
	p.adopts(refresh, u.email)

	w.ends(p, w.email)
	p.lasts(u.email)
}

func adoptOverRefused(w *world) {
	p := w.signedUp()
	u := w.user("earlier")
	access, refresh := u.handed()
	w.endOnServer(access)

	p.seen()
	f := p.refusal(adopting(refresh))
	wants("the error", f.Kind, "signed_out")
	wants("its code", f.Code, "session_ended")

	p.signedIn()
	p.lasts(w.email)
	p.kill()
	w.phone().lasts(w.email)
}

func adoptUnwritten(w *world) {
	u := w.user("earlier")
	_, refresh := u.handed()
	p := w.fresh()

	p.fault("reject_writes", 0)
	wants("the error", p.refusal(adopting(refresh)).Kind, "store")
	wants("refreshes", w.count(refreshing), 0)
	p.fault("none", 0)

	p.advance(16 * time.Second)
	p.adopts(refresh, u.email)
	p.goesOn()
}

func adoptTorn(w *world) {
	u := w.user("earlier")
	_, refresh := u.handed()

	p := w.phone()
	p.fault("torn_write", 1)
	p.start(adopting(refresh))
	p.dies()
	wants("refreshes", w.count(refreshing), 0)

	p = w.phone()
	p.adopts(refresh, u.email)
	p.goesOn()
}
