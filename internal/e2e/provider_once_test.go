package e2e

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// issued is a nonce from the server, raw and hashed.
func (w *world) issued() (raw, hashed string) {
	w.t.Helper()
	a := w.visitor().do("POST", providerNoncePath, "").wants(200)
	return a.text("data.nonce"), a.text("data.nonce_sha256")
}

// google is a body that brings a token of ada's from Google with a nonce.
func (s *services) google(nonce string, members ...string) string {
	c := of(fakeprovider.Google, gmail)
	c.Nonce = nonce
	return brought("login", "google", fakeprovider.GoogleClientID, s.token(c), members...)
}

// SEC-71: who has seen a token cannot use it, whether it brought anything or not.
func TestSEC71_aProviderTokenWorksOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, provider := range []string{fakeprovider.Apple, fakeprovider.Google, fakeprovider.OIDC} {
		token := s.token(of(provider, provider+"@gmail.com"))
		body := brought("login", provider, fakeprovider.ClientIDs(provider)[0], token)
		w.visitor().do("POST", providerTokenPath, body).in()
		w.visitor().do("POST", providerTokenPath, body).wants(400, "token_used@token")
		w.clock.Advance(9 * time.Minute)
		w.swept() // what is still good is still known
		w.visitor().do("POST", providerTokenPath, body).wants(400, "token_used@token")
	}
	// One that led to a sign-up only is used up, too, and so is one that connected.
	v := w.visitor()
	body := brought("login", "apple", fakeprovider.AppleClientID, s.token(of(fakeprovider.Apple, "")))
	v.do("POST", providerTokenPath, body).waits("provider_signup")
	v.do("POST", providerTokenPath, body).wants(400, "token_used@token")
	v = w.reproved(ada)
	token := s.token(of(fakeprovider.Google, "grace@gmail.com"))
	v.do("POST", providerTokenPath, brought("connect", "google", fakeprovider.GoogleClientID, token)).wants(200)
	v.do("POST", providerTokenPath, brought("connect", "google", fakeprovider.GoogleClientID, token)).wants(400, "token_used@token")
	w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, token)).wants(400, "token_used@token")
	w.clock.Advance(11*time.Minute - time.Second)
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM spent_id_tokens"); n != 2 {
		t.Errorf("%d are known, want the last two: nobody takes the others any more", n)
	}
	w.clock.Advance(2 * time.Second)
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM spent_id_tokens"); n != 0 {
		t.Errorf("%d are kept for nothing", n)
	}
}

// SEC-71: nor by a request that looks at it in the last moment at which it is taken, and uses it
// when the sweep has been there.
func TestSEC71_aProviderTokenWorksOnceAtTheEdge(t *testing.T) {
	t.Parallel()
	for name, edge := range map[string]struct{ age, lives time.Duration }{"as old as it may be": {10 * time.Minute, time.Hour}, "at its end": {time.Minute, time.Minute + time.Second}} {
		s := newServices(t)
		var w *world
		between := httptest.NewServer(http.HandlerFunc(func(a http.ResponseWriter, _ *http.Request) {
			w.clock.Advance(5 * time.Second)
			w.swept()
			a.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(between.Close)
		w = s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "apple", "token_url", between.URL))
		c := of(fakeprovider.Apple, gmail)
		c.IssuedAt, c.Lifetime = w.clock.Now().Truncate(time.Second).Add(time.Second-edge.age), edge.lives
		token := s.token(c)
		w.visitor().do("POST", providerTokenPath, brought("login", "apple", fakeprovider.AppleClientID, token)).in()
		before := w.clock.Now()
		a := w.visitor().do("POST", providerTokenPath, brought("login", "apple", fakeprovider.AppleClientID, token, "authorization_code", "x"))
		if a.Status != 400 || w.clock.Now().Equal(before) {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
}

// SEC-71: nor in parallel, on two servers.
func TestSEC71_aProviderTokenWorksOnceInParallel(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	settings := []string{"SOCIALACCOUNT_PROVIDERS=" + s.Providers(), "ACCOUNT_EMAIL_VERIFICATION=none", "LATCHKEY_DATABASE_MAX_CONNECTIONS=20"}
	w := s.open(t, settings...)
	_, second := w.serve(append(settings, "LATCHKEY_SEALING_KEYS="+sealingKey("k1", 1))...)
	for _, known := range []bool{false, true} { // somebody new, and somebody who was here before
		if n := s.wins(w, second, []string{s.google("")}, "token_used@token"); n != 1 {
			t.Errorf("known %t: %d of 16 came in by one token", known, n)
		}
	}
}

// SEC-70: a nonce is good for one token, also of many at once.
func TestSEC70_aProviderNonceWorksOnceInParallel(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	for range 2 {
		raw, hashed := w.issued()
		var bodies []string
		for n := range 16 { // of a person each: of one person they would wait for one another
			c := of(fakeprovider.Google, fmt.Sprintf("person%d@gmail.com", n))
			c.Nonce = map[bool]string{true: raw, false: hashed}[n%2 == 0]
			bodies = append(bodies, brought("login", "google", fakeprovider.GoogleClientID, s.token(c), "nonce", raw))
		}
		if n := s.wins(w, w.url, bodies, "invalid_token@token"); n != 1 {
			t.Errorf("%d of 16 came in by one nonce", n)
		}
	}
}

// wins is how many of 16 requests at once came in, half of them at a second server; the others
// are refused.
func (s *services) wins(w *world, second string, bodies []string, refusal string) int {
	w.t.Helper()
	answers := make([]answer, 16)
	var all sync.WaitGroup
	for i := range answers {
		at := *w
		if i%2 == 1 {
			at.url = second
		}
		all.Go(func() { answers[i] = at.call("POST", providerTokenPath, bodies[i%len(bodies)]) })
	}
	all.Wait()
	in := 0
	for _, a := range answers {
		if a.Status == 200 {
			in++
		} else {
			a.wants(400, refusal)
		}
	}
	return in
}

// SEC-70: a nonce in a token must be one that this server has given out and not seen again,
// in any of the forms in which services put it there.
func TestSEC70_aProviderNonceIsOneOfOursAndWorksOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	raw, hashed := w.issued()
	sum := sha256.Sum256([]byte(raw))
	if b, err := base64.RawURLEncoding.DecodeString(raw); err != nil || len(b) < 16 || hashed != hex.EncodeToString(sum[:]) {
		t.Errorf("%q %q", raw, hashed)
	}
	if again, _ := w.issued(); again == raw {
		t.Error("twice the same")
	}
	for name, form := range map[string]func(raw, hashed string) string{
		"raw":    func(raw, _ string) string { return raw },
		"hashed": func(_, hashed string) string { return hashed },
		"base64": func(raw, _ string) string {
			s := sha256.Sum256([]byte(raw))
			return base64.RawURLEncoding.EncodeToString(s[:])
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw, hashed := w.issued()
			w.visitor().do("POST", providerTokenPath, s.google(form(raw, hashed), "nonce", raw)).in()
			for _, used := range []string{raw, hashed} {
				w.visitor().do("POST", providerTokenPath, s.google(used, "nonce", raw)).wants(400, "invalid_token@token")
			}
		})
	}
}

// SEC-70: a nonce of somebody else's making is refused, and so is a token without the nonce
// that the app says is in it.
func TestSEC70_foreignProviderNoncesAreRefused(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	raw, _ := w.issued()
	other, _ := w.issued()
	foreign := "bm90IG9uZSBvZiBvdXJzLCBidXQgcXVpdGUgbG9uZyBlbm91Z2g"
	sum := sha256.Sum256([]byte(foreign))
	for _, body := range []string{
		s.google(foreign, "nonce", foreign), s.google(hex.EncodeToString(sum[:]), "nonce", foreign), s.google("x", "nonce", "x"),
		s.google(raw, "nonce", other), s.google("", "nonce", raw), s.google(foreign, "nonce", raw),
		brought("login", "google", fakeprovider.GoogleClientID, s.token(fakeprovider.Claims{Provider: "google", Email: gmail, Overrides: map[string]any{"nonce": ""}})),
		brought("login", "google", fakeprovider.GoogleClientID, s.token(fakeprovider.Claims{Provider: "google", Email: gmail, Overrides: map[string]any{"nonce": 1}})),
	} {
		w.visitor().do("POST", providerTokenPath, body).wants(400, "invalid_token@token")
	}
	if n := query[int](w, "SELECT count(*) FROM provider_nonces"); n != 2 {
		t.Errorf("%d nonces are left: what was refused has used one up", n)
	}
	w.visitor().do("POST", providerTokenPath, s.google(raw, "nonce", raw)).in()
	w.visitor().do("POST", providerTokenPath, s.google("")).in() // none at all is fine unless it is demanded
}

func TestSEC70_aProviderNonceLivesTenMinutes(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	a := w.visitor().do("POST", providerNoncePath, "").wants(200)
	if at, _ := a.get("data.expires_at").(float64); at < float64(w.clock.Now().Unix()+599) || at > float64(w.clock.Now().Unix()+601) {
		t.Error(a.Body)
	}
	late, _ := w.issued()
	w.clock.Advance(10*time.Minute - time.Second)
	w.visitor().do("POST", providerTokenPath, s.google(a.text("data.nonce"), "nonce", a.text("data.nonce"))).in()
	w.clock.Advance(time.Second)
	w.visitor().do("POST", providerTokenPath, s.google(late, "nonce", late)).wants(400, "invalid_token@token")
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM provider_nonces"); n != 0 {
		t.Errorf("%d are kept for nothing", n)
	}
}

func TestSEC70_aProviderNonceCanBeDemanded(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "google", "require_nonce", true))
	w.visitor().do("POST", providerTokenPath, s.google("")).wants(400, "invalid_token@token")
	raw, _ := w.issued()
	w.visitor().do("POST", providerTokenPath, s.google(raw, "nonce", raw)).in()
	w.visitor().bring("login", s, of(fakeprovider.Apple, "ada@icloud.com")).in() // of Google alone
}

// A token is for the moment: one that is old, or of a clock that is far ahead, is refused.
func TestSEC67_aProviderTokenIsFresh(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, moment := range []struct {
		age, lives time.Duration
		good       bool
	}{
		{0, time.Hour, true},
		{9*time.Minute + 59*time.Second, time.Hour, true},
		{10*time.Minute + time.Second, time.Hour, false},
		{-59 * time.Second, time.Hour, true},
		{-61 * time.Second, time.Hour, false},
		{5 * time.Minute, 4 * time.Minute, false},
	} {
		c := of(fakeprovider.Google, gmail)
		c.IssuedAt, c.Lifetime = w.clock.Now().Add(-moment.age), moment.lives
		if a := w.visitor().bring("login", s, c); (a.Status == 200) != moment.good {
			t.Errorf("%+v: %s", moment, a.Body)
		}
	}
	kept := s.token(of(fakeprovider.Google, gmail))
	w.clock.Advance(10*time.Minute + 2*time.Second)
	w.visitor().do("POST", providerTokenPath, brought("login", "google", fakeprovider.GoogleClientID, kept)).wants(400, "token_too_old@token")
}

// What is asked for often is limited, and so is what is brought.
func TestProvider_noncesAndTokensAreLimited(t *testing.T) {
	t.Parallel()
	w, _ := providing(t, `ACCOUNT_RATE_LIMITS={"provider_nonce":"3/m/ip","login":"3/m/ip","signup":"3/m/ip"}`)
	for _, path := range []string{providerNoncePath, providerTokenPath, providerSignupPath} {
		for range 3 {
			if a := w.call("POST", path, `{}`); a.Status == 429 {
				t.Errorf("%s: %s", path, a.Body)
			}
		}
		if a := w.call("POST", path, `{}`).wants(429, "too_many_requests"); a.Header.Get("Retry-After") == "" {
			t.Error(a.Header)
		}
	}
}

// Race: of two clients that sign in as each other's person at once, neither waits for the
// other for ever; nor where an address leads to them.
func TestProvider_twoClientsMayChangePlaces(t *testing.T) {
	t.Parallel()
	for name, service := range map[string]string{"by identity": fakeprovider.Apple, "by address": fakeprovider.Google} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none SOCIALACCOUNT_EMAIL_AUTHENTICATION=true")
			one, two := w.visitor(), w.visitor()
			one.bring("login", s, of(fakeprovider.Apple, gmail)).in()
			two.bring("login", s, of(fakeprovider.Apple, "other@gmail.com")).in()
			people := w.identities()
			for _, a := range w.meanwhile("SELECT",
				func() answer { return one.bring("login", s, of(service, "other@gmail.com")) },
				func() answer { return two.bring("login", s, of(service, gmail)) },
			) {
				a.in()
			}
			if service == fakeprovider.Apple && w.identities() != people {
				t.Error(w.identities())
			}
			if n := query[int](w, "SELECT count(*) FROM users"); n != 2 {
				t.Errorf("%d people", n)
			}
		})
	}
}
