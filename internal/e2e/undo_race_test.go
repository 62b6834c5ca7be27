package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// prey is an account without a second factor, whose thief has an address, a provider and a
// session. key undoes all of that.
type prey struct {
	*house
	thief *visitor
	key   string
}

func newPrey(t *testing.T, settings ...string) *prey {
	t.Helper()
	w, s := providing(t, append([]string{publicURL, withFactors, byCode, "ACCOUNT_EMAIL_VERIFICATION=none"}, settings...)...)
	p := &prey{house: &house{world: w, s: s}, thief: w.signedIn(ada)}
	w.markVerified(ada)
	w.verifiedLongAgo()

	p.thief.proved()
	p.thief.post(emailsPath, "email", robber).wants(200)
	p.thief.do("PUT", emailsPath, object("email", robber)).wants(200)
	w.visitor().post(verifyEmailPath, "key", w.mailedKey(robber, 1)).wants(401)
	p.thief.bring("connect", s, of(fakeprovider.Google, "thief@gmail.com")).wants(200)
	p.key = w.undoKeys(ada)[0]

	return p
}

// clean fails where the thief has anything left.
func (p *prey) clean() {
	p.t.Helper()
	for what, sql := range map[string]string{
		"an address":         "SELECT count(*) FROM email_addresses a JOIN email_addresses e ON e.user_id = a.user_id AND e.address = '" + ada + "' WHERE a.address <> '" + ada + "'",
		"a provider":         "SELECT count(*) FROM provider_accounts p JOIN email_addresses e ON e.user_id = p.user_id AND e.address = '" + ada + "'",
		"a factor":           "SELECT count(*) FROM authenticators",
		"a password":         "SELECT count(*) FROM users u JOIN email_addresses e ON e.user_id = u.id AND e.address = '" + ada + "' WHERE u.password_hash IS NOT NULL",
		"a session":          "SELECT count(*) FROM sessions s JOIN email_addresses e ON e.user_id = s.user_id AND e.address = '" + ada + "' WHERE s.ended_at IS NULL",
		"a code":             "SELECT count(*) FROM codes WHERE user_id IS NOT NULL",
		"a link of theirs":   "SELECT count(*) FROM links WHERE address <> '" + ada + "'",
		"an undo that works": "SELECT count(*) FROM undo_links WHERE spent_at IS NULL",
	} {
		if n := query[int](p.world, sql); n > 0 {
			p.t.Errorf("the thief has %s left", what)
		}
	}
}

// attempts are what a thief may be about to do when the owner opens the undo link: prepare comes
// before, and the call it returns at the same moment.
var attempts = map[string]func(p *prey) func() answer{
	"changes the password": func(p *prey) func() answer {
		return func() answer {
			return p.thief.post(changePath, "current_password", goodPassword, "new_password", robberWord)
		}
	},
	"adds an address": func(p *prey) func() answer {
		return func() answer { return p.thief.post(emailsPath, "email", "another@evil.example") }
	},
	"connects a provider": func(p *prey) func() answer {
		return func() answer {
			return p.thief.bring("connect", p.s, of(fakeprovider.Google, "another@gmail.com"))
		}
	},
	"adds a passkey": func(p *prey) func() answer {
		options := p.thief.do("GET", passkeysPath+"?passwordless", "").wants(200)
		credential := softkey.New(passkeyOrigin).Register([]byte(options.Body))
		return func() answer { return p.thief.do("POST", passkeysPath, presented(credential)) }
	},
	"signs in by password": func(p *prey) func() answer {
		return func() answer { return p.visitor().post(loginPath, "email", robber, "password", goodPassword) }
	},
	"signs in by code": func(p *prey) func() answer {
		v := p.visitor()
		n := len(p.letters(robber))
		v.post(codeRequestPath, "email", robber).waits("login_by_code")
		code := p.mailedCode(robber, n+1)
		return func() answer { return v.post(codeConfirmPath, "code", code) }
	},
	"signs in by provider": func(p *prey) func() answer {
		return func() answer { return p.visitor().bring("login", p.s, of(fakeprovider.Google, "thief@gmail.com")) }
	},
	"resets the password": func(p *prey) func() answer {
		n := len(p.letters(robber))
		p.visitor().post(resetRequestPath, "email", robber).wants(200)
		key := p.mailedKey(robber, n+1)
		return func() answer { return p.visitor().post(resetPath, "key", key, "password", robberWord) }
	},
	"verifies another address": func(p *prey) func() answer {
		p.thief.post(emailsPath, "email", "another@evil.example").wants(200)
		p.thief.do("PUT", emailsPath, object("email", "another@evil.example")).wants(200)
		key := p.mailedKey("another@evil.example", 1)
		return func() answer { return p.visitor().post(verifyEmailPath, "key", key) }
	},
}

// Once an undo has returned, nothing that the thief began works, whichever of the two comes first.
func TestUndo_atTheSameMomentAsTheThief(t *testing.T) {
	t.Parallel()

	for what, prepare := range attempts {
		for _, undoFirst := range []bool{true, false} {
			name := what + ", and then the owner undoes it"
			if undoFirst {
				name = "the owner undoes it, and then the thief " + what
			}

			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newPrey(t)
				attempt := prepare(p)
				undo := func() answer { return p.undo(p.key) }

				calls := []func() answer{attempt, undo}
				if undoFirst {
					calls = []func() answer{undo, attempt}
				}
				answers := p.meanwhile("SELECT 1", calls...)
				if undoFirst {
					answers[0].wants(200)
				} else {
					answers[1].wants(200)
				}
				p.clean()
			})
		}
	}
}

// The same, as fast as the thief can: after an undo, no token from before works.
func TestUndo_onceItHasReturnedNoTokenWorks(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	_, second := w.serve(links, publicURL, "LATCHKEY_MAIL_DIR="+w.mails) // it sends mails, too
	key := w.changed(v)
	e := entry{v.token, v.access, v.fresh}

	tokens := w.refreshInALoop(second, e, func() { w.undo(key).wants(200) })
	for _, a := range tokens {
		w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(401)
		w.spend(a.text("meta.refresh_token"), "").wants(400)
	}
	w.call("GET", sessionPath, "", "X-Session-Token: "+v.token).wants(410)
}

// Of many that use one link at once, one restores the account.
func TestUndo_aLinkWorksOnceAlsoForManyAtOnce(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)

	answers := make([]answer, 16)
	var wg sync.WaitGroup
	for n := range answers {
		wg.Go(func() { answers[n] = w.undo(key) })
	}
	wg.Wait()

	done := 0
	for _, a := range answers {
		switch a.Status {
		case 200:
			done++
		case 400:
			a.wants(400, "link_already_used@key")
		default:
			a.wants(503)
		}
	}
	if done != 1 || query[int](w, "SELECT restorations FROM users") != 1 {
		t.Errorf("%d of 16 restored the account", done)
	}
	w.delivered()
	restored := 0
	for _, l := range w.letters(ada) {
		if strings.Contains(l.subject, "restored") {
			restored++
		}
	}
	if restored != 1 {
		t.Errorf("%d mails tell of it", restored)
	}
}

// A sign-in that waits for its second factor when the undo comes is void, whatever is shown in it
// afterwards: its first proof was the thief's. The account has no password, so that none changes.
func TestUndo_aSignInThatWasUnderWayIsVoid(t *testing.T) {
	t.Parallel()
	p := newPrey(t)
	p.exec("UPDATE users SET password_hash = NULL")
	seed := newAuthenticatorApp(t, p.thief.do("GET", totpPath, "").wants(404).text("meta.secret"))
	p.thief.post(totpPath, "code", seed.at(p.clock.Now())).wants(200)
	p.clock.Advance(30 * time.Second)

	underWay := p.visitor()
	underWay.bring("login", p.s, of(fakeprovider.Google, "thief@gmail.com")).waits("mfa_authenticate")
	factors := query[string](p.world, "SELECT jsonb_agg(to_jsonb(a))::text FROM authenticators a")
	p.undo(p.key).wants(200)

	// The worst case: the factor is there again, and the thief has a right code of it.
	p.exec("INSERT INTO authenticators SELECT * FROM jsonb_populate_recordset(NULL::authenticators, $1::jsonb)", factors)
	if a := underWay.post(factorPath, "code", seed.at(p.clock.Now())); a.Status == 200 {
		t.Errorf("the thief came in: %s", a.Body)
	}
	if n := query[int](p.world, "SELECT count(*) FROM sessions WHERE user_id IS NOT NULL AND ended_at IS NULL"); n > 0 {
		t.Errorf("%d sessions are open", n)
	}
}

// An address that a provider vouches for opens the account only while it is the account's.
func TestUndo_anAddressThatWasRemovedOpensNothing(t *testing.T) {
	t.Parallel()
	p := newPrey(t, "SOCIALACCOUNT_EMAIL_AUTHENTICATION=true")
	p.exec("UPDATE users SET password_hash = NULL")
	p.exec("UPDATE email_addresses SET address = 'thief@gmail.com' WHERE address = $1", robber)
	p.exec("DELETE FROM provider_accounts")

	answers := p.meanwhile("SELECT 1",
		func() answer { return p.undo(p.key) },
		func() answer { return p.visitor().bring("login", p.s, of(fakeprovider.Google, "thief@gmail.com")) },
	)
	answers[0].wants(200)
	owner := query[int64](p.world, "SELECT user_id FROM email_addresses WHERE address = $1", ada)
	if n := query[int](p.world, "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", owner); n > 0 {
		t.Errorf("the thief came in by an address that is the account's no more: %s", answers[1].Body)
	}
}
