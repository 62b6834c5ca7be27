package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSEC17_secretsAreLongRandomAndRecognisable(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	seen := map[string]bool{}
	for range 20 {
		s := w.signIn("ada@example.com").session
		random, ok := strings.CutPrefix(s, "lkst_")
		b, err := base64.RawURLEncoding.DecodeString(random)
		if !ok || err != nil || len(b) != 32 || seen[s] {
			t.Errorf("session token %q: want lkst_ and 256 random bits, never twice", s)
		}
		seen[s] = true
	}
}

// TestSEC18_nothingInADumpIsABearer shows every value of every row to the server, as a
// session token, an access token and a refresh token.
func TestSEC18_nothingInADumpIsABearer(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_RATE_LIMITS=true")
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	w.age(grown)
	next := w.spend(e.refresh, "key-number-1").wants(200)
	tables := strings.Fields(query[string](w, `SELECT string_agg(c.table_name || '.' || c.column_name, ' ') FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name) WHERE table_schema = 'public' AND t.table_type = 'BASE TABLE'`))
	if len(tables) < 30 {
		t.Fatalf("columns: %v", tables)
	}
	for _, column := range tables {
		table, name, _ := strings.Cut(column, ".")
		for _, form := range []string{"%s::text", "encode(convert_to(%s::text, 'UTF8'), 'base64')"} {
			values := query[string](w, fmt.Sprintf("SELECT coalesce(string_agg(DISTINCT "+form+", E'\\x01'), '') FROM %s", name, table))
			for _, value := range strings.Split(values, "\x01") {
				w.refusesAll(strings.Map(printable, value))
			}
			for _, secret := range []string{e.session, e.access, e.refresh, next.text("meta.refresh_token"), goodPassword, "key-number-1"} {
				if strings.Contains(values, secret) {
					t.Errorf("%s holds a secret", column)
				}
			}
		}
	}
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// refusesAll shows a value wherever a credential can stand.
func (w *world) refusesAll(value string) {
	w.t.Helper()
	if value == "" || len(value) > 2000 {
		return
	}
	w.call("GET", profilePath, "", "X-Session-Token: "+value).wants(410)
	w.call("GET", profilePath, "", bearer(strings.ReplaceAll(value, " ", ""))).wants(401)
	if !strings.ContainsAny(value, `"\`) {
		w.spend(value, "").wants(400)
	}
}

func TestSEC19_everyRefreshHandsOutANewToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := w.signedUp("ada@example.com").Tokens().Refresh
	seen := map[any]bool{}
	for n := range 10 {
		w.age(grown)
		next := w.spend(token, fmt.Sprintf("key-number-%d", n)).wants(200).text("meta.refresh_token")
		if id := claims(t, next)["jti"]; seen[id] || same(t, token, next) {
			t.Errorf("generation %d is not new", n+2)
		} else {
			seen[id] = true
		}
		token = next
	}
}

func TestSEC20_reuseEndsTheFamilyAndLooksLikeAnyDeadToken(t *testing.T) {
	t.Parallel()
	w := start(t)
	e := w.signedUp("ada@example.com").Tokens()
	w.age(grown)
	next := w.spend(e.Refresh, "key-number-1").wants(200)
	w.age(grown)
	w.spend(e.Refresh, "another-key").wants(400, "refresh_token_reused@refresh")
	for _, token := range []string{e.Refresh, next.text("meta.refresh_token")} {
		w.spend(token, "key-number-2").wants(400, "refresh_token_reused@refresh")
	}
	for _, token := range []string{e.Access, next.text("meta.access_token")} {
		if r := w.call("GET", sessionPath, "", bearer(token)).wants(401).text("meta.end_reason"); r != "refresh_token_reused" {
			t.Errorf("reason %q", r)
		}
	}
	if !strings.Contains(w.trail(), "refresh_token_reused success server") {
		t.Errorf("audit log: %s", w.trail())
	}
}

// TestSEC21_aLostAnswerIsNoReuse also plays T-REF-01 and T-REF-04: what confirms a
// generation, and what follows from it.
func TestSEC21_aLostAnswerIsNoReuse(t *testing.T) {
	t.Parallel()
	for name, confirm := range map[string]func(w *world, a answer){
		"by its access token": func(w *world, a answer) {
			w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
		},
		"by its refresh token": func(w *world, a answer) { w.spend(a.text("meta.refresh_token"), "key-number-2").wants(200) },
	} {
		w := start(t)
		e := w.signedUp("ada@example.com").Tokens()
		w.age(grown)
		lost := w.spend(e.Refresh, "key-number-1").wants(200)
		w.clock.Advance(2 * time.Hour)
		again := w.spend(e.Refresh, "key-number-1").wants(200)
		if !same(t, lost.text("meta.refresh_token"), again.text("meta.refresh_token")) {
			t.Errorf("%s: another successor", name)
		}
		confirm(w, again)
		w.clock.Advance(2 * time.Hour)
		w.spend(e.Refresh, "key-number-1").wants(400, "refresh_token_reused@refresh")
	}
}

// TestSEC22andTREF05_aHundredParallelRefreshesOnTwoProcessesMakeOneGeneration: one row moves, once,
// and nobody is refused for good.
func TestSEC22andTREF05_aHundredParallelRefreshesOnTwoProcessesMakeOneGeneration(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	urls := []string{w.serveProcess(w.db).url, w.serveProcess(w.db).url}
	for name, c := range map[string]struct {
		key       func(n int) string
		age       time.Duration
		want      int // the generation afterwards
		conflicts bool
	}{
		"with the key of the token":    {func(int) string { return "key-number-1" }, grown, 2, false},
		"without a key":                {func(int) string { return "" }, grown, 2, false},
		"with a fresh key each":        {func(n int) string { return fmt.Sprintf("key-number-%d", n) }, grown, 2, true},
		"with the key, a young token":  {func(int) string { return "key-number-1" }, 0, 1, false},
		"with fresh keys, a young one": {func(n int) string { return fmt.Sprintf("key-number-%d", n) }, 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := w.signIn("ada@example.com")
			w.age(c.age)
			var successors []string
			for n, a := range w.atOnce(100, urls, func(at *world, n int) answer { return at.spend(e.refresh, c.key(n)) }) {
				if c.conflicts && a.Status == 409 {
					a.wants(409, "refresh_conflict@refresh")
					continue
				}
				successors = append(successors, a.wants(200).text("meta.refresh_token"))
				if got := claims(t, a.text("meta.refresh_token"))["gen"]; got != float64(c.want) {
					t.Errorf("call %d: generation %v", n, got)
				}
			}
			for _, s := range successors {
				if !same(t, s, successors[0]) {
					t.Error("two successors")
				}
			}
			row := query[string](w, "SELECT generation || ' ' || coalesce(end_reason, 'alive') FROM sessions WHERE id = $1", sessionUUID(t, e.refresh))
			if row != fmt.Sprintf("%d alive", c.want) {
				t.Errorf("the session: %s", row)
			}
		})
	}
}

// atOnce makes many calls at the same time, at servers in turn, and returns their answers.
func (w *world) atOnce(many int, urls []string, call func(at *world, n int) answer) []answer {
	answers := make([]answer, many)
	var wg sync.WaitGroup
	for n := range answers {
		at := *w
		at.url = urls[n%len(urls)]
		wg.Go(func() { answers[n] = call(&at, n) })
	}
	wg.Wait()
	return answers
}

func TestSEC23_aSessionSlidesByItsRefreshTokenAndEndsAfter90Days(t *testing.T) {
	t.Parallel()
	w := start(t)
	token := w.signedUp("ada@example.com").Tokens().Refresh
	for day := range 90 {
		token = w.spend(token, fmt.Sprintf("key-number-%d", day)).wants(200).text("meta.refresh_token")
		w.clock.Advance(24*time.Hour - time.Second)
	}
	if gen := claims(t, token)["gen"]; gen != 90.0 { // the first call met a young token
		t.Errorf("generation %v", gen)
	}
	w.clock.Advance(2 * time.Hour)
	w.spend(token, "key-number-last").wants(400, "session_expired@refresh")
	idle := w.signIn("ada@example.com").refresh
	w.clock.Advance(24*time.Hour + time.Second)
	w.spend(idle, "").wants(400, "session_expired@refresh")
}

// TestSEC24_aSignInNeverTakesASessionTokenOver: it makes a new one, whatever was sent.
func TestSEC24_aSignInNeverTakesASessionTokenOver(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword), "X-Session-Token: chosen-by-an-attacker").wants(410)
	first, second := w.signIn("ada@example.com"), w.signIn("ada@example.com")
	if first.session == second.session {
		t.Error("two sign-ins share a session token")
	}
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword), "X-Session-Token: "+first.session).wants(409)
}

func TestSEC30_noSecretIsTakenFromAURL(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	e := w.signIn("ada@example.com")
	for _, q := range []string{"access_token=" + e.access, "token=" + e.access, "X-Session-Token=" + e.session, "session_token=" + e.session} {
		w.call("GET", profilePath+"?"+q, "").wants(401)
	}
	w.call("POST", refreshPath+"?refresh="+e.refresh, `{}`).wants(400, "required@refresh")
	if strings.Contains(w.log.String(), e.access) || strings.Contains(w.log.String(), e.session) {
		t.Error("the log shows a secret from a URL")
	}
}

func TestTREF07_tokensOfOthersAndDamagedOnesAre400(t *testing.T) {
	t.Parallel()
	w, other := start(t), start(t)
	e := w.signedUp("ada@example.com").Tokens()
	foreign := other.signedUp("ada@example.com").Tokens()
	flipped := []byte(e.Refresh)
	flipped[len(flipped)/2] ^= 1
	for _, token := range []string{foreign.Refresh, e.Refresh[:len(e.Refresh)-1], string(flipped), e.Access, "eyJhbGciOiJub25lIn0.e30."} {
		before := w.app.DB.Statements()
		w.spend(token, "").wants(400, "refresh_token_invalid@refresh")
		if w.app.DB.Statements() != before {
			t.Error("a bad token reached the database")
		}
	}
	w.call("POST", refreshPath, `{"refresh":"`+strings.Repeat("x", 10240)+`"}`).wants(400, "max_length@refresh")
	w.spend(e.Refresh, "").wants(200)
}

func TestTCHA06_aClockThatJumpsCostsNoSession(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	p := newPhone(w, seeded(t), "phone")
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 10 * time.Minute, -10 * time.Minute, 2 * time.Second, -2 * time.Second, time.Second} {
		w.clock.Advance(jump)
		w.age(grown)
		p.refresh().wants(200)
		w.call("GET", sessionPath, "", bearer(p.store.access)).wants(200)
		w.age(grown)
		p.send(p.store).wants(200) // lost
		w.clock.Advance(jump)
		p.refresh().wants(200)
	}
}
