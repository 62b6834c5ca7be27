package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/latchkey-auth/latchkey/clients/contract/totp"
)

const protocol = "/_allauth/app/v1/"

// answered is what the server says to the kit itself.
type answered struct {
	Status int `json:"status"`
	Meta   struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Session string `json:"session_token"`
		URL     string `json:"totp_url"`
	} `json:"meta"`
	Data json.RawMessage `json:"data"`
}

// ask asks the server itself, as another device would.
func (w *world) ask(method, path, access string, body any) answered {
	header := http.Header{}
	if access != "" {
		header.Set("Authorization", "Bearer "+access)
	}

	return w.send(method, path, header, body)
}

func (w *world) send(method, path string, header http.Header, body any) answered {
	text, err := json.Marshal(body)
	if err != nil {
		fail("%v", err)
	}

	r, err := http.NewRequest(method, w.server+protocol+path, bytes.NewReader(text))
	if err != nil {
		fail("%v", err)
	}

	r.Header = header
	r.Header.Set("Content-Type", "application/json")

	got, err := w.upstream.Do(r)
	if err != nil {
		fail("the server: %v", err)
	}

	defer func() { _ = got.Body.Close() }()
	var a answered
	if err := json.NewDecoder(got.Body).Decode(&a); err != nil {
		fail("the server: %s %s: %v", method, path, err)
	}

	return a
}

// elsewhere does something with an account from another device, which has proved who it is, and
// ends that device's session.
func (w *world) elsewhere(email string, do func(access string)) {
	access := w.ask(http.MethodPost, "auth/login", "", map[string]string{"email": email, "password": goodPassword}).Meta.Access
	w.ask(http.MethodPost, "auth/reauthenticate", access, map[string]string{"password": goodPassword})
	do(access)
	w.endOnServer(access)
}

// protect adds a second factor to an account.
func (w *world) protect(email string) { w.elsewhere(email, w.addFactor) }

func (w *world) addFactor(access string) {
	setup := w.ask(http.MethodGet, "account/authenticators/totp", access, nil)
	app, err := totp.New(setup.Meta.URL)
	if err != nil {
		fail("the server adds no second factor (status %d): it needs ACCOUNT_EMAIL_VERIFICATION=none, MFA_ALLOW_UNVERIFIED_EMAIL=true", setup.Status)
	}

	status := 0
	for range 2 { // the first code may be late for its time step
		if status != http.StatusOK {
			status = w.ask(http.MethodPost, "account/authenticators/totp", access, map[string]string{"code": app.Code(time.Now())}).Status
		}
	}

	wants("adding a second factor", status, http.StatusOK)
	var made struct {
		Unused []string `json:"unused_codes"`
	}

	_ = json.Unmarshal(w.ask(http.MethodGet, "account/authenticators/recovery-codes", access, nil).Data, &made) // none is a defect
	if w.codes = made.Unused; len(w.codes) < 4 {
		fail("the server made %d recovery codes along with the second factor", len(w.codes))
	}
}

// code is one that works once.
func (w *world) code() string {
	if len(w.codes) == 0 {
		fail("this scenario has used up its recovery codes")
	}
	code := w.codes[0]
	w.codes = w.codes[1:]
	w.shown = append(w.shown, code)
	return code
}

// asked signs in and wants to be asked for the second factor.
func (p *phone) asked(email string) {
	before := len(p.w.look().access)
	r := p.do(command{"do": "sign_in", "email": email, "password": goodPassword})
	wants("sign-in", r.Result, "pending")
	wants("the flows", strings.Join(r.Flows, " "), "mfa_authenticate")
	wants("access tokens for half a sign-in", len(p.w.look().access)-before, 0)
}

// halfIn is a phone whose owner has given the password, and not the second factor.
func halfIn(w *world) *phone {
	p := w.signedUp()
	w.protect(w.email)
	p.do(command{"do": "sign_out"})
	eventually("the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
	p.asked(w.email)
	return p
}

// out wants nobody to be signed in, and nothing of a sign-in to be stored.
func (p *phone) out() {
	wants("state", p.do(command{"do": "state"}).State, "signed_out")
	p.w.tokenless()
}

func factorPending(w *world) {
	p := halfIn(w)
	p.out()
	p.asked(w.email) // over again, as often as one likes
	p.out()
}

// factorKilled: what is half done is not stored: a session token at rest would be worth a
// password. The next run begins again.
func factorKilled(w *world) {
	p := halfIn(w)
	p.kill()
	p = w.phone()
	p.out()
	before := w.count(everything)
	wants("the next call", p.refused().Kind, "signed_out")
	wants("requests", w.count(everything), before)
	p.asked(w.email)
}

func factorAnswerLost(w *world) {
	p := w.signedUp()
	w.protect(w.email)
	p.do(command{"do": "sign_out"})
	for _, h := range []how{cutBefore, cutAfter, cutBody} {
		w.play(newFault(signingIn, h).only(1))
		r := p.try(command{"do": "sign_in", "email": w.email, "password": goodPassword})
		if r.Error == nil {
			fail("a sign-in without an answer is %s", r.Result)
		}
		wants("the error", r.Error.Kind, "network")
		wants("its action", r.Error.Action, "retry")
	}
	p.asked(w.email)
	p.out()
}

// ofAnother is a phone whose owner is signed in, with this access token, while somebody else
// with a second factor begins to sign in; r is what the client says to that.
func ofAnother(w *world) (p *phone, token string, r reply) {
	p = w.signedUp()
	other := "other-" + w.email
	wants("signing up", w.ask(http.MethodPost, "auth/signup", "", map[string]string{"email": other, "password": goodPassword}).Status, http.StatusOK)
	w.protect(other)
	return p, w.lastAccess(), p.try(command{"do": "sign_in", "email": other, "password": goodPassword})
}

// factorLeavesSession: whoever is signed in stays so while they, or somebody else, are half
// way through another sign-in. A client may also refuse to begin one.
func factorLeavesSession(w *world) {
	p, token, r := ofAnother(w)
	if r.Error != nil {
		wants("its code", r.Error.Code, alreadyIn)
	} else {
		wants("sign-in", r.Result, "pending")
	}
	p.signedIn()
	p.calls(1)
	p.expired()
	p.calls(1)
	wants("refreshes", w.count(refreshing), 1)
	wants("the session lives", w.alive(token), true)
	p.kill()
	p = w.phone()
	p.calls(1)
	p.signedIn()
}

// factorElsewhere: another device adds a second factor, which is asked for at the next
// sign-in, and ends nobody's session.
func factorElsewhere(w *world) {
	p := w.signedUp()
	w.protect(w.email)
	p.calls(1)
	p.expired()
	p.calls(1)
	p.signedIn()
	p.kill()
	p = w.phone()
	p.calls(1)
	p.signedIn()
	p.do(command{"do": "sign_out"})
	p.asked(w.email)
}

// alreadyIn is what a client says that begins no sign-in while somebody is signed in.
const alreadyIn = "already_authenticated"

// refusal takes a command that must fail, and returns how.
func (p *phone) refusal(c command) failure {
	r := p.try(c)
	if r.Error == nil {
		fail("%v: %s, and should have failed", c["do"], r.Result)
	}
	return *r.Error
}

// untaken wants a step that the server has not judged: typed, and to be tried again.
func (f failure) untaken(kind string) {
	wants("the error", f.Kind, kind)
	wants("its action", f.Action, "retry")
}

func byCode(code string) command { return command{"do": "second_factor", "code": code} }

// in takes a command that signs in, and uses the session.
func (p *phone) in(c command) {
	p.seen()
	wants(c["do"].(string), p.do(c).Result, "signed_in")
	p.goesOn()
}

// goesOn uses the session, and refreshes it.
func (p *phone) goesOn() {
	p.calls(1)
	before := p.w.count(refreshing)
	p.expired()
	p.calls(1)
	wants("refreshes", p.w.count(refreshing)-before, 1)
	p.signedIn()
}

// factorWrong: a wrong code costs nothing but another attempt.
func factorWrong(w *world) {
	p := halfIn(w)
	for range 2 {
		f := p.refusal(byCode("00000000"))
		wants("a wrong code", f.Kind, "problem")
		wants("its code", f.Code, "incorrect_code")
		wants("its action", f.Action, "show")
		p.out()
	}
	p.in(byCode(w.code()))
}

// factorAway: whatever is no judgement of the code leaves the sign-in under way.
func factorAway(w *world) {
	p := halfIn(w)
	code := w.code()
	for kind, faults := range map[string][]*fault{
		"server":       {problem(factoring, 503, "temporarily_unavailable").after(2)},
		"network":      {newFault(factoring, cutBefore), newFault(factoring, noHTTP)},
		"undocumented": {answering(factoring, 502, htmlType, portal), answering(factoring, 200, htmlType, portal), answering(factoring, 401, htmlType, portal)},
	} {
		for _, f := range faults {
			w.play(f.only(1))
			p.refusal(byCode(code)).untaken(kind)
			p.out()
		}
	}
	p.in(byCode(code))
}

// factorLost: the answer that had said that the person is in. The code is used up, and the
// sign-in over: the client says so, and the next one works.
func factorLost(w *world) {
	p := halfIn(w)
	for _, h := range []how{cutAfter, cutBody} {
		code := w.code()
		w.play(newFault(factoring, h).only(1))
		p.refusal(byCode(code)).untaken("network")
		p.out()
		wants("the same code again", p.refusal(byCode(code)).Kind, "nothing_pending")
		p.out()
		p.asked(w.email)
	}
	p.in(byCode(w.code()))
}

// factorKilledSending: killed while the server judges the code.
func factorKilledSending(w *world) {
	p := halfIn(w)
	f := w.play(newFault(factoring, holdAfter))
	p.start(byCode(w.code()))
	<-f.held
	p.kill()
	w.release(f)
	p = w.phone()
	p.out()
	wants("a code without a sign-in", p.refusal(byCode("12345678")).Kind, "nothing_pending")
	p.asked(w.email)
	p.in(byCode(w.code()))
}

// factorSignedOut: the person leaves while the code is judged. What comes of it is nobody's
// session.
func factorSignedOut(w *world) {
	p := halfIn(w)
	f := w.play(newFault(factoring, holdAfter))
	code := p.start(byCode(w.code()))
	<-f.held
	p.do(command{"do": "sign_out"})
	w.release(f)
	if r := code.wait(); r.Error == nil {
		fail("signed in after the sign-out: %s", r.Result)
	}
	p.out()
	token := w.lastAccess()
	w.within15Minutes(p, "the session that came too late ends on the server", func() bool { return !w.alive(token) })
	p.asked(w.email)
	wants("the next sign-in", p.do(byCode(w.code())).Result, "signed_in")
	p.recovers()
}

// factorOfAnother: a second person signs in while somebody is in. The session that is there
// goes on until the new one is whole, and ends then. A client may also refuse to begin.
func factorOfAnother(w *world) {
	p, token, r := ofAnother(w)
	if r.Error != nil {
		wants("its code", r.Error.Code, alreadyIn)
		p.goesOn()
		return
	}
	wants("sign-in", r.Result, "pending")
	wants("a wrong code", p.refusal(byCode("00000000")).Code, "incorrect_code")
	p.calls(1)
	wants("the session lives", w.alive(token), true)
	wants("the right one", p.do(byCode(w.code())).Result, "signed_in")
	p.calls(1)
	bearers := w.look().bearers // the last token handed out may be one to end the other session with
	fresh := bearers[len(bearers)-1]
	w.within15Minutes(p, "the session of before ends on the server", func() bool { return !w.alive(token) })
	wants("the new session lives", w.alive(fresh), true)
	p.recovers()
}
