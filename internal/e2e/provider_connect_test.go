package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// SEC-74: who connects a service can come in by it for ever. A token that somebody found, or
// a session that somebody holds, is not enough.
func TestSEC74_connectingAProviderNeedsARecentProof(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withNotifications)
	c := of(fakeprovider.Google, gmail)
	w.visitor().bring("connect", s, c).wants(401)
	w.signedInLongAgo(ada)
	w.markVerified(ada)
	v := w.again(ada) // a fresh sign-in is no recent proof
	a := v.bring("connect", s, c).wants(401)
	if a.get("meta.is_authenticated") != true || !strings.Contains(a.Body, `"flows":[{"id":"reauthenticate"}]`) {
		t.Error(a.Body)
	}
	if w.identities() != "" {
		t.Error(w.identities())
	}
	v.post(reauthPath, "password", goodPassword).wants(200)
	a = v.bring("connect", s, c).wants(200)
	if a.get("meta.access_token") != nil || a.get("meta.session_token") != nil || a.text("data.user.email") != ada || strings.Contains(a.Body, "socialaccount") {
		t.Error(a.Body)
	}
	v.bring("connect", s, c).wants(200) // once more is fine, and no news
	in := w.visitor().bring("login", s, c).in()
	if in.text("data.user.email") != ada || in.text("data.methods.method") != "socialaccount" {
		t.Error(in.Body)
	}
	if l := w.letter(ada, 2); !strings.Contains(l.subject, "added") {
		t.Error(l)
	}
	if got := strings.Count(w.trail(), "provider_connected success user"); got != 1 {
		t.Error(w.trail())
	}
	w.clock.Advance(301 * time.Second)
	v.access = w.refreshed(v)
	v.bring("connect", s, of(fakeprovider.Apple, gmail)).wants(401)
}

// SEC-74: an identity of another account is told, and moves nothing.
func TestSEC74_aProviderAccountOfSomebodyElseMovesNothing(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Google, gmail)
	owner := w.visitor()
	owner.bring("login", s, c).in()
	before := w.identities()
	thief := w.reproved(ada)
	thief.bring("connect", s, c).wants(400, "connected_other")
	if after := w.identities(); after != before {
		t.Errorf("%s, before %s", after, before)
	}
	owner.do("GET", providersPath, "").wants(200)
	if in := w.visitor().bring("login", s, c).in(); in.text("data.user.email") != gmail {
		t.Error(in.Body)
	}
	if list := thief.do("GET", providersPath, "").wants(200); list.Body != `{"status":200,"data":[]}` {
		t.Error(list.Body)
	}
}

// Of two people who connect one identity at once, one does.
func TestSEC74_twoPeopleConnectOneProviderAccountAtOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	both := []*visitor{w.reproved(ada), w.reproved(grace)}
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = both[i%2].bring("connect", s, of(fakeprovider.Google, gmail)) })
	}
	all.Wait()
	in := map[int]int{}
	for i, a := range answers {
		switch a.Status {
		case 200:
			in[i%2]++
		case 400:
			a.wants(400, "connected_other")
		default:
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if len(in) != 1 || strings.Count(w.identities(), ",") != 0 {
		t.Errorf("%v: %s", in, w.identities())
	}
}

// Of many sign-ins of one new person at once, with a token each, one makes the account and
// the others come into it.
func TestProvider_manySignUpsOfOnePersonAtOnceMakeOneAccount(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	for _, email := range []string{gmail, "grace@gmail.com", "mary@gmail.com"} {
		answers := make([]answer, 8)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = w.visitor().bring("login", s, of(fakeprovider.Google, email)) })
		}
		all.Wait()
		for _, a := range answers {
			if a.in(); a.get("data.user.id") != answers[0].get("data.user.id") {
				t.Error(a.Body)
			}
		}
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 3 {
		t.Errorf("%d users", n)
	}
}

// Two sign-ins in one session at once: one comes in, the other came too late.
func TestProvider_twoSignInsInOneSessionAtOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, "")).waits("provider_signup")
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		body := brought("login", "google", fakeprovider.GoogleClientID, s.token(of(fakeprovider.Google, gmail)))
		all.Go(func() { answers[i] = w.call("POST", providerTokenPath, body, "X-Session-Token: "+v.token) })
	}
	all.Wait()
	in := 0
	for _, a := range answers {
		switch a.Status {
		case 200:
			in++
			w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)
		case 410:
		default:
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}
	if in != 1 {
		t.Errorf("%d signed in", in)
	}
}

func TestProvider_isListedAndDisconnected(t *testing.T) {
	t.Parallel()
	w, s := providing(t, withNotifications)
	w.visitor().do("GET", providersPath, "").wants(401)
	w.visitor().do("DELETE", providersPath, object("provider", "google", "account", "1")).wants(401)
	v := w.reproved(ada)
	w.markVerified(ada)
	if a := v.do("GET", providersPath, "").wants(200); a.Body != `{"status":200,"data":[]}` {
		t.Error(a.Body)
	}
	google, apple := of(fakeprovider.Google, gmail), of(fakeprovider.Apple, gmail)
	google.Sub, apple.Sub = "1", "2"
	v.bring("connect", s, google).wants(200)
	w.clock.Advance(time.Second)
	v.bring("connect", s, apple).wants(200)
	a := v.do("GET", providersPath, "").wants(200)
	if strings.Count(a.Body, `"uid"`) != 2 || a.text("data.uid") != "1" { // the oldest first
		t.Error(a.Body)
	}
	for provider, uid := range map[string]string{"google": "2", "apple": "1", "fake-oidc": "1", "openid_connect": "1"} {
		v.do("DELETE", providersPath, object("provider", provider, "account", uid)).wants(400, "account_not_found")
	}
	a = v.do("DELETE", providersPath, object("provider", "google", "account", "1")).wants(200)
	if strings.Contains(a.Body, "google") || a.text("data.uid") != "2" {
		t.Error(a.Body)
	}
	v.do("DELETE", providersPath, object("provider", "google", "account", "1")).wants(400, "account_not_found")
	if l := w.letter(ada, 4); !strings.Contains(l.subject, "removed") {
		t.Error(l.subject)
	}
	if !strings.Contains(w.trail(), "provider_disconnected success user") {
		t.Error(w.trail())
	}
	w.visitor().bring("login", s, google).in() // somebody new: it was ada's no more
	if n := query[int](w, "SELECT count(*) FROM users"); n != 2 {
		t.Errorf("%d users", n)
	}
}

// Nobody disconnects what is another person's.
func TestProvider_nobodyDisconnectsAnotherPersons(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Google, gmail)
	w.visitor().bring("login", s, c).in()
	before := w.identities()
	w.signedIn(ada).do("DELETE", providersPath, object("provider", "google", "account", fakeprovider.SubjectFor("google", gmail))).wants(400, "account_not_found")
	if w.identities() != before {
		t.Error(w.identities())
	}
}

// The last way in stays.
func TestProvider_theLastWayInIsKept(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory", byCode)
	google := object("provider", "google", "account", fakeprovider.SubjectFor("google", gmail))
	apple := object("provider", "apple", "account", fakeprovider.SubjectFor("apple", gmail))
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, gmail)).in()
	v.do("DELETE", providersPath, google).wants(400, "no_password")
	v.bring("connect", s, of(fakeprovider.Apple, gmail)).wants(200) // the account is new
	v.do("DELETE", providersPath, google).wants(200)
	v.do("DELETE", providersPath, apple).wants(400, "no_password")
	v.post(changePath, "new_password", goodPassword).wants(200)
	v.access = ""
	w.exec("UPDATE email_addresses SET verified_at = NULL")
	v.do("DELETE", providersPath, apple).wants(400, "no_verified_email")
	w.exec("UPDATE email_addresses SET verified_at = now()")
	v.do("DELETE", providersPath, apple).wants(200)
	if w.identities() != "" {
		t.Error(w.identities())
	}
}

func TestProvider_disconnectingNeedsAProof(t *testing.T) {
	t.Parallel()
	w, s := providing(t)
	owner := w.reproved(ada)
	w.markVerified(ada)
	owner.bring("connect", s, of(fakeprovider.Google, gmail)).wants(200)
	w.aged()
	v := w.again(ada)
	body := object("provider", "google", "account", fakeprovider.SubjectFor("google", gmail))
	if a := v.do("DELETE", providersPath, body).wants(401); a.get("meta.is_authenticated") != true {
		t.Error(a.Body)
	}
	v.post(reauthPath, "password", goodPassword).wants(200)
	v.do("DELETE", providersPath, body).wants(200)
}
