package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
	"github.com/latchkey-auth/latchkey/internal/softkey"
)

// markVerified stores that an address is verified, as a link does.
func (w *world) markVerified(address string) {
	w.t.Helper()
	w.exec("UPDATE email_addresses SET verified_at = now() WHERE address = $1", address)
}

// told are the changes that a security notice tells of. Each is made to the account of ada,
// who is signed in, has just proved who she is, and has a second, unverified address.
var told = map[string]func(t *testing.T, w *world, s *services, v *visitor){
	"an address is added": func(_ *testing.T, _ *world, _ *services, v *visitor) {
		v.post(emailsPath, "email", "another@example.com").wants(200)
	},
	"another address becomes the primary one": func(_ *testing.T, w *world, _ *services, v *visitor) {
		verified := query[bool](w, "SELECT verified_at IS NOT NULL FROM email_addresses WHERE address = $1", ada)
		if verified {
			w.markVerified(grace)
		}
		v.do("PATCH", emailsPath, `{"email":"`+grace+`","primary":true}`).wants(200)
	},
	"an address is removed": func(_ *testing.T, w *world, _ *services, v *visitor) {
		w.exec("UPDATE email_addresses SET is_primary = false")
		w.exec("UPDATE email_addresses SET is_primary = true WHERE address = $1", grace)
		v.do("DELETE", emailsPath, object("email", ada)).wants(200)
	},
	"the password is changed": func(_ *testing.T, _ *world, _ *services, v *visitor) {
		v.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	},
	"TOTP is added": func(_ *testing.T, _ *world, _ *services, v *visitor) { v.withTOTP() },
	"TOTP is removed": func(_ *testing.T, w *world, _ *services, v *visitor) {
		v.withTOTP()
		v.do("DELETE", totpPath, "").wants(200)
	},
	"recovery codes are made": func(_ *testing.T, _ *world, _ *services, v *visitor) {
		v.withTOTP()
		v.do("POST", recoveryPath, "").wants(200)
	},
	"a key is added": func(_ *testing.T, _ *world, _ *services, v *visitor) {
		options := v.do("GET", passkeysPath+"?passwordless", "").wants(200)
		key := softkey.New(passkeyOrigin)
		v.do("POST", passkeysPath, presented(key.Register([]byte(options.Body)), "name", strangersText)).wants(200)
	},
	"a provider is connected": func(_ *testing.T, _ *world, s *services, v *visitor) {
		v.bring("connect", s, fakeprovider.Claims{Provider: fakeprovider.Google, Email: gmail, Sub: "1", GivenName: strangersText}).wants(200)
	},
	"a provider is disconnected": func(_ *testing.T, _ *world, s *services, v *visitor) {
		v.bring("connect", s, fakeprovider.Claims{Provider: fakeprovider.Google, Email: gmail, Sub: "1", GivenName: strangersText}).wants(200)
		v.do("DELETE", providersPath, object("provider", "google", "account", "1")).wants(200)
	},
	"the account is to be deleted": func(_ *testing.T, _ *world, _ *services, v *visitor) {
		v.do("DELETE", accountPath, "").wants(200)
	},
	"the account stays": func(_ *testing.T, w *world, _ *services, v *visitor) {
		v.do("DELETE", accountPath, "").wants(200)
		w.strangeSignIn()
	},
	"a device is new": func(_ *testing.T, w *world, _ *services, _ *visitor) { w.strangeSignIn() },
	"a refresh token is stolen": func(_ *testing.T, w *world, _ *services, v *visitor) {
		w.clock.Advance(2 * 1e9)
		w.call("POST", refreshPath, object("refresh", v.fresh), "Idempotency-Key: of-the-phone").wants(200)
		w.clock.Advance(2 * 1e9)
		w.call("POST", refreshPath, object("refresh", v.fresh), "Idempotency-Key: of-the-thief", strangersAgent).wants(400)
	},
	"the account is gone": func(_ *testing.T, w *world, _ *services, v *visitor) {
		v.do("DELETE", accountPath, "").wants(200)
		w.clock.Advance(15 * 24 * 3600 * 1e9)
		w.swept()
	},
}

// What a stranger would have the server mail to others.
const (
	strangersText  = "Secure your mailbox now: https://evil.example/login"
	strangersAgent = "User-Agent: " + strangersText
	strangersName  = "X-Device-Name: " + strangersText
	strangersHome  = "203.0.113.77"
)

// strangeSignIn signs ada in on a device that names itself by a text.
func (w *world) strangeSignIn() {
	w.t.Helper()
	v := w.visitor()
	v.do("POST", loginPath, credentials(ada, goodPassword), strangersAgent, strangersName, from(strangersHome)).in()
}

const noticeSettings = " ACCOUNT_EMAIL_NOTIFICATIONS=true ACCOUNT_EMAIL_VERIFICATION=none LATCHKEY_REFRESH_GRACE=1 LATCHKEY_TRUSTED_PROXIES=127.0.0.1"

func TestNotice_anUnverifiedAddressGetsNone(t *testing.T) {
	t.Parallel()

	for _, verified := range []bool{false, true} {
		name := "unverified: "
		if verified {
			name = "verified: "
		}

		for what, change := range told {
			t.Run(name+what, func(t *testing.T) {
				t.Parallel()
				w, s := providing(t, withFactors+noticeSettings)
				v := w.reproved(ada)
				w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT user_id, $1, false, now() FROM email_addresses", grace)
				if verified {
					w.markVerified(ada)
				}

				change(t, w, s, v)
				w.delivered()

				got := len(w.letters(ada))
				if verified && got == 0 {
					t.Errorf("the verified address got no notice")
				}
				if !verified && got > 0 {
					t.Errorf("the unverified address got %q", w.letters(ada)[0].subject)
				}
				for _, other := range []string{grace, "another@example.com"} {
					isVerified := query[bool](w, "SELECT EXISTS (SELECT FROM email_addresses WHERE address = $1 AND verified_at IS NOT NULL)", other)
					if n := len(w.letters(other)); n > 0 && !isVerified {
						t.Errorf("%s, which is not verified, got %q", other, w.letters(other)[0].subject)
					}
				}
			})
		}
	}
}

// A stranger chooses every text that a client can send: no mail and no SMS repeats one, not to
// a verified address, nor in what an unverified one gets.
func TestNotice_noTextOfAClientIsInAMessage(t *testing.T) {
	t.Parallel()

	strange := []string{strangersAgent, strangersName, from(strangersHome)}
	chosen := regexp.MustCompile(`(?i)evil|mailbox now|` + regexp.QuoteMeta(strangersHome))

	for what, change := range told {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, withFactors+noticeSettings)
			v := w.signedIn(ada)
			v.strange = strange
			w.markVerified(ada)
			v.proved()
			v.do("PATCH", profilePath, object("display", strangersText)).wants(200)
			w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) SELECT user_id, $1, false, now() FROM email_addresses", grace)

			change(t, w, s, v)
			w.delivered()

			letters := w.letters(ada)
			if len(letters) == 0 {
				t.Fatal("no mail to look at")
			}
			for _, l := range letters {
				if chosen.MatchString(l.subject + l.text + l.html) {
					t.Errorf("%q repeats what a client sent: %s", l.subject, l.text)
				}
			}
		})
	}

	t.Run("what an unverified address gets", func(t *testing.T) {
		t.Parallel()
		w, g := texting(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_LOGIN_METHODS=email,phone,username ACCOUNT_SIGNUP_FIELDS=email*,phone,username,password1* LATCHKEY_TRUSTED_PROXIES=127.0.0.1")
		v := w.visitor()
		v.strange = strange
		v.post(signupPath, "email", ada, "phone", number, "username", "evil.example", "password", goodPassword).waits("verify_phone")
		v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
		w.visitor().do("POST", codeRequestPath, object("email", ada), strange...).waits("login_by_code")
		w.visitor().do("POST", resetRequestPath, object("email", ada), strange...).wants(200)
		w.visitor().do("POST", resetRequestPath, object("email", grace), strange...).wants(200)
		w.visitor().do("POST", codeRequestPath, object("phone", number), strange...).waits("login_by_code")
		w.delivered()

		texts := strings.Join(g.all(number), "\n")
		for _, l := range append(w.letters(ada), w.letters(grace)...) {
			texts += l.subject + l.text + l.html
		}
		if chosen.MatchString(texts) {
			t.Errorf("a message repeats what a client sent: %s", texts)
		}
	})
}

func TestNotice_showsThePlatformAndTheNetwork(t *testing.T) {
	t.Parallel()
	w := mailing(t, noticeSettings)
	w.signedIn(ada)
	w.markVerified(ada)

	for n, row := range []struct{ userAgent, address, language, from, with string }{
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)", "203.0.113.77", "en", "From: 203.0.113.0/24", "With: iPhone"},
		{"okhttp/4.12.0", "2001:db8:1:2:3:4:5:6", "de", "Von: 2001:db8:1::/48", "Mit: Android"},
		{"curl/8.5.0", "198.51.100.1", "de", "Von: 198.51.100.0/24", "Mit: einem unbekannten Gerät"},
		{"Mozilla/5.0 (Nintendo) NintendoBrowser/5.1", "198.51.100.1", "en", "From: 198.51.100.0/24", "With: a browser"},
	} {
		w.visitor().do("POST", loginPath, credentials(ada, goodPassword), "User-Agent: "+row.userAgent, from(row.address), "Accept-Language: "+row.language).in()
		l := w.letter(ada, n+1)
		for _, want := range []string{row.from, row.with} {
			if !strings.Contains(l.text, want+"\n") {
				t.Errorf("%s: %q does not say %q", row.userAgent, l.text, want)
			}
		}
	}
}

// A code that is asked for with a number nobody has costs the operator nothing: the answer is
// the same, and no text goes out.
func TestNotice_aNumberWithoutAnAccountGetsNoText(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, byCode)
	w.visitor().post(codeRequestPath, "phone", number).waits("login_by_code")
	w.delivered()
	if texts := g.all(number); len(texts) > 0 {
		t.Errorf("the number got %q", texts)
	}
}

// A caller who makes changes all day long does not fill a mailbox: twenty notices an hour go to an address, and
// the changes are made all the same.
func TestNotice_anAddressGetsTwentyAnHour(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"signup":false,"reauthenticate":false}`)
	w.signedIn(ada)
	w.markVerified(ada)

	// Each round is two notices: the account is to be deleted, and the next sign-in calls that off.
	rounds := func(n int) int {
		before := len(w.letters(ada))
		for range n {
			w.again(ada).proved().do("DELETE", accountPath, "").wants(200)
		}
		w.delivered()

		return len(w.letters(ada)) - before
	}
	if n := rounds(13); n != 20 {
		t.Errorf("%d notices of 25, want 20", n)
	}

	w.clock.Advance(time.Hour)
	if n := rounds(1); n != 2 {
		t.Errorf("%d notices an hour later, want 2", n)
	}
}
