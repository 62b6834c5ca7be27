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
