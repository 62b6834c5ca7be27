package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// early is a request of an account that nobody has proved lately, which is answered all the same.
type early struct {
	// answer is one of `x-recent-auth-first`: a status, or a status and a code.
	answer string
	// world is the server; nil: the server of the test.
	world []string
	// account makes the account; nil: one with a password.
	account func(m *member)
	// body prepares the account, after its proofs have grown old, and returns the request.
	body func(m *member) string
}

// The servers: one tells whether an address has an account, some want addresses verified, and one has
// no factors to add.
var (
	telling    = []string{"ACCOUNT_PREVENT_ENUMERATION=false"}
	mandatory  = []string{"ACCOUNT_EMAIL_VERIFICATION=mandatory"}
	optional   = []string{"ACCOUNT_EMAIL_VERIFICATION=optional", "MFA_ALLOW_UNVERIFIED_EMAIL=false"}
	fewGuesses = []string{`ACCOUNT_RATE_LIMITS={"reauthenticate_failed":"3/h/session"}`}
	noFactors  = []string{"MFA_SUPPORTED_TYPES=recovery_codes MFA_PASSKEY_LOGIN_ENABLED=false"}
)

// earlyAnswers are the requests by operation: one for each entry of `x-recent-auth-first`.
var earlyAnswers = map[string][]early{
	"getTotp": {
		{answer: "200", account: withBothFactors},
		{answer: "404 not_found", world: noFactors},
		{answer: "409 unverified_email", world: optional, account: joinUnverified},
	},
	"activateTotp": {
		{answer: "400 required", body: always(object("code", " - "))},
		{answer: "400 incorrect_code", account: askedForTOTP, body: always(object("code", "000000"))},
		{answer: "400 too_many_login_attempts", world: fewGuesses, account: askedForTOTP, body: func(m *member) string {
			for range 3 {
				m.post(totpPath, "code", "000000").wants(400, "incorrect_code@code")
			}
			return object("code", m.app.at(m.w.clock.Now()))
		}},
		{answer: "400 unverified_email", world: optional, account: joinUnverified, body: always(object("code", "000000"))},
		{answer: "404 not_found", world: noFactors, body: always(object("code", "000000"))},
		{answer: "409 authenticator_exists", account: withBothFactors, body: always(object("code", "000000"))},
		{answer: "409 flow_not_pending", body: always(object("code", "000000"))},
	},
	"deactivateTotp":        {{answer: "200"}},
	"getRecoveryCodes":      {{answer: "404"}},
	"generateRecoveryCodes": {{answer: "400 cannot_generate_recovery_codes"}},
	"getCreationOptions": {
		{answer: "404 not_found", world: noFactors},
		{answer: "409 unverified_email", world: optional, account: joinUnverified},
		{answer: "409 max_keys", account: withMostKeys},
	},
	"addCredential": {
		{answer: "400 incorrect_code", account: askedForKey, body: always(`{"credential":{}}`)},
		{answer: "404 not_found", world: noFactors, body: always(`{"credential":{}}`)},
		{answer: "409 unverified_email", world: optional, account: joinUnverified, body: always(`{"credential":{}}`)},
		{answer: "409 max_keys", account: withMostKeys, body: always(`{"credential":{}}`)},
	},
	"renameCredential":  {{answer: "400 invalid_choice", account: withBothFactors, body: always(`{"id":17,"name":"Mine"}`)}},
	"removeCredentials": {{answer: "400 invalid_choice", account: withBothFactors, body: func(m *member) string { return `{"authenticators":[` + m.keyID + `,17]}` }}},
	"addEmailAddress": {
		{answer: "400 invalid", body: always(object("email", "no address"))},
		{answer: "400 duplicate_email", body: func(m *member) string { return object("email", m.email()) }},
		{answer: "400 max_email_addresses", body: func(m *member) string {
			for n := range 19 {
				m.holds(fmt.Sprintf("%s-%d@example.org", m.name, n))
			}
			return object("email", "one.more@example.org")
		}},
		{answer: "400 email_taken", world: telling, body: func(m *member) string {
			m.w.signedIn(grace)
			m.w.markVerified(grace)
			return object("email", grace)
		}},
	},
	"changePrimaryEmailAddress": {
		{answer: "400 invalid", body: always(`{"email":"no address","primary":true}`)},
		{answer: "400 required", body: func(m *member) string { return `{"email":"` + m.email() + `","primary":false}` }},
		{answer: "400 unknown_email", body: always(`{"email":"unknown@example.org","primary":true}`)},
		{answer: "400 unverified_primary_email", body: func(m *member) string {
			m.holds(m.name + "@example.org")
			m.w.exec("UPDATE email_addresses SET verified_at = NULL WHERE address = $1", m.name+"@example.org")
			return `{"email":"` + m.name + `@example.org","primary":true}`
		}},
	},
	"removeEmailAddress": {
		{answer: "400 invalid", body: always(object("email", "no address"))},
		{answer: "400 unknown_email", body: always(object("email", "unknown@example.org"))},
		{answer: "400 cannot_remove_primary_email", body: func(m *member) string { return object("email", m.email()) }},
	},
	"changePhoneNumber": {
		{answer: "400 invalid_phone", body: always(object("phone", "12"))},
		{answer: "400 phone_not_served", body: always(object("phone", "+18765550123"))},
		{answer: "400 same_as_current", body: func(m *member) string {
			m.w.exec("UPDATE users SET phone = $2, phone_verified_at = now() WHERE id = $1", m.userID(), number)
			return object("phone", number)
		}},
		{answer: "400 phone_taken", world: telling, body: func(m *member) string {
			m.w.signedIn(grace)
			m.w.markVerified(grace)
			m.w.exec(`UPDATE users SET phone = $1, phone_verified_at = now()
				WHERE id = (SELECT user_id FROM email_addresses WHERE address = $2)`, number, grace)
			return object("phone", number)
		}},
		{answer: "409 unverified_email", world: optional, account: joinUnverified, body: always(object("phone", number))},
	},
	"disconnectProviderAccount": {
		{answer: "400 account_not_found", body: always(object("provider", "google", "account", "17"))},
		{answer: "400 no_password", account: (*member).joinByProvider, body: func(m *member) string {
			return object("provider", "google", "account", "google-"+m.name)
		}},
		{answer: "400 no_verified_email", world: mandatory, account: (*member).joinByProvider, body: func(m *member) string {
			m.w.exec("UPDATE users SET password_hash = 'x' WHERE id = $1", m.userID())
			return object("provider", "google", "account", "google-"+m.name)
		}},
	},
	"submitProviderToken": {
		{answer: "400 invalid_token", body: always(brought("connect", "apple", fakeprovider.AppleClientID, "x.y.z"))},
		{answer: "400 token_too_old", body: func(m *member) string {
			c := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "a", IssuedAt: m.w.clock.Now().Add(-11 * time.Minute)}
			return brought("connect", "apple", fakeprovider.AppleClientID, m.s.token(c))
		}},
		{answer: "400 nonce_required", body: func(m *member) string {
			c := fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "a", Nonce: m.nonceFor("connect")}
			return brought("connect", "google", fakeprovider.GoogleClientID, m.s.token(c))
		}},
		{answer: "409 unverified_email", world: optional, account: joinUnverified, body: func(m *member) string {
			c := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "a"}
			return brought("connect", "apple", fakeprovider.AppleClientID, m.s.token(c))
		}},
	},
	"changePassword": {
		{answer: "400 required", account: (*member).joinByCode, body: always(object("new_password", " "))},
		{answer: "400 enter_current_password", account: (*member).joinByCode, body: always(object("current_password", goodPassword, "new_password", anotherPassword))},
		{answer: "400 password_too_short", account: (*member).joinByCode, body: always(object("new_password", "short"))},
	},
}

func joinUnverified(m *member) { m.post(signupPath, "email", m.email(), "password", goodPassword).in() }

func withBothFactors(m *member) {
	m.joinByPassword()
	m.addFactors()
}

// askedForTOTP has asked for the secret of a TOTP authenticator.
func askedForTOTP(m *member) {
	m.joinByPassword()
	m.app = newAuthenticatorApp(m.w.t, m.do("GET", totpPath, "").wants(404).text("meta.secret"))
}

// askedForKey has asked for the options of a security key.
func askedForKey(m *member) {
	m.joinByPassword()
	m.do("GET", passkeysPath, "").wants(200)
}

func withMostKeys(m *member) {
	m.joinByPassword()
	m.w.exec(`INSERT INTO authenticators (id, user_id, type, name, spent, misses, created_at)
		SELECT n, $1, 'webauthn', 'Key', 0, 0, now() FROM generate_series(1, 20) n`, m.userID())
}

// What needs no secret is answered first: the caller does not prove who they are to read that
// there is nothing, or that a request is wrong. The list of the spec has a row here for each.
func TestProof_whatNeedsNoSecretIsAnsweredFirst(t *testing.T) {
	t.Parallel()
	for _, op := range operations(t) {
		list, _ := op.Extensions["x-recent-auth-first"].([]any)
		promised := map[string]bool{}
		for _, answer := range list {
			promised[fmt.Sprint(answer)] = true
		}
		played := map[string]bool{}
		for _, row := range earlyAnswers[op.OperationID] {
			played[row.answer] = true
			t.Run(op.OperationID+"/"+row.answer, func(t *testing.T) {
				t.Parallel()
				row.play(t, op)
			})
		}
		if !maps.Equal(promised, played) {
			t.Errorf("%s: the spec lists %v, the test plays %v", op.OperationID, list, slices.Sorted(maps.Keys(played)))
		}
	}
}

func (e early) play(t *testing.T, op described) {
	t.Helper()
	s := newServices(t)
	settings := append(newGateway(t).settings(), withFactors, byCode, "LATCHKEY_SMS_COUNTRIES=NL,US",
		"ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email,password1 SOCIALACCOUNT_EMAIL_REQUIRED=false")
	w := s.open(t, append(settings, e.world...)...)
	if e.account == nil {
		e.account = (*member).joinByPassword
	}
	m := joined(w, s, e.account, 1)
	body := ""
	if e.body != nil {
		body = e.body(m)
	}

	before := w.everyWay()
	if got, _, _ := strings.Cut(m.do(op.method, op.path, body).short(), "@"); got != e.answer {
		t.Errorf("got %s, want %s", got, e.answer)
	}
	if after := w.everyWay(); after != before {
		t.Errorf("it changed something without a proof:\nbefore %s\nafter  %s", before, after)
	}
}

// everyWay is what opens the accounts.
func (w *world) everyWay() string {
	w.t.Helper()
	return query[string](w, `SELECT concat_ws(' ',
		(SELECT string_agg(u::text, ' ' ORDER BY id) FROM users u),
		(SELECT string_agg(e::text, ' ' ORDER BY address) FROM email_addresses e),
		(SELECT string_agg(a::text, ' ' ORDER BY id) FROM authenticators a),
		(SELECT string_agg(p::text, ' ' ORDER BY uid) FROM provider_accounts p))`)
}

// A right answer outlives the proof that is asked for: the same request is good afterwards. A
// wrong one uses up the question of a key, and a guess at a TOTP code.
func TestProof_aRightAnswerStaysGoodAndAWrongOneCounts(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"reauthenticate_failed":"3/h/session"}`)
	v := w.signedIn(ada)

	options := v.do("GET", passkeysPath, "").wants(200)
	key := presented(softkey.New(passkeyOrigin).Register([]byte(options.Body)))
	w.aged()
	v.do("POST", passkeysPath, key).wants(401)
	v.proved().do("POST", passkeysPath, key).wants(200)

	options = v.do("GET", passkeysPath, "").wants(200)
	key = presented(softkey.New(passkeyOrigin).Register([]byte(options.Body)))
	w.aged()
	v.do("POST", passkeysPath, `{"credential":{}}`).wants(400, "incorrect_code")
	v.do("POST", passkeysPath, key).wants(400, "incorrect_code")

	v.proved()
	app := newAuthenticatorApp(t, v.do("GET", totpPath, "").wants(404).text("meta.secret"))
	w.aged()
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(401) // takes no guess
	for range 3 {
		v.post(totpPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v.post(totpPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")
	if n := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'factor_added' AND result = 'failure'"); n != 3 {
		t.Errorf("%d wrong codes in the audit log, want 3", n)
	}

	w.exec("DELETE FROM rate_limits")
	v.proved().post(totpPath, "code", app.at(w.clock.Now())).wants(200)
}

// What is looked at before a proof runs where the database refuses each write.
func TestProof_theLookBeforeItCanWriteNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	err := w.app.DB.Look(t.Context(), func(tx postgres.Tx) error {
		_, err := tx.Raw.Exec(t.Context(), "DELETE FROM users")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a write before the proof: %v, want the refusal of a read-only transaction", err)
	}
}
