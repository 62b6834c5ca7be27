package e2e

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// row is everything that is stored of a session, with what PostgreSQL changes at each write and
// each lock of a row.
func (w *world) row(refresh string) string {
	w.t.Helper()
	return query[string](w, "SELECT s::text || ' ' || xmin::text || ' ' || xmax::text || ' ' || ctid::text FROM sessions s WHERE id = $1",
		sessionUUID(w.t, refresh))
}

func TestRefresh_aYoungTokenIsRepeatedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	for name, keys := range map[string][]string{
		"without a key": {"", "", ""},
		"with one key":  {"key-number-1", "key-number-1", "key-number-1"},
		"with any key":  {"key-number-1", "key-number-2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := w.signIn("ada@example.com")
			before := w.row(e.refresh)
			for _, key := range keys {
				a := w.spend(e.refresh, key).wants(200)
				if !same(t, e.refresh, a.text("meta.refresh_token")) {
					t.Error("another token")
				}
				if a.text("meta.access_token") == e.access {
					t.Error("no fresh access token")
				}
			}
			if after := w.row(e.refresh); after != before {
				t.Errorf("written:\n%s\n%s", before, after)
			}
		})
	}
}

// A client without a lock: a late call finds the successor that an early one stored, and spends
// it while others are still on their way with the token before.
func TestRefresh_aLateCallOfABurstCostsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	for name, keys := range map[string][3]string{
		"without keys":     {},
		"with stored keys": {"key-number-1", "key-number-2", "key-number-1"},
	} {
		t.Run(name, func(t *testing.T) {
			e := w.signIn("ada@example.com")
			w.age(grown)
			successor := w.spend(e.refresh, keys[0]).wants(200).text("meta.refresh_token")
			late := w.spend(successor, keys[1]).wants(200).text("meta.refresh_token")
			overtaken := w.spend(e.refresh, keys[2]).wants(200).text("meta.refresh_token")
			if !same(t, successor, late) || !same(t, successor, overtaken) {
				t.Error("the burst made more than one successor")
			}
			w.age(grown)
			w.spend(overtaken, "key-number-3").wants(200)
		})
	}
}

func TestRefresh_anotherKeyIsAConflictWhileTheSuccessorIsYoung(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	for path, member := range map[string]string{refreshPath: "refresh", pairPath: "refresh_token"} {
		for name, header := range map[string]string{"another key": "Idempotency-Key: key-number-2", "no key": "X-Nothing: sent"} {
			t.Run(member+", "+name, func(t *testing.T) {
				e := w.signIn("ada@example.com")
				w.age(grown)
				first := w.spend(e.refresh, "key-number-1").wants(200).text("meta.refresh_token")
				before := w.trail()

				a := w.call("POST", path, object(member, e.refresh), header).wants(409, "refresh_conflict@"+member)
				if n, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || n < 1 {
					t.Errorf("Retry-After: %q", a.Header.Get("Retry-After"))
				}
				if strings.Contains(a.Body, "_token\":") {
					t.Errorf("something was handed out: %s", a.Body)
				}
				if after := w.trail(); after != before {
					t.Errorf("audit log: %s", after)
				}

				again := w.spend(e.refresh, "key-number-1").wants(200).text("meta.refresh_token")
				if !same(t, first, again) {
					t.Error("the caller who rotated is answered with another successor")
				}
				w.age(grown)
				w.call("POST", path, object(member, e.refresh), header).wants(400, "refresh_token_reused@"+member)
			})
		}
	}
}

// The servers' clocks may differ; the one database has one clock.
func TestRefresh_theDatabasesClockSaysHowOldATokenIs(t *testing.T) {
	t.Parallel()
	for name, drift := range map[string]time.Duration{"ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			e := w.signedUp("ada@example.com").Tokens()
			w.clock.Drift(drift)
			young := w.spend(e.Refresh, "key-number-1").wants(200).text("meta.refresh_token")
			if !same(t, e.Refresh, young) {
				t.Error("a young token rotated")
			}
			w.age(grown)
			second := w.spend(e.Refresh, "key-number-1").wants(200).text("meta.refresh_token")
			if c := claims(t, second); c["gen"] != 2.0 || c["iat"] != float64(w.clock.Now().Unix()) {
				t.Errorf("an old token: %v", c)
			}
			w.clock.Drift(-drift)
			w.spend(e.Refresh, "key-number-2").wants(409)
			w.age(grown)
			w.spend(e.Refresh, "key-number-2").wants(400, "refresh_token_reused@refresh")
		})
	}
}

// A database whose clock was set back measures ages below zero.
func TestRefresh_aTokenFromTheFutureOfTheDatabaseRotates(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(-time.Hour)
	second := w.spend(e.Refresh, "").wants(200).text("meta.refresh_token")
	if c := claims(t, second); c["gen"] != 2.0 {
		t.Errorf("%v", c)
	}
	w.age(-time.Hour)
	w.spend(e.Refresh, "").wants(200) // its answer may be lost
}

// TestRefresh_withoutRotationTheJudgementIsTheSame asks a server that does not rotate for
// sessions that another one rotated before.
func TestRefresh_withoutRotationTheJudgementIsTheSame(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	still := *w
	still.app, still.url = w.serve("HEADLESS_JWT_ROTATE_REFRESH_TOKEN=false")
	e := w.signIn("ada@example.com")
	w.age(grown)
	second := w.spend(e.refresh, "key-number-1").wants(200).text("meta.refresh_token")

	for _, key := range []string{"key-number-2", "key-number-3", ""} { // a repeat, whatever the key
		before := w.row(second)
		a := still.spend(second, key).wants(200)
		if a.get("meta.refresh_token") != nil {
			t.Errorf("a young token: another refresh token: %s", a.Body)
		}
		if after := w.row(second); after != before {
			t.Errorf("a young token: written:\n%s\n%s", before, after)
		}
	}
	if a := still.spend(e.refresh, "key-number-1").wants(200); !same(t, second, a.text("meta.refresh_token")) {
		t.Errorf("a lost answer: %s", a.Body)
	}
	still.spend(e.refresh, "key-number-2").wants(409, "refresh_conflict@refresh")

	w.age(grown)
	for range 2 { // an old token stays what it is
		if a := still.spend(second, "key-number-2").wants(200); a.get("meta.refresh_token") != nil {
			t.Errorf("an old token: another refresh token: %s", a.Body)
		}
	}
	if n := query[int](w, "SELECT generation FROM sessions WHERE id = $1", sessionUUID(t, second)); n != 2 {
		t.Errorf("generation %d", n)
	}
	still.spend(e.refresh, "key-number-1").wants(400, "refresh_token_reused@refresh") // the successor is in use

	lost := w.signIn("ada@example.com")
	w.age(grown)
	ahead := w.spend(lost.refresh, "key-number-1").wants(200).text("meta.refresh_token")
	w.exec("UPDATE sessions SET generation = 1 WHERE id = $1", sessionUUID(t, ahead))
	if c := claims(t, still.spend(ahead, "key-number-2").wants(200).text("meta.refresh_token")); c["gen"] != 3.0 {
		t.Errorf("adopted: %v", c)
	}
}
