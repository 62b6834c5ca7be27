package e2e

import "testing"

// What a sign-in and a sign-up cost the database, BEGIN and COMMIT counted. Each statement is a round trip of its
// own. A change that needs one more says so here.
func TestStatements_ofASignUpAndASignIn(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_RATE_LIMITS=true", "ACCOUNT_EMAIL_VERIFICATION=none")

	for _, c := range []struct {
		what, path string
		want       int64
	}{{"a sign-up", signupPath, 17}, {"a sign-in", loginPath, 12}} {
		before := w.app.DB.Statements()
		w.call("POST", c.path, credentials("ada@example.com", goodPassword)).wants(200)
		if n := w.app.DB.Statements() - before; n != c.want {
			t.Errorf("%s: %d statements, want %d", c.what, n, c.want)
		}
	}
}
