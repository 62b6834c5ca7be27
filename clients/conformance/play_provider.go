package main

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// another is a service that the scenarios sign in with, as its id is at the server.
const another = "google"

// identity is what another service gives to the app: an id_token, with a nonce of the
// server's, so that it serves once.
func (w *world) identity(email string) command {
	if w.services == "" {
		fail("unplayable: nobody plays Apple and Google for this server")
	}

	var nonce struct {
		Nonce string `json:"nonce"`
	}
	_ = json.Unmarshal(w.ask(http.MethodPost, "auth/provider/nonce", "", nil).Data, &nonce) // none is refused below

	text, err := json.Marshal(map[string]string{"email": email, "nonce": nonce.Nonce})
	if err != nil {
		fail("%v", err)
	}
	got, err := w.upstream.Post(w.services+"/"+another+"/token-for", jsonType, bytes.NewReader(text))
	if err != nil {
		fail("the service: %v", err)
	}

	defer func() { _ = got.Body.Close() }()
	var made struct {
		IDToken  string `json:"id_token"`
		ClientID string `json:"client_id"`
	}
	if err := json.NewDecoder(got.Body).Decode(&made); err != nil || made.IDToken == "" {
		fail("the service makes no token: %v", err)
	}

	w.shown = append(w.shown, made.IDToken)
	return command{"do": "provider_sign_in", "provider": another, "client_id": made.ClientID, "id_token": made.IDToken, "nonce": nonce.Nonce}
}

func providerSignIn(w *world) {
	p := w.phone()
	p.in(w.identity(w.email))
	p.do(command{"do": "sign_out"})
	p.in(w.identity(w.email)) // the same person again
}

// providerAway: the service's keys cannot be had, say. The token is not used up.
func providerAway(w *world) {
	p := w.phone()
	by := w.identity(w.email)
	for kind, faults := range map[string][]*fault{
		"server":       {problem(providing, 503, "temporarily_unavailable").after(2)},
		"network":      {newFault(providing, cutBefore)},
		"undocumented": {answering(providing, 200, htmlType, portal), answering(providing, 502, htmlType, portal)},
	} {
		for _, f := range faults {
			w.play(f.only(1))
			p.refusal(by).untaken(kind)
			p.out()
		}
	}
	p.in(by)
}

// providerLost: the server has used the token up, and its answer is lost. The same token is
// refused from then on; a new one of the service is not.
func providerLost(w *world) {
	p := w.phone()
	for _, h := range []how{cutAfter, cutBody} {
		by := w.identity(w.email)
		w.play(newFault(providing, h).only(1))
		p.refusal(by).untaken("network")
		p.out()
		f := p.refusal(by)
		wants("the same token again", f.Kind, "problem")
		wants("its code", f.Code, "token_used")
		wants("its action", f.Action, "show")
		p.out()
	}
	p.in(w.identity(w.email))
}

// providerLeavesSession: what is refused, lost, or half done at another service leaves the
// session that is there alone. A client may also refuse to begin while somebody is in.
func providerLeavesSession(w *world) {
	p := w.signedUp()
	token := w.lastAccess()
	other := "other-" + w.email
	by := w.identity(other)
	for _, f := range []*fault{problem(providing, 503, "temporarily_unavailable"), newFault(providing, cutAfter)} {
		w.play(f.only(1))
		p.refusal(by)
		p.signedIn()
	}
	w.lift()
	wants("a used token", p.refusal(by).Kind, "problem")
	p.goesOn()
	p.kill()
	p = w.phone()
	p.calls(1)
	p.signedIn()
	wants("the session lives", w.alive(token), true)
}

// providerFactor: another service is no second factor.
func providerFactor(w *world) {
	p := w.phone()
	p.in(w.identity(w.email))
	w.addFactor(w.lastAccess())
	p.do(command{"do": "sign_out"})
	before := len(w.look().access)
	r := p.do(w.identity(w.email))
	wants("sign-in", r.Result, "pending")
	wants("the flow", r.Flows[0], "mfa_authenticate")
	wants("access tokens for half a sign-in", len(w.look().access)-before, 0)
	p.out()
	p.in(byCode(w.code()))
}

// providerSignUp: the service tells no address, so that the account needs one.
func providerSignUp(w *world) {
	p := w.phone()
	r := p.do(w.identity(""))
	wants("sign-in", r.Result, "pending")
	wants("the flow", r.Flows[0], "provider_signup")
	p.out()
	p.kill()
	p = w.phone()
	p.out()
	p.signUp()
}
