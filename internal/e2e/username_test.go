package e2e

import (
	"strings"
	"testing"
)

const signupByName, loginByName = "ACCOUNT_SIGNUP_FIELDS=username*,password1*", "ACCOUNT_LOGIN_METHODS=username"

// twins are names that nobody can tell apart.
var twins = map[string][]string{
	"an accent in two forms": {"Émile", "E\u0301mile", "émile", "ÉMILE"},
	"a ligature":             {"fiona", "ﬁona", "FIONA", "Ｆiona"},
	"a sharp s":              {"strauß", "STRAUSS", "strauss"},
	"a long s":               {"sam", "ſam", "SAM"},
	"what nobody sees":       {"zoe", "z\u200boe", "\u202aZoe\u202c", "zoe\ufeff", "\u202a Zoe \u202c"},
	"digits":                 {"sara37", "sara\u0663\u0667", "SARA３７", "sara\u0e53\u096d", "sara³⁷"},
	"variation selectors":    {"mia", "mi\ufe0fa", "m\U000e0101ia", "mia\u034f", "\u180bmia"},
	"fillers of Hangul":      {"han", "h\u3164an", "han\u115f", "\uffa0han"},
	"letters of Cherokee":    {"ᎠᎡ", "ꭰꭱ", "Ꭰꭱ"},
	"a capital with a dot":   {"İpek", "i\u0307pek", "İPEK"},
}

func TestUsername_twinsAreOneName(t *testing.T) {
	t.Parallel()
	for what, names := range twins {
		for _, preserve := range []string{"true", "false"} {
			t.Run(what+", ACCOUNT_PRESERVE_USERNAME_CASING="+preserve, func(t *testing.T) {
				t.Parallel()
				w := start(t, signupByName, loginByName, "ACCOUNT_EMAIL_VERIFICATION=none", "ACCOUNT_PRESERVE_USERNAME_CASING="+preserve)
				first := w.visitor().post(signupPath, "username", names[0], "password", goodPassword).in()
				for _, name := range names {
					w.visitor().post(signupPath, "username", name, "password", anotherPassword).wants(400, "username_taken@username")
					a := w.visitor().post(loginPath, "username", name, "password", goodPassword).in()
					if a.get("data.user.id") != first.get("data.user.id") {
						t.Errorf("%q signs somebody else in", name)
					}
				}
				w.visitor().post(signupPath, "username", "\u0430dmin", "password", goodPassword).in() // a Cyrillic letter is another one
			})
		}
	}
}

// A name is stored as it is compared, except for its case.
func TestUsername_isStoredAsItIsRead(t *testing.T) {
	t.Parallel()

	w := start(t, signupByName, loginByName, "ACCOUNT_EMAIL_VERIFICATION=none")
	for name, stored := range map[string]string{
		"سارة\u0663":       "سارة3",
		"Ｓara\u0967":       "Sara1",
		"\u202dLeo \u202c": "Leo",
		"mi\ufe0fa\u3164":  "mia",
	} {
		a := w.visitor().post(signupPath, "username", name, "password", goodPassword).in()
		if got := a.text("data.user.username"); got != stored {
			t.Errorf("%q is stored as %q, want %q", name, got, stored)
		}
	}
	for _, none := range []string{"\u0663 7", "a\u066bb", "\u2460\u00bd"} {
		w.visitor().post(signupPath, "username", none, "password", goodPassword).wants(400, "invalid@username")
	}
}

// In Turkish, I and i are two letters, and I is the capital of another one. The locale of the database
// decides nothing: names and addresses are the same ones everywhere.
func TestUsername_aTurkishDatabaseChangesNothing(t *testing.T) {
	t.Parallel()
	first := start(t)
	locale := "" // of the server's own where it knows no others
	if query[bool](first, "SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'tr-x-icu')") {
		locale = " LOCALE_PROVIDER icu ICU_LOCALE 'tr'"
	}
	name := first.name() + "_turkish"
	first.admin("CREATE DATABASE " + name + " ENCODING 'UTF8' TEMPLATE template0" + locale)
	t.Cleanup(func() { first.admin("DROP DATABASE " + name + " WITH (FORCE)") })

	w := startOn(t, strings.Replace(first.db, "dbname="+first.name(), "dbname="+name, 1), first.key,
		"ACCOUNT_SIGNUP_FIELDS=username*,email*,password1*", "ACCOUNT_LOGIN_METHODS=username,email", "ACCOUNT_EMAIL_VERIFICATION=none", "ACCOUNT_PRESERVE_USERNAME_CASING=true")
	w.visitor().post(signupPath, "username", "ALI", "email", "ALI@ISTANBUL.EXAMPLE", "password", goodPassword).in()
	w.visitor().post(signupPath, "username", "alı", "email", "vali@istanbul.example", "password", anotherPassword).in()
	w.visitor().post(signupPath, "username", "ali", "email", "third@example.com", "password", goodPassword).wants(400, "username_taken@username")
	w.visitor().post(signupPath, "username", "third", "email", "ali@istanbul.example", "password", goodPassword).wants(400, "email_taken@email")
	for name, password := range map[string]string{"ali": goodPassword, "ALI": goodPassword, "Ali": goodPassword, "alı": anotherPassword} {
		w.visitor().post(loginPath, "username", name, "password", password).in()
	}
	w.visitor().post(loginPath, "email", "Ali@Istanbul.example", "password", goodPassword).in()
	w.exec("UPDATE users SET username_key = NULL")
	w.visitor().post(loginPath, "username", "ALI", "password", goodPassword).in()
}

// Names of before are twins by now: each keeps signing in by its stored form, and a report lists them.
func TestUsername_twinsOfBeforeKeepTheirSignIn(t *testing.T) {
	t.Parallel()
	w := start(t, signupByName, loginByName, "ACCOUNT_EMAIL_VERIFICATION=none", "ACCOUNT_PRESERVE_USERNAME_CASING=true")
	names := []string{"Émile", "fiona", "zoe"}
	twin := map[string]string{"Émile": "e\u0301mile", "fiona": "ﬁona"}
	ids := map[string]any{}
	for _, name := range names {
		ids[name] = w.visitor().post(signupPath, "username", name, "password", goodPassword).in().get("data.user.id")
	}
	for name, other := range twin {
		placeholder := "twin" + name[len(name)-2:]
		ids[other] = w.visitor().post(signupPath, "username", placeholder, "password", goodPassword).in().get("data.user.id")
		w.exec("UPDATE users SET username = $1 WHERE username = $2", other, placeholder)
	}
	w.exec("UPDATE users SET username_key = NULL")
	signsIn := func(name string) any {
		return w.visitor().post(loginPath, "username", name, "password", goodPassword).in().get("data.user.id")
	}

	if signsIn("zoe") != ids["zoe"] || signsIn("ZOE") != ids["zoe"] {
		t.Error("a name of before is not found before its key is made")
	}
	w.visitor().post(signupPath, "username", "Zoe", "password", goodPassword).wants(400, "username_taken@username")

	w.swept()
	for _, name := range append(names, twin["Émile"], twin["fiona"]) {
		if got := signsIn(name); got != ids[name] {
			t.Errorf("%q signs in %v, want %v", name, got, ids[name])
		}
	}
	if n := query[int](w, "SELECT count(*) FROM users WHERE username_key IS NULL"); n != 0 {
		t.Errorf("%d names have no key", n)
	}
	report := w.command("", "users", "twins")
	report.wants(0, "2 user names are twins of others")
	if strings.Contains(report.out, "zoe") {
		t.Errorf("%s", report.out)
	}
}
