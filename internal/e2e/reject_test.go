package e2e

import (
	"strings"
	"testing"
)

// carol owns an address that a stranger gives to us.
const carol = "carol@corp.test"

// A page shows whose account it is, when and on which platform the link was asked for. Outside
// the account's own sessions, nothing that the stranger chose is shown.
func TestVerifyLink_showsTheAccountThatItVerifies(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.visitor()
	v.do("POST", signupPath, credentials(carol, goodPassword), "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)").in()
	v.do("PATCH", profilePath, object("display", strangersText)).wants(200)
	key := "X-Email-Verification-Key: " + w.mailedKey(carol, 1)

	elsewhere := w.visitor().do("GET", verifyEmailPath, "", key).wants(200)
	if elsewhere.text("data.email") != carol || elsewhere.text("data.user.display") != carol || elsewhere.text("data.user.email") != carol {
		t.Errorf("shown elsewhere: %s", elsewhere.Body)
	}
	if strings.Contains(elsewhere.Body, "evil") {
		t.Errorf("a text that a stranger chose: %s", elsewhere.Body)
	}
	if at, _ := elsewhere.get("data.requested_at").(float64); elsewhere.text("data.platform") != "iPhone" || int64(at) != w.clock.Now().Unix() {
		t.Errorf("when and where: %s", elsewhere.Body)
	}
	if own := v.do("GET", verifyEmailPath, "", key).wants(200); own.text("data.user.display") != strangersText {
		t.Errorf("shown in the account's own session: %s", own.Body)
	}
	if text := w.letter(carol, 1).text; !strings.Contains(text, "With: iPhone") {
		t.Errorf("the mail says %s", text)
	}

	// The address is a further one of somebody else.
	w.markVerified(carol)
	mallory := w.reproved(evil)
	w.markVerified(evil)
	mallory.post(emailsPath, "email", grace).wants(200)
	shown := w.visitor().do("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+w.mailedKey(grace, 1)).wants(200)
	if shown.text("data.user.email") != "m•••@evil.test" || shown.text("data.user.display") != "m•••@evil.test" {
		t.Errorf("shown of somebody else: %s", shown.Body)
	}
}

func TestReject_deletesAnAccountThatHasVerifiedNothing(t *testing.T) {
	t.Parallel()

	for mode, settings := range map[string]string{"optional": "ACCOUNT_EMAIL_VERIFICATION=optional", "mandatory": byLink} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, settings)
			stranger := w.visitor()
			stranger.post(signupPath, "email", carol, "password", goodPassword)
			key := w.mailedKey(carol, 1)
			id := query[int64](w, "SELECT id FROM users")

			w.visitor().post(rejectEmailPath, "key", "").wants(400, "required@key")
			w.visitor().post(rejectEmailPath, "key", "nonsense").wants(400, "invalid_or_expired_key@key")
			a := w.visitor().post(rejectEmailPath, "key", key).wants(200)
			if a.text("data.outcome") != "account_deleted" {
				t.Errorf("got %s", a.Body)
			}
			if n := query[int](w, "SELECT count(*) FROM users"); n != 0 {
				t.Errorf("%d accounts are left", n)
			}

			if a := stranger.do("GET", profilePath, ""); a.Status != 401 && a.Status != 410 {
				t.Errorf("the stranger is still in: %s", a.Body)
			}
			w.visitor().post(loginPath, "email", carol, "password", goodPassword).wants(400)
			w.visitor().post(rejectEmailPath, "key", key).wants(400, "invalid_or_expired_key@key")
			w.opens(key).wants(400, "invalid_or_expired_key@key")
			for _, event := range []string{"email_rejected", "account_deleted"} {
				if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = $1 AND user_id = $2 AND address IS NULL", event, id); n != 1 {
					t.Errorf("%d rows %s in the audit log", n, event)
				}
			}
			w.visitor().post(signupPath, "email", carol, "password", goodPassword)
			if n := query[int](w, "SELECT count(*) FROM users"); n != 1 {
				t.Error("the owner cannot sign up")
			}
		})
	}
}

// An account that has something else which was proved or given to it loses the address alone.
func TestReject_takesTheAddressFromAnAccountThatHasMore(t *testing.T) {
	t.Parallel()

	for what, adds := range map[string]string{
		"a verified address": "INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at) SELECT id, 'mallory@evil.test', now(), false, now() FROM users",
		"a verified number":  "UPDATE users SET phone = '+31612345678', phone_verified_at = now()",
		"a provider":         "INSERT INTO provider_accounts (provider, uid, user_id, display, client_id, created_at, last_used_at) SELECT 'google', '1', id, 'x', 'x', now(), now() FROM users",
		"a second factor":    "INSERT INTO authenticators (id, user_id, type, name, created_at, sealed, spent, misses) SELECT 1, id, 'totp', '', now(), 'x', 0, 0 FROM users",
		"a tenant":           "WITH t AS (INSERT INTO tenants (id, name, created_at) VALUES (gen_random_uuid(), 'Corp', now()) RETURNING id) INSERT INTO memberships (tenant_id, user_id, is_primary, created_at) SELECT t.id, u.id, true, now() FROM t, users u",
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := mailing(t)
			stranger := w.signedIn(carol)
			w.exec(adds)

			a := w.visitor().post(rejectEmailPath, "key", w.mailedKey(carol, 1)).wants(200)
			if a.text("data.outcome") != "address_removed" {
				t.Errorf("got %s", a.Body)
			}
			want := ""
			if what == "a verified address" {
				want = "mallory@evil.test primary verified"
			}
			if got := w.addresses(); got != want {
				t.Errorf("the addresses are %q, want %q", got, want)
			}
			stranger.do("GET", profilePath, "").wants(200)
		})
	}
}

// A link whose address was verified meanwhile rejects nothing.
func TestReject_aVerifiedAddressStays(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	w.signedIn(carol)
	key := w.mailedKey(carol, 1)
	w.opens(key).waits()
	w.visitor().post(rejectEmailPath, "key", key).wants(400, "invalid_or_expired_key@key")
	if got := w.addresses(); got != carol+" primary verified" {
		t.Errorf("the addresses are %q", got)
	}
}
