package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// The refresh token of the system before brings a pair of ours, on both paths, and the session goes on
// with that.
func TestOldRefresh_isReplacedByAPair(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)

	full := w.spend(site.brings(ada).refresh(time.Hour), "").wants(200)
	if full.text("data.user.email") != ada || full.get("meta.session_token") != nil || claims(t, full.text("meta.refresh_token"))["gen"] != 2.0 {
		t.Errorf("the full answer: %s", full.Body)
	}
	w.call("GET", sessionPath, "", bearer(full.text("meta.access_token"))).wants(200)

	o := site.brings(ada)
	pair := w.call("POST", pairPath, `{"refresh_token":"`+o.refresh(time.Hour)+`"}`).wants(200)
	if got := names(pair.get("data").(map[string]any)); got != "access_token refresh_token" {
		t.Errorf("allauth's answer: %s", pair.Body)
	}
	w.call("GET", sessionPath, "", bearer(pair.text("data.access_token"))).wants(200)
	w.age(grown)
	w.spend(pair.text("data.refresh_token"), "").wants(200)

	// The session token is as it was.
	w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(200)
}

// A foreign token is never repeated, however young the session is: nobody can sign it anew.
func TestOldRefresh_ofAYoungSessionRotates(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	o := site.brings(ada)
	w.exec("UPDATE sessions SET rotated_at = now() WHERE id = $1", o.id)

	a := w.spend(o.refresh(time.Hour), "").wants(200)
	if gen := claims(t, a.text("meta.refresh_token"))["gen"]; gen != 2.0 {
		t.Errorf("generation %v", gen)
	}
}

func TestOldRefresh_costsTwoStatements(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	old := site.brings(ada).refresh(time.Hour)

	before := w.app.DB.Statements()
	w.spend(old, "").wants(200)
	if n := w.app.DB.Statements() - before; n != 2 {
		t.Errorf("%d statements, want one for the jti and one for the session", n)
	}
}

// A lost answer is repeated, by the same token and by another one of the session, also when they have
// expired meanwhile: there is one successor.
func TestOldRefresh_aLostAnswerIsReplayed(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	o := site.brings(ada)
	old, other := o.refresh(time.Hour), o.refresh(2*time.Hour)

	lost := w.spend(old, "").wants(200).text("meta.refresh_token")
	for _, wait := range []time.Duration{0, time.Minute, 3 * time.Hour} {
		w.clock.Advance(wait)
		for _, token := range []string{old, other} {
			if again := w.spend(token, "").wants(200); !same(t, lost, again.text("meta.refresh_token")) {
				t.Errorf("after %v: another successor", wait)
			}
		}
	}
	if n := query[int](w, "SELECT generation FROM sessions WHERE id = $1", o.id); n != 2 {
		t.Errorf("generation %d", n)
	}
}

// Many uses of the tokens of a session at once, at two servers, make one successor.
func TestOldRefresh_aBurstMakesOneSuccessor(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	_, second := w.serve(oldSettings(t)...)
	o := site.brings(ada)
	tokens := []string{o.refresh(time.Hour), o.refresh(2 * time.Hour)}

	answers := w.atOnce(40, []string{w.url, second}, func(at *world, n int) answer {
		return at.persistent(func() answer { return at.spend(tokens[n/2%2], "") })
	})
	first := answers[0].wants(200).text("meta.refresh_token")
	for _, a := range answers {
		if !same(t, first, a.wants(200).text("meta.refresh_token")) {
			t.Fatal("another successor")
		}
	}
	if n := query[int](w, "SELECT generation FROM sessions WHERE id = $1", o.id); n != 2 {
		t.Errorf("generation %d", n)
	}
}

// A copy of an old token that comes later than the grace, while the successor is in use, ends the session. So
// does another old token of it, and one that has expired. Its user is mailed.
func TestOldRefresh_aThiefWhoComesLaterEndsTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		life  time.Duration // of the copy
		other bool          // the copy is another token of the session
		key   string        // of the thief
	}{
		"the same token":             {life: time.Hour},
		"with a key":                 {life: time.Hour, key: "key-of-the-thief"},
		"another token of it":        {life: time.Hour, other: true},
		"one that has expired":       {life: time.Second},
		"another that has expired":   {life: time.Second, other: true},
		"after many refreshes":       {life: 3 * time.Hour},
		"another after many of ours": {life: 3 * time.Hour, other: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, append(oldSettings(t), "ACCOUNT_EMAIL_NOTIFICATIONS=true")...)
			w.exec("INSERT INTO moving (phase, since, window_ends_at) VALUES ('live', now(), now() + interval '1 day')")
			site := &oldSite{w, oldSecretKey[:]}
			w.signedUp(ada)
			w.markVerified(ada)
			o := site.brings(ada)
			copied := o.refresh(c.life)
			mine := copied
			if c.other {
				mine = o.refresh(time.Hour)
			}

			a := w.spend(mine, "").wants(200)
			w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
			w.clock.Advance(grown)
			if c.life > time.Hour {
				a = w.spend(a.text("meta.refresh_token"), "").wants(200)
				w.clock.Advance(grown)
			}
			w.spend(copied, c.key).wants(400, "refresh_token_reused@refresh")

			w.spend(a.text("meta.refresh_token"), "").wants(400, "refresh_token_reused@refresh")
			w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(401)
			w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(410)
			if subjects := w.mailSubjects(ada); !strings.Contains(subjects, "signed out one of your devices") {
				t.Errorf("mails: %s", subjects)
			}
			if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'refresh_token_reused' AND details @> '{\"old_token\": true}'"); n != 1 {
				t.Errorf("%d audit rows", n)
			}
		})
	}
}

// A thief who comes first is noticed when the owner comes.
func TestOldRefresh_aThiefWhoComesFirstIsCaught(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	old := site.brings(ada).refresh(time.Second)

	stolen := w.spend(old, "").wants(200)
	w.call("GET", sessionPath, "", bearer(stolen.text("meta.access_token"))).wants(200)
	w.clock.Advance(grown)
	w.spend(old, "").wants(400, "refresh_token_reused@refresh")
	w.spend(stolen.text("meta.refresh_token"), "").wants(400, "refresh_token_reused@refresh")
}

// Where a client sends a key with its old token, the key decides as it does for tokens of ours.
func TestOldRefresh_withAKey(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	old := site.brings(ada).refresh(time.Hour)

	first := w.spend(old, "key-number-1").wants(200)
	again := w.spend(old, "key-number-1").wants(200)
	if !same(t, first.text("meta.refresh_token"), again.text("meta.refresh_token")) {
		t.Error("the same key gets another successor")
	}
	w.spend(old, "key-number-2").wants(409, "refresh_conflict@refresh")
	w.spend(old, "").wants(409, "refresh_conflict@refresh")
	w.clock.Advance(grown)
	w.spend(old, "key-number-1").wants(200)
	w.spend(old, "key-number-2").wants(400, "refresh_token_reused@refresh")
}

// What the system before has not signed, or not for this, is refused, and touches nothing.
func TestOldRefresh_whatIsRefusedTouchesNothing(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	w.signedUp(grace)
	o := site.brings(ada)

	for name, token := range refusedOld(t, o) {
		before := o.row()
		w.call("POST", refreshPath, `{"refresh":"`+token+`"}`).wants(400)
		w.call("POST", pairPath, `{"refresh_token":"`+token+`"}`).wants(400)
		if after := o.row(); after != before {
			t.Errorf("%s changes the session:\n%s\n%s", name, before, after)
		}
	}

	// The table tests what it says: the same claims, as they should be, are accepted.
	w.spend(o.refresh(time.Hour), "").wants(200)
}

// refusedOld are tokens of a session whose jti is known, each with one thing wrong.
func refusedOld(t *testing.T, o *oldSession) map[string]string {
	good := func() map[string]any {
		c := o.claims("refresh", time.Hour)
		o.knows(c)
		return c
	}
	with := func(name string, value any) map[string]any {
		c := good()
		c[name] = value
		if value == nil {
			delete(c, name)
		}
		return c
	}
	tokens := map[string]string{
		"a session of another user": signedOld(t, nil, with("sub", query[string](o.site.w, "SELECT d.subject FROM user_details d WHERE d.email = $1", grace))),
		"expired":                   signedOld(t, nil, with("exp", o.site.w.clock.Now().Unix())),
		"an unknown jti":            signedOld(t, nil, o.claims("refresh", time.Hour)),
		"a jti by number":           signedOld(t, nil, with("jti", 7)),
		"no jti":                    signedOld(t, nil, with("jti", nil)),
		"an empty jti":              signedOld(t, nil, with("jti", "")),
		"a subject by number":       signedOld(t, nil, with("sub", 7)),
		"no subject":                signedOld(t, nil, with("sub", nil)),
		"no sid":                    signedOld(t, nil, with("sid", nil)),
		"no exp":                    signedOld(t, nil, with("exp", nil)),
		"an exp as text":            signedOld(t, nil, with("exp", "99999999999")),
		"an access token":           signedOld(t, nil, with("token_use", "access")),
		"no use":                    signedOld(t, nil, with("token_use", nil)),
		"longer than 4,096 bytes":   signedOld(t, nil, with("more", strings.Repeat("x", 3100))),
		"another kid":               signedOld(t, map[string]any{"kid": "another"}, good()),
		"no kid":                    signedOld(t, map[string]any{"kid": nil}, good()),
		"a key of its own":          signedOld(t, map[string]any{"jwk": map[string]any{"kty": "oct"}}, good()),
		"a critical extension":      signedOld(t, map[string]any{"crit": []string{"exp"}}, good()),
		"our type":                  signedOld(t, map[string]any{"typ": "rt+jwt"}, good()),
		"another algorithm":         signedOld(t, map[string]any{"alg": "RS512"}, good()),
		"none":                      unsignedOld(t, map[string]any{"alg": "none"}, good()) + ".",
		"none, signed":              signedOld(t, map[string]any{"alg": "none"}, good()),
		"no signature":              unsignedOld(t, nil, good()) + ".",
	}

	for name, header := range map[string]map[string]any{"HS256 by the public key": {"alg": "HS256"}, "HS256 without kid": {"alg": "HS256", "kid": nil}} {
		text := unsignedOld(t, header, good())
		mac := hmac.New(sha256.New, []byte(oldPublicKey(t)))
		mac.Write([]byte(text))
		tokens[name] = text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	forged := signedOld(t, nil, good())
	tokens["a changed signature"] = forged[:len(forged)-8] + "AAAAAAAA"
	head, rest, _ := strings.Cut(signedOld(t, nil, good()), ".")
	_, signature, _ := strings.Cut(rest, ".")
	_, other, _ := strings.Cut(unsignedOld(t, nil, good()), ".")
	tokens["other claims"] = head + "." + other + "." + signature
	tokens["padded"] = signedOld(t, nil, good()) + "=="

	return tokens
}

// Sign-out, a new password, disabling and the end of a session by its user or an operator work at once,
// for every token that the system before has made of the session.
func TestOldRefresh_whatEndsASessionEndsItsOldTokens(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code string
		end  func(w *world, o *oldSession, old string)
	}{
		"sign-out by session token": {"session_ended", func(w *world, o *oldSession, _ string) {
			w.call("DELETE", sessionPath, "", "X-Session-Token: "+o.key).wants(401)
		}},
		"sign-out by an old access token": {"session_ended", func(w *world, o *oldSession, _ string) {
			w.call("DELETE", sessionPath, "", bearer(o.access())).wants(401)
		}},
		"sign-out by one that has expired": {"session_ended", func(w *world, o *oldSession, _ string) {
			c := o.claims("access", 0)
			w.call("DELETE", sessionPath, "", bearer(signedOld(w.t, nil, c))).wants(401)
		}},
		"sign-out by the refresh token": {"session_ended", func(w *world, _ *oldSession, old string) {
			w.call("DELETE", sessionPath, `{"refresh":"`+old+`"}`).wants(401)
		}},
		"an operator ends the sessions": {"session_ended", func(w *world, _ *oldSession, _ string) {
			w.command("", "users", "end-sessions", ada).wants(0)
		}},
		"the user ends it in the list": {"session_ended", func(w *world, o *oldSession, _ string) {
			id := query[int64](w, "SELECT listing_id FROM sessions WHERE id = $1", o.id)
			w.call("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":[%d]}`, id), bearer(w.signIn(ada).access)).wants(200)
		}},
		"disabling": {"account_disabled", func(w *world, _ *oldSession, _ string) {
			w.command("", "users", "disable", ada, "--reason=test").wants(0)
		}},
		"a new password": {"password_changed", func(w *world, _ *oldSession, _ string) {
			w.call("POST", "/_allauth/app/v1/account/password/change",
				`{"current_password":"`+goodPassword+`","new_password":"another good one 7"}`, bearer(w.signIn(ada).access)).wants(200)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, site := movedIn(t)
			w.signedUp(ada)
			w.markVerified(ada)
			o := site.brings(ada)
			old, access := o.refresh(time.Hour), o.access()
			w.call("GET", sessionPath, "", bearer(access)).wants(200)
			w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(200)

			c.end(w, o, old)

			w.spend(old, "").wants(400, c.code+"@refresh")
			w.call("GET", sessionPath, "", bearer(access)).wants(401)
			w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(410)
		})
	}
}

// Clients of a source without rotation get access tokens alone, until their token expires.
func TestOldRefresh_ofASourceThatDoesNotRotate(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t, "LATCHKEY_OLD_JWT_ROTATION=False")
	w.signedUp(ada)
	o := site.brings(ada)
	old := o.refresh(time.Hour)

	for range 3 {
		a := w.spend(old, "").wants(200)
		if a.get("meta.refresh_token") != nil {
			t.Fatalf("a new refresh token: %s", a.Body)
		}
		w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
		w.clock.Advance(20 * time.Minute)
		if n := query[int](w, "SELECT generation FROM sessions WHERE id = $1", o.id); n != 1 {
			t.Fatalf("generation %d", n)
		}
	}
	w.spend(old, "").wants(400, "session_expired@refresh")
	w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(200) // which lives on
}

// Where our own rotation is off, clients of a source that rotates get a pair once.
func TestOldRefresh_getsAPairAlsoWithoutRotationHere(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t, "HEADLESS_JWT_ROTATE_REFRESH_TOKEN=false")
	w.signedUp(ada)
	o := site.brings(ada)
	old := o.refresh(time.Hour)

	first := w.spend(old, "").wants(200).text("meta.refresh_token")
	if again := w.spend(old, "").wants(200).text("meta.refresh_token"); first == "" || !same(t, first, again) {
		t.Errorf("no pair, or another: %q %q", first, again)
	}
	if gen := claims(t, first)["gen"]; gen != 2.0 { // or a second use of the old token would show nothing
		t.Errorf("generation %v", gen)
	}
	if kept := w.spend(first, "").wants(200); kept.get("meta.refresh_token") != nil {
		t.Errorf("our own token is replaced: %s", kept.Body)
	}
}

// Without the settings of the system before, its tokens are no tokens.
func TestOldRefresh_needsTheSettings(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("INSERT INTO moving (phase, since, window_ends_at) VALUES ('live', now(), now() + interval '1 day')")
	site := &oldSite{w, oldSecretKey[:]}
	w.signedUp(ada)
	o := site.brings(ada)
	w.spend(o.refresh(time.Hour), "").wants(400, "refresh_token_invalid@refresh")
	w.call("GET", sessionPath, "", bearer(o.access())).wants(401)
	w.call("DELETE", sessionPath, "", bearer(o.access())).wants(401)
	w.call("GET", sessionPath, "", "X-Session-Token: "+o.key).wants(200)
}

// Access tokens of the system before work for as long as ours would.
func TestOldAccess_worksUntilItExpires(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	o := site.brings(ada)
	access := o.access()

	a := w.call("GET", sessionPath, "", bearer(access)).wants(200)
	if a.text("data.user.email") != ada {
		t.Errorf("another user: %s", a.Body)
	}
	w.call("GET", profilePath, "", bearer(access)).wants(200)

	w.clock.Advance(3*time.Minute + 59*time.Second)
	w.call("GET", sessionPath, "", bearer(access)).wants(200)
	w.clock.Advance(time.Second)
	w.call("GET", sessionPath, "", bearer(access)).wants(401)
	if got := w.lastReason(); got != "old_token_expired" {
		t.Errorf("reason %v", got)
	}
}

func TestOldAccess_whatIsRefused(t *testing.T) {
	t.Parallel()
	w, site := movedIn(t)
	w.signedUp(ada)
	w.signedUp(grace)
	o, stranger := site.brings(ada), site.brings(grace)

	with := func(name string, value any) string {
		c := o.claims("access", 4*time.Minute)
		c[name] = value
		return signedOld(t, nil, c)
	}
	after := o.claims("access", 4*time.Minute)
	after["iat"] = w.clock.Now().Add(3 * time.Minute).Unix()
	unknown := *o
	unknown.key = strings.Repeat("z", 32)
	for name, token := range map[string]string{
		"another user's session":     with("sid", stranger.claims("access", time.Minute)["sid"]),
		"another subject":            with("sub", stranger.subject),
		"a sid in the clear":         with("sid", o.key),
		"no base64":                  with("sid", "*"),
		"an empty session key":       with("sid", base64.StdEncoding.EncodeToString(make([]byte, 16))),
		"an unknown session":         signedOld(t, nil, unknown.claims("access", time.Minute)),
		"a refresh token":            o.refresh(time.Hour),
		"longer than ours live":      signedOld(t, nil, o.claims("access", 4*time.Minute+time.Second)),
		"issued after the flip":      signedOld(t, nil, after),
		"a changed signature":        o.access() + "A",
		"another kid":                signedOld(t, map[string]any{"kid": "another"}, o.claims("access", time.Minute)),
		"none":                       unsignedOld(t, map[string]any{"alg": "none"}, o.claims("access", time.Minute)) + ".",
		"a session id that is no id": with("sid", base64.StdEncoding.EncodeToString([]byte(uuid.NewString()))),
	} {
		if a := w.call("GET", profilePath, "", bearer(token)); a.Status != 401 {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
	}
	w.call("GET", profilePath, "", bearer(o.access())).wants(200)

	// Nobody moves in any more.
	w.exec("DELETE FROM moving")
	w.call("GET", profilePath, "", bearer(o.access())).wants(401)
}
