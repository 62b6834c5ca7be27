package e2e

import (
	"strings"
	"testing"
	"time"
)

// living reports whether the session that a token names has not ended.
func (w *world) living(token string) bool {
	w.t.Helper()
	return query[bool](w, "SELECT ended_at IS NULL FROM sessions WHERE id = $1", sessionUUID(w.t, token))
}

func byRefreshToken(token string) string { return object("refresh_token", token) }

// Whatever the client still holds, signing out ends the session.
func TestSignOut_anyTokenOfTheSessionEndsIt(t *testing.T) {
	t.Parallel()
	const hour = time.Hour
	for name, row := range map[string]struct {
		ends bool
		out  func(w *world, e entry) answer
	}{
		"an access token": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, "", bearer(e.access))
		}},
		"an access token that has just expired": {true, func(w *world, e entry) answer {
			w.clock.Advance(301 * time.Second)
			return w.call("DELETE", sessionPath, "", bearer(e.access))
		}},
		"an access token that expired within the lifetime of the refresh token": {true, func(w *world, e entry) answer {
			w.clock.Advance(24 * hour)
			return w.call("DELETE", sessionPath, "", bearer(e.access))
		}},
		"an access token that expired before that": {false, func(w *world, e entry) answer {
			w.clock.Advance(24*hour + 300*time.Second)
			return w.call("DELETE", sessionPath, "", bearer(e.access))
		}},
		"the refresh token": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh))
		}},
		"the refresh token by its other name": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, object("refresh", e.refresh))
		}},
		"the refresh token beside an empty other name": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, object("refresh_token", "", "refresh", e.refresh))
		}},
		"a refresh token that has expired": {true, func(w *world, e entry) answer {
			w.clock.Advance(48 * hour)
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh))
		}},
		"a refresh token of an old generation": {true, func(w *world, e entry) answer {
			w.refreshDaily(&entry{refresh: e.refresh}, 3)
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh))
		}},
		"a refresh token beside an expired access token": {true, func(w *world, e entry) answer {
			w.clock.Advance(hour)
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh), bearer(e.access))
		}},
		"a refresh token beside nonsense": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh), bearer("nonsense"))
		}},
		"the session token": {true, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, "", withSessionToken(e.session))
		}},
		"a session token that a refresh has ended": {true, func(w *world, e entry) answer {
			w.pastGrace()
			w.spend(e.refresh, "0123456789").wants(200)
			return w.call("DELETE", sessionPath, "", withSessionToken(e.session))
		}},
		"an access token as a refresh token": {false, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, byRefreshToken(e.access))
		}},
		"a refresh token as an access token": {false, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, "", bearer(e.refresh))
		}},
		"an access token that somebody has changed": {false, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, "", bearer(e.access[:len(e.access)-8]+"AAAAAAAA"))
		}},
		"a refresh token that somebody has changed": {false, func(w *world, e entry) answer {
			return w.call("DELETE", sessionPath, byRefreshToken(e.refresh[:len(e.refresh)-8]+"AAAAAAAA"))
		}},
		"nothing":         {false, func(w *world, _ entry) answer { return w.call("DELETE", sessionPath, "") }},
		"an empty object": {false, func(w *world, _ entry) answer { return w.call("DELETE", sessionPath, "{}") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.signedUp("ada@example.com")
			e := w.signIn("ada@example.com")
			unknown := w.call("DELETE", sessionPath, "").wants(401)

			a := row.out(w, e).wants(401)
			if got := w.living(e.access); got == row.ends {
				t.Errorf("the session lives: %v, want %v", got, !row.ends)
			}
			challenge := a.Header.Get("WWW-Authenticate")
			if a.Body != unknown.Body || challenge != unknown.Header.Get("WWW-Authenticate") {
				t.Errorf("answered %s %q, want what no token is answered: %s", a.Body, challenge, unknown.Body)
			}
			if row.ends != strings.Contains(w.trail(), "logout success user") {
				t.Errorf("audit log: %s", w.trail())
			}
			if n := query[int](w, "SELECT count(*) FROM sessions WHERE end_reason = 'reuse_detected'"); n != 0 {
				t.Error("a refresh token of a sign-out counts as reuse")
			}
		})
	}
}

// The refresh token in the body counts beside any header. Of the headers the session token wins.
func TestSignOut_endsTheSessionOfTheBodyBesideThatOfTheHeader(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	signedIn := func() entry { return w.signIn("ada@example.com") }
	one, two, three, four, five := signedIn(), signedIn(), signedIn(), signedIn(), signedIn()

	w.call("DELETE", sessionPath, byRefreshToken(two.refresh), withSessionToken(one.session), bearer(five.access)).wants(401)
	w.call("DELETE", sessionPath, byRefreshToken(three.refresh), bearer(four.access)).wants(401)
	for name, e := range map[string]entry{"of the session token": one, "of the body": two, "of the body again": three, "of the Bearer": four} {
		if w.living(e.access) {
			t.Errorf("the session %s lives", name)
		}
	}

	if !w.living(five.access) {
		t.Error("a session token does not win over a Bearer")
	}
	w.call("DELETE", sessionPath, byRefreshToken(five.refresh), withSessionToken(one.session)).wants(410)
	if w.living(five.access) {
		t.Error("a dead session token keeps the session of the body alive")
	}
}

func TestSignOut_aSessionOfAnotherUserIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.exec("INSERT INTO users (id, display, created_at) VALUES (77, 'other', now())")
	w.exec("UPDATE sessions SET user_id = 77")

	w.call("DELETE", sessionPath, byRefreshToken(e.refresh), bearer(e.access)).wants(401)
	if !w.living(e.access) {
		t.Error("the session of another user ended")
	}
}

// A sign-out that could not be written is not answered as one that was.
func TestSignOut_isNotAnsweredAsDoneWhenTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.exec(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE lock_not_available; END $$`)
	w.exec("CREATE TRIGGER wait BEFORE UPDATE OF ended_at ON sessions FOR EACH ROW EXECUTE FUNCTION wait()")

	w.call("DELETE", sessionPath, byRefreshToken(e.refresh)).wants(503, "temporarily_unavailable")
	w.clock.Advance(time.Hour)
	w.call("DELETE", sessionPath, "", bearer(e.access)).wants(503, "temporarily_unavailable")
	w.exec("DROP TRIGGER wait ON sessions")
	w.call("DELETE", sessionPath, "", bearer(e.access)).wants(401)
	if w.living(e.access) {
		t.Error("the session lives")
	}
}

func TestSignOut_aBodyThatIsNoneOfOursIsRefused(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")

	w.call("DELETE", sessionPath, `{"refresh_token":7}`, bearer(e.access)).wants(400, "invalid@refresh_token")
	w.call("DELETE", sessionPath, `{"refresh_token":`, bearer(e.access)).wants(400)
	w.call("DELETE", sessionPath, object("refresh_token", strings.Repeat("x", 4097)), bearer(e.access)).wants(400, "max_length@refresh_token")
	w.call("DELETE", sessionPath, object("refresh_token", strings.Repeat("x", 70_000)), bearer(e.access)).wants(413)
	w.call("DELETE", sessionPath, "refresh_token=x", bearer(e.access), "Content-Type: application/x-www-form-urlencoded").wants(415)
	if !w.living(e.access) {
		t.Error("a request that was refused ended the session")
	}
}
