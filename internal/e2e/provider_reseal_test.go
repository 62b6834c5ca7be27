package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// reseals runs `latchkey keys reseal` with these keys, the newest first.
func (w *world) reseals(keys ...string) result {
	w.t.Helper()
	return launch{args: []string{"keys", "reseal"}, env: []string{"DATABASE_URL=" + w.db, "LATCHKEY_SEALING_KEYS=" + strings.Join(keys, ",")}}.run(w.t)
}

// The grants of accounts, and those that wait to be revoked, go to the newest key, and can be
// revoked with it alone.
func TestProviderGrant_isResealedWithTheNewestKey(t *testing.T) {
	t.Parallel()
	settings := []string{"ACCOUNT_EMAIL_VERIFICATION=none", "LATCHKEY_ACCOUNT_DELETION_GRACE=0"}
	w, s := providing(t, settings...)
	leaver, stayer := w.visitor(), w.visitor()
	s.withCode(leaver, of(fakeprovider.Apple, gmail)).in()
	s.withCode(stayer, of(fakeprovider.Apple, "grace@gmail.com")).in()
	s.FailApple(1)
	leaver.leaves()
	w.expectsGrants(1, 1)
	before := w.dump()

	w.reseals().wants(1, "LATCHKEY_SEALING_KEYS is not set")
	w.reseals(aKey("second")).wants(1, `"first"`, "a key must stay")
	if w.dump() != before {
		t.Error("what could not be opened was changed")
	}
	w.reseals(aKey("first"), aKey("second")).wants(0, "grants of other services: 0 moved") // it is the newest still
	w.reseals(aKey("second"), aKey("first")).wants(0, "grants of other services: 2 moved")
	dump := w.dump()
	if dump == before || strings.Contains(dump, "first") || !strings.Contains(dump, "second") {
		t.Error(dump)
	}
	w.reseals(aKey("second"), aKey("first")).wants(0, "grants of other services: 0 moved") // once is enough
	w.reseals(aKey("second")).wants(0, "grants of other services: 0 moved")
	if w.dump() != dump {
		t.Error("it was moved although it was where it belongs")
	}
	w.reseals(aKey("third")).wants(1, `"second"`)

	w.app, w.url = w.serve(append(settings, "SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SEALING_KEYS="+aKey("second"))...)
	w.swept()
	s.expectsRevoked(1, dump)
	stayer.leaves()
	s.expectsRevoked(2, before, dump)
	w.expectsGrants(0, 0)
}

// A key that was dropped too early holds nobody up: the account goes, and the grant is lost.
func TestProviderGrant_ofAKeyThatIsGoneHoldsNothingUp(t *testing.T) {
	t.Parallel()
	settings := []string{"ACCOUNT_EMAIL_VERIFICATION=none", "LATCHKEY_ACCOUNT_DELETION_GRACE=0"}
	w, s := providing(t, settings...)
	waits, leaver := w.visitor(), w.visitor()
	s.withCode(waits, of(fakeprovider.Apple, gmail)).in()
	s.withCode(leaver, of(fakeprovider.Apple, "grace@gmail.com")).in()
	s.FailApple(1)
	waits.leaves()
	w.expectsGrants(1, 1)
	w.app, w.url = w.serve(append(settings, "SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SEALING_KEYS="+aKey("other"))...)
	w.visitor().bring("login", s, of(fakeprovider.Apple, "grace@gmail.com")).in()
	leaver.leaves()
	if n := query[int](w, "SELECT count(*) FROM users"); n != 0 {
		t.Errorf("%d users", n)
	}
	if !strings.Contains(w.log.String(), "a grant cannot be revoked") {
		t.Error("the log does not say so")
	}
	w.swept()
	w.expectsGrants(0, 1) // until the key is back, or seven days are over
	w.clock.Advance(8 * 24 * time.Hour)
	w.swept()
	w.expectsGrants(0, 0)
	s.expectsRevoked(0)
}
