package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/app"
	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// withCode signs somebody in with Apple and an authorization code.
func (s *services) withCode(v *visitor, c fakeprovider.Claims) answer {
	v.w.t.Helper()
	sub, clientID := c.Sub, c.ClientID
	if sub == "" {
		sub = fakeprovider.SubjectFor(c.Provider, c.Email)
	}
	if clientID == "" {
		clientID = fakeprovider.AppleClientID
	}
	return v.bring("login", s, c, "authorization_code", s.Code(clientID, sub))
}

// grants counts what is kept for accounts, and what waits to be revoked.
func (w *world) grants() [2]int {
	w.t.Helper()
	return [2]int{query[int](w, "SELECT count(grant_sealed) FROM provider_accounts"), query[int](w, "SELECT count(*) FROM revocations")}
}

func (w *world) expectsPeople(want int) {
	w.t.Helper()
	if n := query[int](w, "SELECT count(*) FROM users"); n != want {
		w.t.Errorf("%d users, want %d", n, want)
	}
}

func (w *world) expectsGrants(kept, waiting int) {
	w.t.Helper()
	if got := w.grants(); got != [2]int{kept, waiting} {
		w.t.Errorf("%d grants and %d that wait, want %d and %d", got[0], got[1], kept, waiting)
	}
}

// expectsRevoked fails unless Apple has been asked to revoke so many, none of which ever
// stood readable in what dumps hold.
func (s *services) expectsRevoked(n int, dumps ...string) {
	s.world.t.Helper()
	revoked := s.Revoked()
	if len(revoked) != n {
		s.world.t.Errorf("%d are revoked, want %d", len(revoked), n)
	}
	for _, token := range revoked {
		for _, text := range append(dumps, s.world.log.String()) {
			if stands(text, "grant", token) {
				s.world.t.Errorf("a grant stands in %s", text)
			}
		}
	}
}

func (v *visitor) leaves() {
	v.w.t.Helper()
	v.do("DELETE", accountPath, "").wants(200) // who can prove nothing need not
}

// Apple's code is exchanged once, what comes of it is kept sealed, and revoked before the
// account goes.
func TestProviderGrant_isRevokedBeforeTheAccountGoes(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	w.expectsGrants(1, 0)
	dump := w.everyRow()
	v.leaves()
	w.clock.Advance(14*24*time.Hour - time.Minute)
	w.swept()
	s.expectsRevoked(0)
	w.clock.Advance(2 * time.Minute)
	w.swept()
	w.swept()
	s.expectsRevoked(1, dump)
	w.expectsGrants(0, 0)
	if n := query[int](w, "SELECT count(*) FROM users"); n != 0 || len(s.Exchanged()) != 1 {
		t.Errorf("%d users, exchanged %v", n, s.Exchanged())
	}
}

func TestProviderGrant_appleIsAskedWhileTheAccountIsThere(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	var w *world
	asked := 0
	apple := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked++
		w.expectsPeople(1)
	}))
	t.Cleanup(apple.Close)
	w = s.open(t, "ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "apple", "revoke_url", apple.URL))
	s.crowd(1)
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM users"); n != 0 || asked != 1 {
		t.Errorf("%d users, asked %d times", n, asked)
	}
	w.expectsGrants(0, 0)
}

// A sign-in calls the deletion off until the moment at which the account goes: its grant must
// still be one then, so that nobody asks Apple before.
func TestProviderGrant_aSignInThatCallsTheDeletionOffKeepsIt(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	v.leaves()
	w.clock.Advance(14*24*time.Hour + time.Minute)
	signIn := w.connect() // one that has come as far as this
	if _, err := signIn.Exec(t.Context(), "BEGIN; SELECT 1 FROM users FOR NO KEY UPDATE; UPDATE users SET deletes_at = NULL"); err != nil {
		t.Fatal(err)
	}
	w.swept()
	if _, err := signIn.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	_ = signIn.Close(t.Context())
	w.swept()
	s.expectsRevoked(0)
	w.expectsGrants(1, 0)
	w.expectsPeople(1)
}

// Without grace Apple is asked before the account goes. Where the account then stays after all,
// it does not pretend to have what is revoked.
func TestProviderGrant_isGoneAlsoWhereTheDeletionFails(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	w.exec("ALTER TABLE audit_events RENAME TO away")
	v.do("DELETE", accountPath, "").wants(503)
	w.exec("ALTER TABLE away RENAME TO audit_events")
	s.expectsRevoked(1)
	w.expectsGrants(0, 0)
	v.do("GET", profilePath, "").wants(200)
	v.leaves()
	s.expectsRevoked(1)
	w.expectsPeople(0)
}

// A session that has ended while its request waited deletes nothing, and revokes nothing.
func TestProviderGrant_anEndedSessionRevokesNone(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	ended := w.meanwhile("UPDATE sessions SET ended_at = now(), end_reason = 'password_changed'", func() answer { return v.do("DELETE", accountPath, "") })
	ended[0].wants(401)
	s.expectsRevoked(0)
	w.expectsGrants(1, 0)
}

func TestProviderGrant_isRevokedAtOnceWithoutGrace(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	v.leaves()
	s.expectsRevoked(1)
	w.expectsPeople(0)
	// And where Apple is away, the account goes all the same.
	v = w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	s.FailApple(1)
	v.leaves()
	w.expectsGrants(0, 1)
	w.swept()
	s.expectsRevoked(2)
}

// Apple is away: the account goes on its date, and Apple is asked again, less and less often.
func TestProviderGrant_anOutageHoldsNoDeletionBack(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	v.leaves()
	w.clock.Advance(14*24*time.Hour + time.Minute)
	s.FailApple(4) // before the account goes, and three times after
	w.swept()
	w.expectsPeople(0)
	w.expectsGrants(0, 1)
	dump := w.everyRow()
	for what, value := range map[string]string{"address": gmail, "subject": fakeprovider.SubjectFor(fakeprovider.Apple, gmail)} {
		if stands(dump, what, value) {
			t.Errorf("what is left says whose it was, by their %s: %s", what, dump)
		}
	}
	attempts := func(want int) {
		t.Helper()
		w.swept()
		if n := query[int](w, "SELECT coalesce(max(attempts), 0) FROM revocations"); n != want {
			t.Errorf("%d attempts, want %d", n, want)
		}
	}
	attempts(1)
	for n, pause := range []time.Duration{time.Minute, 2 * time.Minute} {
		w.clock.Advance(pause - time.Second)
		attempts(n + 1)
		w.clock.Advance(time.Second)
		attempts(n + 2)
	}
	w.clock.Advance(4 * time.Minute)
	attempts(0) // done
	s.expectsRevoked(1, dump)
	w.expectsGrants(0, 0)
	if got := w.trail(); !strings.HasSuffix(got, "provider_grant_revoked success server") {
		t.Error(got)
	}
}

func TestProviderGrant_isGivenUpAfterSevenDays(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	s.FailApple(10_000)
	v.leaves()
	for range 28 { // the longest pause is six hours
		w.clock.Advance(6 * time.Hour)
		w.swept()
		w.expectsGrants(0, 1)
	}
	if n := query[int](w, "SELECT attempts FROM revocations"); n < 28 {
		t.Errorf("%d attempts", n)
	}
	w.clock.Advance(6 * time.Hour)
	w.swept()
	w.expectsGrants(0, 0)
	s.expectsRevoked(0)
	if got := w.trail(); !strings.HasSuffix(got, "provider_grant_revoked failure server") {
		t.Error(got)
	}
	if !strings.Contains(w.log.String(), "given up") {
		t.Error("the log does not say so")
	}
}

// crowd are more people with a grant than one step of the janitor takes; their date has come.
func (s *services) crowd(n int) {
	s.world.t.Helper()
	for i := range n {
		v := s.world.visitor()
		s.withCode(v, of(fakeprovider.Apple, fmt.Sprintf("person%d@gmail.com", i))).in()
		v.leaves()
	}
	s.world.clock.Advance(14*24*time.Hour + time.Minute)
}

func TestProviderGrant_oneSweepRevokesAllThatIsDue(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	s.crowd(45)
	began := time.Now()
	w.swept()
	t.Logf("45 people left and 45 grants were revoked in %v", time.Since(began))
	s.expectsRevoked(45)
	w.expectsGrants(0, 0)
	w.expectsPeople(0)
}

// Whoever is away may keep the janitor for a step, and not for all that has piled up.
func TestProviderGrant_aServiceThatIsAwayIsAskedOneStepAtATime(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	s.crowd(45)
	s.FailApple(10_000)
	attempts := func(want string) {
		t.Helper()
		w.swept()
		if got := query[string](w, "SELECT string_agg(attempts || ': ' || n, ', ' ORDER BY attempts) FROM (SELECT attempts, count(*) n FROM revocations GROUP BY 1) a"); got != want {
			t.Errorf("attempts and rows: %s, want %s", got, want)
		}
	}
	attempts("0: 25, 1: 20")
	attempts("0: 5, 1: 40")
	attempts("1: 45")
	s.FailApple(0)
	w.clock.Advance(time.Minute)
	w.swept()
	s.expectsRevoked(45)
}

// What a server has in hand no other takes, also where the service is slow: a step of 20 at five
// seconds each takes longer than a sweep.
func TestProviderGrant_twoServersDoNotAskTwice(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	var w *world
	var other *app.App
	asked, away := 0, true
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		if away {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if asked++; asked == 1 {
			w.clock.Advance(100 * time.Second)
			if err := other.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	}))
	t.Cleanup(slow.Close)
	settings := []string{"ACCOUNT_EMAIL_VERIFICATION=none", s.having(t, "apple", "revoke_url", slow.URL)}
	w = s.open(t, settings...)
	other, _ = w.serve(append(settings, "LATCHKEY_SEALING_KEYS="+sealingKey("k1", 1))...)
	s.crowd(3)
	w.swept() // the people are gone, and their grants wait
	away = false
	w.clock.Advance(time.Minute)
	w.swept()
	if asked != 3 {
		t.Errorf("asked %d times for 3 grants", asked)
	}
	w.expectsGrants(0, 0)
}

// Disconnecting revokes, too, after the answer.
func TestProviderGrant_isRevokedWhenItIsDisconnected(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.reproved(ada)
	c := of(fakeprovider.Apple, gmail)
	sub := fakeprovider.SubjectFor(fakeprovider.Apple, gmail)
	v.bring("connect", s, c, "authorization_code", s.Code(fakeprovider.AppleClientID, sub)).wants(200)
	w.expectsGrants(1, 0)
	v.do("DELETE", providersPath, object("provider", "apple", "account", sub)).wants(200)
	w.expectsGrants(0, 1)
	s.FailApple(1)
	w.swept()
	w.expectsGrants(0, 1)
	w.clock.Advance(time.Minute)
	w.swept()
	s.expectsRevoked(1)
	w.expectsGrants(0, 0)
	// One that is refused, because it is the last way in, revokes nothing.
	other := w.visitor()
	c = of(fakeprovider.Apple, "grace@gmail.com")
	s.withCode(other, c).in()
	other.do("DELETE", providersPath, object("provider", "apple", "account", fakeprovider.SubjectFor(fakeprovider.Apple, c.Email))).wants(400, "no_password")
	w.expectsGrants(1, 0)
}

// The newest grant is kept, with the client id that it belongs to: Apple takes it from no other.
func TestProviderGrant_isKeptWithItsClientID(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	c := of(fakeprovider.Apple, gmail)
	web := c
	web.ClientID = fakeprovider.AppleWebClientID
	s.withCode(w.visitor(), web).in()
	s.withCode(w.visitor(), c).in()
	w.visitor().bring("login", s, c).in() // without a code, what there is stays
	v := w.visitor()
	v.bring("login", s, web).in() // and so on the website
	w.expectsGrants(1, 0)
	v.leaves()
	s.expectsRevoked(1)
	w.expectsGrants(0, 0)
}

// A code that is none, is used up, or is another person's or another app's brings no grant, and
// stops nobody.
func TestProviderGrant_wrongCodesBringNone(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	c := of(fakeprovider.Apple, gmail)
	sub := fakeprovider.SubjectFor(fakeprovider.Apple, gmail)
	used := s.Code(fakeprovider.AppleClientID, sub)
	w.visitor().bring("login", s, c, "authorization_code", used).in()
	before := query[string](w, "SELECT encode(grant_sealed, 'hex') FROM provider_accounts")
	for name, code := range map[string]string{
		"none": "nonsense", "used": used, "another person's": s.Code(fakeprovider.AppleClientID, "somebody else"), "another app's": s.Code(fakeprovider.AppleWebClientID, sub),
	} {
		w.visitor().bring("login", s, c, "authorization_code", code).in() // a call that is repeated after an outage has no other
		if after := query[string](w, "SELECT encode(grant_sealed, 'hex') FROM provider_accounts"); after != before {
			t.Errorf("%s: there is another grant", name)
		}
	}
	w.visitor().bring("login", s, of(fakeprovider.Google, "ada@googlemail.com"), "authorization_code", "Google's is nobody's business").in()
	w.expectsGrants(1, 0)
}

// The sign-in is worth more than the grant: it goes on while Apple cannot exchange, and where
// there is no key to seal with.
func TestProviderGrant_isNoNeedForASignIn(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	s.FailApple(1)
	v := w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	w.expectsGrants(0, 0)
	if !strings.Contains(w.log.String(), "was not exchanged") {
		t.Error("the log does not say so")
	}
	s.withCode(w.visitor(), of(fakeprovider.Apple, gmail)).in() // the next one is kept
	w.expectsGrants(1, 0)

	w, s = providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0", "LATCHKEY_SEALING_KEYS=")
	v = w.visitor()
	s.withCode(v, of(fakeprovider.Apple, gmail)).in()
	w.expectsGrants(0, 0)
	v.leaves()
	s.expectsRevoked(0)
	if len(s.Exchanged()) != 0 {
		t.Error(s.Exchanged())
	}
}

// A sign-up that waits keeps the grant, sealed, until there is an account for it.
func TestProviderGrant_waitsWithTheSignUp(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0")
	v := w.visitor()
	s.withCode(v, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "001.1"}).waits("provider_signup")
	dump := w.everyRow()
	w.expectsGrants(0, 0)
	v.post(providerSignupPath, "email", ada).in()
	w.expectsGrants(1, 0)
	v.leaves()
	s.expectsRevoked(1, dump)
}
