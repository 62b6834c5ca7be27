package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func sessionUUID(t testing.TB, token string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(claims(t, token)["sid"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}

// month is a refresh lifetime of 30 days: a life of forty steps stays within it.
const month = "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=2592000"

// TestPromise_anHonestPhoneIsNeverLoggedOut plays random lives: refreshes, lost answers,
// kills, a second process, access tokens used, a clock that jumps, a database restored to
// an earlier state. In none of them does the phone see a terminal answer, and no
// generation has two successors.
func TestPromise_anHonestPhoneIsNeverLoggedOut(t *testing.T) {
	t.Parallel()
	w := start(t, month)
	w.signedUp("ada@example.com")
	rnd := seeded(t)
	for n := range 60 {
		i := &interleaving{phone: newPhone(w, rnd, fmt.Sprintf("phone-%d", n)), successors: map[float64]map[string]any{}}
		for range 40 {
			i.step()
		}
	}
}

// thieves are who of the two acts first in a round.
var thieves = map[string]func(rnd *rand.Rand) (thiefFirst bool){
	"acts first":  func(*rand.Rand) bool { return true },
	"acts last":   func(*rand.Rand) bool { return false },
	"takes turns": func(rnd *rand.Rand) bool { return rnd.Intn(2) == 0 },
}

// TestPromise_lockStepThiefIsCaught: whoever copies the record, and however the two take
// turns, the session ends within two refreshes of the victim after the thief's first use of the
// copy. An answer with the token that the victim has already, and a conflict, are no refresh; of
// refreshes in a row, between which the thief does nothing, one counts.
func TestPromise_lockStepThiefIsCaught(t *testing.T) {
	t.Parallel()
	w := start(t, month)
	w.signedUp("ada@example.com")
	rnd := seeded(t)
	for kind, first := range thieves {
		for n := range 20 {
			victim := newPhone(w, rnd, fmt.Sprintf("victim-%d", n))
			for range rnd.Intn(4) {
				w.age(grown)
				victim.refresh().wants(200)
			}
			thief := *victim // a copy of the record, key included
			thief.name = fmt.Sprintf("thief-%d", n)
			s := &scene{w: w, rnd: rnd, victim: victim, thief: &thief}
			for round := 0; round < 20 && !s.caught; round++ {
				s.round(first(rnd))
			}
			if !s.caught || s.refreshes > 2 {
				t.Errorf("a thief who %s: caught %v after %d refreshes of the victim", kind, s.caught, s.refreshes)
			}
			victim.send(victim.store).wants(400, "refresh_token_reused@refresh")
			thief.send(thief.store).wants(400, "refresh_token_reused@refresh")
		}
	}
}

// scene is one theft.
type scene struct {
	w             *world
	rnd           *rand.Rand
	victim, thief *phone
	used          bool // the copy has brought the thief a token
	acted         bool // the thief has acted since the victim's last refresh that counts
	refreshes     int  // of the victim since the copy was used
	caught        bool
}

// round lets each of the two act once, unless the first is caught.
func (s *scene) round(thiefFirst bool) {
	order := []*phone{s.victim, s.thief}
	if thiefFirst {
		order = []*phone{s.thief, s.victim}
	}
	for _, p := range order {
		s.wander()
		if s.act(p); s.caught {
			return
		}
	}
}

// wander lets something harmless happen between two refreshes.
func (s *scene) wander() {
	switch s.rnd.Intn(6) {
	case 0, 1:
		s.w.clock.Advance(grown)
	case 2:
		s.w.call("GET", sessionPath, "", bearer(s.victim.store.access))
	case 3:
		s.w.call("GET", sessionPath, "", bearer(s.thief.store.access))
	}
}

// act is one refresh of one of the two, which repeats a conflict until it is over.
func (s *scene) act(p *phone) {
	before := p.store
	a := p.refresh()
	for a.Status == http.StatusConflict {
		if strings.Contains(a.Body, "_token\":") {
			p.t.Fatalf("a conflict hands something out: %s", a.Body)
		}
		s.w.age(grown / 2)
		a = p.refresh()
	}
	if s.caught = a.Status == http.StatusBadRequest; s.caught {
		return
	}
	a.wants(http.StatusOK)
	brought := !same(p.t, before.refresh, p.store.refresh)
	if p == s.thief {
		s.acted = true
		s.used = s.used || brought
		return
	}
	if s.used && s.acted && brought { // a thief who does not act cannot be caught
		s.refreshes++
		s.acted = false
	}
}

// TestPromise_theNthAnswerIsLost: for every N up to 50 and every wait, the retry hands out
// the same successor, and the session lives.
func TestPromise_theNthAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, 8 * time.Hour, 72 * time.Hour} {
		setting := "HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN=86400"
		if wait > 24*time.Hour {
			setting = month
		}
		w := start(t, setting)
		w.signedUp("ada@example.com")
		p := newPhone(w, seeded(t), "phone")
		for n := 1; n <= 50; n++ {
			age := time.Duration(p.rnd.Int63n(int64(23 * time.Hour))) // of the token when it is spent
			if wait >= 8*time.Hour {
				age = 0 // the session's 90 days would be over before the 50th
			}
			w.clock.Advance(age)
			w.age(grown)
			if age > 0 && n%10 != 0 {
				p.refresh().wants(200)
				w.age(grown)
			}
			lost := p.send(p.store).wants(200)
			w.clock.Advance(wait)
			again := p.refresh().wants(200)
			if !same(t, lost.text("meta.refresh_token"), again.text("meta.refresh_token")) {
				t.Fatalf("N = %d, %v later: another successor", n, wait)
			}
			w.call("GET", sessionPath, "", bearer(again.text("meta.access_token"))).wants(200)
			if claims(t, again.text("meta.refresh_token"))["iat"].(float64) > float64(w.clock.Now().Add(-wait).Unix()) {
				t.Fatalf("the successor is not the first one's")
			}
			if n%6 == 0 { // stay below the absolute age
				p = newPhone(w, p.rnd, fmt.Sprintf("phone-%d", n))
			}
		}
		if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); n != 0 {
			t.Errorf("%d sessions ended", n)
		}
	}
}

// TestTREF08_onceTheEndingCallHasReturnedNothingWorks races refreshes against each way in
// which a session ends.
func TestTREF08_onceTheEndingCallHasReturnedNothingWorks(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.bornGrown()
	_, second := w.serve()
	operator := func(input string, args ...string) func(e entry) {
		return func(entry) {
			launch{args: args, env: []string{"DATABASE_URL=" + w.db}, input: input}.run(t).wants(0, "sessions ended")
		}
	}
	for name, end := range map[string]func(e entry){
		"set-password": operator("another good password\n", "users", "set-password", "set-password@example.com"),
		"disable":      operator("", "users", "disable", "disable@example.com"),
		"sign-out":     func(e entry) { w.call("DELETE", sessionPath, "", "X-Session-Token: "+e.session).wants(401) },
		"end-all": func(e entry) {
			list := w.call("GET", sessionsPath, "", "X-Session-Token: "+e.session).wants(200).sessions()
			w.call("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":[%d]}`, list[0].ID), "X-Session-Token: "+e.session).wants(401)
		},
	} {
		w.signedUp(name + "@example.com")
		w.markVerified(name + "@example.com") // commands name a user by a verified address alone
		rounds := 5
		if strings.Contains("set-password disable", name) {
			rounds = 1
		}
		for range rounds {
			w.clock.Advance(time.Second)
			e := w.signIn(name + "@example.com")
			tokens := w.refreshInALoop(second, e, func() { end(e) })
			for _, a := range tokens {
				w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(401)
				w.spend(a.text("meta.refresh_token"), "").wants(400)
			}
		}
	}
}

// refreshInALoop runs a client that refreshes one session as fast as it can, by turns at
// two servers, until end has returned and it is refused; it returns every pair it ever got.
func (w *world) refreshInALoop(url string, e entry, end func()) []answer {
	w.t.Helper()
	var got []answer
	var wg sync.WaitGroup
	running := make(chan struct{})
	wg.Go(func() {
		at, other := *w, *w
		other.url = url
		for token := e.refresh; ; at, other = other, at {
			a := at.spend(token, "")
			if a.Status != 200 {
				return
			}
			if got = append(got, a); len(got) == 3 {
				close(running) // it is under way
			}
			token = a.text("meta.refresh_token")
		}
	})
	<-running
	end()
	wg.Wait()
	return got
}
