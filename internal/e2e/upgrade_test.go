package e2e

import (
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/testdb"
)

// upgraded starts today's server, with the keys of before, on a database that a server of commit 68acdd3
// has left. The old tokens are as much older as the rows of the database.
func upgraded(t *testing.T, settings ...string) (*world, testdb.OldDatabase) {
	t.Helper()

	old := testdb.Old(t)
	mails := t.TempDir()
	settings = append([]string{
		links, "LATCHKEY_MAIL_DIR=" + mails, "LATCHKEY_ISSUER=latchkey", "ACCOUNT_LOGIN_BY_CODE_ENABLED=true", "ACCOUNT_RATE_LIMITS=true",
	}, settings...)
	w := startOn(t, old.URL, old.SigningKey, settings...)
	w.mails = mails

	for _, tokens := range []*testdb.OldTokens{&old.Ada, &old.AdaRefreshed, &old.Carol, &old.Bob} {
		tokens.Access = w.later(tokens.Access, old.Age)
		tokens.Refresh = w.later(tokens.Refresh, old.Age)
	}

	return w, old
}

var timeClaims = regexp.MustCompile(`"(exp|iat)":(\d+)`)

// later is a token whose times are later by so much, signed with the server's key.
func (w *world) later(compact string, by time.Duration) string {
	w.t.Helper()

	return w.edited(compact, func(claims string) string {
		return timeClaims.ReplaceAllStringFunc(claims, func(claim string) string {
			part := timeClaims.FindStringSubmatch(claim)
			at, err := strconv.Atoi(part[2])
			if err != nil {
				w.t.Fatal(err)
			}

			return `"` + part[1] + `":` + strconv.Itoa(at+int(by.Seconds()))
		})
	})
}

// sendNow makes the messages that no mail server took due: they are waiting for their next attempt.
func (w *world) sendNow() {
	w.t.Helper()
	w.exec("UPDATE river.river_job SET state = 'available', scheduled_at = now()")
	w.delivered()
}

func TestUpgrade_everySessionGoesOn(t *testing.T) {
	t.Parallel()
	w, old := upgraded(t)

	for name, row := range map[string]struct {
		tokens testdb.OldTokens
		email  string
		// key is the Idempotency-Key that the client sends, and generation the one that it gets.
		key        string
		generation float64
	}{
		"never refreshed":           {old.Ada, ada, "", 2},
		"refreshed with a key":      {old.AdaRefreshed, ada, "key-of-generation-2", 3},
		"its address is unverified": {old.Carol, "carol@example.com", "", 2},
		"its user has TOTP":         {old.Bob, "bob@example.com", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			if aud := claims(t, row.tokens.Refresh)["aud"]; aud != "latchkey" {
				t.Fatalf("the refresh token has the audience %v, want the old one", aud)
			}
			for _, credential := range []string{withSessionToken(row.tokens.Session), bearer(row.tokens.Access)} {
				w.call("GET", profilePath, "", credential).wants(200)
				if a := w.call("GET", sessionPath, "", credential).wants(200); a.text("data.user.email") != row.email {
					t.Errorf("the session is of %s, want %s", a.text("data.user.email"), row.email)
				}
			}

			w.age(grown)
			a := w.spend(row.tokens.Refresh, row.key).wants(200)
			next := claims(t, a.text("meta.refresh_token"))
			if next["aud"] != "latchkey/refresh" || next["gen"] != row.generation {
				t.Errorf("the successor is %v, want generation %v with the audience of its own", next, row.generation)
			}
			if next["sid"] != claims(t, row.tokens.Refresh)["sid"] || next["sub"] != claims(t, row.tokens.Refresh)["sub"] {
				t.Errorf("the successor is of another session or user: %v", next)
			}

			w.age(grown)
			w.call("POST", pairPath, object("refresh_token", a.text("meta.refresh_token"))).wants(200)
			w.call("GET", profilePath, "", bearer(a.text("meta.access_token"))).wants(200)
		})
	}

	if n := query[int](w, "SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL"); n != 0 {
		t.Errorf("%d sessions have ended", n)
	}
}

// A refresh token keeps its lifetime over the upgrade: it is refused when that is over, and caught when it is
// spent again after its successor was used.
func TestUpgrade_anOldRefreshTokenEndsAsItWouldHave(t *testing.T) {
	t.Parallel()

	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		w, old := upgraded(t)
		w.clock.Advance(23 * time.Hour)
		w.spend(old.Ada.Refresh, "").wants(200)
		w.clock.Advance(2 * time.Hour)
		w.spend(old.AdaRefreshed.Refresh, "key-of-generation-2").wants(400, "session_expired@refresh")
	})

	t.Run("spent twice", func(t *testing.T) {
		t.Parallel()
		w, old := upgraded(t)
		w.age(grown)
		a := w.spend(old.Ada.Refresh, "").wants(200)
		w.clock.Advance(2 * time.Minute)
		w.call("GET", sessionPath, "", bearer(a.text("meta.access_token"))).wants(200)
		w.spend(old.Ada.Refresh, "").wants(400, "refresh_token_reused@refresh")
	})
}

// The session token keeps working for its own idle time, which begins with the upgrade.
func TestUpgrade_aSessionTokenHasItsIdleTimeFromTheUpgradeOn(t *testing.T) {
	t.Parallel()
	w, old := upgraded(t)
	w.clock.Advance(29 * 24 * time.Hour)
	w.call("GET", sessionPath, "", withSessionToken(old.Ada.Session)).wants(200)
	w.clock.Advance(2 * 24 * time.Hour)
	w.call("GET", sessionPath, "", withSessionToken(old.Ada.Session)).wants(200)
	w.call("GET", sessionPath, "", withSessionToken(old.Carol.Session)).wants(410)
}

func TestUpgrade_factorsAndRecoveryCodesStillWork(t *testing.T) {
	t.Parallel()
	old := testdb.Old(t)
	settings := []string{"ACCOUNT_EMAIL_VERIFICATION=none", "LATCHKEY_SEALING_KEYS=" + old.SealingKeys}
	w, old := upgraded(t, settings...)
	w.clock.Advance(30 * time.Second) // Bob's code of the 30 seconds before is spent
	signingIn := func() *visitor {
		v := w.visitor()
		v.post(loginPath, "email", "bob@example.com", "password", goodPassword).waits("mfa_authenticate")
		return v
	}

	for name, code := range map[string]string{
		"TOTP":          newAuthenticatorApp(t, old.BobTOTP).at(w.clock.Now()),
		"recovery code": old.BobRecoveryCodes[0],
	} {
		t.Run(name, func(t *testing.T) {
			signingIn().post(factorPath, "code", code).in()
			signingIn().post(factorPath, "code", code).wants(400, "incorrect_code@code")
		})
	}

	v := signingIn()
	v.post(factorPath, "code", old.BobRecoveryCodes[1]).in()
	if codes := v.recoveryCodes(); len(codes) != 8 {
		t.Errorf("%d recovery codes are left, want 8", len(codes))
	}
}

// Messages that no mail server took before the upgrade are sent after it, and what they say works.
func TestUpgrade_pendingMessagesAreSentAndTheirCodesAndLinksWork(t *testing.T) {
	t.Parallel()

	for name, withSealingKeys := range map[string]bool{"with the signing key alone": false, "with sealing keys": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var settings []string
			if withSealingKeys {
				settings = append(settings, "LATCHKEY_SEALING_KEYS="+testdb.Old(t).SealingKeys)
			}
			w, old := upgraded(t, settings...)
			if !withSealingKeys { // this server cannot open what the others have sealed
				w.exec("DELETE FROM messages WHERE convert_from(substring(sealed FOR 3), 'SQL_ASCII') = 'k1:'")
			}
			w.sendNow()

			mails := map[string]int{ada: 3, "carol@example.com": 1, "bob@example.com": 2}
			if !withSealingKeys {
				delete(mails, "bob@example.com")
			}
			for to, want := range mails {
				if got := len(w.letters(to)); got != want {
					t.Errorf("%d mails to %s, want %d", got, to, want)
				}
			}

			w.verifiesByLink("carol@example.com")

			v := w.visitor()
			v.token = old.Pending
			v.post(codeConfirmPath, "code", w.inMail(ada, codeAlone)).in()

			v = w.visitor()
			v.post(resetPath, "key", w.inMail(ada, resetLink), "password", anotherPassword).wants(401)
			v.post(loginPath, "email", ada, "password", anotherPassword).in()
		})
	}
}

var resetLink = regexp.MustCompile(`(?m)^https://app\.example\.com/reset/([A-Za-z0-9_-]+)$`)

// inMail is what a pattern finds in one of the mails to an address, whatever their order.
func (w *world) inMail(to string, pattern *regexp.Regexp) string {
	w.t.Helper()

	for _, l := range w.letters(to) {
		if m := pattern.FindStringSubmatch(l.text); m != nil {
			return m[1]
		}
	}
	w.t.Fatalf("no mail to %s has %s", to, pattern)

	return ""
}

// verifiesByLink opens the link in the one mail to an address.
func (w *world) verifiesByLink(to string) {
	w.t.Helper()

	key := w.mailedKey(to, 1)
	w.call("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+key).wants(200)
	w.call("POST", verifyEmailPath, object("key", key))
	if !query[bool](w, "SELECT verified_at IS NOT NULL FROM email_addresses WHERE address = $1", to) {
		w.t.Errorf("the link in the mail does not verify %s", to)
	}
}

// The counters go on, and the audit log names an address by the same hash.
func TestUpgrade_guessesOfBeforeAreCounted(t *testing.T) {
	t.Parallel()
	w, _ := upgraded(t)
	guess := credentials("eve@example.com", "a wrong password")
	w.call("POST", loginPath, guess).wants(400, "too_many_login_attempts")

	w.exec("DELETE FROM rate_limits")
	w.call("POST", loginPath, guess).wants(400, "email_password_mismatch@password")
	hashes := query[int](w, "SELECT count(DISTINCT email_hash) FROM audit_events WHERE event = 'login' AND result = 'failure'")
	failures := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'login' AND result = 'failure'")
	if hashes != 1 || failures < 6 {
		t.Errorf("%d failures with %d hashes of one address, want at least 6 with 1", failures, hashes)
	}
}
