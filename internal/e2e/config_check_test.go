package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// examined runs latchkey config --check with the settings of a server on a database.
func examined(t *testing.T, database string, settings ...string) result {
	t.Helper()
	l := served(t, database, settings...)
	l.args = []string{"config", "--check"}

	return l.run(t)
}

func TestConfigCheck_saysWhatAStartWouldFind(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)

	examined(t, database).wants(0, "The settings are right.", "schema is current")
	examined(t, testdb.Empty(t)).wants(0, "The next start brings its schema up to date.")
	examined(t, testdb.Empty(t), "LATCHKEY_AUTO_MIGRATE=false").wants(1, "latchkey migrate up")
	examined(t, database+" dbname=nowhere").wants(2, "DATABASE_URL: ", "does not exist")
	examined(t, "host=127.0.0.1 port=1 user=u dbname=d sslmode=disable").wants(1, "the database does not answer")
	examined(t, database, "LATCHKEY_CLAIMS_FUNCTION=app.nothing").wants(2, "LATCHKEY_CLAIMS_FUNCTION: there is no function app.nothing(bigint)")
}

// The first is found by reading, the second by looking at two settings together, the third by reading
// the key, the fourth by building.
func TestConfigCheck_tellsAllMistakesTogether(t *testing.T) {
	t.Parallel()

	r := examined(t, testdb.New(t), "LATCHKEY_IDLE_TIMEOUT=soon", "LATCHKEY_REFRESH_GRACE=86400",
		"HEADLESS_JWT_PRIVATE_KEY=no-key-at-all", "LATCHKEY_TEMPLATES_DIR=/nowhere", "LATCHKEY_ADDR=nonsense").wants(2)

	for _, name := range []string{"LATCHKEY_IDLE_TIMEOUT: ", "LATCHKEY_REFRESH_GRACE: ", "HEADLESS_JWT_PRIVATE_KEY: ", "LATCHKEY_ADDR: "} {
		if strings.Count(r.err, "- "+name) != 1 {
			t.Errorf("%s is not told once:\n%s", name, r.err)
		}
	}
	if strings.Contains(r.err, "no-key-at-all") {
		t.Errorf("a secret is shown:\n%s", r.err)
	}

	// Files and folders are named, and looked at though the key is missing.
	missing := filepath.Join(t.TempDir(), "key.pem")
	examined(t, testdb.New(t), "HEADLESS_JWT_PRIVATE_KEY=", "HEADLESS_JWT_PRIVATE_KEY_FILE="+missing, "LATCHKEY_TEMPLATES_DIR=/nowhere",
		"LATCHKEY_MAIL_DIR=/dev/null/mails", `ACCOUNT_RATE_LIMITS={"login":"often"}`).
		wants(2, "HEADLESS_JWT_PRIVATE_KEY_FILE cannot be read: no such file or directory ("+missing+")", "LATCHKEY_TEMPLATES_DIR: stat /nowhere",
			"LATCHKEY_MAIL_DIR: ", "ACCOUNT_RATE_LIMITS: ")
	secret := "a/secret/in/the/wrong/setting"
	if r := examined(t, testdb.New(t), "LATCHKEY_HMAC_KEY_FILE="+secret).wants(2, "LATCHKEY_HMAC_KEY_FILE cannot be read"); strings.Contains(r.err, secret) {
		t.Errorf("what may be a secret is shown:\n%s", r.err)
	}
}

func TestConfigCheck_changesNothing(t *testing.T) {
	t.Parallel()
	database := testdb.Empty(t)
	examined(t, database).wants(0)

	w := &world{t: t, db: database}
	if n := query[int](w, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); n != 0 {
		t.Errorf("%d tables and indexes were made", n)
	}
}
