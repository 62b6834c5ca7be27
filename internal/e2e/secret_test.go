package e2e

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// secrets are what a world has seen that must stand readable nowhere: neither in its
// database nor in its log. Every world looks when it ends.
type secrets struct {
	mu   sync.Mutex
	seen map[string]string // value: what it is
}

// What is secret: members of requests and of answers, and headers.
var (
	secretSent    = []string{"password", "new_password", "current_password", "key", "code", "refresh", "refresh_token", "id_token", "authorization_code", "nonce"}
	secretAnswers = []string{"refresh_token", "access_token", "session_token", "secret", "unused_codes", "nonce", "challenge"}
	secretHeaders = []string{"X-Session-Token", "Authorization", "X-Email-Verification-Key", "X-Password-Reset-Key", "X-Account-Undo-Key"}
)

// digits are codes short enough to stand somewhere by accident; a longer one is looked for
// where it stands alone.
var digits = regexp.MustCompile(`^[0-9]+$`)

func (s *secrets) add(what, value string) {
	if len(value) < 8 { // six digits stand anywhere
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[value] = what
}

// exchange remembers what was secret in a request that was good, and in its answer. What was
// refused may be anything, such as an address in the place of a password.
func (s *secrets) exchange(r *http.Request, body []byte, status int, answer []byte) {
	if status != 200 && status != 401 && status != 404 {
		return
	}
	if status == 200 || strings.Contains(string(answer), `"is_pending":true`) {
		s.members(body, secretSent)
	}
	if status == 200 {
		for _, name := range secretHeaders {
			s.add(name, strings.TrimPrefix(r.Header.Get(name), "Bearer "))
		}
	}
	s.members(answer, secretAnswers)
}

func (s *secrets) members(text []byte, names []string) {
	var value any
	if json.Unmarshal(text, &value) == nil {
		s.walk("", value, names)
	}
}

func (s *secrets) walk(name string, value any, names []string) {
	switch v := value.(type) {
	case map[string]any:
		for member, inner := range v {
			s.walk(member, inner, names)
		}
	case []any:
		for _, inner := range v {
			s.walk(name, inner, names)
		}
	case string:
		if slices.Contains(names, name) {
			s.add(name, v)
		}
	}
}

// forms are the ways in which a value could stand in a dump.
func forms(what, value string) []string {
	list := []string{value, hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value))}
	switch raw, err := base32.StdEncoding.DecodeString(value); {
	case what == "secret" && err == nil:
		list = append(list, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw))
	case what == "challenge":
		if raw, err := base64.RawURLEncoding.DecodeString(value); err == nil {
			list = append(list, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw))
		}
	}
	return list
}

// stands reports whether a secret stands in a text in any form.
func stands(text, what, value string) bool {
	if digits.MatchString(value) {
		return regexp.MustCompile(`(?:^|[^0-9a-f])` + value + `(?:$|[^0-9a-f])`).MatchString(text)
	}
	return slices.ContainsFunc(forms(what, value), func(form string) bool { return strings.Contains(text, form) })
}

// nothingReadable fails where a secret of this world stands in its database or its log.
func (w *world) nothingReadable() {
	w.t.Helper()
	if w.secrets == nil {
		return
	}
	dump, log := w.everyRow(), w.log.String()
	w.secrets.mu.Lock()
	defer w.secrets.mu.Unlock()
	for value, what := range w.secrets.seen {
		if stands(dump, what, value) {
			w.t.Errorf("a %s stands readable in the database", what)
		}
		if stands(log, what, value) {
			w.t.Errorf("a %s stands in the log", what)
		}
	}
}

// everyRow is every row of every table of the world's database, as text.
func (w *world) everyRow() string {
	w.t.Helper()
	w.mend() // some tests leave it closed
	return testdb.EveryRow(w.t, w.db)
}

// The search itself: it finds each form, and a world that has had everything knows each kind.
func TestSecrets_areFoundInEveryForm(t *testing.T) {
	t.Parallel()
	for _, form := range forms("secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP") {
		if !stands("a,"+form+",b", "secret", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP") {
			t.Errorf("%s is not found", form)
		}
	}
	if !stands("(12345678)", "unused_codes", "12345678") || stands("912345678", "unused_codes", "12345678") {
		t.Error("a code is found where it does not stand alone, or not at all")
	}
	h := open(t, "MFA_SUPPORTED_TYPES=totp,recovery_codes,webauthn")
	app := h.owner.withTOTP()
	codes := h.owner.recoveryCodes()
	v := h.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", codes[0]).in()
	h.refreshed(v)
	h.visitor().asked(keyLoginPath)
	h.visitor().do("POST", providerNoncePath, "").wants(200)
	n := len(h.letters(ada))
	v = h.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(codeConfirmPath, "code", h.mailedCode(ada, n+1)).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(h.clock.Now())).in()
	known := map[string]bool{}
	for _, what := range h.secrets.seen {
		known[what] = true
	}
	for _, what := range []string{
		"password", "code", "refresh", "refresh_token", "access_token", "session_token", "secret", "unused_codes", "nonce", "challenge", "id_token", "X-Session-Token", "Authorization",
	} {
		if !known[what] {
			t.Errorf("no %s was seen", what)
		}
	}
}
