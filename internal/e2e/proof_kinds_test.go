package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// The paths of the proofs for accounts without password and second factor.
const (
	proofCodeRequestPath = root + "auth/reauthenticate/code/request"
	proofCodeConfirmPath = root + "auth/reauthenticate/code/confirm"
)

// member is an account of a test of proofs, and the client that is signed in to it.
type member struct {
	*visitor
	s *services
	// name tells the accounts of one server apart.
	name  string
	app   authenticatorApp
	key   *softkey.Key
	keyID string
	// prove proves who the member is, as accounts of their kind do.
	prove func(*member)
}

func (m *member) email() string { return m.name + "@example.com" }

// claims are what Google says of the member: no address, so that the account has none.
func (m *member) claims() fakeprovider.Claims {
	return fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "google-" + m.name, GivenName: "Ada"}
}

// kinds are the kinds of accounts, by what they can prove themselves with.
var kinds = []struct {
	name  string
	flows string // as data.flows shows them to a caller who has to prove who they are
	join  func(m *member)
	prove func(m *member)
}{
	{
		"password", `[{"id":"reauthenticate"}]`,
		(*member).joinByPassword,
		func(m *member) { m.proved() },
	},
	{
		"factor", `[{"id":"mfa_reauthenticate","types":["recovery_codes","totp","webauthn"]}]`,
		func(m *member) {
			m.joinByProvider()
			m.addFactors()
		},
		(*member).proveByFactor,
	},
	{
		"password and factor", `[{"id":"reauthenticate"},{"id":"mfa_reauthenticate","types":["recovery_codes","totp","webauthn"]}]`,
		func(m *member) {
			m.joinByPassword()
			m.addFactors()
		},
		(*member).proveByFactor,
	},
	{
		"provider only", `[{"id":"provider_reauthenticate","providers":["google"]}]`,
		(*member).joinByProvider,
		(*member).proveByProvider,
	},
	{
		"code only", `[{"id":"reauthenticate_by_code"}]`,
		(*member).joinByCode,
		(*member).proveByCode,
	},
}

func (m *member) joinByPassword() {
	m.post(signupPath, "email", m.email(), "password", goodPassword).in()
	m.w.markVerified(m.email())
}

func (m *member) joinByProvider() { m.bring("login", m.s, m.claims()).in() }

func (m *member) joinByCode() {
	m.post(signupPath, "email", m.email()).in()
	m.w.markVerified(m.email())
}

// addFactors adds a TOTP authenticator and a security key to an account that is new. The TOTP
// code is used up, so the clock moves on.
func (m *member) addFactors() {
	m.w.t.Helper()
	m.app = newAuthenticatorApp(m.w.t, m.do("GET", totpPath, "").wants(404).text("meta.secret"))
	m.post(totpPath, "code", m.app.at(m.w.clock.Now())).wants(200)
	m.key = softkey.New(passkeyOrigin)
	options := m.do("GET", passkeysPath, "").wants(200)
	a := m.do("POST", passkeysPath, presented(m.key.Register([]byte(options.Body)))).wants(200)
	id, _ := json.Marshal(a.get("data.id"))
	m.keyID = string(id)
	m.w.clock.Advance(30 * time.Second)
}

func (m *member) proveByFactor() {
	m.w.t.Helper()
	m.post(reauthFactorPath, "code", m.app.at(m.w.clock.Now())).wants(200)
}

func (m *member) proveByProvider() {
	m.w.t.Helper()
	m.bringProof(m.claims()).wants(200)
}

// nonceFor asks for a nonce for a process, and returns it raw.
func (v *visitor) nonceFor(process string) string {
	v.w.t.Helper()
	return v.do("POST", providerNoncePath+"?process="+process, "").wants(200).text("data.nonce")
}

// bringProof proves by a token of a provider, with a nonce that the session asked for.
func (m *member) bringProof(c fakeprovider.Claims) answer {
	m.w.t.Helper()
	raw := m.nonceFor("reauthenticate")
	c.Nonce = raw
	return m.bring("reauthenticate", m.s, c, "nonce", raw)
}

func (m *member) proveByCode() {
	m.w.t.Helper()
	n := len(m.w.letters(m.email()))
	m.do("POST", proofCodeRequestPath, "").wants(200)
	m.post(proofCodeConfirmPath, "code", m.w.mailedCode(m.email(), n+1)).wants(200)
}

// asksProof fails unless the answer asks a signed-in caller for a proof, by these flows.
func (a answer) asksProof(flows string) answer {
	a.t.Helper()
	a.wants(401)
	if a.get("meta.is_authenticated") != true || !strings.Contains(a.Body, `"flows":`+flows) {
		a.t.Errorf("want a 401 with the flows %s: %s", flows, a.Body)
	}
	return a
}

// proofWorld is a server on which accounts of every kind can be made.
func proofWorld(t *testing.T) (*world, *services) {
	s := newServices(t)
	w := s.open(t, append(newGateway(t).settings(), withFactors, byCode,
		"ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email,password1 SOCIALACCOUNT_EMAIL_REQUIRED=false")...)
	return w, s
}

// joined is a new account of a kind, of which nobody has proved lately that it is theirs.
func joined(w *world, s *services, join func(*member), n int) *member {
	m := &member{visitor: w.visitor(), s: s, name: fmt.Sprintf("member%d", n)}
	join(m)
	w.delivered()
	w.aged()
	return m
}
