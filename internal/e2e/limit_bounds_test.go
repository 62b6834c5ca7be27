package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/config"
)

// A rate of a kind that the action does not count would start and count nothing.
func TestLimit_aRateThatCountsNothingStopsTheStart(t *testing.T) {
	t.Parallel()
	for _, rates := range []string{
		`{"login":"1/h/key","signup":"1/h/user","login_failed":"1/h/user","reset_password":"1/h/user"}`,
		`{"login":"5/m/ip,5/m/ip"}`,
		`{"log_in":"5/m/ip"}`,
	} {
		_, _, err := config.Read(config.Environment{"ACCOUNT_RATE_LIMITS": rates})
		if err == nil || !strings.Contains(err.Error(), "ACCOUNT_RATE_LIMITS: ") {
			t.Errorf("%s: %v", rates, err)
		}
	}

	_, warnings, err := config.Read(config.Environment{"ACCOUNT_RATE_LIMITS": `{"reset_password_email":"5/m/key"}`})
	if err != nil || len(warnings) != 1 {
		t.Errorf("one that allauth knows: %q, %v; want a warning", warnings, err)
	}
}

// One client has a /48 often, with 65,536 networks of the size that addresses are counted by.
func TestLimit_largerNetworksHaveABudgetThatGrows(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"signup":"3/h/ip","login":false,"login_failed":"3/h/ip","reset_password":"3/h/ip","mail":false}`)
	for name, call := range map[string]func(from string) bool{
		"sign-ups": func(from string) bool { return w.call("POST", signupPath, `{}`, from).Status == 429 },
		"resets": func(from string) bool {
			return w.call("POST", resetRequestPath, object("email", ada), from).Status == 429
		},
		"failed sign-ins": func(from string) bool {
			a := w.call("POST", loginPath, credentials(ada, wrongPassword), from)
			return strings.Contains(a.Body, "too_many_login_attempts")
		},
	} {
		t.Run(name, func(t *testing.T) {
			refused := func(format string, count int) int {
				t.Helper()
				n := 0
				for i := range count {
					if call(from(fmt.Sprintf(format, i))) {
						n++
					}
				}
				return n
			}

			if n := refused("2001:db8:1:1::%x", 10); n != 7 {
				t.Errorf("one /64: %d of 10 refused, want 7", n)
			}
			if n := refused("2001:db8:2:10%02x::1", 10); n != 4 {
				t.Errorf("a /64 each of one /56: %d of 10 refused, want 4", n)
			}
			if n := refused("2001:db8:3:%x00::1", 20); n != 8 {
				t.Errorf("a /56 each of one /48: %d of 20 refused, want 8", n)
			}
			if n := refused("2001:db8:%x::1", 0x15); n != 1 { // the third is used up
				t.Errorf("a /48 each: %d refused, want 1", n)
			}
		})
	}
}

// The clock of a server that is fast would refuse on the others for as long.
func TestLimit_serversWithDifferentClocksCountTheSame(t *testing.T) {
	t.Parallel()
	rates := `ACCOUNT_RATE_LIMITS={"login":"4/m/ip"}`
	w := limited(t, rates)
	fast := *w
	fast.clock = newClock()
	fast.clock.Advance(5 * time.Minute)
	_, fast.url = fast.serve(rates)

	for range 2 {
		fast.call("POST", loginPath, `{}`).wants(400)
		w.call("POST", loginPath, `{}`).wants(400)
	}
	for _, server := range []*world{w, &fast} {
		wait := server.call("POST", loginPath, `{}`).wants(429).Header.Get("Retry-After")
		if len(wait) > 2 { // a request is 15 seconds, and at most doubled
			t.Errorf("Retry-After %s", wait)
		}
	}
}

// Whoever knew the old password may have used up the counters of the second factor.
func TestLimit_aNewPasswordGivesTheOwnerTheSecondFactorBack(t *testing.T) {
	t.Parallel()
	for name, renew := range map[string]func(w *world, owner *visitor){
		"reset": func(w *world, _ *visitor) {
			sent := len(w.letters(ada))
			v := w.visitor()
			v.post(resetRequestPath, "email", ada).wants(200)
			key := w.mailedKey(ada, sent+1)
			v.post(resetPath, "key", key, "password", anotherPassword).waits()
		},
		"change": func(_ *world, owner *visitor) {
			owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none",
				`ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"100/d/key","signup":false,"reauthenticate":false,"mfa_failed":"10/h/user,30/d/user"}`)
			owner := w.signedIn(ada)
			app := owner.withTOTP()

			for n := range 10 {
				v := w.visitor()
				v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
				v.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
				if n == 9 {
					v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")
				}
			}
			w.delivered()
			renew(w, owner)

			v := w.visitor()
			v.post(loginPath, "email", ada, "password", anotherPassword).waits("mfa_authenticate")
			v.post(factorPath, "code", app.at(w.clock.Now())).in()
		})
	}
}

// Guesses at the front door are counted per name, and a user has several.
func TestLimit_aNewPasswordClearsTheGuessesAtEveryName(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_METHODS=email,username ACCOUNT_SIGNUP_FIELDS=email*,username*,password1*",
		`ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"2/d/key","signup":false}`)
	w.visitor().post(signupPath, "email", ada, "username", "AdaL", "password", goodPassword).in()
	for member, name := range map[string]string{"email": ada, "username": "adal"} {
		for range 2 {
			w.visitor().post(loginPath, member, name, "password", wrongPassword).wants(400)
		}
		w.visitor().post(loginPath, member, name, "password", goodPassword).wants(400, "too_many_login_attempts")
	}

	v := w.visitor()
	v.post(resetRequestPath, "email", ada).wants(200)
	v.post(resetPath, "key", w.mailedKey(ada, 1), "password", anotherPassword).waits()

	w.visitor().post(loginPath, "username", "adal", "password", anotherPassword).in()
	w.visitor().post(loginPath, "email", ada, "password", anotherPassword).in()
}
