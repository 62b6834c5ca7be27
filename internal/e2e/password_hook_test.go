package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/passwordhook"
)

const (
	hookKey     = "a key for the password hook's HMAC"
	oldPassword = "the old p\u0061\u0308ssword, canary-71c2" // not in NFC
)

// oldSystem is a system that verifies passwords and gives no hashes away.
type oldSystem struct {
	*httptest.Server

	t  testing.TB
	mu sync.Mutex
	// asked are the questions so far.
	asked []map[string]any
	// users are the answers to right passwords, by identifier.
	users map[string]string
	// answer takes the place of the ordinary answer; nil for none.
	answer http.HandlerFunc
}

func newOldSystem(t testing.TB) *oldSystem {
	t.Helper()

	o := &oldSystem{t: t, users: map[string]string{}}
	o.Server = httptest.NewServer(http.HandlerFunc(o.serve))
	t.Cleanup(o.Close)

	return o
}

func (o *oldSystem) settings(more ...string) []string {
	return append([]string{"LATCHKEY_PASSWORD_HOOK_URL=" + o.URL + "/check?token=canary", "LATCHKEY_PASSWORD_HOOK_KEY=" +
		hookKey}, more...)
}

// signed reports whether a request has the signature that docs/settings.md describes.
func signed(header string, body []byte) bool {
	seconds, sum, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",v1=")
	mac := hmac.New(sha256.New, []byte(hookKey))
	_, _ = fmt.Fprintf(mac, "%s.%s", seconds, body)

	return hex.EncodeToString(mac.Sum(nil)) == sum
}

func (o *oldSystem) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/check" || !signed(r.Header.Get("Latchkey-Signature"),
		body) {
		o.t.Errorf("%s %s is no signed question: %v", r.Method, r.URL.Path, err)
	}
	var question map[string]any
	if err := json.Unmarshal(body, &question); err != nil {
		o.t.Error(err)
	}

	o.mu.Lock()
	defer o.mu.Unlock()
	o.asked = append(o.asked, question)
	if o.answer != nil {
		o.answer(w, r)
		return
	}
	user, known := o.users[fmt.Sprint(question["identifier"])]
	if !known || question["password"] != oldPassword {
		_, _ = io.WriteString(w, `{"match":false}`)
		return
	}
	_, _ = io.WriteString(w, `{"match":true,"user":`+user+`}`)
}

func (o *oldSystem) knows(identifier, user string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.users[identifier] = user
}

func (o *oldSystem) answers(with http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = with
}

func (o *oldSystem) questions() []map[string]any {
	o.mu.Lock()
	defer o.mu.Unlock()

	return append([]map[string]any{}, o.asked...)
}

func moving(id, address string) string {
	return fmt.Sprintf(`{"id":%q,"display":"Ada","created_at":"2020-02-03T04:05:06Z","emails":[{"address":%q,"verified":true,"primary":true}]}`, id, address)
}

func TestPasswordHook_aRightPasswordMovesTheUserAndIsAskedOnce(t *testing.T) {
	t.Parallel()
	const secretText = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	for name, c := range map[string]struct {
		settings             []string
		identifier, user     string
		by, subject, pending string
	}{
		"by address, with a number as id": {identifier: ada, user: moving("4711", ada), by: "email", subject: "4711"},
		"by address, with a UUID": {
			settings: []string{"LATCHKEY_USER_IDS=uuid"}, identifier: ada, by: "email",
			user: moving("55da5b0c-9a3e-4a0e-9d56-0b1d2f3e4a5b", ada), subject: "55da5b0c-9a3e-4a0e-9d56-0b1d2f3e4a5b",
		},
		"by user name": {
			settings: []string{"ACCOUNT_LOGIN_METHODS=username,email"}, identifier: "Ann", by: "username", subject: "12",
			user: `{"id":"12","username":"ann","emails":[{"address":"ann@example.com","verified":true,"primary":true}],"providers":[{"provider":"google","uid":"g-1"}]}`,
		},
		"with a second factor": {
			settings:   []string{"MFA_SUPPORTED_TYPES=totp,recovery_codes", "LATCHKEY_SEALING_KEYS=" + sealingKey("k1", 1)},
			identifier: ada, by: "email", subject: "13", pending: "mfa_authenticate",
			user: `{"id":"13","emails":[{"address":"` + ada + `","verified":true}],"totp":{"id":"1","secret":"` + secretText +
				`"},"recovery_codes":{"codes":["04160941","11111111"],"used":[0]}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOldSystem(t)
			o.knows(c.identifier, c.user)
			w := start(t, o.settings(c.settings...)...)

			signIn := func() {
				v := w.visitor()
				a := v.post(loginPath, c.by, c.identifier, "password", oldPassword)
				if c.pending != "" {
					a.waits(c.pending)
					w.clock.Advance(time.Minute) // no code works twice
					seed, _ := base32.StdEncoding.DecodeString(secretText)
					a = v.post(factorPath, "code", authenticatorApp{seed: seed}.at(w.clock.Now()))
				}
				if got := claims(t, a.in().text("meta.access_token"))["sub"]; got != c.subject {
					t.Errorf("subject %v, want %s", got, c.subject)
				}
			}
			signIn()
			signIn()

			asked := o.questions()
			if len(asked) != 1 || asked[0]["identifier"] != c.identifier || asked[0]["password"] != oldPassword ||
				asked[0]["subject"] != nil {
				t.Errorf("asked %v, want one question about %s, with the password as it was typed", asked, c.identifier)
			}
			stored := query[bool](w, "SELECT starts_with(password_hash, '$argon2id$') AND NOT password_hook FROM users")
			if n := query[int](w, "SELECT count(*)::int FROM users"); n != 1 || !stored {
				t.Errorf("%d users, password of ours %v", n, stored)
			}
		})
	}
}

func TestPasswordHook_aUserWhoWasImportedIsAskedAboutByTheirSubject(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"with the user":    `{"match":true,"user":` + moving("77", ada) + `}`,
		"without the user": `{"match":true}`,
		"with null":        `{"match":true,"user":null}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOldSystem(t)
			o.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
			w := start(t, o.settings()...)
			w.imported(77, ada)

			w.visitor().post(loginPath, "email", ada, "password", oldPassword).in()
			w.visitor().post(loginPath, "email", ada, "password", oldPassword).in()
			w.visitor().post(loginPath, "email", ada, "password", wrongPassword).wants(400, "email_password_mismatch@password")
			if asked := o.questions(); len(asked) != 1 || asked[0]["subject"] != "77" {
				t.Errorf("asked %v, want one question about subject 77", asked)
			}
		})
	}
}

func TestPasswordHook_anotherSubjectIsAnOutage(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	o.knows(ada, moving("78", ada))
	w := start(t, o.settings()...)
	w.imported(77, ada)

	w.call("POST", loginPath, credentials(ada, oldPassword)).wants(503, "temporarily_unavailable")
}

// imported stores a user whose password another system verifies.
func (w *world) imported(id int64, address string) {
	w.t.Helper()
	w.exec("INSERT INTO users (id, display, created_at, password_hook) VALUES ($1, 'Ada', now(), true)", id)
	w.exec("INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at) VALUES ($1, $2, now(), true, now())", id, address)
}

// Whom the other system is asked about, and whom not, takes the same time and has the same answer.
func TestPasswordHook_everyRefusalTakesTheWholeLimit(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	w := start(t, o.settings()...)
	w.imported(77, "moving@example.com")
	for _, name := range []string{"wrong", "disabled", "none"} {
		w.signedUp(name + "@example.com")
	}
	w.exec("UPDATE users SET disabled_at = now() WHERE display = 'disabled'")
	w.exec("UPDATE users SET password_hash = NULL WHERE display = 'none'")
	w.exec("UPDATE email_addresses SET verified_at = now()")

	var all sync.WaitGroup
	for _, name := range []string{"wrong", "disabled", "none", "moving", "unknown"} {
		all.Go(func() {
			began := time.Now()
			a := w.call("POST", loginPath, credentials(name+"@example.com", "a wrong password"))
			took := time.Since(began)
			if a.Status != 400 || !strings.Contains(a.Body, "email_password_mismatch") || took < passwordhook.Limit {
				t.Errorf("%s: status %d after %v, want 400 after %v at least: %s", name, a.Status, took, passwordhook.Limit, a.Body)
			}
		})
	}
	all.Wait()

	var about []string
	for _, q := range o.questions() {
		about = append(about, fmt.Sprint(q["identifier"]))
	}
	if text := strings.Join(about, " "); len(about) != 2 || !strings.Contains(text, "moving@") || !strings.Contains(text,
		"unknown@") {
		t.Errorf("asked about %s, want moving and unknown alone", text)
	}
}

func TestPasswordHook_anythingElseIsAnOutage(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter,
		*http.Request,
	) {
		t.Error("the question was sent on")
	}))
	t.Cleanup(elsewhere.Close)
	says := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, `{"match":true,"user":`+moving("4711", ada)+`}`)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"500": status(500), "201": status(201), "401": status(401), "404": status(404),
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"nothing":                says(""),
		"no JSON":                says("<html>"),
		"no match":               says(`{}`),
		"a text":                 says(`{"match":"true"}`),
		"a name in other case":   says(`{"Match":true,"user":` + moving("4711", ada) + `}`),
		"a name twice":           says(`{"match":false,"match":true,"user":` + moving("4711", ada) + `}`),
		"an unknown member":      says(`{"match":false,"color":"red"}`),
		"more behind it":         says(`{"match":false} {}`),
		"no user":                says(`{"match":true}`),
		"an unknown user member": says(`{"match":true,"user":{"id":"4711","color":"red"}}`),
		"an id as a number":      says(`{"match":true,"user":{"id":4711}}`),
		"an id that is none":     says(`{"match":true,"user":` + moving("007", ada) + `}`),
		"another user":           says(`{"match":true,"user":` + moving("4711", grace) + `}`),
		"a bad address": says(`{"match":true,"user":{"id":"4711","emails":[{"address":"` + ada +
			`"},{"address":"x"}]}}`),
		"a factor that cannot be sealed": says(`{"match":true,"user":{"id":"4711","emails":[{"address":"` + ada +
			`","verified":true}],"totp":{"secret":"JBSWY3DPEHPK3PXP"}}}`),
		"too much": says(`{"match":false}` + strings.Repeat(" ", 64<<10)),
		"an answer that is cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"match":false}`)
		},
		"silence": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOldSystem(t)
			o.answers(answer)
			w := start(t, o.settings()...)
			a := w.call("POST", loginPath, credentials(ada, oldPassword)).wants(503, "temporarily_unavailable")
			if a.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
			if n := query[int](w, "SELECT count(*)::int FROM users"); n != 0 {
				t.Errorf("%d users", n)
			}
		})
	}
}

// In an outage of the other system a user who has moved signs in, and every refusal looks alike.
func TestPasswordHook_anOutageTellsNobodyWhoHasMoved(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	w := start(t, o.settings()...)
	w.signedUp(ada)
	w.markVerified(ada)
	o.Close()

	w.call("POST", loginPath, credentials("unknown@example.com", wrongPassword)).wants(503, "temporarily_unavailable")
	w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(503, "temporarily_unavailable")
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).in()
}

// A guess counts before the other system is asked, for every name alike.
func TestPasswordHook_guessesAreCountedBeforeItIsAsked(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	w := start(t, o.settings(`ACCOUNT_RATE_LIMITS={"login_failed":"2/5m/key"}`)...)
	w.imported(77, ada)
	w.atOnce(2, []string{w.url}, func(at *world, _ int) answer {
		return at.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400)
	})
	w.call("POST", loginPath, credentials(ada, wrongPassword)).wants(400, "too_many_login_attempts")
	if n := len(o.questions()); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}

func TestPasswordHook_twoSignInsAtOnceMakeOneUser(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"4711", "55da5b0c-9a3e-4a0e-9d56-0b1d2f3e4a5b"} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			o := newOldSystem(t)
			o.knows(ada, moving(id, ada))
			w := start(t, o.settings()...)
			_, other := w.serve(o.settings()...)

			for _, a := range w.atOnce(4, []string{w.url, other}, func(at *world, _ int) answer {
				return at.call("POST", loginPath, credentials(ada, oldPassword))
			}) {
				a.in()
			}
			if n := query[int](w, "SELECT count(*)::int FROM users"); n != 1 {
				t.Errorf("%d users, want 1", n)
			}
		})
	}
}

// A password of ours is the only one, however it was set.
func TestPasswordHook_aPasswordHereEndsIt(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(w *world){
		"a reset": func(w *world) {
			v := w.visitor()
			v.post(resetRequestPath, "email", ada)
			w.delivered()
			v.do("POST", resetPath, object("key", w.mailedCode(ada, 1), "password", goodPassword))
		},
		"a password beside the mark": func(w *world) {
			w.exec("UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1) WHERE id = 77",
				w.hashed(goodPassword))
		},
		"the operator": func(w *world) { w.exec("UPDATE users SET password_hook = false") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOldSystem(t)
			o.knows(ada, moving("77", ada))
			mails := t.TempDir()
			w := start(t, o.settings("LATCHKEY_MAIL_DIR="+mails, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")...)
			w.mails = mails
			w.imported(77, ada)
			end(w)

			w.call("POST", loginPath, credentials(ada, oldPassword)).wants(400, "email_password_mismatch@password")
			if asked := o.questions(); len(asked) != 0 {
				t.Errorf("asked %v", asked)
			}
		})
	}
}

// The old system may know the user by a name that nobody has here.
func TestPasswordHook_anotherNameDoesNotBringTheOldPasswordBack(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	w := start(t, o.settings()...)
	w.imported(77, ada)
	both := `{"id":"77","emails":[{"address":"` + ada + `","verified":true,"primary":true},{"address":"` + grace +
		`","verified":true}]}`
	o.knows(grace, both)
	w.exec("UPDATE users SET password_hash = (SELECT password_hash FROM users WHERE id = $1), password_hook = false WHERE id = 77", w.hashed(goodPassword))

	w.call("POST", loginPath, credentials(grace, oldPassword)).wants(400, "email_password_mismatch@password")
}

// hashed stores a password with a user of its own, and returns the id.
func (w *world) hashed(pass string) int64 {
	w.t.Helper()
	if _, err := w.client().SignUp(w.t.Context(), "hashed@example.com", pass); err != nil {
		w.t.Fatal(err)
	}

	return query[int64](w, "SELECT user_id FROM email_addresses WHERE address = 'hashed@example.com'")
}

// Anybody can sign up with an address that is not theirs.
func TestPasswordHook_aStrangersSignUpKeepsNobodyFromMoving(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	o.knows(ada, moving("77", ada))
	w := start(t, o.settings()...)
	w.signedUp(ada)

	a := w.visitor().post(loginPath, "email", ada, "password", oldPassword).in()
	if got := claims(t, a.text("meta.access_token"))["sub"]; got != "77" {
		t.Errorf("signed in as %v, want 77", got)
	}
}

func TestPasswordHook_goesOffAfterItsDate(t *testing.T) {
	t.Parallel()
	o := newOldSystem(t)
	o.knows(ada, moving("77", ada))
	today := time.Now().UTC()
	w := start(t, o.settings("LATCHKEY_PASSWORD_HOOK_UNTIL="+today.AddDate(0, 0, 1).Format(time.DateOnly))...)
	w.clock.Advance(48 * time.Hour)

	w.call("POST", loginPath, credentials(ada, oldPassword)).wants(400, "email_password_mismatch@password")
	if asked := o.questions(); len(asked) != 0 {
		t.Errorf("asked %v", asked)
	}
}

// No password stands in a log, a trace or the database, whatever the other system answers.
func TestPasswordHook_noPasswordIsReadableAnywhere(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	o := newOldSystem(t)
	o.knows(ada, moving("77", ada))
	w := start(t, o.settings(c.settings()...)...)
	for _, typed := range []string{oldPassword, wrongPassword + "-canary-71c2"} {
		w.call("POST", loginPath, credentials(ada, typed))
	}
	for _, answer := range []string{
		oldPassword, `{"match":true,"user":{"id":"9","color":"` + oldPassword + `"}}`,
		`{"match":true,"user":{"id":"9","emails":[{"address":"canary-71c2"}]}}`,
	} {
		o.answers(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		w.call("POST", loginPath, credentials(grace, oldPassword)).wants(503)
	}
	o.Close()
	w.call("POST", loginPath, credentials(grace, oldPassword)).wants(503)
	w.stop()

	for where, text := range map[string]string{
		"the log": w.log.String(), "the database": w.everyRow(),
		"a trace": c.text(),
	} {
		for _, secret := range []string{"canary-71c2", hookKey, "token=canary"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %q", where, secret)
			}
		}
	}
	if !strings.Contains(c.text(), "password hook") {
		t.Error("the trace does not show the question")
	}
}

func TestPasswordHook_settings(t *testing.T) {
	t.Parallel()
	key := "LATCHKEY_PASSWORD_HOOK_KEY=" + hookKey
	for settings, want := range map[string]string{
		"LATCHKEY_PASSWORD_HOOK_URL=http://example.com/x " +
			key: "LATCHKEY_PASSWORD_HOOK_URL: want an https address",
		"LATCHKEY_PASSWORD_HOOK_URL=nonsense " +
			key: "LATCHKEY_PASSWORD_HOOK_URL: want an https address",
		"LATCHKEY_PASSWORD_HOOK_URL=https://example.com": "LATCHKEY_PASSWORD_HOOK_KEY: want at least 32 characters",
		"LATCHKEY_PASSWORD_HOOK_UNTIL=2027-01-01":        "LATCHKEY_PASSWORD_HOOK_URL: is needed",
		"LATCHKEY_PASSWORD_HOOK_URL=https://example.com LATCHKEY_PASSWORD_HOOK_UNTIL=soon " +
			key: "LATCHKEY_PASSWORD_HOOK_UNTIL: want a date",
	} {
		env := []string{"DATABASE_URL=postgres://x@127.0.0.1:1/x"}
		for _, setting := range strings.Split(settings, " LATCHKEY") {
			if !strings.HasPrefix(setting, "LATCHKEY") {
				setting = "LATCHKEY" + setting
			}
			env = append(env, setting)
		}
		launch{args: []string{"config", "--check"}, env: env}.run(t).wants(2, want)
	}
}
