package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
)

// A line never changes a user whom no import made, whatever names them: not by the id that only this database
// knows, and not by a session.
func TestMovingIn_noLineTouchesAUserOfThisService(t *testing.T) {
	t.Parallel()
	w := moved(t, "LATCHKEY_USER_IDS=uuid")
	w.verifiedNative("native@example.com")
	id := query[string](w, "SELECT id::text FROM users")
	subject := query[string](w, "SELECT subject FROM users")
	end := format.At(time.Now().Add(time.Hour))
	session := &format.Session{User: format.ID(subject), TokenSHA256: sum("of another service"), ExpiresAt: end}
	difference := headLine()
	difference.IDs = "text"
	isComplete := false
	difference.Complete = &isComplete
	w.stop() // a server notes that it runs
	before := w.everyRow()

	for name, test := range map[string]struct{ text, says string }{
		"the id of this database": {
			file(t, headLine(), &format.User{ID: format.ID(id), Username: "other", Password: djangoHash}),
			"id_taken: line 2: user " + id,
		},
		"a session": {file(t, difference, session), "session_of_unknown_user: line 2: user " + subject},
	} {
		if r := w.mover(test.text, "import", "-"); r.code != 1 || !strings.Contains(r.out, test.says) {
			t.Errorf("%s: exit code %d, want 1 and %q:\n%s%s", name, r.code, test.says, r.out, r.err)
		}
		w.mover(file(t, difference, session), "import", "--late-tokens", "-")
		if w.everyRow() != before {
			t.Errorf("%s: the database has changed", name)
		}
	}
}

// What an import made belongs to this service once the move has ended: another import, of that system or of the
// next one, changes nobody and deletes nobody.
func TestMovingIn_afterTheEndNobodyIsChanged(t *testing.T) {
	t.Parallel()
	w := moved(t)
	whole := file(t, headLine(), userLine("1", ada), userLine("2", grace))
	w.mover(whole, "import", "-").wants(0, "2 new")
	w.command("", "moving", "start").wants(0)
	w.command("", "moving", "end").wants(0) // before it is live, imports go on
	w.mover(whole, "import", "-").wants(0, "2 unchanged")
	w.command("", "moving", "start").wants(0)
	w.command("", "moving", "live").wants(0)
	w.command("", "moving", "end").wants(0)
	w.stop()
	before := w.everyRow()

	stale := userLine("1", ada)
	stale.Display = "Of a file of before"
	w.mover(file(t, headLine(), stale), "import", "--accept=user_missing", "-").wants(1, "id_taken: line 2: user 1")
	next := file(t, headLine(), userLine("7", "of-the-next-system@example.com"))
	w.mover(next, "import", "--dry-run", "-").wants(0, "1 new", "0 deleted")
	if w.everyRow() != before {
		t.Error("the database has changed")
	}
}

// A hash that was left out for want of a key is stored by the import that has the key.
func TestMovingIn_aKeyThatComesLaterBringsThePassword(t *testing.T) {
	t.Parallel()
	w := moved(t)
	u := userLine("1", ada)
	u.Password = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==$AAECAwQFBgcICQoLDA0ODw$" + strings.Repeat("A", 86)
	text := file(t, headLine(), u)
	withKey := w.moverLaunch(text, "import", "--accept=hash_unknown", "-")
	key := base64.StdEncoding.EncodeToString(make([]byte, 64))
	withKey.env = append(withKey.env, "LATCHKEY_FIREBASE_SIGNER_KEY="+key)

	w.mover(text, "import", "--accept=hash_unknown", "-").wants(0, "1 new")
	w.mover(text, "import", "--accept=hash_unknown", "-").wants(0, "1 unchanged")
	withKey.run(t).wants(0, "1 changed")
	if got := query[string](w, "SELECT password_hash FROM users"); got != u.Password {
		t.Errorf("the hash: %q", got)
	}
}

// A session token whose end the source has moved since the import before lives until that end, and one whose end it
// has not moved is left as it is.
func TestMovingIn_aSessionEndsWhenTheSourceSaysLast(t *testing.T) {
	t.Parallel()
	w, began := moved(t), format.At(time.Now())
	ends := func(after time.Duration) string {
		end := format.At(time.Now().Add(after).Truncate(time.Second))
		one := &format.Session{User: "1", TokenSHA256: sum("moved"), CreatedAt: began, ExpiresAt: end}
		late := format.At(time.Unix(4_000_000_000, 0))
		two := &format.Session{User: "1", TokenSHA256: sum("left"), CreatedAt: began, ExpiresAt: late}
		user := &format.User{ID: "1", CreatedAt: began, Password: djangoHash, Emails: verifiedEmail(ada)}

		return file(t, headLine(), user, one, two)
	}
	w.mover(ends(time.Hour), "import", "-").wants(0, "2 stored")

	text := ends(100 * time.Hour)
	w.mover(text, "import", "-").wants(0, "1 stored")
	w.mover(text, "import", "--verify", "-").wants(0, "differences: 0")
	w.clock.Advance(99 * time.Hour)
	w.call("GET", sessionPath, "", withSessionToken("moved")).wants(200)
}

// An address that is not verified has as long after the move as one that is added here, however old the user is.
func TestMovingIn_anUnverifiedAddressExpiresAfterTheMoveAlone(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	o.knows(grace, `{"id":"2","created_at":"2020-02-03T04:05:06Z","emails":[`+
		`{"address":"`+grace+`","verified":true,"primary":true},{"address":"second-of-grace@example.com"}]}`)
	w := moved(t, o.settings()...)
	u := userLine("1", ada)
	u.CreatedAt = format.At(time.Unix(1_500_000_000, 0))
	u.Emails = append(u.Emails, format.Email{Address: "second-of-ada@example.com"})
	w.mover(file(t, headLine(), u), "import", "-").wants(0)
	w.visitor().post(loginPath, "email", grace, "password", oldPassword).in()

	count := func() int { return query[int](w, "SELECT count(*) FROM email_addresses WHERE verified_at IS NULL") }
	w.clock.Advance(6 * 24 * time.Hour)
	w.swept()
	if n := count(); n != 2 {
		t.Errorf("%d unverified addresses after 6 days, want 2", n)
	}
	w.clock.Advance(2 * 24 * time.Hour)
	w.swept()
	if n := count(); n != 0 {
		t.Errorf("%d unverified addresses after 8 days, want none", n)
	}
}

// A file that has a user, and says that the user is gone, would delete the user and not store them again.
func TestMovingIn_nobodyIsBothThereAndGone(t *testing.T) {
	t.Parallel()
	w, u := moved(t), userLine("1", ada)
	w.mover(file(t, headLine(), u), "import", "-").wants(0)
	both := file(t, headLine(), u, &format.Gone{User: "1"})
	w.mover(both, "import", "-").wants(1, "line_twice: line 2: user 1: id: line 3 says")
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
}
