package e2e

import (
	"strings"
	"testing"
	"time"
)

func onDevice(secret string) string { return "X-Latchkey-Device: " + secret }

// owner is somebody who has signed in, and what the device has kept of it.
func (w *world) owner() (v *visitor, device string) {
	w.t.Helper()
	v = w.visitor()
	a := v.post(signupPath, "email", ada, "password", goodPassword).in()
	device = a.text("meta.device_token")
	if !strings.HasPrefix(device, "lkdt_") {
		w.t.Fatalf("device token %q", device)
	}
	w.clock.Advance(time.Second)

	return v, device
}

// lockedOut uses up the failed sign-ins of an address, from elsewhere.
func (w *world) lockedOut() {
	w.t.Helper()
	for range 5 {
		w.call("POST", loginPath, credentials(ada, wrongPassword), from("203.0.113.7")).wants(400, "email_password_mismatch@password")
	}
	w.call("POST", loginPath, credentials(ada, goodPassword), from("198.51.100.1")).wants(400, "too_many_login_attempts")
}

// signInLockedOut signs in with the right password, and a secret of the device, after strangers have used up
// the guesses of the account.
func signInLockedOut(t *testing.T, secret func(w *world, v *visitor, device string) string) answer {
	t.Helper()

	w := limited(t, `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"5/d/key"}`)
	v, device := w.owner()
	shown := secret(w, v, device)
	w.lockedOut()

	return w.call("POST", loginPath, credentials(ada, goodPassword), from("198.51.100.1"), onDevice(shown))
}

// Strangers who guess at the front door must not lock the owner out.
func TestKnownDevice_isNotLockedOutByStrangersGuesses(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]func(w *world, v *visitor, device string) string{
		"a device token":  func(_ *world, _ *visitor, device string) string { return device },
		"a refresh token": func(_ *world, v *visitor, _ string) string { return v.fresh },
		"an older refresh token": func(w *world, v *visitor, _ string) string {
			old := v.fresh
			w.age(2 * time.Minute)
			w.refreshed(v)
			return old
		},
		"a session token": func(_ *world, v *visitor, _ string) string { return v.token },
		"after a sign-out": func(_ *world, v *visitor, device string) string {
			v.do("DELETE", sessionPath, "").wants(401)
			return device
		},
		"after 89 days":            func(w *world, _ *visitor, device string) string { w.clock.Advance(89 * 24 * time.Hour); return device },
		"a refresh token, expired": func(w *world, v *visitor, _ string) string { w.clock.Advance(2 * 24 * time.Hour); return v.fresh },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signInLockedOut(t, secret).wants(200)
		})
	}
}

func TestKnownDevice_whatIsNoneGetsNoBudget(t *testing.T) {
	t.Parallel()
	for name, secret := range map[string]func(w *world, v *visitor, device string) string{
		"nothing":   func(*world, *visitor, string) string { return "" },
		"nonsense":  func(*world, *visitor, string) string { return "nonsense" },
		"very long": func(*world, *visitor, string) string { return strings.Repeat("x", 4000) },
		"changed": func(_ *world, _ *visitor, device string) string {
			return device[:47] + map[bool]string{true: "A", false: "B"}[device[47] != 'A']
		},
		"a made one":      func(*world, *visitor, string) string { return "lkdt_" + strings.Repeat("A", 43) },
		"an access token": func(_ *world, v *visitor, _ string) string { return v.access },
		"of somebody else": func(w *world, _ *visitor, _ string) string {
			return w.visitor().post(signupPath, "email", "eve@example.com", "password", goodPassword).in().text("meta.device_token")
		},
		"after 91 days": func(w *world, _ *visitor, device string) string { w.clock.Advance(91 * 24 * time.Hour); return device },
		"of a session whose refresh token was stolen": func(w *world, _ *visitor, device string) string {
			w.exec("UPDATE sessions SET ended_at = now(), end_reason = 'reuse_detected'")
			return device
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			signInLockedOut(t, secret).wants(400, "too_many_login_attempts")
		})
	}
}

// A device that was stolen must not guess without end, nor use up what others have.
func TestKnownDevice_guessesFiveTimesInFiveMinutesAndThirtyADay(t *testing.T) {
	t.Parallel()
	w := limited(t, `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"3/d/key"}`)
	_, device := w.owner()

	guess := func() bool {
		a := w.call("POST", loginPath, credentials(ada, wrongPassword), from("198.51.100.1"), onDevice(device))
		if strings.Contains(a.Body, "too_many_login_attempts") {
			return false
		}
		a.wants(400, "email_password_mismatch@password")
		return true
	}
	burst := 0
	for range 12 {
		if guess() {
			burst++
		}
	}
	if burst != 5+3 { // its own five, and then the common three
		t.Errorf("%d guesses at once, want 8", burst)
	}

	day := 5
	for range 47 {
		w.clock.Advance(5 * time.Minute)
		for day < 100 && guess() {
			day++
		}
	}
	// Thirty, what has grown back in four hours of the thirty, and of the common three.
	if day < 30 || day > 37 {
		t.Errorf("%d guesses of the device in four hours", day)
	}
}

func TestKnownDevice_itsTokenSignsNobodyIn(t *testing.T) {
	t.Parallel()
	w := limited(t)
	_, device := w.owner()
	for _, headers := range [][]string{
		{onDevice(device)}, {bearer(device)}, {"X-Session-Token: " + device},
	} {
		if a := w.call("GET", profilePath, "", headers...); a.Status != 401 && a.Status != 410 {
			t.Errorf("%.20s…: %d", headers[0], a.Status)
		}
	}
	w.call("POST", refreshPath, object("refresh", device)).wants(400, "refresh_token_invalid@refresh")
	w.call("POST", loginPath, credentials(ada, wrongPassword), onDevice(device)).wants(400, "email_password_mismatch@password")
	if strings.Contains(w.log.String(), device) {
		t.Error("a device token stands in the log")
	}
}

// Codes and resets of the owner are not used up by what strangers ask for.
func TestKnownDevice_getsItsMessagesWhateverStrangersAskFor(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"mail":"3/d/key","request_login_code":"2/d/key","reset_password":"2/d/key"}`)
	_, device := w.owner()
	for range 2 {
		w.visitor().post(codeRequestPath, "email", ada).waits("login_by_code")
	}
	w.visitor().post(codeRequestPath, "email", ada).wants(400, "too_many_login_attempts@email")
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	w.visitor().post(resetRequestPath, "email", ada).wants(429)

	sent := len(w.letters(ada))
	v := w.visitor()
	v.do("POST", codeRequestPath, object("email", ada), onDevice(device)).waits("login_by_code")
	eventually(t, 30*time.Second, "the mail", func() bool { return len(w.letters(ada)) > sent })
	w.call("POST", resetRequestPath, object("email", ada), onDevice(device)).wants(200)

	// It has a budget all the same.
	v.do("POST", codeRequestPath, object("email", ada), onDevice(device)).waits("login_by_code")
	w.visitor().do("POST", codeRequestPath, object("email", ada), onDevice(device)).wants(400, "too_many_login_attempts@email")
}

// Whoever knows the password must not keep the owner's second factor used up.
func TestKnownDevice_itsSecondFactorIsCountedByItself(t *testing.T) {
	t.Parallel()
	w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"signup":false,"reauthenticate":false,"login_failed":"100/d/key","mfa_failed":"3/d/user"}`)
	owner, device := w.owner()
	app := owner.withTOTP()
	for range 3 {
		v := w.visitor()
		v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
		v.post(factorPath, "code", "000000").wants(400, "incorrect_code@code")
	}
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")
	v.post(factorPath, "code", app.at(w.clock.Now())).wants(400, "too_many_login_attempts@code")
	v.do("POST", factorPath, object("code", app.at(w.clock.Now())), onDevice(device)).in()
}

// Each rate of both budgets counts: five in five minutes and thirty a day for a device, and a hundred a day
// for all devices of a user together.
func TestKnownDevice_everyRateOfItsBudgetsCounts(t *testing.T) {
	t.Parallel()

	for name, guess := range map[string]func(w *world, headers ...string) answer{
		"passwords": func(w *world, headers ...string) answer {
			return w.visitor().do("POST", loginPath, credentials(ada, wrongPassword), headers...)
		},
		"codes of a second factor": func(w *world, headers ...string) answer {
			v := w.visitor()
			v.post(loginPath, "email", ada, "password", goodPassword).waits("mfa_authenticate")

			return v.do("POST", factorPath, object("code", "000000"), headers...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, withFactors, "ACCOUNT_EMAIL_VERIFICATION=none",
				`ACCOUNT_RATE_LIMITS={"login":false,"signup":false,"reauthenticate":false,"login_failed":"1/d/key","mfa_failed":"1/d/user"}`)
			owner, first := w.owner()
			devices := []string{first}
			for range 3 {
				devices = append(devices, w.again(ada).device)
			}
			owner.withTOTP()

			// guesses counts what the servers take from a device until they refuse, at most 50.
			guesses := func(headers ...string) (n int) {
				for n < 50 && !strings.Contains(guess(w, headers...).Body, "too_many_login_attempts") {
					n++
				}

				return n
			}
			if n := guesses(); n != 1 {
				t.Fatalf("%d guesses without a device, want 1", n)
			}

			total := guesses(onDevice(first))
			if total != 5 {
				t.Errorf("%d guesses at once, want 5", total)
			}
			for range 7 {
				w.clock.Advance(5 * time.Minute)
				total += guesses(onDevice(first))
			}
			if total < 30 || total > 31 {
				t.Errorf("%d guesses of one device, want 30 and what grows back", total)
			}

			for range 6 {
				w.clock.Advance(5 * time.Minute)
				for _, device := range devices[1:] {
					total += guesses(onDevice(device))
				}
			}
			if total < 100 || total > 106 {
				t.Errorf("%d guesses of four devices, want 100 and what grows back", total)
			}
		})
	}
}
