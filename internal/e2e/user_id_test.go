package e2e

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

const eve = "eve@example.com"

// idForms are the settings of LATCHKEY_USER_IDS: what `sub` of a new user looks like, whether `id` in
// answers is a number, and whether the subject is `users.id`.
var idForms = map[string]struct {
	sub      string
	isNumber bool
	isKey    bool
	least    int64
	most     int64
}{
	"int52": {`^[1-9][0-9]{0,15}$`, true, true, 1, 1<<52 - 1},
	"int31": {`^[1-9][0-9]{9}$`, true, true, 1 << 30, 1<<31 - 1},
	"int63": {`^[1-9][0-9]{15,18}$`, false, true, 1 << 53, 1<<63 - 1},
	"uuid":  {`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, false, false, 1, 1<<52 - 1},
	"text":  {`^[A-Z2-7]{26}$`, false, false, 1, 1<<52 - 1},
}

// showsID fails unless an answer shows a subject as the id of a user.
func (a answer) showsID(sub string, isNumber bool) answer {
	a.t.Helper()
	want := `"id":"` + sub + `"`
	if isNumber {
		want = `"id":` + sub
	}
	if !strings.Contains(a.Body, want+",") && !strings.Contains(a.Body, want+"}") {
		a.t.Errorf("no %s in %s", want, a.Body)
	}

	return a
}

// subject is `sub` of a token; it is text whatever the id is.
func subject(t testing.TB, compact string) string {
	t.Helper()
	sub, ok := claims(t, compact)["sub"].(string)
	if !ok {
		t.Errorf("sub is no text: %v", claims(t, compact)["sub"])
	}

	return sub
}

func TestUserIDs_eachSettingFromSignUpToSignOut(t *testing.T) {
	t.Parallel()

	for kind, form := range idForms {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_USER_IDS="+kind)

			a := w.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)
			access, refresh, session := a.text("meta.access_token"), a.text("meta.refresh_token"), a.text("meta.session_token")
			sub := subject(t, access)
			if !regexp.MustCompile(form.sub).MatchString(sub) {
				t.Fatalf("sub %q, want %s", sub, form.sub)
			}
			a.showsID(sub, form.isNumber)
			if name := a.text("data.user.username"); name != sub {
				t.Errorf("the user name of a user who has none is %q, want %q", name, sub)
			}

			key := query[int64](w, "SELECT id FROM users")
			if key < form.least || key > form.most {
				t.Errorf("users.id is %d, want %d to %d", key, form.least, form.most)
			}
			if isKey := sub == strconv.FormatInt(key, 10); isKey != form.isKey {
				t.Errorf("sub %s, users.id %d", sub, key)
			}

			for _, with := range []string{bearer(access), withSessionToken(session)} {
				w.call("GET", sessionPath, "", with).wants(200).showsID(sub, form.isNumber)
				w.call("GET", profilePath, "", with).wants(200).showsID(sub, form.isNumber)
			}
			w.call("POST", reauthPath, object("password", goodPassword), bearer(access)).wants(200).showsID(sub, form.isNumber)
			w.call("GET", exportPath, "", bearer(access)).wants(200).showsID(sub, form.isNumber)

			young := w.spend(refresh, "").wants(200) // which is read
			w.clock.Advance(grown)
			old := w.spend(refresh, "").wants(200) // which is written
			for _, renewed := range []answer{young, old} {
				renewed.showsID(sub, form.isNumber)
				for _, name := range []string{"meta.access_token", "meta.refresh_token"} {
					if got := subject(t, renewed.text(name)); got != sub {
						t.Errorf("sub %s after a refresh, want %s", got, sub)
					}
				}
			}

			other := w.signIn(ada)
			if subject(t, other.access) != sub || subject(t, other.refresh) != sub {
				t.Errorf("sub is another one at the next sign-in")
			}
			for _, named := range []answer{
				w.call("DELETE", sessionPath, "", bearer(other.access)),
				w.call("DELETE", sessionPath, object("refresh_token", refresh)),
			} {
				named.wants(401)
			}
			if living := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"); living != 0 {
				t.Errorf("%d sessions live on after two sign-outs", living)
			}
		})
	}
}

func TestUserIDs_anotherSettingTouchesNewUsersOnly(t *testing.T) {
	t.Parallel()
	w := start(t)
	before := w.call("POST", signupPath, credentials(ada, goodPassword)).wants(200)
	access, refresh := before.text("meta.access_token"), before.text("meta.refresh_token")
	sub := subject(t, access)

	w.app, w.url = w.serve("LATCHKEY_USER_IDS=uuid")
	w.call("GET", profilePath, "", bearer(access)).wants(200).showsID(sub, true)
	w.clock.Advance(grown)
	renewed := w.call("POST", pairPath, object("refresh_token", refresh)).wants(200)
	if got := subject(t, renewed.text("data.access_token")); got != sub {
		t.Errorf("sub %s after the change, want %s", got, sub)
	}
	w.call("POST", loginPath, credentials(ada, goodPassword)).wants(200).showsID(sub, true)

	after := w.call("POST", signupPath, credentials(eve, goodPassword)).wants(200)
	uuid := subject(t, after.text("meta.access_token"))
	if !regexp.MustCompile(idForms["uuid"].sub).MatchString(uuid) {
		t.Errorf("sub %q of a new user is no UUID", uuid)
	}
	after.showsID(uuid, false)

	w.app, w.url = w.serve("LATCHKEY_USER_IDS=int31")
	w.call("POST", loginPath, credentials(eve, goodPassword)).wants(200).showsID(uuid, false)
	third := w.call("POST", signupPath, credentials("carol@example.com", goodPassword)).wants(200)
	third.showsID(subject(t, third.text("meta.access_token")), true)
}

// The form of the wire follows the id alone: a snowflake of before below 2^53 is a number.
func TestUserIDs_aNumberIsTextFromTwoToThe53(t *testing.T) {
	t.Parallel()
	w := start(t)

	for id, isNumber := range map[int64]bool{7: true, 1<<53 - 1: true, 1 << 53: false, 1<<63 - 1: false} {
		w.signedUp(strconv.FormatInt(id, 10) + "@example.com")
		w.renumber(strconv.FormatInt(id, 10)+"@example.com", id)
		w.call("POST", loginPath, credentials(strconv.FormatInt(id, 10)+"@example.com", goodPassword)).wants(200).showsID(strconv.FormatInt(id, 10), isNumber)
	}
}

// renumber gives the user of an address another key, and ends the user's sessions.
func (w *world) renumber(address string, id int64) {
	w.t.Helper()
	w.exec("INSERT INTO users (id, display, password_hash, created_at) SELECT $1, display, password_hash, created_at FROM users "+
		"WHERE id = (SELECT user_id FROM email_addresses WHERE address = $2)", id, address)
	w.exec("DELETE FROM sessions WHERE user_id = (SELECT user_id FROM email_addresses WHERE address = $1)", address)
	w.exec("UPDATE email_addresses SET user_id = $1 WHERE address = $2", id, address)
}

// A token is good for the session only that its own subject has.
//
// The tokens of this test are signed with the key of the server: nothing but the subject is wrong.
func TestUserIDs_aTokenNamesTheSubjectAndNothingElse(t *testing.T) {
	t.Parallel()

	for kind := range idForms {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_USER_IDS="+kind)
			w.signedUp(eve)
			w.signedUp(ada)
			stranger, e := w.signIn(eve), w.signIn(ada)
			sub := subject(t, e.access)
			key := query[string](w, "SELECT user_id::text FROM email_addresses WHERE address = $1", ada)

			for name, other := range map[string]string{
				"another user": subject(t, stranger.access), "the key": key, "in capitals": strings.ToUpper(sub), "in small letters": strings.ToLower(sub),
				"a number with a zero before": "0" + sub, "nobody": "2251799813685248",
			} {
				if other == sub {
					continue
				}
				rename := func(text string) string { return strings.Replace(text, `"sub":"`+sub+`"`, `"sub":"`+other+`"`, 1) }
				access, refresh := w.edited(e.access, rename), w.edited(e.refresh, rename)

				w.call("GET", profilePath, "", bearer(access)).wants(401)
				w.spend(refresh, "").wants(400, "refresh_token_invalid@refresh")
				w.call("DELETE", sessionPath, object("refresh_token", refresh), bearer(access)).wants(401)
				if ended := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); ended != 0 {
					t.Fatalf("%s: a session was ended", name)
				}
			}

			w.clock.Advance(grown)
			rename := func(text string) string {
				return strings.Replace(text, `"sub":"`+sub+`"`, `"sub":"`+subject(t, stranger.access)+`"`, 1)
			}
			w.spend(w.edited(e.refresh, rename), "").wants(400, "refresh_token_invalid@refresh")
			w.spend(e.refresh, "").wants(200)
		})
	}
}

func TestUserIDs_oneThatIsInUseIsDrawnAgain(t *testing.T) {
	t.Parallel()

	for kind := range idForms {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_USER_IDS="+kind)
			w.signedUp(ada)
			taken := query[int64](w, "SELECT id FROM users")
			w.takes("users", taken)

			a := w.call("POST", signupPath, credentials(eve, goodPassword)).wants(200)
			a.showsID(subject(t, a.text("meta.access_token")), idForms[kind].isNumber)
			if draws := query[int64](w, "SELECT last_value FROM draws"); draws != 2 {
				t.Errorf("%d draws, want 2", draws)
			}
			if users := query[int](w, "SELECT count(*) FROM users"); users != 2 {
				t.Errorf("%d users, want 2", users)
			}
			if owner := query[string](w, "SELECT address FROM email_addresses WHERE user_id = $1", taken); owner != ada {
				t.Errorf("the id of %s belongs to %s", ada, owner)
			}
		})
	}
}

// Subjects of before decide how long the tokens are, and not the setting of today.
func TestUserIDs_tokensOfLongSubjectsStayWithinTheirSizes(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_ISSUER="+strings.Repeat("i", 88), "LATCHKEY_AUDIENCE=latchkey")
	w.signedUp(ada)
	long := strings.Repeat("x", 64)
	w.exec("UPDATE users SET subject = $1", long)
	e := w.signIn(ada)
	if len(e.refresh) > 672 || len(e.access) > 1536 || subject(t, e.refresh) != long {
		t.Errorf("a refresh token of %d bytes and an access token of %d", len(e.refresh), len(e.access))
	}
	w.call("GET", profilePath, "", bearer(e.access)).wants(200).showsID(long, false)

	fits := []string{"LATCHKEY_ISSUER=" + strings.Repeat("i", 88), "LATCHKEY_AUDIENCE=latchkey"}
	tooLong := []string{"LATCHKEY_ISSUER=" + strings.Repeat("i", 89), "LATCHKEY_AUDIENCE=latchkey"}
	server := []string{"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_ADDR=127.0.0.1:0"}
	launch{args: []string{"serve"}, env: append(server, tooLong...)}.run(t).
		wants(2, "LATCHKEY_ISSUER: together with LATCHKEY_AUDIENCE at most 96 characters, since user ids have up to 64")
	launch{args: []string{"serve"}, env: append(server, fits...)}.serving(t)
}

func TestUserIDs_commandsTakeAndShowTheSubject(t *testing.T) {
	t.Parallel()

	for kind, form := range idForms {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_USER_IDS="+kind)
			run := func(args ...string) result {
				return launch{args: args, input: goodPassword, env: []string{"DATABASE_URL=" + w.db, "LATCHKEY_USER_IDS=" + kind}}.run(t)
			}
			sub := strings.TrimSpace(run("users", "create", ada).wants(0).out)
			if !regexp.MustCompile(form.sub).MatchString(sub) {
				t.Fatalf("it prints %q, want %s", sub, form.sub)
			}
			e := w.signIn(ada)
			if subject(t, e.access) != sub {
				t.Errorf("sub %s, and the command printed %s", subject(t, e.access), sub)
			}
			key := query[string](w, "SELECT id::text FROM users")

			run("users", "disable", "--id="+sub).wants(0, "1 sessions ended")
			run("users", "enable", "--id="+key).wants(0, "enabled")
			run("users", "disable", ada).wants(1, "--id="+sub) // the list of candidates
			run("users", "enable", "--id=nobody").wants(1, "there is no user with the id")
			run("users", "list").wants(0, sub)
			run("users", "list", "--json").wants(0).showsID(t, sub, form.isNumber)
			run("audit", "--id="+sub).wants(0, "user_created", sub)
			run("audit", "--json", "--id="+key).wants(0, "user_created", sub)

			run("users", "create", eve).wants(0)
			first, second, _ := strings.Cut(strings.TrimSpace(run("users", "list").wants(0).out), "\n")
			page := run("users", "list", "--after="+strings.Fields(first)[0]).wants(0)
			if strings.TrimSpace(page.out) != second {
				t.Errorf("the page after the first user: %s\nwant %s", page.out, second)
			}
		})
	}
}

// showsID fails unless a line of JSON shows a subject as an id.
func (r result) showsID(t testing.TB, sub string, isNumber bool) {
	t.Helper()
	answer{t: t, Body: r.out}.showsID(sub, isNumber)
}

func TestUserIDs_theClaimsFunctionGetsTheKey(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.exec("CREATE SCHEMA app")
	w.exec("CREATE FUNCTION app.claims(user_id bigint) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('key', user_id::text) $$")
	w.app, w.url = w.serve("LATCHKEY_USER_IDS=uuid", "LATCHKEY_CLAIMS_FUNCTION=app.claims")
	w.signedUp(ada)
	e := w.signIn(ada)
	key := query[string](w, "SELECT id::text FROM users")

	young := w.spend(e.refresh, "").wants(200)
	w.clock.Advance(grown)
	old := w.spend(e.refresh, "").wants(200)
	for name, compact := range map[string]string{"sign-in": e.access, "repeat": young.text("meta.access_token"), "rotation": old.text("meta.access_token")} {
		if got := claims(t, compact)["key"]; got != key {
			t.Errorf("%s: the function got %v, want %s", name, got, key)
		}
	}
}

// The user of a session whose token was stolen gets a notice, also where the token names no number.
func TestUserIDs_reuseIsNotedForTheUser(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_USER_IDS=uuid")
	w.signedUp(ada)
	e := w.signIn(ada)
	w.bornGrown()
	w.clock.Advance(grown)
	next := w.spend(e.refresh, "").wants(200).text("meta.refresh_token")
	w.clock.Advance(grown)
	w.spend(next, "").wants(200)
	w.clock.Advance(time.Minute)
	w.spend(e.refresh, "").wants(400, "refresh_token_reused@refresh")

	if n := query[int](w, "SELECT count(*) FROM audit_events a JOIN users u ON u.id = a.user_id WHERE a.event = 'refresh_token_reused'"); n != 1 {
		t.Errorf("%d events of the user, want 1", n)
	}
}
