package e2e

import (
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

func TestReauthenticateByProvider_isAProofAndNoSignIn(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByProvider, 1)
	m.do("GET", exportPath, "").wants(401)
	a := m.bringProof(m.claims()).wants(200)
	if a.get("meta.access_token") != nil || a.get("meta.session_token") != nil || a.get("meta.is_authenticated") != true {
		t.Errorf("a proof hands out tokens: %s", a.Body)
	}
	last := query[string](w, `SELECT concat(m->>'method', ' ', m->>'provider', ' ', m->>'uid', ' ', m->>'reauthenticated') FROM sessions, jsonb_array_elements(methods) m ORDER BY (m->>'at')::float8 DESC LIMIT 1`)
	if last != "socialaccount google google-member1 true" {
		t.Errorf("the session remembers %q", last)
	}
	m.do("GET", exportPath, "").wants(200)
	if got := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'reauthenticated' AND result = 'success'"); got != 1 {
		t.Errorf("%d audit rows of a proof, want 1", got)
	}
	w.clock.Advance(301 * time.Second)
	m.access = w.refreshed(m.visitor)
	m.do("GET", exportPath, "").wants(401)
}

// What is no proof is refused, leaves the account closed, and an audit row.
func TestReauthenticateByProvider_whatIsNoProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		bring func(w *world, m, other *member) answer
		code  string
	}{
		"a token without a nonce": {func(_ *world, m, _ *member) answer {
			return m.bring("reauthenticate", m.s, m.claims())
		}, "invalid_token@token"},
		"a nonce that is not shown": {func(_ *world, m, _ *member) answer {
			c := m.claims()
			c.Nonce = m.nonceFor("reauthenticate")
			return m.bring("reauthenticate", m.s, c)
		}, "nonce_required@token"},
		"a nonce for a sign-in": {func(_ *world, m, _ *member) answer {
			return m.bringWith(m.nonceFor("login"))
		}, "invalid_token@token"},
		"a nonce for a connection": {func(_ *world, m, _ *member) answer {
			return m.bringWith(m.nonceFor("connect"))
		}, "invalid_token@token"},
		"a nonce for nothing in particular": {func(_ *world, m, _ *member) answer {
			return m.bringWith(m.do("POST", providerNoncePath, "").text("data.nonce"))
		}, "invalid_token@token"},
		"a nonce that an anonymous caller asked for": {func(w *world, m, _ *member) answer {
			raw, _ := w.issued()
			return m.bringWith(raw)
		}, "invalid_token@token"},
		"a nonce of another user's session": {func(_ *world, m, other *member) answer {
			return m.bringWith(other.nonceFor("reauthenticate"))
		}, "invalid_token@token"},
		"a nonce of another session of the user": {func(w *world, m, _ *member) answer {
			second := w.visitor()
			second.bring("login", m.s, m.claims()).in()
			return m.bringWith(second.nonceFor("reauthenticate"))
		}, "invalid_token@token"},
		"a nonce that is not ours": {func(_ *world, m, _ *member) answer {
			return m.bringWith("bm90IG9uZSBvZiBvdXJzLCBidXQgcXVpdGUgbG9uZyBlbm91Z2g")
		}, "invalid_token@token"},
		"a nonce that is used up": {func(w *world, m, _ *member) answer {
			raw := m.nonceFor("reauthenticate")
			m.bringWith(raw).wants(200)
			w.aged()
			return m.bringWith(raw)
		}, "invalid_token@token"},
		"a nonce that is too old": {func(w *world, m, _ *member) answer {
			raw := m.nonceFor("reauthenticate")
			w.clock.Advance(10 * time.Minute)
			m.access = w.refreshed(m.visitor)
			return m.bringWith(raw)
		}, "invalid_token@token"},
		"a token that is older than its nonce": {func(w *world, m, _ *member) answer {
			raw := m.nonceFor("reauthenticate")
			c := m.claims()
			c.Nonce, c.IssuedAt = raw, w.clock.Now().Add(-30*time.Second)
			return m.bring("reauthenticate", m.s, c, "nonce", raw)
		}, "invalid_token@token"},
		"another user's account at the provider": {func(_ *world, m, other *member) answer {
			return m.bringProof(other.claims())
		}, "invalid_token@token"},
		"an account at the provider that nobody has": {func(_ *world, m, _ *member) answer {
			c := m.claims()
			c.Sub = "thief"
			return m.bringProof(c)
		}, "invalid_token@token"},
		"another provider": {func(_ *world, m, _ *member) answer {
			c := m.claims()
			c.Provider = fakeprovider.Apple
			return m.bringProof(c)
		}, "invalid_token@token"},
		"a forged token": {func(_ *world, m, _ *member) answer {
			return m.do("POST", providerTokenPath, brought("reauthenticate", "google", fakeprovider.GoogleClientID, "x.y.z"))
		}, "invalid_token@token"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := proofWorld(t)
			m, other := joined(w, s, (*member).joinByProvider, 1), joined(w, s, (*member).joinByProvider, 2)
			c.bring(w, m, other).wants(400, c.code)
			m.do("GET", exportPath, "").wants(401)
			other.do("GET", exportPath, "").wants(401)
			if got := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'reauthenticated' AND result = 'failure'"); got != 1 {
				t.Errorf("%d audit rows of a wrong proof, want 1", got)
			}
		})
	}
}

// bringWith brings a fresh token of the member with this nonce, as a proof.
func (m *member) bringWith(raw string) answer {
	m.w.t.Helper()
	c := m.claims()
	c.Nonce = raw
	return m.bring("reauthenticate", m.s, c, "nonce", raw)
}

func TestReauthenticateByProvider_needsASession(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByProvider, 1)
	w.visitor().bring("reauthenticate", s, m.claims()).waits()
	w.visitor().do("POST", providerNoncePath+"?process=reauthenticate", "").waits()
	w.visitor().do("POST", providerNoncePath+"?process=connect", "").waits()
	w.visitor().do("POST", providerNoncePath+"?process=anything", "").wants(400, "invalid_choice@process")
	w.call("POST", providerNoncePath, "", "X-Session-Token: gone").wants(410)
}

// A finder of an id_token has its nonce in the form that it carries, which is not the raw one
// where the app has handed out the hash, as it should.
func TestProviderNonce_theRawOneMustBeShown(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	raw, hashed := w.issued()
	c := of(fakeprovider.Google, gmail)
	c.Nonce = hashed
	token := s.token(c)
	bring := func(members ...string) answer {
		return w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, token, members...))
	}
	bring().wants(400, "nonce_required@token")
	bring("nonce", hashed).wants(400, "invalid_token@token")
	bring("nonce", raw).in() // the refusals have used nothing up
}

// A nonce that was asked for in a session works there alone, and one for a process for that
// process alone. Only one that names no process serves a sign-in that leaves the session behind.
func TestProviderNonce_worksForItsAskerAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked, brought string
		byAsker        bool
		takes          bool
	}{
		"login, by the asker":               {"login", "login", true, true},
		"login, by another":                 {"login", "login", false, false},
		"connect, by the asker":             {"connect", "connect", true, true},
		"connect, by another":               {"connect", "connect", false, false},
		"no process, connected by asker":    {"", "connect", true, true},
		"no process, connected by another":  {"", "connect", false, false},
		"no process, signed in by asker":    {"", "login", true, true},
		"no process, signed in by another":  {"", "login", false, true},
		"login, used for a connection":      {"login", "connect", true, false},
		"connect, used for a sign-in":       {"connect", "login", true, false},
		"reauthenticate, used for a login":  {"reauthenticate", "login", true, false},
		"reauthenticate, used to connect":   {"reauthenticate", "connect", true, false},
		"reauthenticate, login, by another": {"reauthenticate", "login", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := proofWorld(t)
			asker, user := w.signedIn(ada), w.signedIn(grace)
			w.markVerified(ada)
			w.markVerified(grace)
			path := providerNoncePath
			if c.asked != "" {
				path += "?process=" + c.asked
			}
			raw := asker.do("POST", path, "").wants(200).text("data.nonce")
			if c.byAsker {
				user = asker
			}

			claims := fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "1", Nonce: raw}
			a := user.bring(c.brought, s, claims, "nonce", raw)
			if c.takes {
				a.wants(200)
			} else {
				a.wants(400, "invalid_token@token")
			}
		})
	}
}
