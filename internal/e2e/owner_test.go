package e2e

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// trapped is an account that a stranger has made with carol's address, and what the stranger
// holds of it.
type trapped struct {
	w       *world
	s       *services
	g       *gateway
	session *visitor
	key     *softkey.Key
}

// trap is a way in that a stranger prepares before carol opens the link, and tries afterwards.
type trap struct {
	settings string
	lays     func(p *trapped)
	// comes tries the way in, and reports whether the stranger is in.
	comes func(p *trapped) bool
}

// googleOf is the stranger's own account at Google.
func googleOf() fakeprovider.Claims {
	return fakeprovider.Claims{Provider: fakeprovider.Google, Email: "mallory@gmail.com", Sub: "mallory"}
}

// signsUp makes the account with carol's address and signs in.
func (p *trapped) signsUp() {
	p.session = p.w.visitor()
	p.session.post(signupPath, "email", carol, "password", goodPassword).in()
	p.session.proved()
}

// addsLater makes an account without an address, connects something, and adds carol's address.
func (p *trapped) addsLater(connects func()) {
	p.session = p.w.visitor()
	p.session.post(signupPath, "username", "mallory", "password", goodPassword).in()
	p.session.proved()
	connects()
	p.session.proved().post(emailsPath, "email", carol).wants(200)
}

// mailsLink has the link mailed where a sign-up mails none.
func (p *trapped) mailsLink(address string) {
	p.session.proved().do("PUT", emailsPath, object("email", address)).wants(200)
}

func (p *trapped) connectsGoogle() { p.session.bring("connect", p.s, googleOf()).wants(200) }

func (p *trapped) byGoogle() bool {
	a := p.w.visitor().bring("login", p.s, googleOf())
	return a.Status == 200 && a.text("data.user.email") == carol
}

const ruleOff = "ACCOUNT_EMAIL_VERIFICATION=none"

var traps = map[string]trap{
	"the password": {"", (*trapped).signsUp, func(p *trapped) bool {
		return p.w.visitor().post(loginPath, "email", carol, "password", goodPassword).Status == 200
	}},
	"a session": {"", (*trapped).signsUp, func(p *trapped) bool {
		refreshed := p.w.call("POST", refreshPath, object("refresh", p.session.fresh)).Status == 200
		asked := p.w.call("GET", profilePath, "", bearer(p.session.access)).Status == 200
		kept := p.w.call("GET", sessionPath, "", "X-Session-Token: "+p.session.token).Status == 200
		return refreshed || asked || kept
	}},
	"a pending session": {byLink, func(p *trapped) {
		p.session = p.w.visitor()
		p.session.post(signupPath, "email", carol, "password", goodPassword).waits("verify_email")
	}, func(p *trapped) bool { return p.session.do("GET", sessionPath, "").Status == 200 }},
	"a provider, with the rule off": {ruleOff, func(p *trapped) {
		p.signsUp()
		p.connectsGoogle()
		p.mailsLink(carol)
	}, (*trapped).byGoogle},
	"a provider, connected before the address came": {"", func(p *trapped) { p.addsLater(p.connectsGoogle) }, (*trapped).byGoogle},
	"a provider that the account was made with": {"", func(p *trapped) {
		p.w.visitor().bring("login", p.s, fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: carol, Sub: "mallory"}).in()
	}, func(p *trapped) bool {
		a := p.w.visitor().bring("login", p.s, fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: carol, Sub: "mallory"})
		return a.Status == 200
	}},
	"a further address, with the rule off": {ruleOff, func(p *trapped) {
		p.signsUp()
		p.session.post(emailsPath, "email", evil).wants(200)
		p.mailsLink(evil)
		p.mailsLink(carol)
	}, func(p *trapped) bool {
		p.w.opens(p.w.mailedKey(evil, 1))
		return resetsByMail(p.w, evil)
	}},
	"a number that is not verified": {"ACCOUNT_PHONE_VERIFICATION_ENABLED=false", func(p *trapped) {
		p.session = p.w.visitor()
		p.session.post(signupPath, "email", carol, "phone", number, "password", goodPassword).in()
	}, func(p *trapped) bool {
		byPassword := p.w.visitor().post(loginPath, "phone", number, "password", goodPassword).Status == 200
		p.w.visitor().post(codeRequestPath, "phone", number)
		p.w.delivered()
		return byPassword || len(p.g.all(number)) > 0
	}},
	"a number that is on its way, with the rule off": {ruleOff, func(p *trapped) {
		p.signsUp()
		p.session.post(phonePath, "phone", number).wants(202)
		p.mailsLink(carol)
	}, func(p *trapped) bool {
		return p.session.post(verifyPhonePath, "code", p.g.code(p.w.t.(*testing.T), number, 1)).Status == 200
	}},
}

const trapSettings = byCode + " ACCOUNT_LOGIN_METHODS=email,username,phone ACCOUNT_SIGNUP_FIELDS=email,username,phone,password1* MFA_ALLOW_UNVERIFIED_EMAIL=true"

// A stranger signs up with carol's address and prepares a way in. Carol opens the link and
// confirms, and sets a new password, since she does not know the stranger's. From then on the
// stranger is out.
func TestTrap_aStrangerHasNoWayInAfterTheOwnersReset(t *testing.T) {
	t.Parallel()

	for what, trap := range traps {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t)
			w, s := providing(t, append(g.settings(), withFactors+" "+trapSettings+" "+trap.settings)...)
			p := &trapped{w: w, s: s, g: g}
			trap.lays(p)

			opened := w.opens(w.mailedKey(carol, 1))
			if opened.Status != 401 || opened.pending() != "" {
				t.Fatalf("carol's link: %d %s", opened.Status, opened.Body)
			}
			if !resetsByMail(w, carol) {
				t.Fatal("carol cannot reset the password")
			}
			if trap.comes(p) {
				t.Error("the stranger is in")
			}
			w.visitor().post(loginPath, "email", carol, "password", anotherPassword).in()
		})
	}
}

// A passkey or a second factor of the stranger's is nothing that a reset removes: the link does
// not verify outside the account's own sessions, and carol gets an account of her own.
func TestTrap_aLinkDoesNotVerifyForAPasskeyOfAStranger(t *testing.T) {
	t.Parallel()

	for what, lays := range map[string]func(p *trapped){
		"a passkey": func(p *trapped) { p.addsLater(func() { p.session.withKey(p.key, true) }) },
		"TOTP":      func(p *trapped) { p.addsLater(func() { p.session.withTOTP() }) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, withFactors+" "+trapSettings+" MFA_ALLOW_UNVERIFIED_EMAIL=false")
			p := &trapped{w: w, key: softkey.New(passkeyOrigin)}
			lays(p)
			stranger := query[int64](w, "SELECT id FROM users")

			key := w.mailedKey(carol, 1)
			w.opens(key).wants(409, "sign_in_first")
			w.visitor().do("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+key).wants(200)

			in := w.visitor()
			a := in.post(signupPath, "email", carol, "password", anotherPassword).in()
			if id, _ := a.get("data.user.id").(float64); int64(id) == stranger {
				t.Fatal("carol is in the stranger's account")
			}
			if got := w.visitor().post(loginPath, "email", carol, "password", anotherPassword); got.Status != 200 {
				t.Errorf("carol cannot sign in: %s", got.Body)
			}
		})
	}
}

// The owner of the account opens the same link in a session of the account.
func TestTrap_theOwnerOfAPasskeyVerifiesInASessionOfTheirs(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors+" "+trapSettings)
	p := &trapped{w: w, key: softkey.New(passkeyOrigin)}
	p.addsLater(func() { p.session.withKey(p.key, true) })
	p.session.post(verifyEmailPath, "key", w.mailedKey(carol, 1)).wants(200)
	if got := w.addresses(); got != carol+" primary verified" {
		t.Errorf("the addresses are %q", got)
	}
}

// Who opens the link in the app, or elsewhere and never needs a reset, loses nothing.
func TestTrap_anHonestUserLosesNothing(t *testing.T) {
	t.Parallel()

	t.Run("opened elsewhere", func(t *testing.T) {
		t.Parallel()
		w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
		v := w.reproved(ada)
		w.opens(w.mailedKey(ada, 1)).waits()
		v.do("GET", profilePath, "").wants(200)
		w.again(ada)
		w.clock.Advance(1e9)
		v.bring("connect", s, googleOf()).wants(200)
		if !resetsByMail(w, ada) {
			t.Fatal("no reset")
		}
		if a := w.visitor().bring("login", s, googleOf()); a.Status != 200 || a.text("data.user.email") != ada {
			t.Errorf("a provider that was connected after the proof is gone: %s", a.Body)
		}
	})

	t.Run("a sign-up with a provider, opened in the app", func(t *testing.T) {
		t.Parallel()
		w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
		claims := fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: ada, Sub: "ada"}
		v := w.visitor()
		v.bring("login", s, claims).in()
		v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
		if !resetsByMail(w, ada) {
			t.Fatal("no reset")
		}
		w.visitor().bring("login", s, claims).in()
	})
}
