package e2e

import (
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"
)

// administers runs a command with the keys of the world's server, as an operator beside it does.
func (w *world) administers(args ...string) result {
	w.t.Helper()
	env := []string{"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "SUDO_USER=olivia"}

	return launch{args: args, env: env}.run(w.t)
}

// sidOf is the session that an access token names.
func sidOf(t *testing.T, access string) string {
	t.Helper()
	return claims(t, access)["sid"].(string)
}

// lines decodes the output of a command with --json.
func lines(t *testing.T, out string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, text := range strings.Split(strings.TrimSpace(out), "\n") {
		if text == "" {
			continue
		}
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v: %q", err, text)
		}
		list = append(list, line)
	}

	return list
}

// What support knows of a user is one of these.
func TestCommand_usersFindTakesWhateverSupportKnows(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_SIGNUP_FIELDS=email,username,password1", "ACCOUNT_LOGIN_METHODS=email,username")
	e := w.call("POST", signupPath, object("email", ada, "username", "Countess", "password", goodPassword)).wants(200)
	w.call("POST", signupPath, object("email", "adam@example.com", "username", "adam", "password", goodPassword)).wants(200)
	w.exec("UPDATE users SET phone = '+15005550006' WHERE username = 'Countess'")
	id := query[string](w, "SELECT id::text FROM users WHERE username = 'Countess'")
	sid := sidOf(t, e.text("meta.access_token"))

	for what, text := range map[string]string{
		"id": id, "session": sid, "phone number": "+1 500 555 0006", "user name": "COUNTESS", "address": "Ada@EXAMPLE.com",
		"beginning of an address": "ada@",
	} {
		found := lines(t, w.command("", "users", "find", "--json", text).wants(0).out)
		if len(found) != 1 || found[0]["email"] != ada || found[0]["email_verified"] != false {
			t.Errorf("by %s %q: %v", what, text, found)
		}
	}

	if found := lines(t, w.command("", "users", "find", "--json", "ada").wants(0).out); len(found) != 2 {
		t.Errorf("two users have an address that begins so: %v", found)
	}
	for _, nothing := range []string{"zoe@example.com", "example.com", "4711", "%", "+15005550007", "ada@example.com\n", "'", "\x1b[2J"} {
		r := w.command("", "users", "find", nothing)
		if strings.Contains(r.err, "\x1b") {
			t.Errorf("the terminal obeys %q", nothing)
		}
		if nothing != "ada@example.com\n" {
			r.wants(1, "nothing found for")
		}
	}
	w.command("", "users", "find", "--limit=0", "ada").wants(2, "--limit")
}

func TestCommand_usersShowSaysEverythingAndNoSecret(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	v.withTOTP()
	w.markVerified(ada)
	tenant := strings.TrimSpace(w.command("", "tenants", "create", "Engines").wants(0).out)
	w.command("", "tenants", "add-member", tenant, ada).wants(0)

	w.command("", "users", "show", ada).wants(0, "state      active", `address    "ada@example.com", primary, verified`, "factor     totp",
		"factor     recovery_codes", `tenant     `+tenant+` "Engines"`, "session    ", "living", "event      ", "factor_added")

	r := w.command("", "users", "show", "--json", ada).wants(0)
	shown := lines(t, r.out)[0]
	for _, member := range []string{"addresses", "factors", "memberships", "sessions", "events"} {
		if list, ok := shown[member].([]any); !ok || len(list) == 0 {
			t.Errorf("%s: %v", member, shown[member])
		}
	}
	for _, secret := range []string{"$argon2id", "sealed", "token_hash", v.access, v.fresh} {
		if strings.Contains(r.out, secret) {
			t.Errorf("it shows %q", secret)
		}
	}

	w.command("", "users", "show", "nobody@example.com").wants(1, "there is no user with the address")
	w.command("", "users", "show").wants(2, "expected either a user or --id")
}

// An id may begin with a hyphen: it is pasted as it was printed.
func TestCommand_anIDMayBeginWithAHyphen(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.exec("UPDATE users SET subject = '-Ada'")

	const sid = "-AAAAAAAAAAAAAAAAAAAAA"
	w.command("", "sessions", "end", sid).wants(1, "there is no session "+sid)
	w.command("", "sessions", "end", sid, "--reason", "-lost").wants(1, "there is no session "+sid)
	w.command("", "audit", "--session", sid).wants(0)
	w.command("", "users", "show", "--id", "-Ada").wants(0, ada)
}

// A user is named by a verified address or number, by the user name, or by the id.
func TestCommand_aUserIsNamedByNumberAndUserName(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_SIGNUP_FIELDS=email,username,password1")
	w.call("POST", signupPath, object("email", ada, "username", "Countess", "password", goodPassword)).wants(200)
	w.exec("UPDATE users SET phone = '+15005550006'")

	w.command("", "users", "disable", "+15005550006").wants(1, "no user has verified the phone number")
	w.command("", "users", "disable", "+15").wants(1, "is not a phone number")
	w.exec("UPDATE users SET phone_verified_at = now()")
	w.command("", "users", "disable", "+1 (500) 555-0006").wants(0, "+15005550006: done, 1 sessions ended")
	w.command("", "users", "enable", "countess").wants(0, `"countess": enabled`)
	w.command("", "users", "enable", "duchess").wants(1, `there is no user with the user name "duchess"`)
}

func TestCommand_sessionsListAndEndOne(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)
	first, second := w.signIn(ada), w.signInFrom(ada, "X-Device-Name: Ada's phone", "User-Agent: Latchkey/1")
	sid := sidOf(t, first.access)

	list := w.command("", "sessions", "list", ada).wants(0, "living", sid)
	if n := strings.Count(list.out, "\n"); n != 3 || !strings.Contains(list.out, `"Ada's phone"`) {
		t.Errorf("%d sessions, want 3: %q", n, list.out)
	}

	w.command("", "sessions", "end", sid).wants(0, sid+": ended")
	w.command("", "sessions", "end", sid).wants(0, sid+": had ended before")
	w.call("GET", sessionPath, "", bearer(first.access)).wants(401)
	w.spend(first.refresh, "").wants(400, "session_ended@refresh")
	w.call("GET", sessionPath, "", bearer(second.access)).wants(200)

	if living := lines(t, w.command("", "sessions", "list", "--json", ada).wants(0).out); len(living) != 2 {
		t.Errorf("%d live, want 2", len(living))
	}
	all := lines(t, w.command("", "sessions", "list", "--all", "--json", ada).wants(0).out)
	ended := 0
	for _, s := range all {
		if s["state"] == "ended" && s["end_reason"] == "ended_by_admin" && s["sid"] == sid {
			ended++
		}
	}
	if len(all) != 3 || ended != 1 {
		t.Errorf("%v", all)
	}

	w.command("", "sessions", "end", "nonsense").wants(1, "is not the id of a session")
	w.command("", "sessions", "end", "00000000-0000-4000-8000-000000000000").wants(1, "there is no session")
	n := query[int](w, "SELECT count(*) FROM audit_events WHERE actor = 'operator' AND event = 'sessions_ended' AND session_id IS NOT NULL")
	if n != 1 {
		t.Errorf("%d events, want 1: ending it again changes nothing", n)
	}
}

func TestCommand_usersDeleteAndCancelDeletion(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedUp(ada)
	w.markVerified(ada)
	e := w.signIn(ada)

	w.administers("users", "delete", ada, "--reason=asked by phone").wants(0, "ada@example.com: will be deleted at ", "2 sessions ended")
	w.call("GET", sessionPath, "", bearer(e.access)).wants(401)
	w.command("", "users", "show", ada).wants(0, "leaving: will be deleted at")
	w.administers("users", "cancel-deletion", ada).wants(0, "ada@example.com: stays")
	w.administers("users", "cancel-deletion", ada).wants(0, "ada@example.com: was not to be deleted")
	w.command("", "users", "show", ada).wants(0, "state      active")
	if got := w.mailSubjects(ada); !strings.Contains(strings.ToLower(got), "delet") || strings.Count(got, ";") != 1 {
		t.Errorf("the user was mailed %q, want two mails", got)
	}

	r := w.command("", "users", "delete", ada, "--now").wants(0, "will be deleted by a running server", "gets no mail about this")
	if strings.Contains(r.out, "will be deleted at") {
		t.Error(r.out)
	}
	w.clock.Advance(time.Minute)
	w.swept()
	w.command("", "users", "find", ada).wants(1, "nothing found")
	events := query[string](w, "SELECT string_agg(event, ' ' ORDER BY id) FROM audit_events WHERE actor <> 'user'")
	if events != "deletion_requested deletion_cancelled deletion_requested account_deleted" {
		t.Errorf("the audit log says %q", events)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE reason IS NOT NULL"); n != 0 {
		t.Error("a reason outlives the account")
	}
}

func TestCommand_usersVerifyAddress(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.signedUp(grace)
	w.markVerified(ada)
	id := query[string](w, "SELECT user_id::text FROM email_addresses WHERE address = $1", grace)

	w.command("", "users", "verify-address", "--id="+id, "--address=other@example.com").wants(1, "the user does not have this address")
	w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) VALUES ($1::bigint, $2, false, now())", id, ada)
	w.command("", "users", "verify-address", "--id="+id, "--address="+ada).wants(1, "another user has verified this address")
	w.command("", "users", "verify-address", "--id="+id, "--address=Grace@Example.com").wants(0, "grace@example.com is verified now")
	w.command("", "users", "verify-address", grace, "--address="+grace).wants(0, "was verified before")
	w.command("", "users", "verify-address", grace).wants(2, "--address")

	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'email_verified' AND actor = 'operator'"); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// A user whom an operator takes the factors from is mailed: it may not have been the user who asked.
func TestCommand_removedFactorsAreMailed(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada).withTOTP()
	w.markVerified(ada)
	before := w.mailSubjects(ada)

	env := []string{"DATABASE_URL=" + w.db, "HEADLESS_JWT_PRIVATE_KEY=" + w.key, "LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1)}
	launch{args: []string{"users", "remove-factors", ada}, env: env}.run(t).wants(0, "ada@example.com: done")
	told := strings.TrimPrefix(w.mailSubjects(ada), before)
	if !strings.Contains(strings.ToLower(told), "authenticator") {
		t.Errorf("the user was mailed %q", told)
	}

	w.signedIn(grace).withTOTP()
	w.markVerified(grace)
	w.command("", "users", "remove-factors", grace).wants(0, "gets no mail about this", "grace@example.com: done")
}

func TestCommand_tenantsListAndShow(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.signedUp(grace)
	w.markVerified(ada)
	w.markVerified(grace)
	first := strings.TrimSpace(w.administers("tenants", "create", "Engines").wants(0).out)
	second := lines(t, w.administers("tenants", "create", "Looms", "--json").wants(0).out)[0]["id"].(string)
	w.administers("tenants", "add-member", first, ada, "--reason=a new hire").wants(0)
	w.administers("tenants", "add-member", first, grace).wants(0)

	w.command("", "tenants", "list").wants(0, first, "2  \"Engines\"", second, "0  \"Looms\"")
	w.command("", "tenants", "show", first).wants(0, `"Engines"`, `"ada@example.com", primary tenant`, `"grace@example.com", primary tenant`)
	page := lines(t, w.command("", "tenants", "list", "--json", "--limit=1", "--after="+first).wants(0).out)
	if len(page) != 1 || page[0]["id"] != second || page[0]["members"] != 0.0 {
		t.Errorf("the page after the first tenant: %v", page)
	}
	members := lines(t, w.command("", "tenants", "show", "--json", "--limit=1", first).wants(0).out)[0]["page"].([]any)
	if len(members) != 1 {
		t.Errorf("a page of one member: %v", members)
	}
	w.command("", "tenants", "show", "00000000-0000-4000-8000-000000000000").wants(1, "there is no tenant")

	w.administers("tenants", "remove-member", first, ada).wants(0)
	events := query[string](w, `SELECT string_agg(event || ' ' || (details->>'tenant_id' = $1)::text || ' ' || coalesce(reason, '-'), '; ' ORDER BY id)
		FROM audit_events WHERE actor_id LIKE 'cli:olivia@%'`, first)
	if events != "tenant_created true -; tenant_created false -; member_added true a new hire; member_added true -; member_removed true -" {
		t.Errorf("the audit log says %q", events)
	}
}

// Each act names the operator and the reason.
func TestCommand_everyActNamesTheOperator(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)
	sid := sidOf(t, w.signIn(ada).access)
	tenant := strings.TrimSpace(w.administers("tenants", "create", "Engines", "--reason=why").wants(0).out)

	for _, args := range [][]string{
		{"sessions", "end", sid},
		{"users", "disable", ada},
		{"users", "enable", ada},
		{"users", "sign-out", ada},
		{"users", "end-sessions", "--all"},
		{"users", "remove-factors", ada},
		{"users", "delete", ada},
		{"users", "cancel-deletion", ada},
		{"tenants", "add-member", tenant, ada},
		{"tenants", "remove-member", tenant, ada},
		{"users", "create", "--no-password", grace},
	} {
		w.administers(append(args, "--reason=why")...).wants(0)
	}
	launch{
		args: []string{"users", "set-password", ada, "--reason=why"}, input: anotherPassword, env: []string{"DATABASE_URL=" + w.db, "SUDO_USER=olivia"},
	}.run(t).wants(0)

	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE actor = 'operator'"); n != 13 {
		t.Errorf("%d events of operators, want 13", n)
	}
	nameless := query[string](w, "SELECT coalesce(string_agg(event, ' '), '') FROM audit_events WHERE actor = 'operator' AND (actor_id IS NULL OR actor_id NOT LIKE 'cli:olivia@_%' OR reason IS DISTINCT FROM 'why')")
	if nameless != "" {
		t.Errorf("without an operator or a reason: %s", nameless)
	}

	w.administers("users", "disable", ada, "--reason="+strings.Repeat("x", 501)).wants(2, "at most 500 characters")
}

func TestCommand_auditFiltersAndPages(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.signedUp(grace)
	w.markVerified(ada)
	e := w.signIn(ada)
	sid := sidOf(t, e.access)
	w.call("POST", loginPath, credentials(ada, "a wrong password")).wants(400)
	w.administers("users", "disable", ada).wants(0)

	count := func(want int, args ...string) []map[string]any {
		t.Helper()
		found := lines(t, w.command("", append([]string{"audit", "--json"}, args...)...).wants(0).out)
		if len(found) != want {
			t.Errorf("%v: %d events, want %d: %v", args, len(found), want, found)
		}
		return found
	}
	all := count(query[int](w, "SELECT count(*) FROM audit_events"))
	count(1, "--session="+sid)
	count(1, "--result=failure")
	count(1, "--actor=operator")
	operator := count(1, "--event=account_disabled")[0]["actor_id"].(string)
	count(1, "--actor="+operator, "--user="+ada)
	count(0, "--actor=cli:mallory@elsewhere")
	count(0, "--since=0s")

	var paged []any
	for before := ""; ; {
		args := []string{"audit", "--json", "--limit=2"}
		if before != "" {
			args = append(args, "--before="+before)
		}
		page := lines(t, w.command("", args...).wants(0).out)
		if len(page) == 0 {
			break
		}
		for _, event := range page {
			paged = append(paged, event["id"])
		}
		before = page[len(page)-1]["id"].(string)
	}
	if len(paged) != len(all) {
		t.Errorf("the pages show %d events, want %d", len(paged), len(all))
	}
	for i := range min(len(paged), len(all)) {
		if paged[i] != all[i]["id"] {
			t.Errorf("event %d of the pages is %v, want %v", i, paged[i], all[i]["id"])
		}
	}

	w.command("", "audit", "--event=nonsense").wants(2, `there is no event "nonsense"`)
	w.command("", "audit", "--result=perhaps").wants(2, "--result")
	w.command("", "audit", "--help").wants(0, "refresh_token_reused", "webauthn_counter_went_back", "tenant_created")
}

func TestCommand_auditFollows(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)

	p := launch{args: []string{"audit", "--follow", "--json"}, env: []string{"DATABASE_URL=" + w.db}}.start(t)
	events := func(n int) func() bool {
		return func() bool { return strings.Count(p.out.String(), "\n") >= n }
	}
	before := query[int](w, "SELECT count(*) FROM audit_events")
	p.until(10*time.Second, "what has happened is printed", events(before))
	w.command("", "users", "disable", ada).wants(0)
	p.until(10*time.Second, "a new event is printed", events(before+1))
	w.command("", "users", "enable", ada).wants(0)
	p.until(10*time.Second, "one more event is printed", events(before+2))
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != 0 {
		t.Errorf("Ctrl-C ends it with %d", code)
	}

	found := lines(t, p.out.String())
	if len(found) != before+2 || found[before]["event"] != "account_disabled" || found[before+1]["event"] != "account_enabled" {
		t.Errorf("%v", found)
	}
}

// Support can tell a thief from a client that lost an answer.
func TestCommand_aReuseSaysWhatWasPresented(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	stolen := w.signIn(ada)
	w.pastGrace()
	next := w.spend(stolen.refresh, "phone-key-0000000001").wants(200).text("meta.refresh_token")
	w.pastGrace()
	w.spend(next, "phone-key-0000000002").wants(200)
	w.pastGrace()
	w.call("POST", refreshPath, object("refresh", stolen.refresh), "User-Agent: Thief/1").wants(400, "refresh_token_reused@refresh")

	event := lines(t, w.command("", "audit", "--json", "--event=refresh_token_reused").wants(0).out)[0]
	details := event["details"].(map[string]any)
	for name, want := range map[string]any{
		"presented_generation": 1.0, "current_generation": 3.0, "current_confirmed": false, "key_sent": false, "key_expected": true,
	} {
		if details[name] != want {
			t.Errorf("%s is %v, want %v", name, details[name], want)
		}
	}
	if event["user_agent"] != "Thief/1" || event["address"] == nil || event["session_id"] == "" {
		t.Errorf("where it came from: %v", event)
	}
	if details["session_token"] != nil {
		t.Errorf("it names a session token: %v", details)
	}
}

func TestCommand_aReuseByExchangeSaysSo(t *testing.T) {
	t.Parallel()
	w := mailing(t, withNotifications, "LATCHKEY_SESSION_TOKENS=keep")
	w.signedUp(ada)
	w.exec("UPDATE email_addresses SET verified_at = now() - interval '1 year'")
	stolen := w.signIn(ada)
	next := w.exchange(stolen.session, "phone-key-0000000001").wants(200).text("meta.refresh_token")
	w.pastGrace()
	w.spend(next, "phone-key-0000000002").wants(200)
	w.exchange(stolen.session, "").wants(410)

	event := lines(t, w.command("", "audit", "--json", "--event=refresh_token_reused").wants(0).out)[0]
	details := event["details"].(map[string]any)
	if details["session_token"] != true || details["presented_generation"] != 1.0 || details["current_generation"] != 3.0 {
		t.Errorf("details %v", details)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'session_token_exchanged'"); n != 1 {
		t.Errorf("%d exchanges in the audit log, want the one", n)
	}
	if subjects := w.mailSubjects(ada); !strings.Contains(subjects, "signed out one of your devices") {
		t.Errorf("mails: %s", subjects)
	}
}

// What is added to an event cannot be changed either, and reasons are emptied with what is personal.
func TestAudit_operatorsReasonsAreEmptiedAndNothingElseChanges(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	w.markVerified(ada)
	tenant := strings.TrimSpace(w.administers("tenants", "create", "Engines", "--reason=why").wants(0).out)
	w.administers("tenants", "add-member", tenant, ada, "--reason=why").wants(0)

	for _, change := range []string{"actor_id = 'cli:mallory@host'", "actor_id = NULL", "details = NULL", "details = '{}'", "reason = 'another'"} {
		c := w.connect()
		_, err := c.Exec(t.Context(), "UPDATE audit_events SET address = NULL, user_agent = NULL, "+change+" WHERE event = 'member_added'")
		if err == nil {
			t.Errorf("%s is possible", change)
		}
		_ = c.Close(t.Context())
	}

	w.clock.Advance(91 * 24 * time.Hour)
	w.swept()
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE reason IS NOT NULL"); n != 0 {
		t.Errorf("%d reasons after 91 days", n)
	}
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE actor_id IS NOT NULL AND details IS NOT NULL"); n != 2 {
		t.Errorf("%d events name operator and tenant, want 2", n)
	}
}
