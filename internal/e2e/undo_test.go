package e2e

import (
	"crypto/sha256"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

const (
	undoPath     = root + "account/undo"
	undoPage     = "/account/undo/"
	publicURL    = "LATCHKEY_PUBLIC_URL=https://id.example.com"
	robber       = "thief@evil.example"
	robberNumber = "+31611111111"
	robberWord   = "thieves never sleep"
	anotherWord  = "a third horse battery"
)

var undoLink = regexp.MustCompile(`(?m)^https://id\.example\.com/account/undo/([A-Za-z0-9_-]{43})$`)

// undoKeys are the keys of the undo links in all mails to an address so far, the oldest first.
func (w *world) undoKeys(to string) []string {
	w.t.Helper()
	w.delivered()

	var keys []string
	for _, l := range w.letters(to) {
		if m := undoLink.FindStringSubmatch(l.text); m != nil && w.canBeUndone(m[1]) {
			keys = append(keys, m[1])
		}
	}

	return keys
}

// canBeUndone reports whether the change of a link is stored.
func (w *world) canBeUndone(key string) bool {
	w.t.Helper()
	w.secrets.add("undo key", key)
	sum := sha256.Sum256([]byte(key))

	return query[int](w, "SELECT count(*) FROM undo_links WHERE key_hash = $1", sum[:]) == 1
}

// undoTexts are the keys of the undo links in all texts to a number so far.
func (h *house) undoTexts(to string) []string {
	h.t.Helper()
	h.delivered()

	var keys []string
	for _, text := range h.g.all(to) {
		if m := undoLink.FindStringSubmatch(text); m != nil && h.canBeUndone(m[1]) {
			keys = append(keys, m[1])
		}
	}

	return keys
}

// verifiedLongAgo makes every address and number of the world one that was verified 30 days ago.
func (w *world) verifiedLongAgo() {
	w.t.Helper()
	w.exec("UPDATE email_addresses SET verified_at = created_at - interval '30 days' WHERE verified_at IS NOT NULL")
	w.exec("UPDATE users SET phone_verified_at = created_at - interval '30 days' WHERE phone_verified_at IS NOT NULL")
}

// undo uses a link of a client that has no session.
func (w *world) undo(key string) answer {
	w.t.Helper()
	return w.visitor().post(undoPath, "key", key)
}

// burgled is a house whose owner has a passkey, and a thief in a session of the owner.
func burgled(t *testing.T, settings ...string) (h *house, owners *softkey.Key, thief *visitor) {
	t.Helper()
	h = open(t, append([]string{publicURL}, settings...)...)
	owners = softkey.New(passkeyOrigin)
	h.owner.withKey(owners, true)
	h.verifiedLongAgo()
	h.exec("DELETE FROM account_changes") // what the owner did is long ago

	return h, owners, &visitor{w: h.world, access: h.owner.access, fresh: h.owner.fresh, token: h.owner.token}
}

// spoils is what a thief has brought into an account.
type spoils struct {
	passkey *softkey.Key
	app     authenticatorApp
}

// thefts are the changes that a thief makes, one after the other. Each is told of, and together
// they leave nothing of the owner's.
var thefts = []struct {
	name string
	do   func(h *house, thief *visitor, s *spoils)
}{
	{"adds an address", func(h *house, thief *visitor, _ *spoils) {
		thief.post(emailsPath, "email", robber).wants(200)
		thief.do("PUT", emailsPath, object("email", robber))
	}},
	{"verifies it", func(h *house, thief *visitor, _ *spoils) {
		h.visitor().post(verifyEmailPath, "key", h.mailedKey(robber, 1)).wants(401)
	}},
	{"makes it the primary one", func(h *house, thief *visitor, _ *spoils) {
		thief.do("PATCH", emailsPath, `{"email":"`+robber+`","primary":true}`).wants(200)
	}},
	{"removes the owner's", func(h *house, thief *visitor, _ *spoils) {
		thief.do("DELETE", emailsPath, object("email", ada)).wants(200)
	}},
	{"connects an account with a provider", func(h *house, thief *visitor, _ *spoils) {
		thief.bring("connect", h.s, of(fakeprovider.Google, "thief@gmail.com")).wants(200)
	}},
	{"disconnects the owner's", func(h *house, thief *visitor, _ *spoils) {
		thief.do("DELETE", providersPath, object("provider", "apple", "account", "ada")).wants(200)
	}},
	{"adds a passkey", func(h *house, thief *visitor, s *spoils) {
		thief.withKey(s.passkey, true)
	}},
	{"removes the owner's passkey", func(h *house, thief *visitor, _ *spoils) {
		id := query[int64](h.world, "SELECT min(id) FROM authenticators WHERE type = 'webauthn' AND created_at = (SELECT min(created_at) FROM authenticators WHERE type = 'webauthn')")
		thief.do("DELETE", passkeysPath, `{"authenticators":[`+decimal(id)+`]}`).wants(200)
	}},
	{"adds an authenticator app", func(h *house, thief *visitor, s *spoils) {
		s.app = thief.withTOTP()
	}},
	{"makes recovery codes", func(h *house, thief *visitor, _ *spoils) {
		thief.do("POST", recoveryPath, "").wants(200)
	}},
	{"changes the number", func(h *house, thief *visitor, _ *spoils) {
		thief.post(phonePath, "phone", robberNumber).wants(202)
		thief.post(verifyPhonePath, "code", h.g.code(h.t.(*testing.T), robberNumber, 1)).wants(200)
	}},
	{"changes the password", func(h *house, thief *visitor, _ *spoils) {
		thief.post(changePath, "current_password", goodPassword, "new_password", robberWord).wants(200)
	}},
}

// robbed is a burgled house whose thief has made every change.
func robbed(t *testing.T, settings ...string) (h *house, owners *softkey.Key, thief *visitor, s *spoils) {
	t.Helper()
	h, owners, thief = burgled(t, settings...)
	s = &spoils{passkey: softkey.New(passkeyOrigin)}
	for _, theft := range thefts {
		theft.do(h, thief, s)
	}
	h.delivered()

	return h, owners, thief, s
}

// What the messages advise helps: a thief who has changed everything is shut out by the link in
// the first message, the ways in of the owner are back, and a new password is set.
func TestUndo_shutsAThiefOutAndGivesTheOwnerTheAccountBack(t *testing.T) {
	t.Parallel()
	h, owners, thief, s := robbed(t)

	// The address gets a link until it is removed, and the number after that until it is replaced.
	keys, texts := h.undoKeys(ada), h.undoTexts(number)
	if len(keys) != 4 || len(texts) != 7 {
		t.Fatalf("the owner got %d undo links by mail and %d by text", len(keys), len(texts))
	}

	shown := h.call("GET", undoPath, "", "X-Account-Undo-Key: "+keys[0]).wants(200)
	if shown.text("data.account") != "a•••@example.com" || shown.get("data.earlier_changes") != 0.0 {
		t.Error(shown.Body)
	}
	for _, change := range []string{
		"email_added", "email_confirmed", "email_changed", "email_deleted", "provider_connected", "provider_disconnected", "webauthn_added",
		"webauthn_removed", "totp_activated", "recovery_codes_generated", "phone_changed", "password_changed",
	} {
		if !strings.Contains(shown.Body, `"change":"`+change+`"`) {
			t.Errorf("the link does not show %s: %s", change, shown.Body)
		}
	}
	thief.do("GET", sessionPath, "").wants(200) // looking changes nothing

	letters := len(h.letters(ada))
	done := h.undo(keys[0]).wants(200)
	if done.text("data.password_reset") != "link" || done.text("data.reset_email") != "a•••@example.com" || strings.Contains(done.Body, "evil") {
		t.Error(done.Body)
	}

	h.thiefIsOut(thief, s)
	h.ownerIsBack(owners, letters)
}

// thiefIsOut tries everything that a thief has left in an account.
func (h *house) thiefIsOut(thief *visitor, s *spoils) {
	h.t.Helper()
	h.call("GET", sessionPath, "", bearer(thief.access)).wants(401)
	h.call("GET", sessionPath, "", "X-Session-Token: "+thief.token).wants(410)
	h.spend(thief.fresh, "").wants(400, "password_changed@refresh")

	for name, try := range map[string]func(v *visitor) answer{
		"address and password":   func(v *visitor) answer { return v.post(loginPath, "email", robber, "password", robberWord) },
		"owner's address":        func(v *visitor) answer { return v.post(loginPath, "email", ada, "password", robberWord) },
		"user name and password": func(v *visitor) answer { return v.post(loginPath, "username", "ada", "password", robberWord) },
		"old password":           func(v *visitor) answer { return v.post(loginPath, "username", "ada", "password", goodPassword) },
		"number and password":    func(v *visitor) answer { return v.post(loginPath, "phone", robberNumber, "password", robberWord) },
		"passkey": func(v *visitor) answer {
			return v.do("POST", keyLoginPath, presented(s.passkey.Assert(v.asked(keyLoginPath))))
		},
	} {
		if a := try(h.visitor()); a.Status != 400 {
			h.t.Errorf("the thief comes in by %s: %d %s", name, a.Status, a.Body)
		}
	}

	owner := query[int64](h.world, "SELECT id FROM users WHERE username = 'ada'")
	if n := query[int](h.world, "SELECT count(*) FROM provider_accounts WHERE provider = 'google' AND user_id = $1", owner); n > 0 {
		h.t.Error("the thief's provider is still connected")
	}
	if n := query[int](h.world, "SELECT count(*) FROM authenticators WHERE type <> 'webauthn' AND user_id = $1", owner); n > 0 {
		h.t.Error("the authenticator app or the recovery codes are still there")
	}

	// A reset and a code that are asked for with what was the thief's serve nobody.
	letters, texts := len(h.letters(robber)), len(h.g.all(robberNumber))
	h.visitor().post(resetRequestPath, "email", robber).wants(200)
	h.visitor().post(codeRequestPath, "phone", robberNumber).waits("login_by_code")
	h.delivered()
	if l := h.letter(robber, letters+1); linkAlone.MatchString(strings.ReplaceAll(l.text, "https://app.example.com/signup", "")) {
		h.t.Errorf("the thief's address gets a reset: %s", l.text)
	}
	if all := h.g.all(robberNumber); len(all) > texts && textedCode.MatchString(all[len(all)-1]) {
		h.t.Errorf("the thief's number gets a code: %q", all)
	}
}

// ownerIsBack sets a new password by the mail that came after so many, and uses every way in of
// the owner.
func (h *house) ownerIsBack(owners *softkey.Key, letters int) {
	h.t.Helper()
	h.delivered()
	mails := h.letters(ada)[letters:]
	at := slices.IndexFunc(mails, func(l letter) bool { return linkAlone.MatchString(l.text) && strings.Contains(l.text, "/reset/") })
	told := slices.IndexFunc(mails, func(l letter) bool { return strings.Contains(l.subject, "restored") })
	if at < 0 || told < 0 || len(mails) != 2 {
		h.t.Fatalf("the owner got %d mails: %+v", len(mails), mails)
	}
	if undoLink.MatchString(mails[told].text) {
		h.t.Error("the undo can be undone")
	}

	key := linkAlone.FindStringSubmatch(mails[at].text)[1]
	h.secrets.add("mailed key", key)
	v := h.visitor()
	v.post(resetPath, "key", key, "password", anotherWord).waits("mfa_authenticate") // ACCOUNT_LOGIN_ON_PASSWORD_RESET
	v.do("POST", keyFactorPath, presented(owners.Assert(v.asked(keyFactorPath)))).in()

	if a := v.do("GET", emailsPath, "").wants(200); a.Body != `{"status":200,"data":[{"email":"`+ada+`","verified":true,"primary":true}]}`+"\n" && strings.Count(a.Body, `"email"`) != 1 || !strings.Contains(a.Body, ada) {
		h.t.Error(a.Body)
	}
	if a := v.do("GET", phonePath, "").wants(200); !strings.Contains(a.Body, `"`+number+`","verified":true`) {
		h.t.Error(a.Body)
	}

	for name, try := range map[string]func(v *visitor) answer{
		"password": func(v *visitor) answer { return v.post(loginPath, "email", ada, "password", anotherWord) },
		"number":   func(v *visitor) answer { return v.post(loginPath, "phone", number, "password", anotherWord) },
		"provider": func(v *visitor) answer { return v.bring("login", h.s, atApple("ada")) },
	} {
		v := h.visitor()
		if a := try(v); a.pending() != "mfa_authenticate" || !strings.Contains(a.Body, `"types":["webauthn"]`) {
			h.t.Errorf("the owner's %s: %d %s", name, a.Status, a.Body)
			continue
		}
		v.do("POST", keyFactorPath, presented(owners.Assert(v.asked(keyFactorPath)))).in()
	}

	v = h.visitor()
	v.do("POST", keyLoginPath, presented(owners.Assert(v.asked(keyLoginPath)))).in()
}

func decimal(id int64) string { return strconv.FormatInt(id, 10) }
