package e2e

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// sealedGrants are all grants as they are kept, in hexadecimal, which begin with the ids of
// their keys.
func (w *world) sealedGrants() string {
	w.t.Helper()
	return query[string](w, `SELECT string_agg(encode(sealed, 'hex'), ' ' ORDER BY sealed) FROM (
		SELECT grant_sealed FROM provider_accounts UNION ALL SELECT grant_sealed FROM revocations) a(sealed)`)
}

// beginsWith counts the grants that a key has sealed.
func beginsWith(sealed, id string) int {
	return strings.Count(" "+sealed, " "+hex.EncodeToString([]byte(id+":")))
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
	before, sealed := w.everyRow(), w.sealedGrants()
	if beginsWith(sealed, "k1") != 2 {
		t.Fatal(sealed)
	}
	first, second := sealingKey("k1", 1), sealingKey("k2", 2)
	reseal := func(keys ...string) result { return w.keyed(strings.Join(keys, ","), "keys", "reseal") }

	reseal().wants(1, "LATCHKEY_SEALING_KEYS is not set")
	reseal(second).wants(1, "grants of other services: 0 moved to the newest key, 2 unreadable", `"k1"`, "a key must stay")
	if w.sealedGrants() != sealed {
		t.Error("what could not be opened was changed")
	}
	reseal(first, second).wants(0, "grants of other services: 0 moved") // it is the newest still
	reseal(second, first).wants(0, "grants of other services: 2 moved")
	moved := w.sealedGrants()
	if beginsWith(moved, "k1") != 0 || beginsWith(moved, "k2") != 2 {
		t.Error(moved)
	}
	reseal(second, first).wants(0, "grants of other services: 0 moved") // once is enough
	reseal(second).wants(0, "grants of other services: 0 moved")
	if w.sealedGrants() != moved {
		t.Error("it was moved although it was where it belongs")
	}
	reseal(sealingKey("k3", 3)).wants(1, `"k2"`)
	dump := w.everyRow()

	w.app, w.url = w.serve(append(settings, "SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SEALING_KEYS="+second)...)
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
	w.app, w.url = w.serve(append(settings, "SOCIALACCOUNT_PROVIDERS="+s.Providers(), "LATCHKEY_SEALING_KEYS="+sealingKey("other", 9))...)
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
