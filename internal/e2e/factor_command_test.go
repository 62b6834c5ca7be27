package e2e

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/secret"
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
	w.keyed(second, "keys", "reseal").wants(1, "secrets of authenticators: 0 moved to the newest key, 4 unreadable", `["k1"]`, "must stay in LATCHKEY_SEALING_KEYS")
	w.keyed(second+","+first, "keys", "reseal").wants(0, "secrets of authenticators: 4 moved to the newest key, 0 unreadable")
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

// waiting stores a message that is still to be sent, sealed with a key.
func (w *world) waiting(key string) {
	w.t.Helper()
	keys, err := secret.ParseSealer(key)
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		w.t.Fatal(err)
	}
	w.exec("INSERT INTO messages (id, kind, sealed, created_at) VALUES ($1, 'nothing', $2, now())", id, keys.Seal([]byte("{}"), id.String()+"|nothing"))
}

// Secrets whose key is lost, some of each kind, keep no others from being moved: they are left
// and counted, and the missing key is named.
func TestKeys_resealMovesWhatItCanRead(t *testing.T) {
	t.Parallel()
	const settings = "ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_ACCOUNT_DELETION_GRACE=0"
	lost, first, second := sealingKey("lost", 3), sealingKey("k1", 1), sealingKey("k2", 2)
	w, s := providing(t, withFactors, settings, "LATCHKEY_SEALING_KEYS="+lost)
	person := func(email string) *visitor {
		v := w.visitor()
		s.withCode(v, fakeprovider.Claims{Provider: fakeprovider.Apple, Email: email, Sub: email}).in()
		v.withFirstTOTP()
		return v
	}
	leaves := func(v *visitor) { // and its grant waits to be revoked
		s.FailApple(1)
		v.leaves()
	}
	leaves(person("a1@gmail.com"))
	person("a2@gmail.com")
	_, w.url = w.serve(append(strings.Fields(withFactors+" "+settings), "SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SEALING_KEYS="+first)...)
	leaves(person("b1@gmail.com"))
	person("b2@gmail.com")
	person("b3@gmail.com")
	w.exec("DELETE FROM messages") // of these people: who sends which is no matter here
	w.waiting(lost)
	w.waiting(first)

	w.keyed(second+","+first, "keys", "reseal").wants(1, "secrets of authenticators: 4 moved to the newest key, 2 unreadable", // everybody has recovery codes, too
		"grants of other services: 3 moved to the newest key, 2 unreadable", "messages: 1 moved to the newest key, 1 unreadable",
		`5 cannot be read and were left as they are: put ["lost"] back`)
	with := func(key string) int {
		n := 0
		for _, column := range []string{"sealed FROM authenticators", "grant_sealed FROM provider_accounts", "grant_sealed FROM revocations", "sealed FROM messages"} {
			n += query[int](w, "SELECT count(*) FROM (SELECT "+column+") a(sealed) WHERE encode(substring(sealed FOR $1), 'escape') = $2", len(key)+1, key+":")
		}
		return n
	}
	if with("lost") != 5 || with("k1") != 0 || with("k2") != 8 {
		t.Errorf("%d with the lost key, %d with the old, %d with the newest", with("lost"), with("k1"), with("k2"))
	}
	// The key is found, and the rest goes too.
	w.keyed(second+","+first+","+lost, "keys", "reseal").wants(0, "secrets of authenticators: 2 moved to the newest key, 0 unreadable",
		"grants of other services: 2 moved to the newest key, 0 unreadable", "messages: 1 moved to the newest key, 0 unreadable")
	w.keyed(second, "keys", "reseal").wants(0)
	// What no key helps is told apart.
	w.exec("UPDATE messages SET sealed = sealed || 'x'")
	w.keyed(first+","+second, "keys", "reseal").wants(1, "2 cannot be read and were left as they are: their keys are there, so they were damaged")
	w.exec("UPDATE messages SET sealed = overlay(sealed PLACING 'derived' FROM 1 FOR 2)")
	w.keyed(first, "keys", "reseal").wants(1, "2 cannot be read and were left as they are: they are of the time before LATCHKEY_SEALING_KEYS was set")
}

// Whoever has lost everything can be let in again, by an operator who knows them.
func TestUsers_removeFactorsEndsTheSessionsAndOpensTheAccount(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none")
	person := w.signedIn(ada)
	w.markVerified(ada)
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
