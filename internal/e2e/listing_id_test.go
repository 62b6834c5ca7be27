package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/softkey"
)

const (
	most31Bits = 1<<31 - 1
	// ofBefore is the greatest id that sessions and authenticators had before ids of 31 bits.
	ofBefore = 1<<52 - 1
)

// ids are those of a list, of sessions or of authenticators.
func (a answer) ids() []int64 {
	a.t.Helper()
	var got struct{ Data []struct{ ID int64 } }
	if err := json.Unmarshal([]byte(a.wants(200).Body), &got); err != nil {
		a.t.Fatal(err)
	}

	ids := []int64{}
	for _, entry := range got.Data {
		ids = append(ids, entry.ID)
	}

	return ids
}

// lists gives the session of a token a listing id.
func (w *world) lists(token string, id int64) {
	w.t.Helper()
	w.exec("UPDATE sessions SET listing_id = $1 WHERE token_hash = sha256($2::bytea)", id, []byte(token))
}

// takes makes the next rows of a table ask for an id first that is in use.
func (w *world) takes(table string, id int64) {
	w.t.Helper()
	w.exec("CREATE SEQUENCE draws")
	w.exec(fmt.Sprintf(`CREATE FUNCTION draw() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF nextval('draws') %% 2 = 1 THEN NEW.id := %d; END IF; RETURN NEW; END $$`, id))
	w.exec("CREATE TRIGGER draw BEFORE INSERT ON " + table + " FOR EACH ROW EXECUTE FUNCTION draw()")
}

func TestListingIDs_have31Bits(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors)
	w.signedInLongAgo(ada)
	w.markVerified(ada)
	v := w.again(ada)
	v.withTOTP()
	v.withKey(softkey.New(passkeyOrigin), true)

	sessions, factors := v.do("GET", sessionsPath, "").ids(), v.do("GET", authenticatorsPath, "").ids()
	if len(sessions) != 2 || len(factors) != 3 {
		t.Fatalf("%d sessions and %d authenticators", len(sessions), len(factors))
	}
	for _, id := range column[int64](w, "SELECT id FROM authenticators UNION ALL SELECT listing_id FROM sessions") {
		if id < 1 || id > most31Bits {
			t.Errorf("id %d does not fit 31 bits", id)
		}
	}
}

func TestListingIDs_ofBeforeStillWork(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors)
	v := w.signedInLongAgo(ada)
	w.markVerified(ada)
	other := w.again(ada)
	v.withKey(softkey.New(passkeyOrigin), true)

	w.exec("ALTER TABLE webauthn_credentials DROP CONSTRAINT webauthn_credentials_authenticator_id_fkey")
	w.exec("UPDATE webauthn_credentials SET authenticator_id = $1", int64(ofBefore))
	w.exec("UPDATE authenticators SET id = $1 WHERE type = 'webauthn'", int64(ofBefore))
	w.lists(other.token, ofBefore)

	v.do("PUT", passkeysPath, fmt.Sprintf(`{"id":%d,"name":"old key"}`, int64(ofBefore))).wants(200)
	v.do("DELETE", passkeysPath, fmt.Sprintf(`{"authenticators":[%d]}`, int64(ofBefore))).wants(200)
	v.do("DELETE", sessionsPath, fmt.Sprintf(`{"sessions":[%d]}`, int64(ofBefore))).wants(200)
	other.do("GET", sessionPath, "").wants(401)
	v.do("GET", sessionPath, "").wants(200)
}

// Two users may have sessions with one listing id: each ends their own.
func TestListingIDs_endNoSessionOfAnotherUser(t *testing.T) {
	t.Parallel()
	w := start(t)
	for _, address := range []string{ada, "eve@example.com"} {
		w.signedUp(address)
	}
	a, b := w.signIn(ada), w.signIn("eve@example.com")
	for _, e := range []entry{a, b} {
		w.lists(e.session, 7)
	}

	w.call("DELETE", sessionsPath, `{"sessions":[7]}`, bearer(a.access)).wants(401) // her own one
	w.call("GET", sessionPath, "", bearer(a.access)).wants(401)
	w.call("GET", sessionPath, "", bearer(b.access)).wants(200)
	if ended := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); ended != 1 {
		t.Errorf("%d sessions ended, want 1", ended)
	}
}

func TestListingIDs_anAuthenticatorWhoseIDIsInUseGetsAnotherOne(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors)
	w.signedInLongAgo("eve@example.com")
	w.markVerified("eve@example.com")
	eve := w.again("eve@example.com")
	eve.withTOTP()
	taken := query[int64](w, "SELECT id FROM authenticators WHERE type = 'totp'")
	w.takes("authenticators", taken)

	w.signedInLongAgo(ada)
	w.markVerified(ada)
	v := w.again(ada)
	app := v.withTOTP()
	v.withKey(softkey.New(passkeyOrigin), true)

	if n := len(v.do("GET", authenticatorsPath, "").ids()); n != 3 {
		t.Errorf("%d authenticators, want 3", n)
	}
	if owner := query[string](w, "SELECT e.address FROM authenticators a JOIN email_addresses e USING (user_id) WHERE a.id = $1", taken); owner != "eve@example.com" {
		t.Errorf("the authenticator of eve@example.com belongs to %s", owner)
	}
	if draws := query[int64](w, "SELECT last_value FROM draws"); draws < 6 {
		t.Errorf("%d draws for 3 authenticators: none was drawn again", draws)
	}

	// What is sealed names its id: the secret opens under the id that was taken at last.
	in := w.visitor()
	in.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	in.post(factorPath, "code", app.at(w.clock.Now())).wants(200)
}

// The id of a passkey that was removed may belong to another user by the time of the undo.
func TestUndo_aPasskeyWhoseIDIsTakenComesBackUnderAnotherOne(t *testing.T) {
	t.Parallel()
	h, _, thief := burgled(t)
	removed := query[int64](h.world, "SELECT authenticator_id FROM webauthn_credentials")
	thief.do("DELETE", passkeysPath, `{"authenticators":[`+decimal(removed)+`]}`).wants(200)
	h.delivered()
	h.exec("INSERT INTO users (id, display, created_at) VALUES (1, 'eve', now())")
	h.exec(`INSERT INTO authenticators (id, user_id, type, name, created_at, sealed, spent, misses)
		VALUES ($1, 1, 'totp', '', now(), 'sealed', 0, 0)`, removed)

	a := h.undo(h.undoKeys(ada)[0]).wants(200)

	if strings.Contains(a.Body, "passkey") {
		t.Errorf("the passkey was not restored: %s", a.Body)
	}
	if n := query[int](h.world, "SELECT count(*) FROM webauthn_credentials WHERE authenticator_id = $1", removed); n != 0 {
		t.Error("the passkey is stored under the id of another user's authenticator")
	}
	if n := query[int](h.world, `SELECT count(*) FROM webauthn_credentials JOIN authenticators a ON a.id = authenticator_id
		JOIN email_addresses e ON e.user_id = a.user_id AND e.address = $1`, ada); n != 1 {
		t.Errorf("%d passkeys of the owner, want 1", n)
	}
}
