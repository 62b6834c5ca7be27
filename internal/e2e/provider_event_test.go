package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

const appleNotificationsPath = root + "auth/provider/apple/notifications"

// notified delivers a signed event of Apple's.
func (s *services) notified(e fakeprovider.Event) answer {
	s.world.t.Helper()
	return s.world.visitor().do("POST", appleNotificationsPath, object("payload", s.Notification(e)))
}

// about is an event about an account at Apple that has an address.
func about(kind, email string) fakeprovider.Event {
	return fakeprovider.Event{Type: kind, Sub: fakeprovider.SubjectFor(fakeprovider.Apple, email), Email: email}
}

// mails are the subjects of the mails to an address, in order.
func (w *world) mailSubjects(to string) string {
	w.t.Helper()
	w.delivered()
	var subjects []string
	for _, l := range w.letters(to) {
		subjects = append(subjects, l.subject)
	}
	return strings.Join(subjects, "; ")
}

const icloud = "ada@icloud.com"

// TestAppleEvents_endTheConnection: whoever revokes the consent or deletes the account at Apple is
// disconnected, and the sessions that Apple opened end. The account stays, and gets a way in.
func TestAppleEvents_endTheConnection(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]fakeprovider.Event{
		"consent revoked":             about("consent-revoked", icloud),
		"account deleted":             about("account-delete", icloud),
		"account deleted, other word": about("account-deleted", icloud),
		"the event as an object":      {Type: "consent-revoked", Sub: fakeprovider.SubjectFor(fakeprovider.Apple, icloud), AsObject: true},
		"for the website":             {Type: "consent-revoked", Sub: fakeprovider.SubjectFor(fakeprovider.Apple, icloud), ClientID: fakeprovider.AppleWebClientID},
		"without exp and with nulls":  {Type: "consent-revoked", Sub: fakeprovider.SubjectFor(fakeprovider.Apple, icloud), Overrides: map[string]any{"exp": nil, "nbf": fakeprovider.Null}},
		"23 hours late":               {Type: "account-delete", Sub: fakeprovider.SubjectFor(fakeprovider.Apple, icloud), IssuedAt: time.Unix(-1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t)
			v := w.visitor()
			v.bring("login", s, of(fakeprovider.Apple, icloud)).in()
			w.clock.Advance(2 * time.Second)
			if !event.IssuedAt.IsZero() {
				event.IssuedAt = w.clock.Now().Add(-23 * time.Hour)
			}
			s.notified(event).wants(200)

			if left := w.identities(); left != "" {
				t.Errorf("connected: %s", left)
			}
			if a := v.do("GET", profilePath, ""); a.Status != 401 {
				t.Errorf("the session lives on: %d %s", a.Status, a.Body)
			}
			if n := query[int](w, "SELECT count(*) FROM users WHERE deletes_at IS NULL AND disabled_at IS NULL"); n != 1 {
				t.Error("the account is gone")
			}
			if got := w.trail(); !strings.Contains(got, "provider_disconnected success server") {
				t.Error(got)
			}

			// The mail lets the user in again.
			w.delivered()
			key := ""
			for n, l := range w.letters(icloud) {
				if linkAlone.MatchString(l.text) {
					key = w.mailedKey(icloud, n+1)
				}
			}
			if key == "" {
				t.Fatalf("no link that sets a password: %s", w.mailSubjects(icloud))
			}
			w.visitor().post(resetPath, "key", key, "password", goodPassword)
			w.visitor().post(loginPath, "email", icloud, "password", goodPassword).in()
		})
	}
}

// TestAppleEvents_otherWaysInStay: no reset mail where there is another way in; sessions that
// something else opened live on, also where Apple was a proof in them.
func TestAppleEvents_otherWaysInStay(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		settings string
		adds     func(w *world, s *services, v *visitor)
		resets   bool
	}{
		"a password": {"", func(w *world, s *services, v *visitor) {
			v.post(changePath, "new_password", goodPassword).wants(200)
		}, false},
		"another provider": {"", func(_ *world, s *services, v *visitor) {
			v.bring("connect", s, of(fakeprovider.Google, gmail)).wants(200)
		}, false},
		"codes by mail":      {"ACCOUNT_LOGIN_BY_CODE_ENABLED=true", func(*world, *services, *visitor) {}, false},
		"nothing":            {"", func(*world, *services, *visitor) {}, true},
		"nothing, and codes": {"ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true", func(*world, *services, *visitor) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, row.settings)
			v := w.visitor()
			v.bring("login", s, of(fakeprovider.Apple, icloud)).in()
			row.adds(w, s, v)
			w.clock.Advance(2 * time.Second)
			s.notified(about("consent-revoked", icloud)).wants(200)
			w.delivered()
			resets := 0
			for _, l := range w.letters(icloud) {
				if strings.Contains(l.text, "/password/reset/") || strings.Contains(l.text, "reset") && linkAlone.MatchString(l.text) {
					resets++
				}
			}
			if (resets > 0) != row.resets {
				t.Errorf("%d reset mails: %s", resets, w.mailSubjects(icloud))
			}
			last := w.letters(icloud)
			stranded := strings.Contains(name, "nothing")
			if text := last[len(last)-1].text; strings.Contains(text, "only way to sign in") != stranded {
				t.Errorf("the message says: %s", text)
			}
		})
	}
}

// TestAppleEvents_sessionsOfOtherWaysLiveOn: only what Apple opened ends.
func TestAppleEvents_sessionsOfOtherWaysLiveOn(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	byPassword := w.reproved(ada)
	c := of(fakeprovider.Apple, icloud)
	byPassword.bring("connect", s, c).wants(200)
	byApple := w.visitor()
	byApple.bring("login", s, c).in()
	other := w.visitor()
	other.bring("login", s, of(fakeprovider.Apple, "grace@icloud.com")).in()
	w.clock.Advance(2 * time.Second)
	s.notified(about("consent-revoked", icloud)).wants(200)

	byApple.do("GET", profilePath, "").wants(401)
	byPassword.do("GET", profilePath, "").wants(200)
	other.do("GET", profilePath, "").wants(200)
}

// TestAppleEvents_eachCountsOnce: what is delivered again, or late, must not disconnect what the
// user has connected again.
func TestAppleEvents_eachCountsOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email")
	c := of(fakeprovider.Apple, icloud)
	w.visitor().bring("login", s, c).in()
	w.clock.Advance(2 * time.Second)
	for _, kind := range []string{"account-delete", "consent-revoked"} {
		payload := object("payload", s.Notification(about(kind, icloud)))
		w.visitor().do("POST", appleNotificationsPath, payload).wants(200)
		c.Email = ""
		c.Sub = fakeprovider.SubjectFor(fakeprovider.Apple, icloud)
		w.visitor().bring("login", s, c).in()
		connected := w.identities()
		w.clock.Advance(2 * time.Second)
		w.visitor().do("POST", appleNotificationsPath, payload).wants(200)
		if connected == "" || w.identities() != connected {
			t.Errorf("%s: a second delivery changed %q to %q", kind, connected, w.identities())
		}
		w.clock.Advance(time.Second)
		w.swept()
		w.clock.Advance(20 * time.Hour)
		w.swept() // what is still good is still known
		w.visitor().do("POST", appleNotificationsPath, payload).wants(200)
		if w.identities() != connected {
			t.Errorf("%s: a delivery after 20 hours changed it", kind)
		}
		w.clock.Advance(5 * time.Hour)
		w.visitor().do("POST", appleNotificationsPath, payload).wants(400, "invalid_token@payload")
	}

	// Signed before the user signed in, and so consented, again.
	late := about("consent-revoked", icloud)
	late.IssuedAt = w.clock.Now().Add(-time.Hour)
	w.visitor().bring("login", s, c).in()
	connected := w.identities()
	s.notified(late).wants(200)
	if w.identities() != connected {
		t.Error("a consent that was given again was revoked by an event of before")
	}
}

// TestAppleEvents_addressesAreNoted: that Apple forwards no more mail stands in the audit log.
func TestAppleEvents_addressesAreNoted(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, icloud)).in()
	for kind, want := range map[string]string{"email-disabled": "provider_email_disabled success server", "email-enabled": "provider_email_enabled success server"} {
		s.notified(about(kind, icloud)).wants(200)
		if got := w.trail(); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", kind, got)
		}
	}
	before := w.trail()
	s.notified(about("transfer", icloud)).wants(200)                     // a type of tomorrow
	s.notified(about("consent-revoked", "nobody@icloud.com")).wants(200) // not connected
	if w.trail() != before {
		t.Error(w.trail())
	}
	v.do("GET", profilePath, "").wants(200)
}

// TestAppleEvents_whatIsNoEventChangesNothing: Security: anybody can send one.
func TestAppleEvents_whatIsNoEventChangesNothing(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, icloud)).in()
	w.clock.Advance(2 * time.Second)
	sub := fakeprovider.SubjectFor(fakeprovider.Apple, icloud)
	good := s.Notification(about("consent-revoked", icloud))
	parts := strings.Split(good, ".")
	over := func(name string, value any) string {
		e := about("consent-revoked", icloud)
		e.Overrides = map[string]any{name: value}
		return s.Notification(e)
	}
	aged := func(by time.Duration) string {
		e := about("consent-revoked", icloud)
		e.IssuedAt = w.clock.Now().Add(by)
		e.Overrides = map[string]any{"exp": nil}
		return s.Notification(e)
	}
	idToken := fakeprovider.Claims{Provider: fakeprovider.Apple, Email: icloud}
	ofGoogle := fakeprovider.Claims{Provider: fakeprovider.Google, Sub: sub, Overrides: map[string]any{
		"iss": s.Issuer(fakeprovider.Apple), "aud": fakeprovider.AppleClientID, "jti": "x", "events": `{"type":"consent-revoked","sub":"` + sub + `"}`,
	}}
	for name, payload := range map[string]string{
		"another signature":    parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])),
		"no signature":         parts[0] + "." + parts[1] + ".",
		"text":                 "consent-revoked",
		"Google's key":         s.Token(ofGoogle),
		"an id_token":          s.token(idToken),
		"another app":          over("aud", "dev.latchkey.other"),
		"Google's app":         over("aud", fakeprovider.GoogleClientID),
		"no audience":          over("aud", nil),
		"another issuer":       over("iss", "https://appleid.example"),
		"no jti":               over("jti", nil),
		"jti null":             over("jti", fakeprovider.Null),
		"jti empty":            over("jti", ""),
		"no iat":               over("iat", nil),
		"iat as text":          over("iat", "1800000000"),
		"exp past":             over("exp", w.clock.Now().Add(-time.Second).Unix()),
		"exp as text":          over("exp", "1900000000"),
		"25 hours old":         aged(-25 * time.Hour),
		"in the future":        aged(time.Hour),
		"no event":             over("events", nil),
		"an event of text":     over("events", "consent-revoked"),
		"an event without sub": over("events", `{"type":"consent-revoked"}`),
		"a sub twice":          over("events", `{"type":"consent-revoked","sub":"x","sub":"`+sub+`"}`),
		"a list of events":     over("events", []any{map[string]any{"type": "consent-revoked", "sub": sub}}),
	} {
		t.Run(name, func(t *testing.T) {
			before := w.log.String()
			w.visitor().do("POST", appleNotificationsPath, object("payload", payload)).wants(400, "invalid_token@payload")
			logged := strings.TrimPrefix(w.log.String(), before)
			if !strings.Contains(logged, "a notification of a provider is refused") || strings.Contains(logged, sub) {
				t.Errorf("the log: %s", logged)
			}
			if w.identities() == "" {
				t.Fatal("disconnected")
			}
		})
	}
	w.visitor().do("POST", appleNotificationsPath, `{}`).wants(400, "required@payload")
	w.visitor().do("POST", appleNotificationsPath, object("payload", strings.Repeat("x", 70<<10))).wants(413)
	v.do("GET", profilePath, "").wants(200)
	w.visitor().do("POST", providerTokenPath, brought("login", "apple", fakeprovider.AppleClientID, good)).wants(400) // an event is no id_token
	w.visitor().do("POST", appleNotificationsPath, object("payload", good)).wants(200)                                // it was good all the time
	v.do("GET", profilePath, "").wants(401)
}

// TestAppleEvents_whenTheyCannotBeTaken: without an app of Apple's there is nothing, and while
// Apple's keys cannot be read the event is to come again.
func TestAppleEvents_whenTheyCannotBeTaken(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"provider_event":"3/m/ip"}`)
	s.SetFault(fakeprovider.Apple, fakeprovider.Failing)
	event := about("consent-revoked", icloud)
	s.notified(event).away()
	s.SetFault(fakeprovider.Apple, fakeprovider.Healthy)
	w.clock.Advance(15 * time.Second)
	s.notified(event).wants(200)
	s.notified(event)
	s.notified(event)
	s.notified(event).wants(429, "too_many_requests")

	none := mailing(t)
	none.visitor().do("POST", appleNotificationsPath, object("payload", "x")).wants(404, "not_found")
}
