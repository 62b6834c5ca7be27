package e2e

import (
	"testing"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// keyed runs a command with sealing keys.
func (w *world) keyed(keys string, args ...string) result {
	w.t.Helper()
	return launch{args: args, env: []string{"DATABASE_URL=" + w.db, "LATCHKEY_SEALING_KEYS=" + keys}}.run(w.t)
}

func TestKeys_resealMovesTheSecretsOfFactorsToTheNewestKey(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person := w.signedIn(ada)
	app := person.withTOTP()
	codes := person.recoveryCodes()
	w.signedIn(grace).withTOTP()
	first, second := sealingKey("k1", 1), sealingKey("k2", 2)
	w.command("", "keys", "reseal").wants(1, "LATCHKEY_SEALING_KEYS is not set")
	w.keyed(second, "keys", "reseal").wants(1, "authenticator", "must stay in LATCHKEY_SEALING_KEYS")
	w.keyed(second+","+first, "keys", "reseal").wants(0, "secrets of authenticators: 4 moved")
	w.keyed(second+","+first, "keys", "reseal").wants(0, "secrets of authenticators: 0 moved")
	if n := query[int](w, "SELECT count(*) FROM authenticators WHERE encode(substring(sealed FOR 3), 'escape') = 'k2:'"); n != 4 {
		t.Errorf("%d have the newest key", n)
	}
	_, w.url = w.serve("LATCHKEY_SEALING_KEYS=" + second) // the old key is gone
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).in()
	v = w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[0]).in()
}

// Whoever has lost everything can be let in again, by an operator who knows them.
func TestUsers_removeFactorsEndsTheSessionsAndOpensTheAccount(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person := w.signedIn(ada)
	person.withTOTP()
	person.withKey(softkey.New(passkeyOrigin), true)
	other := w.signedIn(grace)
	other.withTOTP()
	w.command("", "users", "remove-factors", "nobody@example.com").wants(1, "there is no user")
	w.command("", "users", "remove-factors", ada).wants(0, "1 sessions ended")
	if a := person.do("GET", profilePath, "").wants(401); a.text("meta.end_reason") != "session_ended" {
		t.Error(a.Body)
	}
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
	w.visitor().post(loginPath, "email", grace, "password", goodPassword).waits("mfa_authenticate")
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'factor_removed' AND actor = 'operator'"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
}
