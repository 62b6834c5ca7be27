package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// connection is something that can be connected to an account.
type connection struct {
	what     string
	connects func(s *services, v *visitor) answer
	// status and problem are the refusal.
	status  int
	problem string
}

var connections = []connection{
	{"a provider", func(s *services, v *visitor) answer {
		return v.bring("connect", s, fakeprovider.Claims{Provider: fakeprovider.Google, Email: gmail, Sub: "1"})
	}, 409, "unverified_email"},
	{"TOTP", func(_ *services, v *visitor) answer {
		setup := v.do("GET", totpPath, "")
		if setup.Status != 404 {
			setup.wants(409, "unverified_email")
			return v.post(totpPath, "code", "000000")
		}
		return v.post(totpPath, "code", newAuthenticatorApp(v.w.t, setup.text("meta.secret")).at(v.w.clock.Now()))
	}, 400, "unverified_email@code"},
	{"a security key", func(_ *services, v *visitor) answer { return v.registers("") }, 409, "unverified_email"},
	{"a passkey", func(_ *services, v *visitor) answer { return v.registers("?passwordless") }, 409, "unverified_email"},
	{"a number", func(_ *services, v *visitor) answer { return v.post(phonePath, "phone", otherNumber) }, 409, "unverified_email"},
}

// registers adds a key as far as it is let.
func (v *visitor) registers(query string) answer {
	v.w.t.Helper()
	options := v.do("GET", passkeysPath+query, "")
	if options.Status != 200 {
		options.wants(409, "unverified_email")
		return v.do("POST", passkeysPath, `{"credential":{}}`)
	}
	return v.do("POST", passkeysPath, presented(softkey.New(passkeyOrigin).Register([]byte(options.Body))))
}

const (
	bothWays = " ACCOUNT_LOGIN_METHODS=email,username,phone ACCOUNT_SIGNUP_FIELDS=email,username,phone,password1*"
	bob      = "bob@example.com"
)

func TestUnverified_connectsNothing(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		settings string
		prepare  func(w *world)
		free     bool
	}{
		"an unverified address":                    {"ACCOUNT_EMAIL_VERIFICATION=optional", func(*world) {}, false},
		"an unverified address, factors allowed":   {"ACCOUNT_EMAIL_VERIFICATION=optional MFA_ALLOW_UNVERIFIED_EMAIL=true", func(*world) {}, false},
		"an unverified address and number":         {"ACCOUNT_EMAIL_VERIFICATION=optional", func(w *world) { w.exec("UPDATE users SET phone = $1", number) }, false},
		"two unverified addresses":                 {"ACCOUNT_EMAIL_VERIFICATION=optional", func(w *world) { w.insertSecond() }, false},
		"an address that was verified":             {"ACCOUNT_EMAIL_VERIFICATION=optional", func(w *world) { w.markVerified(ada) }, true},
		"a verified number, an unverified address": {"ACCOUNT_EMAIL_VERIFICATION=optional MFA_ALLOW_UNVERIFIED_EMAIL=true", func(w *world) { w.exec("UPDATE users SET phone = $1, phone_verified_at = now()", number) }, true},
		"no address":            {"ACCOUNT_EMAIL_VERIFICATION=optional", func(w *world) { w.exec("DELETE FROM email_addresses") }, true},
		"the rule switched off": {"ACCOUNT_EMAIL_VERIFICATION=none MFA_ALLOW_UNVERIFIED_EMAIL=true", func(*world) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, withFactors+" MFA_ALLOW_UNVERIFIED_EMAIL=false "+row.settings+bothWays)

			for _, c := range connections {
				w.exec("DELETE FROM users")
				v := w.reproved(ada)
				row.prepare(w)

				a := c.connects(s, v)
				if !row.free {
					a.wants(c.status, c.problem)
				}
				if row.free && a.Status >= 300 {
					t.Errorf("%s: got %d %s", c.what, a.Status, a.Body)
				}
				if n := query[int](w, "SELECT (SELECT count(*) FROM provider_accounts) + (SELECT count(*) FROM authenticators)"); n > 0 && !row.free {
					t.Errorf("%s: something was connected", c.what)
				}
			}
		})
	}
}

// insertSecond stores another unverified address of the one account.
func (w *world) insertSecond() {
	w.t.Helper()
	w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT id, $1, false, now() FROM users", grace)
}

// addresses are those of the one account: "address primary verified", in order.
func (w *world) addresses() string {
	w.t.Helper()
	return query[string](w, `SELECT coalesce(string_agg(concat_ws(' ', address, CASE WHEN is_primary THEN 'primary' END,
		CASE WHEN verified_at IS NOT NULL THEN 'verified' END), ', ' ORDER BY address), '') FROM email_addresses`)
}

// An account that has verified nothing has one address at a time: another one takes its place,
// and what was mailed to the first is dead.
func TestUnverified_anAddressIsReplaced(t *testing.T) {
	t.Parallel()

	t.Run("by link", func(t *testing.T) {
		t.Parallel()
		w := mailing(t)
		v := w.reproved(ada)
		first := w.mailedKey(ada, 1)
		w.insertSecond()

		list := v.post(emailsPath, "email", bob).wants(200)
		if list.text("data.email") != bob || list.get("data.primary") != true || list.get("data.verified") != false {
			t.Errorf("the list is %s", list.Body)
		}
		if got := w.addresses(); got != bob+" primary" {
			t.Errorf("the addresses are %s", got)
		}

		v.post(verifyEmailPath, "key", first).wants(400, "invalid_or_expired_key@key")
		w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400)
		v.post(verifyEmailPath, "key", w.mailedKey(bob, 1)).wants(200)
		if got := w.addresses(); got != bob+" primary verified" {
			t.Errorf("the addresses are %s", got)
		}

		v.post(emailsPath, "email", ada).wants(200)
		if got := w.addresses(); got != ada+", "+bob+" primary verified" {
			t.Errorf("a further address of a verified account: %s", got)
		}
		w.mailedKey(ada, 2)
	})

	t.Run("by code", func(t *testing.T) {
		t.Parallel()
		w := mailing(t, mandatoryByCode)
		v := w.verified(ada).proved()
		w.exec("UPDATE email_addresses SET verified_at = NULL")

		v.post(emailsPath, "email", bob).wants(200)
		if got := w.addresses(); got != ada+" primary" {
			t.Errorf("before the code: %s", got)
		}
		v.post(verifyEmailPath, "key", w.mailedCode(bob, 1)).wants(200)
		if got := w.addresses(); got != bob+" primary verified" {
			t.Errorf("after the code: %s", got)
		}
	})

	t.Run("with the rule switched off", func(t *testing.T) {
		t.Parallel()
		w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
		w.reproved(ada).post(emailsPath, "email", bob).wants(200)
		if got := w.addresses(); got != ada+" primary, "+bob {
			t.Errorf("the addresses are %s", got)
		}
	})
}

func TestUnverified_theStartWarnsWhereTheRuleIsOff(t *testing.T) {
	t.Parallel()

	for settings, want := range map[string]bool{"ACCOUNT_EMAIL_VERIFICATION=none": true, "ACCOUNT_EMAIL_VERIFICATION=optional": false} {
		w := start(t, settings)
		w.call("GET", configPath, "").wants(200)
		if got := strings.Contains(w.log.String(), "before it has verified its address"); got != want {
			t.Errorf("%s: warned: %t", settings, got)
		}
	}
}
