package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// undoing is a server with an account whose address was verified 30 days ago, and its client.
func undoing(t *testing.T, settings ...string) (*world, *visitor) {
	t.Helper()
	w := mailing(t, append([]string{publicURL, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none"}, settings...)...)
	v := w.signedIn(ada)
	w.markVerified(ada)
	w.verifiedLongAgo()

	return w, v
}

// changed changes the password of an account, which is told of with an undo link, and returns its
// key.
func (w *world) changed(v *visitor) string {
	w.t.Helper()
	v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	keys := w.undoKeys(ada)
	if len(keys) == 0 {
		w.t.Fatal("no undo link was mailed")
	}

	return keys[len(keys)-1]
}

// accountRows is all that the world's database knows of accounts, and what was sent to them.
func (w *world) accountRows() string {
	w.t.Helper()
	rows := ""
	for _, table := range []string{
		"users", "email_addresses", "memberships", "sessions", "codes", "links", "authenticators", "webauthn_credentials", "ceremonies",
		"provider_accounts", "account_changes", "undo_links", "audit_events", "messages", "revocations",
	} {
		rows += query[string](w, "SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') FROM "+table+" t") + "\n"
	}

	return rows
}

// A key that opens nothing is answered clearly, and nothing is changed.
func TestUndo_aKeyThatOpensNothingChangesNothing(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		before func(w *world, v *visitor, key string)
		key    func(key string) string
		wants  string
	}{
		"missing": {key: func(string) string { return "" }, wants: "required@key"},
		"unknown": {key: func(string) string { return strings.Repeat("x", 43) }, wants: "invalid_or_expired_key@key"},
		"of another kind": {
			before: func(w *world, _ *visitor, _ string) { w.visitor().post(resetRequestPath, "email", ada).wants(200) },
			key:    func(string) string { return "reset" }, wants: "invalid_or_expired_key@key",
		},
		"used before": {
			before: func(w *world, _ *visitor, key string) { w.undo(key).wants(200) },
			wants:  "link_already_used@key",
		},
		"expired": {
			before: func(w *world, _ *visitor, _ string) { w.clock.Advance(7 * day) },
			wants:  "invalid_or_expired_key@key",
		},
		"of an account that is gone": {
			before: func(w *world, _ *visitor, _ string) {
				w.exec("UPDATE users SET deletes_at = now() - interval '1 day'")
				w.swept()
			},
			wants: "invalid_or_expired_key@key",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, v := undoing(t)
			key := w.changed(v)
			if row.before != nil {
				row.before(w, v, key)
				w.delivered()
			}
			if row.key != nil {
				key = row.key(key)
			}
			if key == "reset" {
				key = w.mailedKey(ada, len(w.letters(ada)))
			}

			before := w.accountRows()
			w.call("GET", undoPath, "", "X-Account-Undo-Key: "+key).wants(400, row.wants)
			if key != "" {
				w.undo(key).wants(400, row.wants)
			}
			w.undo("").wants(400, "required@key")
			if after := w.accountRows(); after != before {
				t.Errorf("something was changed")
			}
		})
	}
}

// A link works until the last moment of its seven days.
func TestUndo_aLinkWorksForSevenDays(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)
	w.clock.Advance(7*day - time.Second)
	w.undo(key).wants(200)
}

// Whatever changes a way into an account is told of with a link that undoes it.
func TestUndo_everyChangedWayInIsToldOfWithALink(t *testing.T) {
	t.Parallel()

	changes := maps.Clone(told)
	for _, other := range []string{"the account is to be deleted", "the account stays", "the account is gone", "a device is new", "a refresh token is stolen"} {
		delete(changes, other) // no ways in
	}
	changes["a first password is set"] = func(_ *testing.T, w *world, _ *services, v *visitor) {
		w.exec("UPDATE users SET password_hash = NULL")
		v.post(changePath, "new_password", anotherPassword).wants(200)
	}
	changes["the password is reset"] = func(_ *testing.T, w *world, _ *services, _ *visitor) {
		w.visitor().post(resetRequestPath, "email", ada).wants(200)
		w.delivered()
		w.visitor().post(resetPath, "key", w.mailedKey(ada, len(w.letters(ada))), "password", anotherPassword).wants(401)
	}
	changes["another address is verified"] = func(_ *testing.T, w *world, _ *services, v *visitor) {
		v.do("PUT", emailsPath, object("email", grace)).wants(200)
		w.visitor().post(verifyEmailPath, "key", w.mailedKey(grace, 1)).wants(401)
	}

	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			// Whether the operator wants notifications plays no part.
			w, s := providing(t, publicURL, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_REFRESH_GRACE=1 LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
			v := w.reproved(ada)
			w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT user_id, $1, false, now() FROM email_addresses", grace)
			w.markVerified(ada)
			w.verifiedLongAgo()

			change(t, w, s, v)
			if len(w.undoKeys(ada)) == 0 {
				t.Errorf("no undo link was mailed: %+v", w.letters(ada))
			}
		})
	}
}

// The link goes to what was verified at least seven days before the change or, where nothing was,
// to all that is verified. What is told beside it gets no link.
func TestUndo_theLinkGoesOnlyToWhatWasVerifiedLongBefore(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		ada, grace, phone time.Duration // verified how long ago; 0: not at all
		links, told       string
	}{
		"an old address":                           {ada: 30 * day, links: ada, told: ada},
		"a young address":                          {ada: day, links: ada, told: ada},
		"an old and a young one":                   {ada: 30 * day, grace: day, links: ada, told: ada},
		"a young primary one and an old one":       {ada: day, grace: 30 * day, links: grace, told: ada + " " + grace},
		"two young ones":                           {ada: day, grace: 2 * day, links: ada + " " + grace, told: ada + " " + grace},
		"a day less than a week":                   {ada: 30 * day, grace: 6 * day, links: ada, told: ada},
		"a week":                                   {ada: 30 * day, grace: 7 * day, links: ada + " " + grace, told: ada + " " + grace},
		"an old number and a young address":        {ada: day, phone: 30 * day, links: number, told: ada + " " + number},
		"an old number and an old address":         {ada: 30 * day, phone: 30 * day, links: ada, told: ada},
		"a number alone":                           {phone: 30 * day, links: number, told: number},
		"a young number alone":                     {phone: day, links: number, told: number},
		"a young number and an old address":        {ada: 30 * day, phone: day, links: ada, told: ada},
		"an address that is not verified":          {},
		"one that is not, and another that is not": {grace: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, g := texting(t, publicURL, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
			h := &house{world: w, g: g}
			v := w.signedIn(ada)
			w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT user_id, $1, false, now() FROM email_addresses", grace)
			w.exec("UPDATE users SET phone = $1", number)
			ago := func(d time.Duration) *time.Time {
				if d == 0 {
					return nil
				}
				at := w.clock.Now().Add(-d)
				return &at
			}
			w.exec("UPDATE email_addresses SET verified_at = $1 WHERE address = $2", ago(row.ada), ada)
			w.exec("UPDATE email_addresses SET verified_at = $1 WHERE address = $2", ago(row.grace), grace)
			w.exec("UPDATE users SET phone_verified_at = $1", ago(row.phone))
			before := len(w.letters(ada))

			v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
			w.delivered()

			var links, told []string
			for _, address := range []string{ada, grace} {
				skip := 0
				if address == ada {
					skip = before
				}
				if len(w.letters(address)) > skip {
					told = append(told, address)
				}
				if len(w.undoKeys(address)) > 0 {
					links = append(links, address)
				}
			}
			if len(g.all(number)) > 0 {
				told = append(told, number)
			}
			if len(h.undoTexts(number)) > 0 {
				links = append(links, number)
			}
			if got := strings.Join(links, " "); got != row.links {
				t.Errorf("links went to %q, want %q", got, row.links)
			}
			if got := strings.Join(told, " "); got != row.told {
				t.Errorf("%q were told, want %q", got, row.told)
			}
		})
	}
}

// A number that is replaced is told by a text, and the address by a mail; both can undo it.
func TestUndo_aReplacedNumberIsTold(t *testing.T) {
	t.Parallel()
	h, _, thief := burgled(t)
	thief.post(phonePath, "phone", robberNumber).wants(202)
	thief.post(verifyPhonePath, "code", h.g.code(t, robberNumber, 1)).wants(200)

	texts, keys := h.undoTexts(number), h.undoKeys(ada)
	if len(texts) != 1 || len(keys) != 1 || len(h.undoTexts(robberNumber)) != 0 {
		t.Fatalf("%d texts, %d mails", len(texts), len(keys))
	}
	if text := h.g.all(number); !strings.Contains(text[len(text)-1], "phone number of your account was changed") {
		t.Errorf("%q", text)
	}
	h.undo(texts[0]).wants(200)
	if got := query[string](h.world, "SELECT phone FROM users WHERE username = 'ada'"); got != number {
		t.Errorf("the number is %s", got)
	}
	h.undo(keys[0]).wants(400, "link_already_used@key")
}

// An undo cannot be undone: a young account, where the thief's address gets links, too.
func TestUndo_cannotItselfBeUndone(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	w.markVerified(ada) // just now: no address is trusted more than another
	v.post(emailsPath, "email", robber).wants(200)
	v.do("PUT", emailsPath, object("email", robber)).wants(200)
	w.visitor().post(verifyEmailPath, "key", w.mailedKey(robber, 1)).wants(401)
	w.changed(v)

	owners, thiefs := w.undoKeys(ada), w.undoKeys(robber)
	if len(owners) != 3 || len(thiefs) != 1 {
		t.Fatalf("%d links went to the owner, %d to the thief", len(owners), len(thiefs))
	}
	w.undo(owners[0]).wants(200)
	w.undo(thiefs[0]).wants(400, "link_already_used@key")
	for _, key := range owners {
		w.undo(key).wants(400, "link_already_used@key")
	}
	w.delivered()
	if got := query[string](w, "SELECT string_agg(address, ' ') FROM email_addresses"); got != ada {
		t.Errorf("the addresses are %s", got)
	}
	if n := len(w.undoKeys(ada)); n != 3 {
		t.Errorf("the undo was told of with a link: %d", n)
	}
}

// After an undo, the link of an older change works; it takes along what was kept.
func TestUndo_anOlderLinkWorksAfterANewerOne(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	v.post(emailsPath, "email", robber).wants(200)
	v.do("PUT", emailsPath, object("email", robber)).wants(200)
	w.visitor().post(verifyEmailPath, "key", w.mailedKey(robber, 1)).wants(401)
	last := w.changed(v)

	shown := w.call("GET", undoPath, "", "X-Account-Undo-Key: "+last).wants(200)
	if shown.get("data.earlier_changes") != 2.0 || strings.Count(shown.Body, `"change"`) != 1 {
		t.Error(shown.Body)
	}
	if a := w.undo(last).wants(200); a.get("data.earlier_changes_kept") != true {
		t.Error(a.Body)
	}
	w.delivered()
	if l := w.letters(ada); !slices.ContainsFunc(l, func(l letter) bool { return strings.Contains(l.text, "seven days before that were kept") }) {
		t.Error("the owner is not told that earlier changes were kept")
	}
	if n := query[int](w, "SELECT count(*) FROM email_addresses WHERE verified_at IS NOT NULL"); n != 2 {
		t.Errorf("%d addresses", n)
	}

	first := w.undoKeys(ada)[0]
	if a := w.undo(first).wants(200); a.get("data.earlier_changes_kept") != false {
		t.Error(a.Body)
	}
	if got := query[string](w, "SELECT string_agg(address, ' ') FROM email_addresses"); got != ada {
		t.Errorf("the addresses are %s", got)
	}
}

// What belongs to another account by now is never taken from it: it is skipped, and the answer
// and the messages say so.
func TestUndo_whatBelongsToAnotherAccountIsSkipped(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct{ sql, skipped, check string }{
		"an address": {
			`INSERT INTO users (id, display, created_at) VALUES (1, 'x', now()); INSERT INTO email_addresses VALUES (1, '` + ada + `', now(), true, now())`,
			`{"type":"email","value":"a•••@example.com"}`, `SELECT user_id FROM email_addresses WHERE address = '` + ada + `' AND verified_at IS NOT NULL`,
		},
		"a number": {
			`INSERT INTO users (id, display, created_at, phone, phone_verified_at) VALUES (1, 'x', now(), '` + number + `', now())`,
			`{"type":"phone","value":"•••78"}`, `SELECT id FROM users WHERE phone = '` + number + `'`,
		},
		"a provider": {
			`INSERT INTO users (id, display, created_at) VALUES (1, 'x', now()); INSERT INTO provider_accounts VALUES ('apple', 'ada', 1, 'x', 'c', NULL, now(), now())`,
			`{"type":"provider","value":"apple"}`, `SELECT user_id FROM provider_accounts WHERE provider = 'apple'`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, _, _, _ := robbed(t)
			key := h.undoKeys(ada)[0]
			for _, statement := range strings.Split(row.sql, "; ") {
				h.exec(statement)
			}

			a := h.undo(key).wants(200)
			if !strings.Contains(a.Body, `"not_restored":[`+row.skipped+`]`) {
				t.Error(a.Body)
			}
			if owner := query[int64](h.world, row.check); owner != 1 {
				t.Errorf("it was taken from another account, and belongs to %d", owner)
			}
			if n := query[int](h.world, "SELECT count(*) FROM email_addresses WHERE address = $1", robber); n > 0 {
				t.Error("the thief's address is still there")
			}
			h.delivered()
			to := ada
			if name == "an address" {
				to = number // which is all that is left
				if texts := h.g.all(to); !strings.Contains(texts[len(texts)-1], "restored") {
					t.Errorf("%q", texts)
				}
				if a.text("data.password_reset") != "none" {
					t.Error(a.Body)
				}
				return
			}
			if !slices.ContainsFunc(h.letters(to), func(l letter) bool { return strings.Contains(l.text, "now belongs to another account") }) {
				t.Error("the owner is not told that something was skipped")
			}
		})
	}
}

// By code, a code that sets a new password belongs to a session of the client that used the link.
func TestUndo_startsAResetByCode(t *testing.T) {
	t.Parallel()
	w, v := undoing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	key := w.changed(v)
	owner := w.visitor()
	a := owner.post(undoPath, "key", key).wants(200)
	if a.text("data.password_reset") != "code" || a.text("data.reset_email") != "a•••@example.com" || a.text("meta.session_token") == "" {
		t.Fatal(a.Body)
	}
	w.delivered()
	letters := w.letters(ada)
	code := codeAlone.FindStringSubmatch(letters[len(letters)-1].text)
	if code == nil {
		t.Fatal(letters[len(letters)-1].text)
	}
	owner.post(resetPath, "key", code[1], "password", anotherWord).wants(401)
	w.visitor().post(loginPath, "email", ada, "password", anotherWord).in()
}

// An account that was disabled meanwhile is restored all the same, and gets no code.
func TestUndo_isDoneAlsoForADisabledAccount(t *testing.T) {
	t.Parallel()
	w, v := undoing(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
	key := w.changed(v)
	w.exec("UPDATE users SET disabled_at = now()")
	if a := w.undo(key).wants(200); a.text("data.password_reset") != "request" || a.get("meta.session_token") != nil {
		t.Error(a.Body)
	}
	if query[bool](w, "SELECT password_hash IS NOT NULL FROM users") {
		t.Error("the password is still there")
	}
}

// Changes by a signed-in caller have a budget: beyond it the messages wait, and none is dropped.
// Nothing else uses it up.
func TestUndo_messagesBeyondTheBudgetAreDelayedAndNeverDropped(t *testing.T) {
	t.Parallel()
	w, _ := undoing(t, withNotifications, `ACCOUNT_RATE_LIMITS={"change_notice":"3/h/user","notice":"1000/h/key"}`)

	// Notices of another kind, and changes by those who are not signed in, do not count.
	for range 3 {
		w.strangeSignIn()
		w.delivered()
		n := len(w.letters(ada))
		w.visitor().post(resetRequestPath, "email", ada).wants(200)
		w.visitor().post(resetPath, "key", w.mailedKey(ada, n+1), "password", goodPassword).wants(401)
	}
	w.delivered()
	v := w.again(ada)
	w.delivered()
	before := len(w.undoSent())
	if n := query[int](w, "SELECT count(*) FROM river.river_job WHERE state = 'scheduled'"); n != 0 {
		t.Fatalf("%d messages wait before there was a change", n)
	}

	v.withTOTP()
	for range 5 {
		v.do("POST", recoveryPath, "").wants(200)
	}
	if n := query[int](w, "SELECT count(*) FROM messages WHERE kind IN ('totp_activated', 'recovery_codes_generated')"); n != 6 {
		t.Errorf("%d messages, want 6: none is dropped", n)
	}
	eventually(t, 10*time.Second, "three messages being sent", func() bool { return len(w.undoSent()) == before+3 })
	waits := query[string](w, `SELECT string_agg(round(extract(epoch FROM scheduled_at - created_at) / 60)::text, ' ' ORDER BY scheduled_at)
		FROM river.river_job WHERE state = 'scheduled'`)
	if waits != "20 40 60" {
		t.Errorf("the others wait for %s minutes, want 20 40 60", waits)
	}

	// They go out when their time has come.
	w.exec("UPDATE river.river_job SET scheduled_at = now(), state = 'available' WHERE state = 'scheduled'")
	w.delivered()
	if n := len(w.undoSent()); n != before+6 {
		t.Errorf("%d messages were sent in the end", n)
	}
}

// undoSent are the mails with an undo link that have arrived.
func (w *world) undoSent() []letter {
	w.t.Helper()
	return slices.DeleteFunc(w.letters(ada), func(l letter) bool { return !undoLink.MatchString(l.text) })
}

// A wait has an end, however many changes were made: the link must still work when it arrives.
func TestUndo_aMessageWaitsThreeDaysAtMost(t *testing.T) {
	t.Parallel()
	w, v := undoing(t, `ACCOUNT_RATE_LIMITS={"change_notice":"1/2d/user"}`)
	v.withFirstMail()
	for range 4 {
		v.do("POST", recoveryPath, "").wants(200)
	}
	if longest := query[float64](w, "SELECT max(extract(epoch FROM scheduled_at - created_at)) / 86400 FROM river.river_job"); longest < 2.9 || longest > 3.1 {
		t.Errorf("a message waits %.2f days", longest)
	}
}

// withFirstMail adds a TOTP authenticator, and does not wait for the mail about it.
func (v *visitor) withFirstMail() {
	v.w.t.Helper()
	v.proved()
	app := newAuthenticatorApp(v.w.t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	v.post(totpPath, "code", app.at(v.w.clock.Now())).wants(200)
}

// Strangers who use up every budget of an address do not keep its owner from undoing, nor from the
// new password.
func TestUndo_strangersCannotKeepTheOwnerFromIt(t *testing.T) {
	t.Parallel()

	for how, setting := range map[string]string{"link": "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=false", "code": "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true"} {
		t.Run("by "+how, func(t *testing.T) {
			t.Parallel()
			w, v := undoing(t, setting, `ACCOUNT_RATE_LIMITS={"mail":"2/d/key","notice":"1/d/key","reset_password":"2/d/key"}`)
			for range 3 {
				w.visitor().post(resetRequestPath, "email", ada)
			}
			w.visitor().post(resetRequestPath, "email", ada).wants(429, "too_many_requests")

			if a := w.undo(w.changed(v)).wants(200); a.text("data.password_reset") != how {
				t.Error(a.Body)
			}
			w.delivered()
			last := w.letters(ada)
			sent := slices.ContainsFunc(last[len(last)-2:], func(l letter) bool { return linkAlone.MatchString(l.text) || codeAlone.MatchString(l.text) })
			if !sent {
				t.Errorf("nothing was mailed that sets a password: %+v", last)
			}
		})
	}
}

// Undos are limited by client address.
func TestUndo_isLimited(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"account_undo":"2/m/ip"}`)
	for range 2 {
		w.call("GET", undoPath, "", "X-Account-Undo-Key: x").wants(400)
	}
	w.call("GET", undoPath, "", "X-Account-Undo-Key: x").wants(429, "too_many_requests")
	w.undo("x").wants(429, "too_many_requests")
	w.call("POST", undoPath, object("key", "x"), from("192.0.2.1")).wants(400)
}

// A link that verifies an address which was there before, and was not verified, is void.
func TestUndo_aVerificationThatIsOutIsVoid(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	v.post(emailsPath, "email", grace).wants(200)
	v.do("PUT", emailsPath, object("email", grace)).wants(200)
	verification := w.mailedKey(grace, 1)
	w.exec("DELETE FROM account_changes")

	w.undo(w.changed(v)).wants(200)
	w.visitor().post(verifyEmailPath, "key", verification).wants(400, "invalid_or_expired_key@key")
	if got := query[string](w, "SELECT string_agg(address || ' ' || (verified_at IS NOT NULL), ', ' ORDER BY address) FROM email_addresses"); got != ada+" true, "+grace+" false" {
		t.Errorf("the addresses are %s", got)
	}
}

// Where a user has one address, a new one takes its place: the undo restores the one before.
func TestUndo_restoresTheOneAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, publicURL, "ACCOUNT_CHANGE_EMAIL=true", mandatoryByCode)
	v := w.verified(ada)
	w.verifiedLongAgo()
	v.proved().post(emailsPath, "email", grace).wants(200)
	v.post(verifyEmailPath, "key", w.mailedCode(grace, 1)).wants(200)
	keys := w.undoKeys(ada)
	if len(keys) != 1 || len(w.undoKeys(grace)) != 0 {
		t.Fatalf("%d links", len(keys))
	}
	w.undo(keys[0]).wants(200)
	if got := query[string](w, "SELECT string_agg(address || ' ' || is_primary, ', ') FROM email_addresses"); got != ada+" true" {
		t.Errorf("the addresses are %s", got)
	}
}

// A first number is removed again.
func TestUndo_removesAFirstNumber(t *testing.T) {
	t.Parallel()
	w, g := texting(t, publicURL, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	w.markVerified(ada)
	w.verifiedLongAgo()
	v.proved().post(phonePath, "phone", number).wants(202)
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(200)

	keys := w.undoKeys(ada)
	if l := w.letters(ada); len(keys) != 1 || !strings.Contains(l[len(l)-1].subject, "phone number was added") {
		t.Fatalf("%d links", len(keys))
	}
	w.undo(keys[0]).wants(200)
	if query[bool](w, "SELECT phone IS NOT NULL OR phone_verified_at IS NOT NULL FROM users") {
		t.Error("the number is still there")
	}
}

// The export shows what is kept of changes, and none of the secrets.
func TestUndo_theExportShowsWhatIsKept(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	v.proved().do("GET", exportPath, "").wants(200)
	w.changed(v)
	v.post(reauthPath, "password", anotherPassword).wants(200)
	a := v.do("GET", exportPath, "").wants(200)
	if a.text("data.changes.change") != "password_changed" || a.text("data.changes.before.emails.address") != ada {
		t.Error(a.Body)
	}
}

// What is kept for an undo goes after seven days, and with the account.
func TestUndo_whatIsKeptGoes(t *testing.T) {
	t.Parallel()
	kept := func(w *world) string {
		return query[string](w, "SELECT (SELECT count(*) FROM account_changes) || ' ' || (SELECT count(*) FROM undo_links)")
	}

	w, v := undoing(t)
	w.changed(v)
	w.swept()
	if got := kept(w); got != "1 1" {
		t.Errorf("%s", got)
	}
	w.clock.Advance(7 * day)
	w.swept()
	if got := kept(w); got != "0 0" {
		t.Errorf("after seven days: %s", got)
	}

	w, v = undoing(t)
	w.changed(v)
	w.exec("UPDATE users SET deletes_at = now() - interval '1 day'")
	w.swept()
	if got := kept(w); got != "0 0" {
		t.Errorf("after the account: %s", got)
	}
}

// A row that is given back is what it was: every column of every table that an undo restores.
func TestUndo_givesRowsBackAsTheyWere(t *testing.T) {
	t.Parallel()
	h, _, thief := burgled(t)
	rows := func() string {
		text := ""
		for _, table := range []string{"email_addresses", "provider_accounts", "webauthn_credentials"} {
			text += query[string](h.world, "SELECT coalesce(jsonb_agg(to_jsonb(t) - 'grant_sealed' ORDER BY to_jsonb(t)::text), '[]')::text FROM "+table+" t") + "\n"
		}
		return text + query[string](h.world, "SELECT coalesce(jsonb_agg(to_jsonb(a)), '[]')::text FROM authenticators a WHERE type = 'webauthn'") +
			query[string](h.world, "SELECT (to_jsonb(u) - 'password_hash' - 'restorations')::text FROM users u")
	}
	before := rows()

	s := &spoils{}
	for _, theft := range thefts {
		if !strings.Contains(theft.name, "passkey") || strings.Contains(theft.name, "removes") {
			theft.do(h, thief, s)
		}
	}
	if rows() == before {
		t.Fatal("nothing was changed")
	}
	h.undo(h.undoKeys(ada)[0]).wants(200)
	if after := rows(); after != before {
		t.Errorf("before: %s\nafter: %s", before, after)
	}
}

// A link alone is enough; what a caller brings beside it plays no part.
func TestUndo_looksAtNoSession(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)
	for _, with := range []string{"X-Session-Token: lkst_nonsense", bearer("nonsense"), bearer(v.access)} {
		w.call("GET", undoPath, "", "X-Account-Undo-Key: "+key, with).wants(200)
	}
	w.call("POST", undoPath, object("key", key), bearer(v.access)).wants(200)
	w.call("GET", sessionPath, "", bearer(v.access)).wants(401)
}

// After an undo the account is an ordinary one: whoever signs in by several steps comes in.
func TestUndo_theNextSignInsWork(t *testing.T) {
	t.Parallel()
	w, v := undoing(t)
	key := w.changed(v)
	for range 2 {
		w.undo(key).wants(200)
		w.delivered()
		n := len(w.letters(ada))
		w.visitor().post(resetRequestPath, "email", ada).wants(200)
		w.visitor().post(resetPath, "key", w.mailedKey(ada, n+1), "password", goodPassword).wants(401)

		in := w.again(ada)
		app := in.withTOTP()
		again := w.visitor()
		again.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		again.post(factorPath, "code", app.at(w.clock.Now())).in()
		w.clock.Advance(30 * time.Second)
		keys := w.undoKeys(ada)
		key = keys[len(keys)-1]
	}
}
