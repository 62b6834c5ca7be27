package main

import (
	"encoding/json"
	"net/http"
)

// addPasskey adds a passkey to an account, from another device.
func (w *world) addPasskey(email string) {
	var err error
	if w.keys, err = startKeyring(); err != nil {
		fail("%v", err)
	}
	w.elsewhere(email, func(access string) {
		const path = "account/authenticators/webauthn"
		options := w.ask(http.MethodGet, path+"?passwordless=true", access, nil)
		if options.Status != http.StatusOK {
			fail("the server adds no passkey (status %d): it needs ACCOUNT_EMAIL_VERIFICATION=none, MFA_ALLOW_UNVERIFIED_EMAIL=true, WebAuthn, and the origin %s", options.Status, keyOrigin)
		}
		made := map[string]json.RawMessage{"credential": w.keys.key.Register(options.Data)}
		wants("adding a passkey", w.ask(http.MethodPost, path, access, made).Status, http.StatusOK)
	})
}

// withPasskey is a phone whose owner has signed out, and has a passkey.
func withPasskey(w *world) *phone {
	p := w.signedUp()
	w.addPasskey(w.email)
	p.do(command{"do": "sign_out"})
	eventually("the store holds no token", func() bool { return w.attempt(w.tokenless) == "" })
	return p
}

func (w *world) byPasskey() command {
	return command{"do": "passkey_sign_in", "authenticator": w.keys.url}
}

func (w *world) byKey() command {
	return command{"do": "second_factor", "authenticator": w.keys.url}
}

func passkeySignIn(w *world) {
	p := withPasskey(w)
	before := len(w.look().access)
	p.in(w.byPasskey())
	wants("access tokens", len(w.look().access)-before, 2) // the sign-in's, and the refresh's
}

// passkeyDismissed: the person's no is no error of the server, and changes nothing.
func passkeyDismissed(w *world) {
	p := withPasskey(w)
	w.keys.dismissed()
	wants("a dismissed prompt", p.refusal(w.byPasskey()).Kind, "cancelled")
	p.out()
	p.in(w.byPasskey())
}

// passkeyLost: trouble on either of the two ways to the server. Each attempt has options of
// its own: what is shown once serves once.
func passkeyLost(w *world) {
	p := withPasskey(w)
	for kind, faults := range map[string][]*fault{
		"server":       {problem(passkeying, 503, "temporarily_unavailable").after(2)},
		"network":      {newFault(passkeying, cutBefore), newFault(passkeying, cutAfter), newFault(passkeying, cutBody)},
		"undocumented": {answering(passkeying, 403, htmlType, portal)},
	} {
		for _, f := range faults {
			w.play(f.only(1))
			p.refusal(w.byPasskey()).untaken(kind)
			p.out()
		}
	}
	for _, h := range []how{cutAfter, cutBody} { // the answer to what was shown
		w.play(newFault(showing, h).only(1))
		p.refusal(w.byPasskey()).untaken("network")
		p.out()
	}
	p.in(w.byPasskey())
}

// passkeyLeavesSession: whoever is signed in stays so, whatever becomes of a sign-in with a
// passkey that does not end in one. A client may also refuse to begin one.
func passkeyLeavesSession(w *world) {
	p := w.signedUp()
	w.addPasskey(w.email)
	token := w.lastAccess()
	w.keys.dismissed()
	if f := p.refusal(w.byPasskey()); f.Code != alreadyIn {
		wants("a dismissed prompt", f.Kind, "cancelled")
		w.play(newFault(showing, cutBefore).only(1))
		p.refusal(w.byPasskey()).untaken("network")
	}
	p.signedIn()
	p.goesOn()
	wants("the session lives", w.alive(token), true)
}

// factorByKey: a passkey as the second factor. A dismissed prompt, and an answer that is lost
// on its way to the server, leave the sign-in under way.
func factorByKey(w *world) {
	p := withPasskey(w)
	p.asked(w.email)
	w.keys.dismissed()
	wants("a dismissed prompt", p.refusal(w.byKey()).Kind, "cancelled")
	p.out()
	w.play(newFault(factoring, cutBefore).only(1))
	p.refusal(w.byKey()).untaken("network")
	p.out()
	p.in(w.byKey())
}
