package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// change is the input of an operation that needs a proof of identity.
type change struct {
	// stale is a body that the schema accepts; it never gets further.
	stale string
	// fresh makes the body of a caller who has proved who they are; nil: the stale one.
	fresh func(m *member) string
	// proved are the answers, by status, that show that the proof was accepted.
	proved []int
	// spared reports that the operation asks an account for no proof; nil: none is spared.
	spared func(m *member) bool
}

// changes are the inputs of all operations with `x-recent-auth: always`.
var changes = map[string]change{
	"addEmailAddress": {
		stale:  object("email", "new@example.org"),
		fresh:  func(m *member) string { return object("email", m.name+"@example.org") },
		proved: []int{200},
	},
	"changePrimaryEmailAddress": {
		stale: `{"email":"new@example.org","primary":true}`,
		fresh: func(m *member) string {
			m.holds(m.name + "@example.org")
			return `{"email":"` + m.name + `@example.org","primary":true}`
		},
		proved: []int{200},
	},
	"removeEmailAddress": {
		stale: object("email", "new@example.org"),
		fresh: func(m *member) string {
			m.holds(m.name + "@example.org")
			m.holds(m.name + "@example.net")
			return object("email", m.name+"@example.org")
		},
		proved: []int{200},
	},
	"changePhoneNumber": {
		stale:  object("phone", number),
		proved: []int{202},
	},
	"disconnectProviderAccount": {
		stale: object("provider", "gone", "account", "1"),
		fresh: func(m *member) string {
			m.w.exec(`INSERT INTO provider_accounts (provider, uid, user_id, display, client_id, created_at, last_used_at)
				SELECT 'gone', id::text || n, id, '', '', now(), now() FROM users, generate_series(1, 2) n WHERE id = $1`, m.userID())
			uid := query[string](m.w, "SELECT min(uid) FROM provider_accounts WHERE provider = 'gone' AND user_id = $1", m.userID())
			return object("provider", "gone", "account", uid)
		},
		proved: []int{200, 400}, // 400: what is left would not sign the user in
	},
	"submitProviderToken": {
		stale: brought("connect", "apple", fakeprovider.AppleClientID, "x.y.z"),
		fresh: func(m *member) string {
			c := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "apple-" + m.name}
			return brought("connect", "apple", fakeprovider.AppleClientID, m.s.token(c))
		},
		proved: []int{200},
	},
	"getTotp": {proved: []int{200, 404}}, // 404 shows the secret of a new one
	"activateTotp": {
		stale: object("code", "314159"),
		fresh: func(m *member) string {
			a := m.do("GET", totpPath, "")
			if a.Status == 200 {
				return object("code", "314159")
			}
			return object("code", newAuthenticatorApp(m.w.t, a.text("meta.secret")).at(m.w.clock.Now()))
		},
		proved: []int{200, 409}, // 409: there is one
	},
	"deactivateTotp":        {proved: []int{200}},
	"getRecoveryCodes":      {proved: []int{200, 404}}, // 404: there are none
	"generateRecoveryCodes": {proved: []int{200, 400}}, // 400: there is no factor
	"getCreationOptions":    {proved: []int{200}},
	"addCredential": {
		stale: `{"credential":{}}`,
		fresh: func(m *member) string {
			options := m.do("GET", passkeysPath, "").wants(200)
			return presented(softkey.New(passkeyOrigin).Register([]byte(options.Body)))
		},
		proved: []int{200},
	},
	"renameCredential": {
		stale:  `{"id":17,"name":"Mine"}`,
		fresh:  func(m *member) string { return `{"id":` + m.anyKey() + `,"name":"Mine"}` },
		proved: []int{200, 400}, // 400: there is none
	},
	"removeCredentials": {
		stale:  `{"authenticators":[17]}`,
		fresh:  func(m *member) string { return `{"authenticators":[` + m.anyKey() + `]}` },
		proved: []int{200, 400},
	},
	"changePassword": {
		stale:  object("new_password", anotherPassword),
		proved: []int{200},
		spared: (*member).hasPassword, // whose current password is the proof
	},
	"exportAccount": {proved: []int{200}},
	"deleteAccount": {proved: []int{200}},
}

// free are the operations that change something and that ask for no proof: a new one has to be
// put here on purpose.
var free = []string{
	"completePasskeySignup", "completeProviderSignup", "confirmLoginCode", "confirmReauthenticationCode", "createProviderNonce", "endSession", "endSessions",
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

// Every operation that needs a proof, for every kind of account: with an old session it is
// refused, with the flows that the account has; with a fresh proof it is done.
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
					if input.spared != nil && input.spared(m) {
						return
					}
					m.do(op.method, op.path, input.stale).asksProof(kind.flows)

					kind.prove(m)
					body := input.stale
					if input.fresh != nil {
						body = input.fresh(m)
					}
					a := m.do(op.method, op.path, body)
					if !slices.Contains(input.proved, a.Status) {
						t.Errorf("after a proof: got %d, want one of %d: %s", a.Status, input.proved, a.Body)
					}
				})
			}
		})
	}
}
