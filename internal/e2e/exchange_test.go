package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const exchangePath = "/_allauth/app/v1/auth/token/exchange"

// exchange trades a session token for a pair, with an idempotency key unless it is empty.
func (w *world) exchange(session, key string) answer {
	w.t.Helper()
	headers := []string{withSessionToken(session)}
	if key != "" {
		headers = append(headers, "Idempotency-Key: "+key)
	}

	return w.call("POST", exchangePath, "", headers...)
}

// withoutTokens is a session of an app that has kept the session token alone.
func (w *world) withoutTokens() string {
	w.t.Helper()
	w.signedUp("ada@example.com")
	w.exec("DELETE FROM sessions")

	return w.signIn("ada@example.com").session
}

// generationOf is the generation of a pair in an answer.
func generationOf(t *testing.T, a answer) float64 {
	t.Helper()
	return claims(t, a.text("meta.refresh_token"))["gen"].(float64)
}

func TestExchange_givesAPairOfTheSameSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.exec("DELETE FROM sessions")
	e := w.signIn("ada@example.com")
	methods := w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(200).get("data.methods")

	a := w.exchange(e.session, "key-number-1").wants(200)
	if a.get("meta.is_authenticated") != true || a.text("data.user.email") != "ada@example.com" || a.get("meta.session_token") != nil {
		t.Errorf("the answer: %s", a.Body)
	}
	if fmt.Sprint(a.get("data.methods")) != fmt.Sprint(methods) {
		t.Errorf("the proofs are %v, want %v: an exchange is none", a.get("data.methods"), methods)
	}
	if sessionUUID(t, a.text("meta.refresh_token")) != sessionUUID(t, e.refresh) || generationOf(t, a) != 2 {
		t.Errorf("another session, or no successor: %v", claims(t, a.text("meta.refresh_token")))
	}

	w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
	w.pastGrace()
	w.spend(a.text("meta.refresh_token"), "key-number-2").wants(200)
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"); n != 1 {
		t.Errorf("%d sessions, want the one", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'session_token_exchanged' AND user_id IS NOT NULL AND session_id IS NOT NULL"); n != 1 {
		t.Errorf("%d audit events, want 1", n)
	}
}

// The answer of an exchange may be lost, and the client may come back any time later.
func TestExchange_aLostAnswerIsRepeated(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"auto", "keep", "until_refresh"} {
		for _, key := range []string{"", "key-number-1"} {
			t.Run(fmt.Sprintf("%s, key %q", mode, key), func(t *testing.T) {
				t.Parallel()
				w := start(t, "LATCHKEY_SESSION_TOKENS="+mode)
				session := w.withoutTokens()
				lost := w.exchange(session, key).wants(200).text("meta.refresh_token")
				for _, wait := range []time.Duration{0, time.Second, time.Minute, 10 * time.Minute, 8 * time.Hour} {
					w.clock.Advance(wait)
					if again := w.exchange(session, key).wants(200); !same(t, lost, again.text("meta.refresh_token")) {
						t.Errorf("after %v: another successor", wait)
					}
				}

				// By then the successor has expired, and nobody can spend it: there is a new one.
				for generation := 3.0; generation < 5; generation++ {
					w.clock.Advance(3 * 24 * time.Hour)
					if a := w.exchange(session, key).wants(200); generationOf(t, a) != generation {
						t.Errorf("generation %v, want %v", generationOf(t, a), generation)
					}
				}
				last := w.exchange(session, key).wants(200)
				w.pastGrace()
				w.spend(last.text("meta.refresh_token"), "key-number-2").wants(200)
			})
		}
	}
}

// An app of session tokens refreshes never: its first refresh token has expired long ago.
func TestExchange_isOfASessionTokenAndNotOfARefreshToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := entry{session: w.withoutTokens()}
	w.useDaily(&e, 40)

	a := w.exchange(e.session, "key-number-1").wants(200)
	w.pastGrace()
	w.spend(a.text("meta.refresh_token"), "key-number-2").wants(200)
}

// A client without a lock exchanges in parallel: one successor, and nobody is signed out.
func TestExchange_aBurstMakesOneSuccessor(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]func(n int) string{
		"no key":     func(int) string { return "" },
		"one key":    func(int) string { return "key-number-1" },
		"fresh keys": func(n int) string { return fmt.Sprintf("key-number-%d", n) },
	} {
		for age, by := range map[string]time.Duration{"just signed in": 0, "signed in before": grown} {
			t.Run(name+", "+age, func(t *testing.T) {
				t.Parallel()
				w := start(t)
				session := w.withoutTokens()
				w.age(by)

				answers := make([]answer, 24)
				var all sync.WaitGroup
				for n := range answers {
					all.Go(func() { answers[n] = w.exchange(session, key(n)) })
				}
				all.Wait()

				var won string
				granted := 0
				for _, a := range answers {
					if a.Status == http.StatusConflict && name == "fresh keys" && !strings.Contains(a.Body, "_token\":") {
						continue
					}
					refresh := a.wants(200).text("meta.refresh_token")
					granted++
					if won != "" && !same(t, won, refresh) {
						t.Errorf("two successors: %v and %v", claims(t, won), claims(t, refresh))
					}
					won = refresh
				}
				if name == "fresh keys" && granted != 1 {
					t.Errorf("%d of the keys have won, want one", granted)
				}
				w.pastGrace()
				w.spend(won, "key-number-99").wants(200)
			})
		}
	}
}

// A session token that a refresh has just overtaken is answered with what is current, not spent.
func TestExchange_besideARefreshKeepsTheSession(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_SESSION_TOKENS=keep")
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.pastGrace()
	refreshed := w.spend(e.refresh, "").wants(200).text("meta.refresh_token")

	if a := w.exchange(e.session, "").wants(200); !same(t, refreshed, a.text("meta.refresh_token")) {
		t.Errorf("generation %v, want the current one again", generationOf(t, a))
	}
	w.spend(e.refresh, "").wants(200) // a late one of a burst
}

func TestExchange_whatBecomesOfTheSessionToken(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		mode, key string
		want      int
	}{
		{"keep", "", 200},
		{"keep", "key-number-1", 200},
		{"until_refresh", "", 401},
		{"until_refresh", "key-number-1", 401},
		{"auto", "", 200},
		{"auto", "key-number-1", 401},
	} {
		t.Run(fmt.Sprintf("%s, key %q", row.mode, row.key), func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_SESSION_TOKENS="+row.mode)
			session := w.withoutTokens()
			a := w.exchange(session, row.key).wants(200)
			access := bearer(a.text("meta.access_token"))

			// It works while the new pair may be lost, also when the access token is used, and a repeat
			// of the refresh is no use of the refresh token.
			w.call("GET", sessionPath, "", withSessionToken(session)).wants(200)
			w.call("GET", sessionPath, "", access).wants(200)
			w.spend(a.text("meta.refresh_token"), row.key).wants(200)
			w.call("GET", sessionPath, "", withSessionToken(session)).wants(200)

			w.pastGrace()
			w.spend(a.text("meta.refresh_token"), row.key).wants(200)
			w.call("GET", sessionPath, "", withSessionToken(session)).wants(row.want)
		})
	}
}

func TestExchange_whereNoSessionTokensAreAcceptedThereIsNone(t *testing.T) {
	t.Parallel()
	w := start(t)
	session := w.withoutTokens()
	_, w.url = w.serve("LATCHKEY_SESSION_TOKENS=none")

	w.exchange(session, "key-number-1").wants(401)
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE generation = 1 AND ended_at IS NULL"); n != 1 {
		t.Error("the session has moved on, or ended")
	}
}

func TestExchange_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := start(t)
	session := w.withoutTokens()

	w.call("POST", exchangePath, "").wants(401)
	w.exchange("unknown", "").wants(410)
	for _, key := range []string{"short", "not a key", strings.Repeat("x", 65)} {
		w.exchange(session, key).wants(400, "invalid@Idempotency-Key")
	}

	for change, reason := range map[string]any{
		"UPDATE sessions SET ended_at = now(), end_reason = 'signed_out'":       "session_ended",
		"UPDATE sessions SET ended_at = now(), end_reason = 'password_changed'": "password_changed",
		"UPDATE sessions SET ended_at = now(), end_reason = 'reuse_detected'":   "refresh_token_reused",
		"UPDATE sessions SET expires_at = now() - interval '1 hour'":            "session_expired",
		"UPDATE users SET disabled_at = now()":                                  "account_disabled",
		"DELETE FROM sessions":                                                  nil,
	} {
		w := start(t)
		session := w.withoutTokens()
		w.exec(change)
		if a := w.exchange(session, "key-number-1").wants(410); a.get("meta.end_reason") != reason {
			t.Errorf("%s: %s", change, a.Body)
		}
	}
}

// The token of a sign-in that is not finished has no tokens yet.
func TestExchange_aPendingSignInIsToldWhatIsPending(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true")
	v := w.visitor()
	pending := v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email").text("meta.session_token")

	a := w.exchange(pending, "key-number-1").waits("verify_email")
	if strings.Contains(a.Body, "_token\":") {
		t.Errorf("it hands something out: %s", a.Body)
	}
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).wants(200)
}

// Security: an access token lives for minutes. It must not become a refresh token.
func TestExchange_anAccessTokenBringsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	other := w.signIn("ada@example.com")
	unchanged := func() {
		t.Helper()
		if n := query[int](w, "SELECT count(*) FROM sessions WHERE generation > 1"); n != 0 {
			t.Error("a session has moved on")
		}
	}

	if a := w.call("POST", exchangePath, "", bearer(e.access)).wants(401); a.get("meta.is_authenticated") != false {
		t.Errorf("a Bearer alone: %s", a.Body)
	}
	w.exec("UPDATE sessions SET token_expires_at = 'epoch'")
	w.call("POST", exchangePath, "", withSessionToken(e.session), bearer(e.access)).wants(401)
	unchanged()

	// With both, the session token alone counts.
	w.exec("UPDATE sessions SET token_expires_at = expires_at")
	a := w.call("POST", exchangePath, "", withSessionToken(e.session), bearer(other.access)).wants(200)
	if sessionUUID(t, a.text("meta.refresh_token")) != sessionUUID(t, e.refresh) {
		t.Error("it is of the session of the Bearer")
	}
	w.call("POST", exchangePath, "", withSessionToken(e.session), bearer("dead")).wants(200)
}

// A session token that has ended while its session lives brings nothing. Where it was never
// exchanged, it says nothing against the session either.
func TestExchange_aTokenThatHasEndedBringsNothing(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world, e entry) string{
		"by a refresh": func(w *world, e entry) string {
			w.pastGrace()
			w.spend(e.refresh, "key-number-1").wants(200)
			return e.session
		},
		"for want of use": func(w *world, e entry) string {
			w.clock.Advance(6 * time.Minute)
			w.pastGrace()
			w.spend(e.refresh, "").wants(200)
			return e.session
		},
		"by a newer one": func(w *world, e entry) string {
			a := w.call("POST", "/_allauth/app/v1/auth/reauthenticate", `{"password":"`+goodPassword+`"}`, withSessionToken(e.session)).wants(200)
			w.exchange(a.text("meta.session_token"), "key-number-1").wants(200)
			return e.session
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_SESSION_IDLE=300")
			w.signedUp("ada@example.com")
			w.exec("DELETE FROM sessions")
			ended := end(w, w.signIn("ada@example.com"))

			for range 2 {
				w.exchange(ended, "key-number-1").wants(401)
				w.exchange(ended, "").wants(401)
				w.pastGrace()
			}
			if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND generation = 2"); n != 1 {
				t.Error("the session has moved on, or ended")
			}
		})
	}
}

func TestExchange_whereRefreshTokensDoNotRotateTheCurrentOneIsHandedOut(t *testing.T) {
	t.Parallel()
	w := start(t, "HEADLESS_JWT_ROTATE_REFRESH_TOKEN=false", "LATCHKEY_SESSION_TOKENS=keep")
	w.signedUp("ada@example.com")
	w.exec("DELETE FROM sessions")
	e := w.signIn("ada@example.com")
	for range 3 {
		w.pastGrace()
		if a := w.exchange(e.session, "key-number-1").wants(200); !same(t, e.refresh, a.text("meta.refresh_token")) {
			t.Fatalf("another refresh token: %v", claims(t, a.text("meta.refresh_token")))
		}
	}

	w.clock.Advance(2 * 24 * time.Hour) // it has expired
	a := w.exchange(e.session, "key-number-1").wants(200)
	w.spend(a.text("meta.refresh_token"), "key-number-2").wants(200)
}

// The operator's claims are in the access token, and a function that fails costs nothing.
func TestExchange_asksForTheClaimsBeforeItWrites(t *testing.T) {
	t.Parallel()
	w := start(t)
	session := w.withoutTokens()
	w.exec(`CREATE SCHEMA app`)
	w.exec(`CREATE FUNCTION app.claims(id bigint) RETURNS jsonb LANGUAGE plpgsql AS $$ BEGIN RAISE 'away'; END $$`)
	_, w.url = w.serve("LATCHKEY_CLAIMS_FUNCTION=app.claims")

	w.exchange(session, "key-number-1").wants(503)
	if n := query[int](w, "SELECT count(*) FROM sessions WHERE generation = 1"); n != 1 {
		t.Error("the session has moved on")
	}
	w.exec(`CREATE OR REPLACE FUNCTION app.claims(id bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"plan":"gold"}'::jsonb $$`)
	a := w.exchange(session, "key-number-1").wants(200)
	if c := claims(t, a.text("meta.access_token")); c["plan"] != "gold" || generationOf(t, a) != 2 {
		t.Errorf("claims %v", c)
	}
}
