package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

func TestLog_startsWithVersionAndSettings(t *testing.T) {
	t.Parallel()
	p := served(t, testdb.New(t), "LATCHKEY_IDLE_TIMEOUT=80", "LATCHKEY_HMAC_KEY=0123456789abcdef0123456789abcdef").serving(t)
	first, _, _ := strings.Cut(p.log.String(), "\n")

	for _, part := range []string{
		`"msg":"starting"`, `"version":"`, `"LATCHKEY_IDLE_TIMEOUT":"80"`, `"LATCHKEY_HMAC_KEY":"********"`, `"DATABASE_URL":"********"`,
	} {
		if !strings.Contains(first, part) {
			t.Errorf("the first line has no %s: %s", part, first)
		}
	}
	for _, part := range []string{"0123456789abcdef", "ACCOUNT_LOGIN_METHODS"} {
		if strings.Contains(first, part) {
			t.Errorf("the first line has %s: %s", part, first)
		}
	}
}

func TestLog_hasLevelsAndForms(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)

	text := served(t, database, "LATCHKEY_LOG_FORMAT=text").start(t)
	text.until(20e9, "listening", func() bool { return strings.Contains(text.log.String(), "level=INFO msg=listening addr=") })

	quiet := served(t, database, "LATCHKEY_LOG_LEVEL=error", opsAnyPort).start(t)
	quiet.until(20e9, "serving", func() bool {
		return query[int](&world{t: t, db: database}, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'") > 2
	})
	if strings.Contains(quiet.log.String(), `"level":"INFO"`) || strings.Contains(quiet.log.String(), `"level":"WARN"`) {
		t.Errorf("more than errors: %s", quiet.log)
	}

	served(t, database, "LATCHKEY_LOG_LEVEL=loud", "LATCHKEY_LOG_FORMAT=xml").run(t).
		wants(2, `LATCHKEY_LOG_LEVEL: "loud" is not`, `LATCHKEY_LOG_FORMAT: "xml" is not`)
}
