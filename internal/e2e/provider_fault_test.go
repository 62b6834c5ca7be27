package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

var everyProvider = []string{fakeprovider.Apple, fakeprovider.Google, fakeprovider.OIDC}

// away fails unless the answer says that the provider cannot be asked, and when to try again.
func (a answer) away() {
	a.t.Helper()
	a.wants(503, "temporarily_unavailable")
	if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
		a.t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
	}
}

// A provider that signs with a new key is read once more, and signs people in.
func TestProviderFault_newKeysAreReadOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, provider := range everyProvider {
		c := of(provider, provider+"@gmail.com")
		for range 3 {
			w.visitor().bring("login", s, c).in()
		}
		old := brought("login", provider, fakeprovider.ClientIDs(provider)[0], s.token(c))
		s.RotateKeys(provider)
		for range 3 {
			w.visitor().bring("login", s, c).in()
		}
		if n := s.Fetches(provider); n != 2 {
			t.Errorf("%s was read %d times", provider, n)
		}
		w.visitor().do("POST", providerTokenPath, old).wants(400, "invalid_token@token") // its key is no more
	}
}

// SEC-73: who names unknown keys makes us ask once in a while, and gets nothing else.
func TestSEC73_unknownProviderKeysAreSoughtOnceInAWhile(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.visitor().bring("login", s, of(fakeprovider.Google, gmail)).in()
	for n := range 20 {
		c := of(fakeprovider.Google, gmail)
		c.Header = map[string]any{"kid": fmt.Sprintf("made-up-%d", n)}
		w.visitor().bring("login", s, c).wants(400, "invalid_token@token")
	}
	if n := s.Fetches(fakeprovider.Google); n != 2 {
		t.Errorf("read %d times", n)
	}
	// A cache on the way shows the old keys for a while: refused, and well soon after.
	s.RotateKeys(fakeprovider.Google)
	s.ServeOldKeys(fakeprovider.Google, true)
	w.clock.Advance(31 * time.Second)
	w.visitor().bring("login", s, of(fakeprovider.Google, gmail)).wants(400, "invalid_token@token")
	s.ServeOldKeys(fakeprovider.Google, false)
	w.clock.Advance(6 * time.Minute)
	w.visitor().bring("login", s, of(fakeprovider.Google, gmail)).in()
}

// others plays what must go on while a provider is away.
func others(w *world, s *services, v *visitor, working string) {
	w.t.Helper()
	w.again(ada)
	v.do("GET", profilePath, "").wants(200)
	v.access = w.refreshed(v)
	w.visitor().bring("login", s, of(working, working+"@gmail.com")).in()
}

// A provider that answers nonsense, or nothing, is away: 503, and everything else goes on. A
// token that was brought meanwhile is not used up.
func TestProviderFault_isAnOutageOfThatProviderAlone(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakeprovider.Fault{
		"garbage": fakeprovider.Garbage, "500": fakeprovider.Failing, "gone": fakeprovider.Gone, "one kid twice": fakeprovider.DuplicateKid,
		"symmetric": fakeprovider.Symmetric, "redirecting": fakeprovider.Redirecting, "oversize": fakeprovider.Oversize, "no keys": fakeprovider.Empty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
			v := w.signedIn(ada)
			body := map[string]string{}
			for _, provider := range everyProvider {
				s.SetFault(provider, fault)
				c := of(provider, provider+"@gmail.com")
				c.Nonce, _ = w.issued()
				body[provider] = brought("login", provider, fakeprovider.ClientIDs(provider)[0], s.token(c), "nonce", c.Nonce)
				w.visitor().do("POST", providerTokenPath, body[provider]).away()
				v.do("POST", providerTokenPath, body[provider]).away() // and signs nobody out
			}
			w.again(ada)
			v.do("GET", profilePath, "").wants(200)
			for n, provider := range everyProvider {
				s.SetFault(provider, fakeprovider.Healthy)
				w.clock.Advance(11 * time.Second)
				w.visitor().do("POST", providerTokenPath, body[provider]).in()
				for _, other := range everyProvider[n+1:] {
					w.visitor().do("POST", providerTokenPath, body[other]).away()
				}
			}
			v.access = w.refreshed(v)
			v.do("GET", profilePath, "").wants(200)
		})
	}
}

// With keys that were read before, people come in for a day; with a new one it is an outage.
func TestProviderFault_knownKeysServeOnForADay(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for _, provider := range everyProvider {
		w.visitor().bring("login", s, of(provider, provider+"@gmail.com")).in()
		s.SetFault(provider, fakeprovider.Failing)
	}
	w.clock.Advance(24*time.Hour + 59*time.Minute) // they may be kept for an hour
	for _, provider := range everyProvider {
		w.visitor().bring("login", s, of(provider, provider+"@gmail.com")).in()
		strange := of(provider, provider+"@gmail.com")
		strange.Header = map[string]any{"kid": "a-new-one"}
		w.visitor().bring("login", s, strange).away()
	}
	w.clock.Advance(2 * time.Minute)
	for _, provider := range everyProvider {
		w.visitor().bring("login", s, of(provider, provider+"@gmail.com")).away()
	}
}

// A provider that does not answer holds nobody up but those who wait for it, and those not
// for long.
func TestProviderFault_aSlowProviderHoldsNobodyElseUp(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	s.SetFault(fakeprovider.Google, fakeprovider.Slow)
	waiting := make(chan answer)
	for range 4 {
		go func() { waiting <- w.visitor().bring("login", s, of(fakeprovider.Google, gmail)) }()
	}
	eventually(t, 5*time.Second, "asking", func() bool { return s.Fetches(fakeprovider.Google) == 1 })
	for range 3 {
		others(w, s, v, fakeprovider.Apple)
	}
	for range 4 {
		(<-waiting).away()
	}
	if n := s.Fetches(fakeprovider.Google); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	w.clock.Advance(2 * time.Second)
	go func() { waiting <- w.visitor().bring("login", s, of(fakeprovider.Google, gmail)) }()
	eventually(t, 5*time.Second, "asking again", func() bool { return s.Fetches(fakeprovider.Google) == 2 })
	s.SetFault(fakeprovider.Google, fakeprovider.Healthy) // it was slow, and answers after all
	(<-waiting).in()
}

// Everything of theirs is gone.
func TestProviderFault_theyDisappear(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.reproved(ada)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, provider := range everyProvider {
		w.visitor().bring("login", s, of(provider, gmail)).away()
		v.bring("connect", s, of(provider, gmail)).away()
		w.visitor().do("POST", providerTokenPath, brought("login", provider, fakeprovider.ClientIDs(provider)[0], "x.y.z")).wants(400, "invalid_token@token")
	}
	w.again(ada)
	v.do("GET", profilePath, "").wants(200)
	v.do("GET", providersPath, "").wants(200)
	w.visitor().do("POST", providerNoncePath, "").wants(200)
	w.visitor().do("GET", configPath, "").wants(200)
}

// An answer of the database's outage is no answer about the token: it can be brought again.
func TestProviderFault_aTokenOutlivesAnOutageOfOurs(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	raw, _ := w.issued()
	body := s.google(raw, "nonce", raw)
	w.exec("ALTER TABLE audit_events RENAME TO away")
	w.visitor().do("POST", providerTokenPath, body).wants(503)
	w.exec("ALTER TABLE away RENAME TO audit_events")
	w.visitor().do("POST", providerTokenPath, body).in()
}
