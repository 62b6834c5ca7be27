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
		Access string `json:"access_token"`
		URL    string `json:"totp_url"`
	} `json:"meta"`
}

// ask asks the server itself, as another device would.
func (w *world) ask(method, path, access string, body map[string]string) answered {
	text, err := json.Marshal(body)
	if err != nil {
		fail("%v", err)
	}
	r, err := http.NewRequest(method, w.server+protocol+path, bytes.NewReader(text))
	if err != nil {
		fail("%v", err)
	}
	r.Header.Set("Content-Type", "application/json")
	if access != "" {
		r.Header.Set("Authorization", "Bearer "+access)
	}
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

// protect adds a second factor to an account, from another device, and ends that device's
// session.
func (w *world) protect(email string) {
	access := w.ask(http.MethodPost, "auth/login", "", map[string]string{"email": email, "password": goodPassword}).Meta.Access
	w.ask(http.MethodPost, "auth/reauthenticate", access, map[string]string{"password": goodPassword})
	setup := w.ask(http.MethodGet, "account/authenticators/totp", access, nil)
	app, err := totp.New(setup.Meta.URL)
	if err != nil {
		fail("the server adds no second factor (status %d): it needs MFA_ALLOW_UNVERIFIED_EMAIL=true", setup.Status)
	}
	status := 0
	for range 2 { // the first code may be late for its time step
		if status != http.StatusOK {
			status = w.ask(http.MethodPost, "account/authenticators/totp", access, map[string]string{"code": app.Code(time.Now())}).Status
		}
	}
	wants("adding a second factor", status, http.StatusOK)
	w.endOnServer(access)
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

// factorLeavesSession: whoever is signed in stays so while they, or somebody else, are half
// way through another sign-in. A client may also refuse to begin one.
func factorLeavesSession(w *world) {
	p := w.signedUp()
	other := "other-" + w.email
	wants("signing up", w.ask(http.MethodPost, "auth/signup", "", map[string]string{"email": other, "password": goodPassword}).Status, http.StatusOK)
	w.protect(other)
	token := w.lastAccess()
	r := p.try(command{"do": "sign_in", "email": other, "password": goodPassword})
	if r.Error != nil {
		wants("its code", r.Error.Code, "already_authenticated")
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
