package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

func withSessionToken(token string) string { return "X-Session-Token: " + token }

// pastGrace makes the generations of all sessions older than the grace, so that a refresh
// rotates.
func (w *world) pastGrace() {
	w.t.Helper()
	w.age(grown)
}

// acts reports whether a session can do anything with any of its tokens.
func (w *world) acts(e entry) bool {
	w.t.Helper()
	bySession := w.call("GET", profilePath, "", withSessionToken(e.session)).Status == 200
	byAccess := w.call("GET", profilePath, "", bearer(e.access)).Status == 200

	return bySession || byAccess
}

// others are the ids of the sessions that a list shows beside the caller's own.
func (w *world) others(e entry) []int64 {
	w.t.Helper()
	var ids []int64
	for _, l := range w.call("GET", sessionsPath, "", bearer(e.access)).wants(200).sessions() {
		if !l.IsCurrent {
			ids = append(ids, l.ID)
		}
	}

	return ids
}

// A session that can act is listed and can be ended; one that is not listed cannot act.
func TestSessionToken_whatCanActIsListedAndCanBeEnded(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, row := range map[string]struct {
		lives bool
		pass  func(w *world, e *entry)
	}{
		"just signed in":                             {true, func(*world, *entry) {}},
		"the refresh token has expired":              {true, func(w *world, _ *entry) { w.clock.Advance(2 * day) }},
		"nothing was used for the idle time":         {false, func(w *world, _ *entry) { w.clock.Advance(11 * day) }},
		"its user signed out":                        {false, func(w *world, e *entry) { w.call("DELETE", sessionPath, "", bearer(e.access)).wants(401) }},
		"the row ended by itself":                    {false, func(w *world, _ *entry) { w.exec("UPDATE sessions SET expires_at = now() - interval '1 hour'") }},
		"the token alone was used":                   {true, func(w *world, e *entry) { w.useDaily(e, 25) }},
		"refreshed daily, and the token has expired": {true, func(w *world, e *entry) { w.refreshDaily(e, 25) }},
		"refreshed daily, then left alone":           {false, func(w *world, e *entry) { w.refreshDaily(e, 25); w.clock.Advance(day) }},
		"used daily, then left alone":                {false, func(w *world, e *entry) { w.useDaily(e, 25); w.clock.Advance(10 * day) }},
		"used daily, beyond the absolute end":        {false, func(w *world, e *entry) { w.useDaily(e, 31) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_SESSION_IDLE=864000", "LATCHKEY_SESSION_MAX_AGE=2592000")
			w.signedUp("ada@example.com")
			w.exec("DELETE FROM sessions")
			e := w.signIn("ada@example.com")
			row.pass(w, &e)

			owner := w.signIn("ada@example.com")
			listed := w.others(owner)
			if acts := w.acts(e); acts != row.lives || (len(listed) == 1) != row.lives {
				t.Fatalf("acts: %v, listed: %v, want both %v", acts, listed, row.lives)
			}
			if !row.lives {
				w.spend(e.refresh, "").wants(400)
				w.call("GET", profilePath, "", withSessionToken(e.session)).wants(410)
				return
			}

			w.call("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":[%d]}`, listed[0]), bearer(owner.access)).wants(200)
			if w.acts(e) || w.spend(e.refresh, "").Status == 200 {
				t.Error("it acts after it was ended")
			}
			w.call("GET", profilePath, "", withSessionToken(e.session)).wants(410)
		})
	}
}

// useDaily uses the session token alone, as stock clients of allauth do.
func (w *world) useDaily(e *entry, days int) {
	for range days {
		w.clock.Advance(24 * time.Hour)
		w.call("GET", profilePath, "", withSessionToken(e.session))
	}
}

// refreshDaily refreshes alone, without a key.
func (w *world) refreshDaily(e *entry, days int) {
	for range days {
		w.clock.Advance(23 * time.Hour)
		w.pastGrace()
		a := w.spend(e.refresh, "").wants(200)
		e.access, e.refresh = a.text("meta.access_token"), a.text("meta.refresh_token")
	}
}

func TestSessionToken_usedInTimeItLivesAndTheListSaysSo(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for range 2 { // 58 days, 30 is the idle time
		w.clock.Advance(29 * 24 * time.Hour)
		w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(200)
	}

	list := w.call("GET", sessionsPath, "", withSessionToken(e.session)).wants(200).sessions()
	if now := float64(w.clock.Now().Unix()); len(list) != 1 || list[0].LastSeenAt < now-2 {
		t.Errorf("listed %+v, want the one session, seen at %v", list, now)
	}
}

func TestSessionToken_itsUseIsWrittenOnceAnHour(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	statements := func() int64 {
		before := w.app.DB.Statements()
		w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(200)
		return w.app.DB.Statements() - before
	}

	for _, row := range []struct {
		after time.Duration
		want  int64
	}{{0, 1}, {59 * time.Minute, 1}, {2 * time.Minute, 2}, {0, 1}, {59 * time.Minute, 1}, {2 * time.Minute, 2}} {
		w.clock.Advance(row.after)
		if n := statements(); n != row.want {
			t.Errorf("after %s: %d statements, want %d", row.after, n, row.want)
		}
	}
}

func TestSessionToken_aUseThatCannotBeWrittenFailsNothing(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.exec(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$`)
	w.exec("CREATE TRIGGER refuse BEFORE UPDATE OF token_expires_at ON sessions FOR EACH ROW EXECUTE FUNCTION refuse()")

	w.clock.Advance(2 * time.Hour)
	w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(200)
	if !strings.Contains(w.log.String(), "noting the use of a session token failed") {
		t.Error("the log does not say so")
	}
}

// A use that looked the session up just before a refresh ended its token must not bring the
// token back.
func TestSessionToken_aLateUseDoesNotReviveIt(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	hash := secret.Hash(e.session)
	seen, err := w.app.DB.FindSessionByToken(t.Context(), hash)
	if err != nil {
		t.Fatal(err)
	}
	w.pastGrace()
	w.spend(e.refresh, "0123456789").wants(200)

	now := w.clock.Now().Add(-time.Second)
	err = w.app.DB.MarkSessionTokenUsed(t.Context(), db.MarkSessionTokenUsedParams{
		ID: seen.ID, TokenHash: hash, TokenExpiresAt: now.Add(time.Hour), DueBefore: now.Add(time.Hour), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(401)
}

func TestSessionToken_whatBecomesOfItIsASetting(t *testing.T) {
	t.Parallel()
	const key = "0123456789"
	for _, row := range []struct {
		mode, key string
		rotates   bool
		want      int
	}{
		{"", "", true, 200},
		{"", key, true, 401},
		{"", key, false, 401},
		{"auto", "", true, 200},
		{"auto", "", false, 200},
		{"auto", key, true, 401},
		{"keep", "", true, 200},
		{"keep", key, true, 200},
		{"keep", key, false, 200},
		{"until_refresh", "", true, 401},
		{"until_refresh", "", false, 401},
		{"until_refresh", key, true, 401},
	} {
		name := row.mode + ", without a key"
		if row.key != "" {
			name = row.mode + ", with a key"
		}
		if !row.rotates {
			name += ", rotation off"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := []string{}
			if row.mode != "" {
				settings = append(settings, "LATCHKEY_SESSION_TOKENS="+row.mode)
			}
			if !row.rotates {
				settings = append(settings, "HEADLESS_JWT_ROTATE_REFRESH_TOKEN=false")
			}
			w := start(t, settings...)
			w.signedUp("ada@example.com")
			e := w.signIn("ada@example.com")
			w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(200)
			w.pastGrace()
			refreshed := w.spend(e.refresh, row.key).wants(200)

			a := w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(row.want)
			if row.want == 401 && (a.get("meta.is_authenticated") != false || a.text("data.flows.id") != "login") {
				t.Errorf("want a plain anonymous answer: %s", a.Body)
			}

			// A Bearer beside it decides, and the session lives.
			access := bearer(refreshed.text("meta.access_token"))
			w.call("GET", sessionPath, "", withSessionToken(e.session), access).wants(200)
			w.call("GET", configPath, "", withSessionToken(e.session)).wants(200)
			w.call("DELETE", sessionPath, "", access).wants(401)
			w.call("GET", sessionPath, "", withSessionToken(e.session)).wants(410)
		})
	}
}

func TestSessionToken_noneIsHandedOutAndNoneAccepted(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true LATCHKEY_SESSION_TOKENS=none")

	// A sign-in that is pending still has its token.
	v := w.visitor()
	if a := v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email"); a.text("meta.session_token") == "" {
		t.Fatalf("a pending sign-up has no token: %s", a.Body)
	}
	if a := v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).wants(200); a.text("meta.session_token") != "" {
		t.Errorf("a completed sign-up hands one out: %s", a.Body)
	}

	signIn := w.call("POST", loginPath, credentials(ada, goodPassword)).wants(200)
	if signIn.text("meta.session_token") != "" || signIn.text("meta.access_token") == "" {
		t.Errorf("a sign-in: %s", signIn.Body)
	}
	changed := w.call("POST", changePath, `{"current_password":"`+goodPassword+`","new_password":"another good password"}`, bearer(signIn.text("meta.access_token"))).wants(200)
	if changed.text("meta.session_token") != "" {
		t.Errorf("a new password hands one out: %s", changed.Body)
	}

	here := w.url
	_, w.url = w.serve("LATCHKEY_SESSION_TOKENS=keep")
	kept := w.call("POST", loginPath, credentials(ada, "another good password")).wants(200).text("meta.session_token")
	w.call("GET", sessionPath, "", withSessionToken(kept)).wants(200)
	w.url = here
	w.call("GET", sessionPath, "", withSessionToken(kept)).wants(401)
}

func TestSessionToken_aModeThatDoesNotExistStopsTheStart(t *testing.T) {
	t.Parallel()
	launch{args: []string{"serve"}, env: []string{"DATABASE_URL=x", "LATCHKEY_SESSION_TOKENS=sometimes"}}.run(t).
		wants(2, "LATCHKEY_SESSION_TOKENS: want auto, keep, until_refresh or none")
}

// An old device that is in use stays, whatever signs in beside it.
func TestSessionToken_theSessionThatEndsForTheFiftyFirstIsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.clock.Advance(time.Hour)
	old := w.signIn("ada@example.com")
	for range 49 {
		w.clock.Advance(time.Hour)
		w.signIn("ada@example.com")
	}

	w.clock.Advance(time.Hour)
	w.call("GET", sessionPath, "", withSessionToken(old.session)).wants(200)
	w.signIn("ada@example.com")
	w.call("GET", sessionPath, "", withSessionToken(old.session)).wants(200)
}

func TestSessionToken_livingSessionsAreNotCrowdedOutByDeadOnes(t *testing.T) {
	t.Parallel()
	w := start(t)
	first := w.signedUp("ada@example.com").Tokens()
	w.exec(`INSERT INTO sessions (id, listing_id, token_hash, user_id, created_at, expires_at, generation, rotated_at, refresh_expires_at,
			sends_idempotency_keys, last_seen_at, user_agent, device_name, methods, token_expires_at)
		SELECT gen_random_uuid(), 1000 + n, sha256(n::text::bytea), user_id, created_at + n * interval '1 second', expires_at, 1, rotated_at,
			created_at - interval '1 hour', false, last_seen_at, '', '', '[]', 'epoch' FROM sessions, generate_series(1, 60) n`)
	w.clock.Advance(time.Minute)
	w.signIn("ada@example.com")

	w.call("GET", sessionPath, "", bearer(first.Access)).wants(200)
}
