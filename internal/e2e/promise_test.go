package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand"
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

// thieves are how a one-time copy of the record is used: one round of it, given the
// victim and the thief's own store, which the round may change.
var thieves = map[string]func(victim, thief *phone) (caught bool){
	"acts first": func(victim, thief *phone) bool {
		return thief.refresh().Status == 400 || victim.refresh().Status == 400
	},
	"acts last": func(victim, thief *phone) bool {
		return victim.refresh().Status == 400 || thief.refresh().Status == 400
	},
	"takes turns": func(victim, thief *phone) bool {
		a, b := victim, thief
		if victim.rnd.Intn(2) == 0 {
			a, b = b, a
		}
		return a.refresh().Status == 400 || b.refresh().Status == 400
	},
}

// TestPromise_lockStepThiefIsCaught: whoever copies the record, and however the two take
// turns, the session ends within two refreshes of the victim after the thief's first use.
func TestPromise_lockStepThiefIsCaught(t *testing.T) {
	t.Parallel()
	w := start(t, month)
	w.signedUp("ada@example.com")
	rnd := seeded(t)
	for kind, round := range thieves {
		for n := range 20 {
			victim := newPhone(w, rnd, fmt.Sprintf("victim-%d", n))
			for range rnd.Intn(4) {
				victim.refresh().wants(200)
			}
			thief := *victim // a copy of the record, key included
			thief.name = fmt.Sprintf("thief-%d", n)
			refreshes, caught := 0, false
			for !caught && refreshes < 5 {
				wander(w, rnd, victim, &thief)
				refreshes++
				caught = round(victim, &thief)
			}
			if !caught || refreshes > 2 {
				t.Errorf("a thief who %s: caught %v after %d refreshes of the victim", kind, caught, refreshes)
			}
			victim.send(victim.store).wants(400, "refresh_token_reused@refresh")
			thief.send(thief.store).wants(400, "refresh_token_reused@refresh")
		}
	}
}

// wander lets something harmless happen between two refreshes.
func wander(w *world, rnd *rand.Rand, victim, thief *phone) {
	switch rnd.Intn(4) {
	case 0:
		w.clock.Advance(61 * time.Second)
	case 1:
		w.call("GET", sessionPath, "", bearer(victim.store.access))
	case 2:
		w.call("GET", sessionPath, "", bearer(thief.store.access))
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
			if age > 0 && n%10 != 0 {
				p.refresh().wants(200)
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
