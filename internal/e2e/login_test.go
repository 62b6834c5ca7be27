package e2e

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
)

func TestLogin_answersExactlyWhatClientsRead(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	a := w.call("POST", loginPath, credentials(" Ada@Example.COM ", goodPassword)).wants(200)
	var got map[string]any
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatal(err)
	}
	meta := got["meta"].(map[string]any)
	for _, name := range []string{"access_token", "refresh_token"} {
		if !strings.HasPrefix(meta[name].(string), "eyJhbGciOiJFUzI1NiIs") {
			t.Errorf("%s does not start with an ES256 header: %v", name, meta[name])
		}
		meta[name] = "…"
	}
	if s := meta["session_token"].(string); !strings.HasPrefix(s, "lkst_") {
		t.Errorf("session token without its prefix: %s", s)
	}
	meta["session_token"] = "…"
	if d, _ := meta["device_token"].(string); !strings.HasPrefix(d, "lkdt_") {
		t.Errorf("device token without its prefix: %s", d)
	}
	meta["device_token"] = "…"
	user := got["data"].(map[string]any)["user"].(map[string]any)
	if id := user["id"].(float64); id < 1 || id >= 1<<52 || id != float64(int64(id)) {
		t.Errorf("user id %v is no 52-bit integer", id)
	}
	if user["username"] != strconv.FormatInt(int64(user["id"].(float64)), 10) {
		t.Errorf("the user name of somebody who has none is %v", user["username"])
	}
	user["id"], user["username"] = 1.0, "1"
	want := map[string]any{
		"status": 200.0,
		"data": map[string]any{
			"user":    map[string]any{"id": 1.0, "email": "ada@example.com", "display": "ada", "username": "1", "has_usable_password": true},
			"methods": []any{map[string]any{"method": "password", "at": float64(w.clock.Now().UnixMicro()) / 1e6, "email": "ada@example.com"}},
		},
		"meta": map[string]any{"is_authenticated": true, "session_token": "…", "access_token": "…", "refresh_token": "…", "device_token": "…"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if !strings.HasPrefix(a.Body, `{"status":200,"data":{"user":{"id":`) {
		t.Errorf("members are not in allauth's order: %s", a.Body)
	}
}

func TestLogin_tellsWhatIsWrongWithTheInput(t *testing.T) {
	t.Parallel()
	w := start(t)
	long := strings.Repeat("a", 321)
	for body, want := range map[string]string{
		`{}`:                                  "required@email required@password",
		`{"email":"","password":""}`:          "required@email required@password",
		`{"email":null,"password":null}`:      "required@email required@password",
		`{"email":" ","password":" "}`:        "required@email required@password",
		`{"email":"ada","password":"x"}`:      "invalid@email",
		`{"email":7,"password":["x"]}`:        "invalid@email invalid@password",
		`{"email":{},"password":true}`:        "invalid@email invalid@password",
		credentials(long+"@example.com", "x"): "max_length@email",
		credentials("a@example.com", long):    "max_length@password",
	} {
		w.call("POST", loginPath, body).wants(400, strings.Fields(want)...)
	}
}

// failures are four accounts that cannot sign in with the password below.
func failures(w *world) []string {
	for _, name := range []string{"wrong", "disabled", "none"} {
		w.signedUp(name + "@example.com")
	}
	w.exec("UPDATE users SET disabled_at = now() WHERE display = 'disabled'")
	w.exec("UPDATE users SET password_hash = NULL WHERE display = 'none'")
	return []string{"unknown@example.com", "none@example.com", "disabled@example.com", "wrong@example.com"}
}

func TestSEC40_fourFailuresAreOne(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_RATE_LIMITS=true")
	var first string
	for _, email := range failures(w) {
		password := "a wrong password"
		if strings.HasPrefix(email, "disabled") {
			password = goodPassword // right, and yet not
		}
		hashes, statements := w.app.Gate.Hashes(), w.app.DB.Statements()
		a := w.call("POST", loginPath, credentials(email, password), "X-Request-Id: fixed").wants(400, "email_password_mismatch@password")
		a.Header.Del("Date")
		seen := fmt.Sprint(a.Body, a.Header, " hashes ", w.app.Gate.Hashes()-hashes, " statements ", w.app.DB.Statements()-statements)
		if first == "" {
			first = seen
		}
		if seen != first {
			t.Errorf("%s:\n%s\nunlike the first:\n%s", email, seen, first)
		}
	}
	if !strings.Contains(first, "hashes 1 statements 4") {
		t.Errorf("a failure should cost one hash, two counters, one look-up and one record: %s", first)
	}
}

func TestLogin_ofAClientThatIsSignedInIs409OnlyWithTheRightPassword(t *testing.T) {
	t.Parallel()
	w := start(t)
	s := w.signedUp("ada@example.com")
	with := bearer(s.Tokens().Access)
	w.call("POST", loginPath, credentials("ada@example.com", "a wrong password"), with).wants(400, "email_password_mismatch@password")
	w.call("POST", loginPath, credentials("ada@example.com", goodPassword), with).wants(409, "already_authenticated")
}

func TestSEC39_aFullGateShedsBeforeTheAccountIsLookedUp(t *testing.T) {
	t.Parallel()
	w := start(t)
	release := fillGate(t, w)
	statements := w.app.DB.Statements()
	for _, path := range []string{loginPath, signupPath} {
		a := w.call("POST", path, credentials("ada@example.com", goodPassword)).wants(503, "temporarily_unavailable")
		if a.Header.Get("Retry-After") == "" {
			t.Error("503 without Retry-After")
		}
	}
	if n := w.app.DB.Statements() - statements; n != 0 {
		t.Errorf("%d statements were sent for requests that were shed", n)
	}
	release()
	w.signedUp("ada@example.com")
}

// fillGate takes every slot for hashing, and every place in the queue behind them.
func fillGate(t *testing.T, w *world) (release func()) {
	t.Helper()
	var leave []func()
	for {
		slot, err := w.app.Gate.Enter(t.Context())
		if err != nil { // all slots taken, and a second waited for one more
			break
		}
		leave = append(leave, slot.Leave)
	}
	return func() {
		for _, l := range leave {
			l()
		}
	}
}

func TestLogin_findsTheVerifiedHolderOfAnAddress(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("squatter@example.com")
	owner := w.signedUp("owner@example.com")
	w.exec("UPDATE email_addresses SET address = 'shared@example.com', created_at = created_at - interval '1 day' WHERE address = 'squatter@example.com'")
	w.exec("UPDATE email_addresses SET address = 'shared@example.com', verified_at = now() WHERE address = 'owner@example.com'")
	want, err := owner.Current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.client().SignIn(t.Context(), "shared@example.com", goodPassword)
	if err != nil || got.ID != want.ID {
		t.Errorf("signed in as %v (%v), want the verified holder %v", got.ID, err, want.ID)
	}
}

func TestSEC34_aWeakHashIsStoredAnewAtSignIn(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	weak, err := argon2id.CreateHash(goodPassword, &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	w.exec("UPDATE users SET password_hash = $1", weak)
	if _, err := w.client().SignIn(t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Fatal(err)
	}
	if h := query[string](w, "SELECT password_hash FROM users"); !strings.Contains(h, "m=19456,t=2,p=1") {
		t.Errorf("still stored as %s", h)
	}
	if _, err := w.client().SignIn(t.Context(), "ada@example.com", goodPassword); err != nil {
		t.Errorf("the stronger hash does not match: %v", err)
	}
}

// A user who moved from another system signs in with the password of there, and has one of ours after that.
func TestLogin_aHashOfAnotherSystemIsStoredAnew(t *testing.T) {
	t.Parallel()

	for name, stored := range map[string]string{
		"Django":   "pbkdf2_sha1$1000$Zx8mQ0cT1dLrYw5nKb2HsV$HddXEcSiz/0K+RXZQtOvnJZH0i4=",
		"bcrypt":   "$2b$04$jVI8uCkZAznn7vTQv1Uq9u8makyaw6r2ooYJAgIUre7s21HEKhPHi",
		"argon2id": "$argon2id$v=19$m=64,t=1,p=1$Wng4bVEwY1QxZExyWXc1bktiMkhzVg$Ogmzkv+KLO2kqVEnUzs9leaPauxwEH60wvFISFS0ap4",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			w := start(t)
			owner := w.signedIn(ada)
			w.exec("UPDATE users SET password_hash = $1", stored)
			isStored := func() string { return query[string](w, "SELECT password_hash FROM users") }

			w.visitor().post(loginPath, "email", ada, "password", wrongPassword).wants(400, "email_password_mismatch@password")
			owner.post(reauthPath, "password", goodPassword).wants(200)
			owner.post(changePath, "current_password", wrongPassword, "new_password", anotherPassword).wants(400, "enter_current_password@current_password")
			if isStored() != stored {
				t.Error("the hash changed without a sign-in")
			}

			w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(200)
			if h := isStored(); !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Errorf("still stored as %s", h)
			}
			w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(200)
			owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
		})
	}
}

// As long as users have hashes of another system, an unknown account takes as long as theirs.
func TestSEC40_aServerLooksForTheHashesOfOtherSystems(t *testing.T) {
	t.Parallel()

	w := start(t)
	w.signedUp(ada)
	fastest := func() time.Duration {
		var took []time.Duration
		for range 4 {
			began := time.Now()
			w.visitor().post(loginPath, "email", grace, "password", goodPassword).wants(400, "email_password_mismatch@password")
			took = append(took, time.Since(began))
		}

		return slices.Min(took)
	}
	ours := fastest()

	// Each try of it takes as long as fifty hashes of ours.
	w.exec("UPDATE users SET password_hash = $1", "pbkdf2_sha256$2000000$Zx8mQ0cT1dLrYw5nKb2HsV$DXUHSVUBSvvrvkGnEx1SA54ssB0ZObXALbO87H1dPHI=")
	_, w.url = w.serve()
	if theirs := fastest(); theirs < 3*ours {
		t.Errorf("an unknown account takes %v, and took %v before users had such hashes", theirs, ours)
	}
}

// A stored text that is no hash must not tell that the account exists: it is answered as a
// wrong password and as an unknown account are, and the log says that there is one.
func TestLogin_aHashThatCannotBeReadIsAMismatch(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp(ada)
	unknown := w.visitor().post(loginPath, "email", grace, "password", goodPassword).wants(400)

	for _, stored := range []string{"pbkdf2_sha256$9000000$abc$yr+bZKkEnTtGf3f18VjXM5CIxT9gt2kfzsoPOBHUS/Q=", "!", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA"} {
		w.exec("UPDATE users SET password_hash = $1", stored)

		a := w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400, "email_password_mismatch@password")
		if a.Body != unknown.Body {
			t.Errorf("%s: got %s, want the answer for an unknown account: %s", stored, a.Body, unknown.Body)
		}
	}
	if n := strings.Count(w.log.String(), "a stored password hash cannot be read"); n != 3 {
		t.Errorf("%d lines in the log, want 3", n)
	}
}

// Django hashes a password as it was typed. Some keyboards write a letter with an accent as two characters.
func TestLogin_aForeignHashIsOfThePasswordAsItWasTyped(t *testing.T) {
	t.Parallel()
	const (
		typed = "the old pa\u0308ssword, canary-71c2"
		hash  = "pbkdf2_sha256$1000$salt$VfA/UF6Kj+qSJwTmoNqj85e3KbMSAcOhqQ8bQDv/6SQ="
	)
	w := start(t)
	w.signedUp(ada)
	w.exec("UPDATE users SET password_hash = $1", hash)

	w.call("POST", loginPath, credentials(ada, "the old p\u00e4ssword, canary-71c2")).wants(400)
	w.call("POST", loginPath, credentials(ada, typed)).wants(200)
	w.call("POST", loginPath, credentials(ada, "the old p\u00e4ssword, canary-71c2")).wants(200) // it is ours now
}
