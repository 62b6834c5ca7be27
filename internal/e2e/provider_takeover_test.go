package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// trusted is an OpenID Connect provider whose word about addresses the operator takes: the
// same one once more, under another id.
const trusted = "trusted"

func (s *services) withTrusted(t *testing.T) string {
	t.Helper()
	_, text, _ := strings.Cut(s.having(t, "openid_connect", "verified_email", true), "=")
	var mine, all map[string]map[string][]any
	for text, into := range map[string]*map[string]map[string][]any{text: &mine, s.Providers(): &all} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	app := mine["openid_connect"]["APPS"][0].(map[string]any)
	app["provider_id"] = trusted
	all["openid_connect"]["APPS"] = append(all["openid_connect"]["APPS"], app)
	b, _ := json.Marshal(all)
	return "SOCIALACCOUNT_PROVIDERS=" + string(b)
}

// teller is a provider, and what its word about an address is worth: whether it makes it a
// verified one in a new account, and whether it may lead into an account that has it.
type teller struct {
	name, provider, domain string
	claims                 map[string]any
	vouches, knows         bool
}

var tellers = []teller{
	{"Apple", fakeprovider.Apple, "icloud.com", nil, true, true},
	{"Apple of a foreign address", fakeprovider.Apple, "example.com", nil, true, false},
	{"Google of its own address", fakeprovider.Google, "gmail.com", nil, true, true},
	{"Google of a domain that it hosts", fakeprovider.Google, "hosted.example", map[string]any{"hd": "hosted.example"}, true, true},
	{"Google of a foreign address", fakeprovider.Google, "foreign.example", nil, true, false},
	{"OpenID Connect", fakeprovider.OIDC, "oidc.example", nil, false, false},
	{"OpenID Connect of a gmail address", fakeprovider.OIDC, "gmail.com", map[string]any{"hd": "gmail.com"}, false, false},
	{"OpenID Connect that is trusted", trusted, "trusted.example", nil, true, true},
}

// cell is one case of TestSEC72_noAddressTakesAnAccountOver.
type cell struct {
	teller
	sure                    bool   // the provider has seen the address
	local                   string // who holds it here: nobody, or somebody who has verified it, or not
	authenticates, connects bool
	address                 string
}

func (c cell) String() string {
	return fmt.Sprintf("%s, sure %t, local %q, authenticates %t, connects %t", c.name, c.sure, c.local, c.authenticates, c.connects)
}

// bringAs brings the token of a cell.
func (c cell) bring(v *visitor, s *services) answer {
	v.w.t.Helper()
	says := fakeprovider.Claims{Provider: c.provider, Email: c.address, EmailVerified: c.sure, Overrides: c.claims}
	if c.provider == trusted {
		says.Provider = fakeprovider.OIDC
	}
	return v.do("POST", providerTokenPath, brought("login", c.provider, fakeprovider.ClientIDs(says.Provider)[0], s.token(says)))
}

// check plays one case.
func (c cell) check(t *testing.T, w *world, s *services) {
	t.Helper()
	var local any
	var holder *visitor
	if c.local != "nobody" {
		holder = w.visitor()
		local = holder.post(signupPath, "email", c.address, "password", goodPassword).in().get("data.user.id")
	}
	if c.local == "verified" {
		w.exec("UPDATE email_addresses SET verified_at = now() WHERE address = $1", c.address)
	}
	enters := c.local == "verified" && c.sure && c.knows && c.authenticates
	vouched := c.sure && c.vouches
	v := w.visitor()
	a := c.bring(v, s)
	switch {
	case enters:
		if a.in(); a.get("data.user.id") != local {
			t.Errorf("%s: another account: %s", c, a.Body)
		}
	case c.local == "nobody" || c.local == "unverified" && vouched:
		if a.in(); a.get("data.user.id") == local {
			t.Errorf("%s: the account of whoever has not shown that the address is theirs", c)
		}
		if p := v.do("GET", profilePath, "").wants(200); p.get("email_verified") != vouched || p.text("email") != c.address {
			t.Errorf("%s: %s", c, p.Body)
		}
	default:
		a.waits("provider_signup")
		v.post(providerSignupPath, "email", c.address).wants(400, "email_taken@email")
	}
	if holder == nil {
		return
	}
	linked := query[bool](w, "SELECT EXISTS (SELECT FROM provider_accounts p JOIN email_addresses e USING (user_id) WHERE e.address = $1 AND e.user_id = $2)", c.address, int64(local.(float64)))
	if linked != (enters && c.connects) {
		t.Errorf("%s: linked: %t", c, linked)
	}
	// Its holder's session is still theirs, and so is what they signed up with.
	if p := holder.do("GET", profilePath, "").wants(200); p.get("id") != local {
		t.Errorf("%s: %s", c, p.Body)
	}
	switch in := w.call("POST", loginPath, credentials(c.address, goodPassword)); {
	case c.local == "unverified" && vouched: // the address is another's now: no password of theirs fits it
		in.wants(400, "email_password_mismatch@password")
	case in.wants(200).get("data.user.id") != local:
		t.Errorf("%s: the password leads elsewhere: %s", c, in.Body)
	}
}

// SEC-72: an address leads into an account only where its holder has verified it here, the
// provider is the one to know whose it is, and the operator wants that. Nothing else enters,
// links or holds up anything.
func TestSEC72_noAddressTakesAnAccountOver(t *testing.T) {
	t.Parallel()
	for _, settings := range []struct{ authenticates, connects bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		t.Run(fmt.Sprintf("authenticates %t, connects %t", settings.authenticates, settings.connects), func(t *testing.T) {
			t.Parallel()
			s := newServices(t)
			w := s.open(t, s.withTrusted(t), fmt.Sprintf("SOCIALACCOUNT_EMAIL_AUTHENTICATION=%t SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT=%t", settings.authenticates, settings.connects))
			for n, teller := range tellers {
				for _, sure := range []bool{true, false} {
					for m, local := range []string{"nobody", "unverified", "verified"} {
						address := fmt.Sprintf("person%d%d%t@%s", n, m, sure, teller.domain)
						cell{teller, sure, local, settings.authenticates, settings.connects, address}.check(t, w, s)
					}
				}
			}
		})
	}
}

// Signed in to by address without being connected, somebody is known by the address alone;
// with it, by who they are.
func TestSEC72_providerConnectedByAddressStaysWhenTheAddressChanges(t *testing.T) {
	t.Parallel()
	for _, connects := range []bool{false, true} {
		w, s := providing(t, fmt.Sprintf("SOCIALACCOUNT_EMAIL_AUTHENTICATION=true SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT=%t", connects), withNotifications)
		local := w.signedIn(gmail)
		w.exec("UPDATE email_addresses SET verified_at = now()")
		c := of(fakeprovider.Google, gmail)
		c.Sub = "1"
		id := w.visitor().bring("login", s, c).in().get("data.user.id")
		c.Email = "countess@gmail.com"
		if again := w.visitor().bring("login", s, c).in(); (again.get("data.user.id") == id) != connects {
			t.Errorf("connects %t: %s", connects, again.Body)
		}
		told := 0
		if connects {
			told = 1
			_ = w.letter(gmail, 2) // the link of signing up, and this
		}
		if n := query[int](w, "SELECT count(*) FROM messages WHERE kind = 'provider_connected'"); n != told {
			t.Errorf("%d mails", n)
		}
		local.do("GET", profilePath, "").wants(200)
	}
}

// The spelling of an address is no way around any of it.
func TestSEC72_providerAddressesInCapitals(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "SOCIALACCOUNT_EMAIL_AUTHENTICATION=true")
	w.signedIn(gmail)
	w.exec("UPDATE email_addresses SET verified_at = now()")
	if in := w.visitor().bring("login", s, of(fakeprovider.Google, "Ada@GMail.com")).in(); in.text("data.user.email") != gmail {
		t.Error(in.Body)
	}
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, "Grace@Gmail.com")).in()
	if p := v.do("GET", profilePath, "").wants(200); p.get("email_verified") != true || p.text("email") != "grace@gmail.com" {
		t.Error(p.Body)
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 2 {
		t.Errorf("%d users", n)
	}
}

// What the provider writes as an address, and is none, is asked for.
func TestSEC72_providerAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	for _, address := range []string{"ada", "a@b", "ada@example.com\r\nbcc: x@example.com", strings.Repeat("a", 250) + "@gmail.com", " "} {
		v := w.visitor()
		v.bring("login", s, of(fakeprovider.Google, address)).waits("provider_signup")
		v.do("GET", providerSignupPath, "").wants(200)
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 0 {
		t.Errorf("%d users", n)
	}
}

// SEC-72: what somebody has attached to an account before its owner proves the address is
// gone when they do: by a reset, by link or by code, and by a sign-in code, which also ends the
// sessions of before and lets the password of before in together with a code alone.
func TestSEC72_aServiceConnectedBeforeTheProofIsGoneAfterIt(t *testing.T) {
	t.Parallel()
	for name, proof := range map[string]func(w *world){
		"reset by link": func(w *world) {
			v := w.visitor()
			n := len(w.letters(ada))
			v.post(resetRequestPath, "email", ada).wants(200)
			v.post(resetPath, "key", w.mailedKey(ada, n+1), "password", anotherPassword).waits()
			v.post(loginPath, "email", ada, "password", anotherPassword).in()
		},
		"sign-in code": func(w *world) {
			v := w.visitor()
			n := len(w.letters(ada))
			v.post(codeRequestPath, "email", ada).waits("login_by_code")
			v.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).in()
			v.do("GET", profilePath, "").wants(200)
			w.visitor().post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, byCode+" ACCOUNT_EMAIL_VERIFICATION=none")
			trap := w.signedIn(ada).proved()
			mine := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "mallory"}
			trap.bring("connect", s, mine).wants(200)
			w.visitor().bring("login", s, mine).in()
			proof(w)
			trap.do("GET", profilePath, "").wants(401)
			w.visitor().bring("login", s, mine).waits("provider_signup")
		})
	}
	// Whoever has proved the address before keeps what they have connected.
	w, s := providing(t, byCode+" "+mandatoryByCode)
	owner := w.verified(ada).proved()
	mine := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "ada"}
	owner.bring("connect", s, mine).wants(200)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 3)).in()
	w.visitor().bring("login", s, mine).in()
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
	owner.do("GET", profilePath, "").wants(200)
}
