package e2e

import (
	"strconv"
	"strings"
	"testing"
)

// former is a user of before, by the address as it was stored then.
type former struct {
	address  string
	verified bool
	// stored is what becomes of it.
	stored string
	// spellings are others that sign the same user in afterwards.
	spellings []string
}

var formers = []former{
	{"eva@müller.example", true, "eva@xn--mller-kva.example", []string{"EVA@MÜLLER.example", "eva@mu\u0308ller.example", "eva@xn--mller-kva.example"}},
	{"max@mu\u0308nchen.example", false, "max@xn--mnchen-3ya.example", []string{"max@münchen.example", "Max@MU\u0308NCHEN.example"}},
	{"olga@пример.рф", true, "olga@xn--e1afmkfd.xn--p1ai", []string{"OLGA@ПРИМЕР.РФ"}},
	// Two forms of one address, one of them the normal one: both stay.
	{"ada@bücher.example", true, "ada@bücher.example", []string{"ADA@BÜCHER.example"}},
	{"ada@xn--bcher-kva.example", true, "ada@xn--bcher-kva.example", []string{"ADA@XN--BCHER-KVA.example"}},
	// None of them the normal one.
	{"leo@grün.example", true, "leo@grün.example", []string{"Leo@GRÜN.example"}},
	{"leo@gru\u0308n.example", false, "leo@gru\u0308n.example", []string{"LEO@gru\u0308n.example"}},
	// One without a normal form, beside one that it resembles.
	{"ſam@example.com", false, "ſam@example.com", nil},
	{"sam@example.com", true, "sam@example.com", []string{"SAM@example.com"}},
	{"zoe@example.com", true, "zoe@example.com", []string{"zoe@ｅxample.com"}},
}

// before makes the users of formers as a server of before has left them. It returns their ids.
func before(w *world) map[string]any {
	w.t.Helper()
	ids := map[string]any{}
	for n, u := range formers {
		placeholder := "user" + strconv.Itoa(n) + "@placeholder.example"
		a := w.visitor().post(signupPath, "email", placeholder, "password", "password of user "+strconv.Itoa(n))
		ids[u.address] = a.in().get("data.user.id")
		w.exec("UPDATE email_addresses SET address = $1, verified_at = CASE WHEN $2 THEN now() END, is_primary = true WHERE address = $3", u.address, u.verified, placeholder)
	}
	return ids
}

// signIn signs the nth user of formers in, by a spelling.
func signIn(w *world, n int, spelling string) any {
	w.t.Helper()
	a := w.visitor().post(loginPath, "email", spelling, "password", "password of user "+strconv.Itoa(n))
	if a.Status != 200 {
		w.t.Errorf("%q: %d %s", spelling, a.Status, a.Body)
		return nil
	}
	return a.get("data.user.id")
}

// checkFormers signs each user of before in by the own spelling, and by others where they lead
// somewhere.
func checkFormers(w *world, ids map[string]any, done bool) {
	w.t.Helper()
	for n, u := range formers {
		spellings := []string{u.address}
		if done {
			spellings = append(spellings, u.spellings...)
		}
		for _, spelling := range spellings {
			if got := signIn(w, n, spelling); got != ids[u.address] {
				w.t.Errorf("%q signs in %v, want %v", spelling, got, ids[u.address])
			}
		}
	}
}

// Whatever runs when, and is cut off: each user of before signs in by the own spelling.
func TestAddress_usersOfBeforeKeepTheirSignIn(t *testing.T) {
	t.Parallel()
	for what, update := range map[string]func(w *world){
		"latchkey migrate up": func(w *world) {
			w.command("", "migrate", "up").wants(0, "0 applied; the schema is up to date", "4 email addresses of before keep their form: see latchkey users twins")
		},
		"the janitor":        func(w *world) { w.swept() },
		"a server's start":   func(w *world) { w.serve() },
		"all, twice":         func(w *world) { w.swept(); w.serve(); w.swept(); w.command("", "migrate", "up").wants(0) },
		"cut off in between": func(w *world) { interrupted(w); w.swept() },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := start(t, "ACCOUNT_EMAIL_VERIFICATION=none")
			ids := before(w)
			checkFormers(w, ids, false)
			update(w)
			checkFormers(w, ids, true)

			for n, u := range formers {
				id := int64(ids[u.address].(float64))
				if got := query[string](w, "SELECT address FROM email_addresses WHERE user_id = $1", id); got != u.stored {
					t.Errorf("user %d, %q: stored as %q, want %q", n, u.address, got, u.stored)
				}
			}
		})
	}
}

// interrupted has an update fail at the third address that it changes.
func interrupted(w *world) {
	w.t.Helper()
	w.exec(`CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF (SELECT count(*) FROM email_addresses WHERE address LIKE '%xn--%') >= 2 AND NEW.address LIKE '%xn--%' THEN RAISE EXCEPTION 'cut off'; END IF;
		RETURN NEW; END $$`)
	w.exec("CREATE TRIGGER fails BEFORE UPDATE ON email_addresses FOR EACH ROW EXECUTE FUNCTION fails()")
	w.command("", "migrate", "up").wants(1, "cut off")
	if n := query[int](w, "SELECT count(*) FROM email_addresses WHERE normal_form IS NOT NULL"); n == 0 {
		w.t.Error("nothing was done before it was cut off")
	}
	w.exec("DROP TRIGGER fails ON email_addresses")
}

func TestAddress_aReportListsTwinsOfBefore(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	before(w)
	w.swept()
	report := w.command("", "users", "twins").wants(0, "3 email addresses are twins of others, 1 have no normal form",
		`"ada@b\u00fccher.example" is a form of "ada@xn--bcher-kva.example"`, `"ada@xn--bcher-kva.example" is the normal form`,
		`"leo@gr\u00fcn.example" is a form of "leo@xn--grn-ioa.example"`, `"leo@gru\u0308n.example" is a form of`, `"\u017fam@example.com" has no normal form`)
	for _, other := range []string{"eva", "max", "olga", "zoe", `"sam@`} {
		if strings.Contains(report.out, other) {
			t.Errorf("it lists %s: %s", other, report.out)
		}
	}
}

// Each path knows a twin by the form that is stored, and nobody makes a third account of the address.
func TestAddress_aTwinOfBeforeIsMeantByItsOwnForm(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	ids := before(w)
	w.swept()
	const twin, normal = "leo@grün.example", "leo@xn--grn-ioa.example"

	w.visitor().post(signupPath, "email", normal, "password", goodPassword).wants(400, "email_taken@email")
	w.visitor().post(signupPath, "email", twin, "password", goodPassword).wants(400, "email_taken@email")
	w.visitor().post(loginPath, "email", normal, "password", goodPassword).wants(400, "email_password_mismatch@password")
	w.command("", "users", "enable", normal).wants(1, "--id="+strconv.FormatInt(int64(ids[twin].(float64)), 10))
	w.command("", "users", "enable", twin).wants(0, "was not disabled")

	v := w.visitor()
	v.post(codeRequestPath, "email", twin).waits("login_by_code")
	if a := v.post(codeConfirmPath, "code", w.mailedCode(twin, 1)).in(); a.get("data.user.id") != ids[twin] {
		t.Errorf("the code signs in %v", a.get("data.user.id"))
	}
	w.visitor().post(resetRequestPath, "email", twin).wants(200)
	w.visitor().post(resetPath, "key", w.mailedKey(twin, 2), "password", anotherPassword).wants(401)

	v.post(loginPath, "email", twin, "password", anotherPassword)
	v = w.visitor()
	v.post(loginPath, "email", twin, "password", anotherPassword).in()
	v.post(emailsPath, "email", twin).wants(400, "duplicate_email@email")
	v.post(emailsPath, "email", "leo@example.com").wants(200)
	w.exec("UPDATE email_addresses SET verified_at = now() WHERE address = 'leo@example.com'")
	v.do("PATCH", emailsPath, `{"email":"leo@example.com","primary":true}`).wants(200)
	v.do("DELETE", emailsPath, object("email", twin)).wants(200)

	// Its twin is one no more.
	w.swept()
	if got := query[string](w, "SELECT address FROM email_addresses WHERE user_id = $1", int64(ids["leo@gru\u0308n.example"].(float64))); got != normal {
		t.Errorf("the other one is stored as %q, want %q", got, normal)
	}
}

// What was on its way to an address of before works after its form has changed.
func TestAddress_linksAndCodesOfBeforeWork(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=optional")
	const old, normal = "eva@müller.example", "eva@xn--mller-kva.example"
	v := w.signedIn("eva@placeholder.example")
	verify := w.mailedKey("eva@placeholder.example", 1)
	w.visitor().post(resetRequestPath, "email", "eva@placeholder.example").wants(200)
	reset := w.mailedKey("eva@placeholder.example", 2)
	for _, sql := range []string{"UPDATE email_addresses SET address = $1", "UPDATE links SET address = $1"} {
		w.exec(sql, old)
	}
	w.swept()

	v.post(verifyEmailPath, "key", verify).wants(200)
	if got := w.addresses(); got != normal+" primary verified" {
		t.Errorf("the addresses are %q", got)
	}
	w.visitor().post(resetPath, "key", reset, "password", anotherPassword).waits()
	w.visitor().post(loginPath, "email", old, "password", anotherPassword).in()
}

// Race: a user verifies the same address while the form of one of before is about to change. The
// update waits, and leaves the address of before as it is (TestAddress_theUpdateWaitsForAVerification).
func TestAddress_theUpdateWaitsForAVerification(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	w.signedIn(grace)
	w.exec("UPDATE email_addresses SET address = 'eva@müller.example', verified_at = now(), normal_form = 'eva@xn--mller-kva.example' WHERE address = $1", ada)

	held := w.connect()
	defer func() { _ = held.Close(t.Context()) }()
	const verify = `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('eva@xn--mller-kva.example', 7105));
		UPDATE email_addresses SET address = 'eva@xn--mller-kva.example', verified_at = now() WHERE address = 'grace@example.com'`
	if _, err := held.Exec(t.Context(), verify); err != nil {
		t.Fatal(err)
	}
	swept := make(chan error, 1)
	go func() { swept <- w.app.Sweep(t.Context()) }()
	eventually(t, 5e9, "the update waiting", func() bool {
		return query[int](w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 1
	})
	if _, err := held.Exec(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-swept; err != nil {
		t.Errorf("the janitor: %v", err)
	}
	if n := query[int](w, "SELECT count(*) FROM email_addresses WHERE address IN ('eva@müller.example', 'eva@xn--mller-kva.example')"); n != 2 {
		t.Errorf("%d addresses, want both as they were", n)
	}
}

// A sign-in that waits while the form of its address changes goes on: with its code, its link, or its
// second factor.
func TestAddress_aPendingSignInGoesOn(t *testing.T) {
	t.Parallel()

	const old, normal, placeholder = "eva@müller.example", "eva@xn--mller-kva.example", "eva@placeholder.example"
	const mandatory = "ACCOUNT_EMAIL_VERIFICATION=mandatory "
	// The rows as a server of before has left them.
	backdate := func(w *world) {
		w.exec("UPDATE email_addresses SET address = $1", old)
		w.exec("UPDATE codes SET target = $1", old)
		w.exec("UPDATE links SET address = $1", old)
		w.exec("UPDATE sessions SET attempt = jsonb_set(attempt, '{email}', to_jsonb($1::text)) WHERE attempt ? 'email'", old)
	}
	for what, row := range map[string]struct {
		settings string
		goesOn   func(w *world, update func())
	}{
		"a sign-up by code": {mandatory + "ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true", func(w *world, update func()) {
			v := w.visitor()
			v.post(signupPath, "email", placeholder, "password", goodPassword).waits("verify_email")
			code := w.mailedCode(placeholder, 1)
			update()
			v.post(verifyEmailPath, "key", code).in()
		}},
		"a sign-up by a link that is opened elsewhere": {mandatory, func(w *world, update func()) {
			v := w.visitor()
			v.post(signupPath, "email", placeholder, "password", goodPassword).waits("verify_email")
			key := w.mailedKey(placeholder, 1)
			update()
			w.visitor().post(verifyEmailPath, "key", key)
			v.do("GET", sessionPath, "").in()
		}},
		"a sign-in code": {mandatory + byCode, func(w *world, update func()) {
			w.visitor().post(signupPath, "email", placeholder, "password", goodPassword).waits("verify_email")
			w.mailedKey(placeholder, 1)
			v := w.visitor()
			v.post(codeRequestPath, "email", placeholder).waits("login_by_code")
			code := w.mailedCode(placeholder, 2)
			update()
			v.post(codeConfirmPath, "code", code).in()
		}},
		"a second factor": {mandatory + withFactors, func(w *world, update func()) {
			v := w.visitor()
			v.post(signupPath, "email", placeholder, "password", goodPassword).waits("verify_email")
			v.post(verifyEmailPath, "key", w.mailedKey(placeholder, 1))
			v.post(loginPath, "email", placeholder, "password", goodPassword).in()
			app := v.proved().withTOTP()
			w.clock.Advance(31e9)
			again := w.visitor()
			again.post(loginPath, "email", placeholder, "password", goodPassword).waits("mfa_authenticate")
			update()
			again.post(factorPath, "code", app.at(w.clock.Now())).in()
		}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()

			w := mailing(t, row.settings)
			row.goesOn(w, func() {
				backdate(w)
				w.swept()
			})
			if got := query[string](w, "SELECT address FROM email_addresses WHERE verified_at IS NOT NULL"); got != normal {
				t.Errorf("verified: %q", got)
			}
			if mails := w.letters(old); len(mails) > 0 {
				t.Errorf("%d mails went to the form of before", len(mails))
			}
		})
	}
}
