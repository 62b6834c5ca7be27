package e2e

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// The paths of other services.
const (
	providerTokenPath  = root + "auth/provider/token"
	providerNoncePath  = root + "auth/provider/nonce"
	providerSignupPath = root + "auth/provider/signup"
	providersPath      = root + "account/providers"
	gmail              = "ada@gmail.com"
)

// services are the Apple, the Google and the OpenID Connect provider of a test. Their clock
// is that of the world.
type services struct {
	*fakeprovider.Server
	world *world
	ready chan struct{} // closed when there is a world
	made  atomic.Int64  // tokens
}

// token makes an id_token that there has not been: at one time, all of one person's are alike.
func (s *services) token(c fakeprovider.Claims) string {
	c.Overrides = maps.Clone(c.Overrides)
	if c.Overrides == nil {
		c.Overrides = map[string]any{}
	}
	c.Overrides["jti"] = strconv.FormatInt(s.made.Add(1), 10)
	return s.Token(c)
}

func newServices(t *testing.T) *services {
	t.Helper()
	s := &services{ready: make(chan struct{})}
	var err error
	s.Server, err = fakeprovider.Start(fakeprovider.Options{Now: s.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *services) now() time.Time {
	<-s.ready
	return s.world.clock.Now()
}

// open starts a server that knows the services, and can keep grants.
func (s *services) open(t *testing.T, settings ...string) *world {
	t.Helper()
	s.world = mailing(t, append([]string{"SOCIALACCOUNT_PROVIDERS=" + s.Providers(), "LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1)}, settings...)...)
	close(s.ready)
	return s.world
}

func providing(t *testing.T, settings ...string) (*world, *services) {
	t.Helper()
	s := newServices(t)
	return s.open(t, settings...), s
}

// having is SOCIALACCOUNT_PROVIDERS in which a provider's first app has a setting more.
func (s *services) having(t *testing.T, kind, name string, value any) string {
	t.Helper()
	var all map[string]map[string][]map[string]any
	if err := json.Unmarshal([]byte(s.Providers()), &all); err != nil {
		t.Fatal(err)
	}
	all[kind]["APPS"][0]["settings"].(map[string]any)[name] = value
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return "SOCIALACCOUNT_PROVIDERS=" + string(text)
}

// of is what the provider says of somebody with an address.
func of(provider, email string) fakeprovider.Claims {
	return fakeprovider.Claims{Provider: provider, Email: email}
}

// unsure is of, where the provider has not seen the address to be theirs.
func unsure(provider, email string) fakeprovider.Claims {
	return fakeprovider.Claims{Provider: provider, Email: email, EmailVerified: false}
}

// brought is the body that brings an id_token; members go into the token.
func brought(process, provider, clientID, idToken string, members ...string) string {
	token := map[string]string{"client_id": clientID, "id_token": idToken}
	for i := 0; i < len(members); i += 2 {
		token[members[i]] = members[i+1]
	}
	b, _ := json.Marshal(map[string]any{"provider": provider, "process": process, "token": token})
	return string(b)
}

// bring signs in, or connects, with a fresh token of a provider.
func (v *visitor) bring(process string, s *services, c fakeprovider.Claims, members ...string) answer {
	v.w.t.Helper()
	clientID := c.ClientID
	if clientID == "" {
		clientID = fakeprovider.ClientIDs(c.Provider)[0]
	}
	if process == "connect" {
		defer v.w.delivered() // the person is told
	}
	return v.do("POST", providerTokenPath, brought(process, c.Provider, clientID, s.token(c), members...))
}

// identities are all that are connected: "provider uid user", in order.
func (w *world) identities() string {
	w.t.Helper()
	return query[string](w, "SELECT coalesce(string_agg(provider || ' ' || uid || ' ' || user_id, ', ' ORDER BY provider, uid), '') FROM provider_accounts")
}

func TestProvider_signsUpAndInWithEach(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, provider := range []string{fakeprovider.Apple, fakeprovider.Google, fakeprovider.OIDC} {
		c := fakeprovider.Claims{Provider: provider, Email: provider + "@gmail.com", Sub: "subject-" + provider, GivenName: "Ada", FamilyName: "King"}
		up := w.visitor().bring("login", s, c, "name", "Countess").in()
		if up.text("data.methods.method") != "socialaccount" || up.text("data.methods.provider") != provider || up.text("data.methods.uid") != c.Sub {
			t.Error(up.Body)
		}
		name := map[bool]string{true: "Countess", false: "Ada King"}[provider == fakeprovider.Apple] // Apple's tokens have none
		if up.text("data.user.display") != name || up.text("data.user.email") != c.Email || up.get("data.user.has_usable_password") != false {
			t.Error(up.Body)
		}
		v := w.visitor()
		in := v.bring("login", s, c).in()
		if in.get("data.user.id") != up.get("data.user.id") || in.text("data.methods.uid") != c.Sub {
			t.Errorf("%s is somebody else: %s", provider, in.Body)
		}
		p := v.do("GET", profilePath, "").wants(200)
		// What an OpenID Connect provider says of addresses is nothing, until the operator trusts it.
		if p.get("email_verified") != (provider != fakeprovider.OIDC) || p.text("email") != c.Email {
			t.Error(p.Body)
		}
		list := v.do("GET", providersPath, "").wants(200)
		if list.text("data.uid") != c.Sub || list.text("data.provider.id") != provider || list.text("data.display") != c.Email {
			t.Error(list.Body)
		}
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 3 {
		t.Errorf("%d users", n)
	}
	a := w.visitor().do("GET", sessionPath, "").wants(401)
	if !strings.Contains(a.Body, `{"id":"provider_token","providers":["apple","google","fake-oidc"]}`) {
		t.Error(a.Body)
	}
}

// Who somebody is, is (provider, sub): the same text at another provider is another person,
// and a person may change the address.
func TestProvider_knowsPeopleByProviderAndSubAlone(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	id := map[any]bool{}
	for _, provider := range []string{fakeprovider.Apple, fakeprovider.Google, fakeprovider.OIDC} {
		id[w.visitor().bring("login", s, fakeprovider.Claims{Provider: provider, Email: provider + "@gmail.com", Sub: "1"}).in().get("data.user.id")] = true
	}
	if len(id) != 3 {
		t.Error(id)
	}
	c := of(fakeprovider.Google, gmail)
	c.Sub = "2"
	first := w.visitor().bring("login", s, c).in()
	c.Email = "countess@gmail.com"
	v := w.visitor()
	again := v.bring("login", s, c).in()
	if again.get("data.user.id") != first.get("data.user.id") || again.text("data.user.email") != gmail {
		t.Error(again.Body)
	}
	if list := v.do("GET", providersPath, "").wants(200); list.text("data.display") != "countess@gmail.com" {
		t.Error(list.Body)
	}
	c.Sub = "3" // somebody else has the old address there now
	c.Email = gmail
	w.visitor().bring("login", s, c).waits("provider_signup")
}

func TestProvider_whatIsNoTokenIsRefused(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	c := of(fakeprovider.Google, gmail)
	good := s.token(c)
	for body, want := range map[string]string{
		brought("signup", "google", fakeprovider.GoogleClientID, good):                      "invalid_choice@process",
		brought("login", "google", "", good):                                                "client_id_required@token",
		brought("login", "google", fakeprovider.GoogleClientID, ""):                         "token_required@token",
		brought("login", "facebook", fakeprovider.GoogleClientID, good):                     "invalid_token@token",
		brought("login", "google", "another", good):                                         "invalid_token@token",
		brought("login", "google", fakeprovider.AppleClientID, good):                        "invalid_token@token",
		brought("login", "apple", fakeprovider.AppleClientID, good):                         "invalid_token@token",
		brought("login", "fake-oidc", fakeprovider.OIDCClientID, good):                      "invalid_token@token",
		brought("login", "google", fakeprovider.GoogleClientID, good+"x"):                   "invalid_token@token",
		brought("login", "google", fakeprovider.GoogleClientID, "x"):                        "invalid_token@token",
		brought("login", "google", fakeprovider.GoogleClientID, good, "nonce", "not in it"): "invalid_token@token",
		`{"provider":"google","process":"login","token":{}}`:                                "client_id_required@token",
		`{}`: "required@process required@provider required@token",
	} {
		a := w.visitor().do("POST", providerTokenPath, body).wants(400)
		for _, code := range strings.Fields(want) {
			name, param, _ := strings.Cut(code, "@")
			if !strings.Contains(a.Body, `"code":"`+name+`"`) || !strings.Contains(a.Body, `"param":"`+param+`"`) {
				t.Errorf("%.80s: %s, want %s", body, a.Body, want)
			}
		}
	}
	if n := query[int](w, "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM sessions) + (SELECT count(*) FROM spent_id_tokens)"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, good)).in() // it was good all the time
}

// An OpenID Connect provider is found by its client id, too; it is the same person.
func TestProvider_openIDConnectIsFoundByClientID(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.OIDC, ada)
	id := w.visitor().bring("login", s, c).in().get("data.user.id")
	again := w.visitor().do("POST", providerTokenPath, brought("login", "openid_connect", fakeprovider.OIDCClientID, s.token(c))).in()
	if again.get("data.user.id") != id || again.text("data.methods.provider") != fakeprovider.OIDC {
		t.Error(again.Body)
	}
}

// SEC-67: a token made for another app of the operator's own is that app's; Apple's app and
// website are one.
func TestSEC67_providerTokenIsForTheAppThatBringsIt(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Apple, gmail)
	id := w.visitor().bring("login", s, c).in().get("data.user.id")
	c.ClientID = fakeprovider.AppleWebClientID
	if in := w.visitor().bring("login", s, c).in(); in.get("data.user.id") != id {
		t.Error(in.Body)
	}
	both := fakeprovider.AppleClientID + "," + fakeprovider.AppleWebClientID
	w.visitor().do("POST", providerTokenPath, brought("login", "apple", both, s.token(c))).in()
	c.ClientID = "dev.latchkey.other"
	w.visitor().do("POST", providerTokenPath, brought("login", "apple", fakeprovider.AppleClientID, s.token(c))).wants(400, "invalid_token@token")
}

// Who is signed in, and signs in with a service, is signed out first; one bad token signs
// nobody out.
func TestProvider_signsOutWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	old := *v
	v.do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, "x")).wants(400)
	old.do("GET", profilePath, "").wants(200)
	in := v.bring("login", s, of(fakeprovider.Google, gmail)).in()
	if in.text("data.user.email") != gmail {
		t.Error(in.Body)
	}
	if a := old.do("GET", profilePath, "").wants(401); a.text("meta.end_reason") != "session_ended" {
		t.Error(a.Body)
	}
	v.do("GET", profilePath, "").wants(200)
	if got := w.trail(); !strings.HasSuffix(got, "logout success user, provider_connected success user, user_created success user") {
		t.Error(got)
	}
	// Also where the way in is not over yet.
	at := *v
	v.bring("login", s, of(fakeprovider.Google, "")).waits("provider_signup")
	at.do("GET", profilePath, "").wants(401)
}

// Signing up is closed: who has an account comes in, and nobody else.
func TestProvider_closedSignUpKeepsStrangersOut(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Google, gmail)
	w.visitor().bring("login", s, c).in()
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, "")).waits("provider_signup")
	w.app, w.url = w.serve("SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SIGNUP_OPEN=false", "LATCHKEY_SEALING_KEYS="+sealingKey("k1", 1))
	w.visitor().bring("login", s, c).in()
	w.visitor().bring("login", s, of(fakeprovider.Google, "grace@gmail.com")).wants(403, "signup_closed")
	v.do("GET", providerSignupPath, "").wants(403, "signup_closed")
	v.post(providerSignupPath, "email", ada).wants(403, "signup_closed")
	if n := query[int](w, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users", n)
	}
}

// Who is disabled is not told from a stranger, and gets nowhere.
func TestProvider_disabledPeopleStayOut(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Google, gmail)
	w.visitor().bring("login", s, c).in()
	w.exec("UPDATE users SET disabled_at = now()")
	a := w.visitor().bring("login", s, c).waits()
	if a.get("meta.session_token") != nil {
		t.Error(a.Body)
	}
}
