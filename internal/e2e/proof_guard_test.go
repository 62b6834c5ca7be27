package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// An account that can prove nothing is refused: "nothing to ask for" never means "granted".
func TestRecent_anAccountThatCanProveNothingIsRefused(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByProvider, 1)
	w.exec("DELETE FROM provider_accounts")
	m.do("GET", exportPath, "").asksProof(`[]`)
	m.post(changePath, "new_password", goodPassword).asksProof(`[]`)
	m.do("POST", proofCodeRequestPath, "").asksProof(`[]`)
	m.post(proofCodeConfirmPath, "code", "BCDF-GHJK").wants(409, "flow_not_pending")
}

// A young sign-in is a proof for accounts without password and second factor alone.
func TestRecent_aYoungSignInCountsOnlyWithoutPasswordAndFactor(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	for n, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			m := joined(w, s, kind.join, n)
			v := &member{visitor: w.visitor(), s: s, name: m.name, app: m.app}
			switch kind.name {
			case "password":
				v.post(loginPath, "email", m.email(), "password", goodPassword).in()
			case "password and factor":
				v.post(loginPath, "email", m.email(), "password", goodPassword).waits("mfa_authenticate")
				v.post(factorPath, "code", m.app.at(w.clock.Now())).in()
			case "factor":
				v.bring("login", s, m.claims()).waits("mfa_authenticate")
				v.post(factorPath, "code", m.app.at(w.clock.Now())).in()
			case "provider only":
				v.bring("login", s, m.claims()).in()
			case "code only":
				sent := len(w.letters(m.email()))
				v.post(codeRequestPath, "email", m.email()).waits("login_by_code")
				v.post(codeConfirmPath, "code", w.mailedCode(m.email(), sent+1)).in()
			}

			if strings.HasSuffix(kind.name, "only") {
				v.do("GET", exportPath, "").wants(200)
			} else {
				v.do("GET", exportPath, "").asksProof(kind.flows)
			}
		})
	}
}

// The age of a sign-in is that of its proof. Neither a refresh nor a row that is new renews it.
func TestRecent_nothingRenewsASignIn(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByProvider, 1)
	w.clock.Advance(2 * time.Minute)
	m.access = w.refreshed(m.visitor)
	m.do("GET", exportPath, "").wants(401)
	w.exec("UPDATE sessions SET created_at = $1, last_seen_at = $1, rotated_at = $1", w.clock.Now())
	m.do("GET", exportPath, "").wants(401)
	w.exec("UPDATE sessions SET methods = '[]'")
	m.do("GET", exportPath, "").wants(401)
}

// The minutes after a sign-up count for any account, and no longer.
func TestRecent_aSignUpCountsForTheTimeOut(t *testing.T) {
	t.Parallel()
	w, _ := proofWorld(t)
	v := w.signedIn(ada)
	if a := v.do("GET", sessionPath, "").wants(200); !strings.Contains(a.Body, `"methods":[]`) {
		t.Errorf("allauth's list of proofs is empty after a sign-up: %s", a.Body)
	}
	w.clock.Advance(299 * time.Second)
	v.do("GET", exportPath, "").wants(200)
	w.again(ada).do("GET", exportPath, "").wants(200)
	w.clock.Advance(2 * time.Second)
	v.access = w.refreshed(v)
	v.do("GET", exportPath, "").wants(401)
	w.again(ada).do("GET", exportPath, "").wants(401)
}

// Whoever has a token could add a factor while a sign-in is young: that proves nothing.
func TestRecent_aNewFactorIsNoProofOfItsOwn(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	joined(w, s, (*member).joinByProvider, 1)
	m := &member{visitor: w.visitor(), s: s, name: "member1"}
	m.bring("login", s, m.claims()).in()
	m.withFirstTOTP()
	m.do("GET", exportPath, "").asksProof(`[{"id":"mfa_reauthenticate","types":["recovery_codes","totp"]}]`)
	m.do("GET", recoveryPath, "").wants(401)
}

// The first factor takes the place of the proof that allowed it, and keeps its time: the user
// sees their recovery codes without the code that is used up.
func TestRecent_theFirstFactorKeepsTheTimeOfTheProofThatAllowedIt(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByProvider, 1)
	m.proveByProvider()
	w.clock.Advance(200 * time.Second)
	m.withFirstTOTP()
	m.do("GET", recoveryPath, "").wants(200)
	w.clock.Advance(101 * time.Second)
	m.access = w.refreshed(m.visitor)
	m.do("GET", recoveryPath, "").asksProof(`[{"id":"mfa_reauthenticate","types":["recovery_codes","totp"]}]`)
}

// An account with a second factor is not proved by a provider, nor by a code.
func TestRecent_aProviderOrACodeDoesNotGetPastAPasswordOrAFactor(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	for n, kind := range kinds {
		if strings.HasSuffix(kind.name, "only") {
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			m := joined(w, s, kind.join, n)
			m.do("POST", proofCodeRequestPath, "").asksProof(kind.flows)
			m.post(proofCodeConfirmPath, "code", "BCDF-GHJK").asksProof(kind.flows)
			m.bringProof(m.claims()).asksProof(kind.flows)
			// A proof of before the password or the factor was there ends with it.
			w.exec(`UPDATE sessions SET methods = methods || jsonb_build_object('method', 'socialaccount', 'at', $1::float8, 'reauthenticated', true)`,
				float64(w.clock.Now().Unix()))
			m.do("GET", exportPath, "").asksProof(kind.flows)
		})
	}
}

// What asks for no proof goes on with a session that is old.
func TestRecent_whatNeedsNoProofAsksForNone(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	for n, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			m := joined(w, s, kind.join, n)
			m.do("PATCH", profilePath, object("display", "Ada")).wants(200)
			m.do("GET", emailsPath, "").wants(200)
			m.do("GET", authenticatorsPath, "").wants(200)
			m.do("GET", sessionsPath, "").wants(200)
			m.do("DELETE", sessionsPath, `{"sessions":[17]}`).wants(400, "invalid_choice@sessions")
			m.do("DELETE", sessionPath, "").wants(401)
		})
	}
}

// A thief's token moves nothing, whatever it is tried at, while the owner has proved nothing.
func TestRecent_aStolenAccessTokenDoesNotMoveTheAccount(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByPassword, 1)
	m.post(emailsPath, "email", "thief@example.org").wants(401)
	m.post(phonePath, "phone", number).wants(401)
	m.post(changePath, "new_password", anotherPassword).wants(400, "required@current_password")
	m.bring("connect", s, fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "thief"}).wants(401)
	if n := query[int](w, "SELECT count(*) FROM email_addresses") + query[int](w, "SELECT count(*) FROM provider_accounts"); n != 1 {
		t.Errorf("%d addresses and providers, want the owner's address alone", n)
	}
}

// `false` brings back what allauth does by default, and the log says so at the start.
func TestRecent_withoutRequiredReauthenticationAddressesAreFree(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_REAUTHENTICATION_REQUIRED=false")
	v := w.signedIn(ada)
	w.markVerified(ada)
	w.aged()
	v.post(emailsPath, "email", grace).wants(200)
	v.do("DELETE", emailsPath, object("email", grace)).wants(200)
	v.do("GET", exportPath, "").wants(401) // as ever
	eventually(t, 5*time.Second, "the warning", func() bool {
		return strings.Contains(w.log.String(), "ACCOUNT_REAUTHENTICATION_REQUIRED is false")
	})
}
