package e2e

import (
	"strings"
	"testing"
	"time"
)

const (
	rejectEmailPath = root + "auth/email/verify/reject"
	byLink          = "ACCOUNT_EMAIL_VERIFICATION=mandatory"
)

// opens posts the key of a link from a browser that has no session.
func (w *world) opens(key string) answer {
	w.t.Helper()
	return w.visitor().post(verifyEmailPath, "key", key)
}

func TestResume_theAppGoesOnWhenItsLinkIsOpenedElsewhere(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{"false", "true"} {
		w := mailing(t, byLink+" ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION="+setting)

		app := w.visitor()
		app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
		app.do("GET", sessionPath, "").waits("verify_email")
		pending := app.token
		w.opens(w.mailedKey(ada, 1)).waits()

		app.do("GET", sessionPath, "").in()
		if app.token == pending {
			t.Error("the session token is the one of before")
		}
		if p := app.do("GET", profilePath, "").wants(200); p.get("email_verified") != true {
			t.Errorf("the profile is %s", p.Body)
		}
		if got := strings.Count(w.trail(), "login success user"); got != 1 {
			t.Errorf("%d sign-ins are in the audit log", got)
		}
	}
}

// Only the stage that the link passes drops: whatever else is open stays open.
func TestResume_theSecondFactorIsStillAskedFor(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, byLink)
	w.exec("UPDATE users SET created_at = created_at")
	app := w.visitor()
	app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	w.opens(w.mailedKey(ada, 1)).waits()
	app.do("GET", sessionPath, "").in()
	totp := app.withTOTP()
	w.insertSecond()

	phone := w.visitor()
	phone.post(loginPath, "email", grace, "password", goodPassword).waits("verify_email")
	w.opens(w.mailedKey(grace, 1)).waits()
	a := phone.do("GET", sessionPath, "").waits("mfa_authenticate")
	if a.get("meta.access_token") != nil {
		t.Errorf("tokens before the second factor: %s", a.Body)
	}
	phone.do("GET", sessionPath, "").waits("mfa_authenticate")
	phone.post(factorPath, "code", totp.at(w.clock.Now())).in()
}

func TestResume_onlyTheSessionThatTheLinkWasMadeForGoesOn(t *testing.T) {
	t.Parallel()

	for _, setting := range []string{"false", "true"} {
		w := mailing(t, byLink+" ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION="+setting)
		owner, other, stranger := w.visitor(), w.visitor(), w.visitor()
		owner.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
		other.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
		stranger.post(signupPath, "email", grace, "password", goodPassword).waits("verify_email")

		w.opens(w.mailedKey(ada, 1)).waits()
		stranger.do("GET", sessionPath, "").waits("verify_email")
		other.do("GET", sessionPath, "").waits("verify_email")
		owner.do("GET", sessionPath, "").in()
		other.post(loginPath, "email", ada, "password", goodPassword).in()

		// Nor does a pending session go on by posting a link that was made for another one.
		w.visitor().post(loginPath, "email", grace, "password", goodPassword).waits("verify_email")
		stranger.post(verifyEmailPath, "key", w.mailedKey(grace, 2)).waits()
		stranger.do("GET", sessionPath, "").waits()
	}
}

func TestResume_aSignInThatTookTooLongDoesNotGoOn(t *testing.T) {
	t.Parallel()
	w := mailing(t, byLink)
	app := w.visitor()
	app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	w.opens(w.mailedKey(ada, 1)).waits()
	w.clock.Advance(901 * time.Second)
	app.do("GET", sessionPath, "").waits()
	app.post(loginPath, "email", ada, "password", goodPassword).in()
}

func TestResume_aVoidSignInDoesNotGoOn(t *testing.T) {
	t.Parallel()

	for what, voids := range map[string]func(w *world){
		"the password was reset":      func(w *world) { resetsByMail(w, ada) },
		"the account was disabled":    func(w *world) { w.exec("UPDATE users SET disabled_at = now()") },
		"the account is gone":         func(w *world) { w.exec("DELETE FROM users") },
		"the address was not the one": func(w *world) { w.exec("UPDATE links SET user_id = user_id, used_at = NULL") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, byLink)
			app := w.visitor()
			app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			w.opens(w.mailedKey(ada, 1)).waits()
			voids(w)
			app.do("GET", sessionPath, "").wants(401)
			if n := query[int](w, "SELECT count(*) FROM sessions WHERE user_id IS NOT NULL AND ended_at IS NULL"); n != 0 {
				t.Errorf("%d sessions were opened", n)
			}
		})
	}
}

// A lost answer costs nothing: the pending token asks again, until one of the new tokens is
// first used.
func TestResume_aLostAnswerIsAskedForAgain(t *testing.T) {
	t.Parallel()

	for what, uses := range map[string]func(w *world, a answer) answer{
		"the access token": func(w *world, a answer) answer {
			return w.call("GET", profilePath, "", bearer(a.text("meta.access_token")))
		},
		"the session token": func(w *world, a answer) answer {
			return w.call("GET", sessionPath, "", "X-Session-Token: "+a.text("meta.session_token"))
		},
		"the refresh token": func(w *world, a answer) answer {
			w.clock.Advance(61 * time.Second)
			w.exec("UPDATE sessions SET rotated_at = rotated_at - interval '61 seconds'")
			return w.spend(a.text("meta.refresh_token"), "")
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, byLink)
			app := w.visitor()
			app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
			pending := "X-Session-Token: " + app.token
			w.opens(w.mailedKey(ada, 1)).waits()

			lost := w.call("GET", sessionPath, "", pending).in()
			again := w.call("GET", sessionPath, "", pending).in()
			last := w.call("GET", sessionPath, "", pending).in()
			if !same(t, last.text("meta.refresh_token"), lost.text("meta.refresh_token")) || last.text("data.user.email") != ada {
				t.Errorf("another session: %s", last.Body)
			}
			if n := query[int](w, "SELECT count(*) FROM sessions WHERE user_id IS NOT NULL"); n != 1 {
				t.Errorf("%d sessions", n)
			}
			// An app that asks several times at once may store any of the answers.
			for _, a := range []answer{lost, again} {
				if a.text("meta.session_token") != last.text("meta.session_token") {
					t.Error("an answer has another session token")
				}
			}

			// It does nothing else.
			w.call("GET", profilePath, "", pending).wants(401)
			w.call("POST", changePath, object("new_password", anotherPassword), pending).wants(401)

			uses(w, last).wants(200)
			w.call("GET", sessionPath, "", pending).waits()
			w.call("GET", sessionPath, "", bearer(last.text("meta.access_token"))).wants(200)
		})
	}
}

func TestResume_whatIsAskedForAgainEndsWithTheSession(t *testing.T) {
	t.Parallel()

	for what, ends := range map[string]func(w *world){
		"the time is over":        func(w *world) { w.clock.Advance(901 * time.Second) },
		"the session ended":       func(w *world) { w.exec("UPDATE sessions SET ended_at = now(), end_reason = 'ended_by_user'") },
		"the account is gone":     func(w *world) { w.exec("DELETE FROM users") },
		"the account is disabled": func(w *world) { w.exec("UPDATE users SET disabled_at = now()") },
	} {
		w := mailing(t, byLink)
		app := w.visitor()
		app.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
		pending := "X-Session-Token: " + app.token
		w.opens(w.mailedKey(ada, 1)).waits()
		w.call("GET", sessionPath, "", pending).in()
		ends(w)
		if a := w.call("GET", sessionPath, "", pending); a.Status != 401 && a.Status != 410 {
			t.Errorf("%s: got %d %s", what, a.Status, a.Body)
		}
	}
}
