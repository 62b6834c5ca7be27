package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// change is the input of an operation that needs a proof of identity.
type change struct {
	// body gives the account what the operation shows or changes, and returns a request that is
	// good, so that only the proof is missing; nil: a request without a body.
	body func(m *member) string
	// nothing is the answer where the account has nothing that a proof would be asked for: it
	// comes with a proof and without. Empty: the account has something; nil: each has.
	nothing func(m *member) string
	// proved is the answer that shows that the proof was accepted.
	proved int
	// spared reports that the operation asks an account for no proof; nil: none is spared.
	spared func(m *member) bool
}

// always is a body that is the same for each account.
func always(body string) func(*member) string {
	return func(*member) string { return body }
}

// changes are the inputs of all operations with `x-recent-auth: always`.
var changes = map[string]change{
	"addEmailAddress": {
		body:   func(m *member) string { return object("email", m.name+"@example.org") },
		proved: 200,
	},
	"changePrimaryEmailAddress": {
		body: func(m *member) string {
			m.holds(m.name + "@example.org")
			return `{"email":"` + m.name + `@example.org","primary":true}`
		},
		proved: 200,
	},
	"removeEmailAddress": {
		body: func(m *member) string {
			m.holds(m.name + "@example.org")
			m.holds(m.name + "@example.net")
			return object("email", m.name+"@example.org")
		},
		proved: 200,
	},
	"changePhoneNumber": {body: always(object("phone", number)), proved: 202},
	"disconnectProviderAccount": {
		body: func(m *member) string {
			m.w.exec(`INSERT INTO provider_accounts (provider, uid, user_id, display, client_id, created_at, last_used_at)
				SELECT 'gone', id::text || n, id, '', '', now(), now() FROM users, generate_series(1, 2) n WHERE id = $1`, m.userID())
			uid := query[string](m.w, "SELECT min(uid) FROM provider_accounts WHERE provider = 'gone' AND user_id = $1", m.userID())
			return object("provider", "gone", "account", uid)
		},
		proved: 200,
	},
	"submitProviderToken": {
		body: func(m *member) string {
			c := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "apple-" + m.name}
			return brought("connect", "apple", fakeprovider.AppleClientID, m.s.token(c))
		},
		proved: 200,
	},
	"getTotp": {
		nothing: having((*member).hasFactors, "200"), // no secret is shown
		proved:  404,                                 // with the secret of a new one
	},
	"activateTotp": {
		body: func(m *member) string {
			if m.hasFactors() {
				return object("code", "314159")
			}
			m.prove(m)
			setup := m.do("GET", totpPath, "").wants(404)
			m.w.aged()
			return object("code", newAuthenticatorApp(m.w.t, setup.text("meta.secret")).at(m.w.clock.Now()))
		},
		nothing: having((*member).hasFactors, "409 authenticator_exists"),
		proved:  200,
	},
	"deactivateTotp":        {nothing: lacking((*member).hasFactors, "200"), proved: 200},
	"getRecoveryCodes":      {nothing: lacking((*member).hasFactors, "404"), proved: 200},
	"generateRecoveryCodes": {nothing: lacking((*member).hasFactors, "400 cannot_generate_recovery_codes"), proved: 200},
	"getCreationOptions":    {proved: 200},
	"addCredential": {
		body: func(m *member) string {
			m.prove(m)
			options := m.do("GET", passkeysPath, "").wants(200)
			m.w.aged()
			m.w.clock.Advance(30 * time.Second) // the code of the proof is used up
			return presented(softkey.New(passkeyOrigin).Register([]byte(options.Body)))
		},
		proved: 200,
	},
	"renameCredential": {
		body:    func(m *member) string { return `{"id":` + m.anyKey() + `,"name":"Mine"}` },
		nothing: lacking((*member).hasFactors, "400 invalid_choice@id"),
		proved:  200,
	},
	"removeCredentials": {
		body:    func(m *member) string { return `{"authenticators":[` + m.anyKey() + `]}` },
		nothing: lacking((*member).hasFactors, "400 invalid_choice@authenticators"),
		proved:  200,
	},
	"changePassword": {
		body:   always(object("new_password", anotherPassword)),
		proved: 200,
		spared: (*member).hasPassword, // whose current password is the proof
	},
	"exportAccount": {proved: 200},
	"deleteAccount": {proved: 200},
}

// having is an answer for accounts of which a report is true.
func having(is func(*member) bool, answer string) func(*member) string {
	return func(m *member) string {
		if is(m) {
			return answer
		}
		return ""
	}
}

// lacking is an answer for accounts of which a report is false.
func lacking(is func(*member) bool, answer string) func(*member) string {
	return having(func(m *member) bool { return !is(m) }, answer)
}

// free are the operations that change something and that ask for no proof: a new one has to be
// put here on purpose.
var free = []string{
	"completePasskeySignup", "completeProviderSignup", "confirmLoginCode", "confirmReauthenticationCode", "createProviderNonce", "endSession", "endSessions", "exchangeSessionToken",
	"login", "loginByPasskey", "reauthenticate", "reauthenticateByCredential", "reauthenticateBySecondFactor", "refreshToken", "refreshTokenPair",
	"receiveAppleNotification", "rejectEmailVerification",
	"requestLoginCode", "requestPasswordReset", "requestReauthenticationCode", "resendEmailAddressVerification", "resendEmailVerification",
	"resendLoginCode", "resendPhoneVerification", "resetPassword", "signup", "signupByPasskey", "submitSecondFactor", "submitSecondFactorCredential",
	"undoAccountChanges", "updateProfile", "verifyEmail", "verifyPhone",
}

// holds gives the member another verified address.
func (m *member) holds(address string) {
	m.w.exec(`INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at) VALUES ($1, $2, now(), false, now())`, m.userID(), address)
}

func (m *member) userID() int64 {
	m.w.t.Helper()
	id, _ := m.do("GET", sessionPath, "").wants(200).get("data.user.id").(float64)
	return int64(id)
}

func (m *member) hasPassword() bool {
	return m.do("GET", sessionPath, "").get("data.user.has_usable_password") == true
}

func (m *member) hasFactors() bool { return m.keyID != "" }

func (m *member) anyKey() string {
	if m.keyID == "" {
		return "17"
	}
	return m.keyID
}

// described is an operation of the spec.
type described struct {
	*openapi3.Operation
	method, path string
}

func (d described) extension(name string) string {
	text, _ := d.Extensions["x-recent-auth"+name].(string)
	return text
}

// mutates reports whether the operation may change something.
func (d described) mutates() bool { return d.method != http.MethodGet }

func operations(t *testing.T) []described {
	t.Helper()
	var all []described
	for path, item := range published(t).Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, described{op, method, path})
		}
	}
	slices.SortFunc(all, func(a, b described) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all
}

func TestProof_theSpecSaysOfEachOperationWhetherItNeedsOne(t *testing.T) {
	t.Parallel()
	conditions := []string{"", "connecting", "without_password"}
	settings := []string{"", "ACCOUNT_REAUTHENTICATION_REQUIRED", "MFA_REAUTHENTICATION_REQUIRED"}
	for _, op := range operations(t) {
		t.Run(op.OperationID, func(t *testing.T) {
			if when := op.extension(""); when != "always" && when != "none" {
				t.Fatalf("x-recent-auth is %q, want always or none", when)
			}
			if !strings.HasSuffix(op.extension("-reason"), ".") {
				t.Errorf("x-recent-auth-reason is no sentence: %q", op.extension("-reason"))
			}
			if !slices.Contains(conditions, op.extension("-if")) || !slices.Contains(settings, op.extension("-setting")) {
				t.Errorf("the server does not know x-recent-auth-if %q or x-recent-auth-setting %q", op.extension("-if"), op.extension("-setting"))
			}

			_, listed := changes[op.OperationID]
			if needs := op.extension("") == "always"; needs != listed {
				t.Errorf("it needs a proof: %t; the test has an input for it: %t", needs, listed)
			}
			if isFree := op.mutates() && !listed; isFree != slices.Contains(free, op.OperationID) {
				t.Errorf("it changes something without a proof: %t; the test allows that: %t", isFree, !isFree)
			}
		})
	}
}

// Every operation that needs a proof, for every kind of account: with an old session a request
// that lacks the proof alone is refused, with the flows that the account has; with a fresh proof
// the same request is done.
func TestProof_everyChangeOfEveryKindOfAccount(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			w, s := proofWorld(t)
			for n, op := range operations(t) {
				input, listed := changes[op.OperationID]
				if !listed {
					continue
				}
				t.Run(op.OperationID, func(t *testing.T) {
					m := joined(w, s, kind.join, n)
					m.prove = kind.prove
					if input.spared != nil && input.spared(m) {
						return
					}
					input.play(t, m, op, kind.flows)
				})
			}
		})
	}
}

// play sends the request without a proof and with one.
func (c change) play(t *testing.T, m *member, op described, flows string) {
	t.Helper()
	body := ""
	if c.body != nil {
		body = c.body(m)
	}
	nothing := ""
	if c.nothing != nil {
		nothing = c.nothing(m)
	}

	refused := m.do(op.method, op.path, body)
	if nothing == "" {
		refused.asksProof(strings.TrimSuffix(flows, "]")) // an address that was added is one more way
	} else if got := refused.short(); got != nothing {
		t.Errorf("without a proof, where there is nothing to prove: got %s, want %s", got, nothing)
	}

	m.prove(m)
	done := m.do(op.method, op.path, body)
	if nothing == "" && done.Status != c.proved {
		t.Errorf("after a proof: got %d, want %d: %s", done.Status, c.proved, done.Body)
	}
	if got := done.short(); nothing != "" && got != nothing {
		t.Errorf("after a proof, where there is nothing to prove: got %s, want %s", got, nothing)
	}
}

// short is the status of an answer, with its problems: "400 invalid_choice@id".
func (a answer) short() string {
	a.t.Helper()
	var got struct {
		Errors []struct{ Code, Param string }
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		a.t.Fatal(err)
	}
	text := strconv.Itoa(a.Status)
	for _, e := range got.Errors {
		text += " " + strings.TrimSuffix(e.Code+"@"+e.Param, "@")
	}
	return text
}
