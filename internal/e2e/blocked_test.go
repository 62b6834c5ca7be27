package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// squatter makes an account that has an address without having verified it.
type squatter struct {
	what string
	// id is the account's; the others of the same row come after it.
	id    int64
	makes func(w *world, s squatter)
	// opens: a reset that is mailed to the address opens the account.
	opens bool
}

// address is the one that the account has, and that somebody else owns.
func (s squatter) address() string { return fmt.Sprintf("owner%d@corp.test", s.id) }

// insert stores an account with the address, unverified, and another primary one if that is
// verified.
func (s squatter) insert(w *world, id int64, verifiedPrimary string) {
	w.t.Helper()
	w.exec("INSERT INTO users (id, display, created_at) VALUES ($1, 'Mallory', now())", id)
	w.exec("INSERT INTO email_addresses (user_id, address, is_primary, created_at) VALUES ($1, $2, $3, now())", id, s.address(), verifiedPrimary == "")
	if verifiedPrimary != "" {
		w.exec("INSERT INTO email_addresses (user_id, address, verified_at, is_primary, created_at) VALUES ($1, $2, now(), true, now())", id, verifiedPrimary)
	}
}

var squatters = []squatter{
	{"an account with another verified address", 10, func(w *world, s squatter) {
		s.insert(w, s.id, "mallory10@evil.test")
	}, false},
	{"an account with a verified number", 20, func(w *world, s squatter) {
		s.insert(w, s.id, "")
		w.exec("UPDATE users SET phone = $1, phone_verified_at = now() WHERE id = $2", number, s.id)
	}, false},
	{"an account with a second factor", 30, func(w *world, s squatter) {
		s.insert(w, s.id, "")
		w.exec("INSERT INTO authenticators (id, user_id, type, name, created_at, sealed, spent, misses) VALUES ($1, $1, 'totp', '', now(), 'x', 0, 0)", s.id)
	}, false},
	{"a disabled account", 40, func(w *world, s squatter) {
		s.insert(w, s.id, "")
		w.exec("UPDATE users SET disabled_at = now() WHERE id = $1", s.id)
	}, false},
	{"an account that has nothing else", 50, func(w *world, s squatter) {
		s.insert(w, s.id, "")
	}, true},
	{"a disabled account and a younger one", 60, func(w *world, s squatter) {
		s.insert(w, s.id, "")
		w.exec("UPDATE users SET disabled_at = now(), created_at = now() - interval '1 day' WHERE id = $1", s.id)
		s.insert(w, s.id+1, "")
	}, true},
}

// modes are the settings under which answers tell more or less of who has an account.
var modes = map[string]string{
	"optional":                        "ACCOUNT_EMAIL_VERIFICATION=optional",
	"optional, answers tell":          "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_PREVENT_ENUMERATION=false",
	"optional, strict":                "ACCOUNT_EMAIL_VERIFICATION=optional ACCOUNT_PREVENT_ENUMERATION=strict",
	"no verification":                 "ACCOUNT_EMAIL_VERIFICATION=none",
	"no verification, strict":         "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_PREVENT_ENUMERATION=strict",
	"mandatory by link":               "ACCOUNT_EMAIL_VERIFICATION=mandatory",
	"mandatory by link, strict":       "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_PREVENT_ENUMERATION=strict",
	"mandatory by code":               mandatoryByCode,
	"mandatory by code, answers tell": mandatoryByCode + " ACCOUNT_PREVENT_ENUMERATION=false",
	"mandatory by code, strict":       mandatoryByCode + " ACCOUNT_PREVENT_ENUMERATION=strict",
}

// Whatever a stranger has done with an address, its owner gets an account by it, either by
// signing up or by a reset, and signs in with the address afterwards.
func TestSignup_aStrangerKeepsNobodyOut(t *testing.T) {
	t.Parallel()

	for mode, settings := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := mailing(t, settings)
			for _, s := range squatters {
				s.makes(w, s)
				comesIn(t, w, s)
			}
		})
	}
}

// comesIn plays the owner of an address who wants an account.
func comesIn(t *testing.T, w *world, s squatter) {
	t.Helper()
	v := w.visitor()
	signup := v.post(signupPath, "email", s.address(), "password", goodPassword)
	w.delivered()
	if signup.Status == 401 && signup.pending() == "verify_email" {
		verifies(w, v, s.address())
	}

	login := w.visitor().post(loginPath, "email", s.address(), "password", goodPassword)
	if login.Status == 200 {
		return
	}
	if !s.opens {
		t.Errorf("%s: the owner signed up (%d %s) and cannot sign in: %s", s.what, signup.Status, signup.Body, login.Body)
		return
	}

	if !resetsByMail(w, s.address()) {
		t.Errorf("%s: the owner can neither sign up (%d %s) nor reset", s.what, signup.Status, signup.Body)
		return
	}
	w.visitor().post(loginPath, "email", s.address(), "password", anotherPassword).in()
}

// verifies does what a mail asks for, if one does.
func verifies(w *world, v *visitor, address string) {
	w.t.Helper()
	for n, l := range w.letters(address) {
		switch {
		case codeAlone.MatchString(l.text):
			v.post(verifyEmailPath, "key", w.mailedCode(address, n+1)).in()
		case strings.Contains(l.text, "/verify/"):
			v.post(verifyEmailPath, "key", w.mailedKey(address, n+1)).waits()
		}
	}
}

// resetsByMail asks for a reset, and sets another password with the key that comes; it reports
// false where none comes.
func resetsByMail(w *world, address string) bool {
	w.t.Helper()
	v := w.visitor()
	before := len(w.letters(address))
	v.post(resetRequestPath, "email", address).wants(200)
	w.delivered()

	letters := w.letters(address)[before:]
	if len(letters) != 1 || !strings.Contains(letters[0].text, "/reset/") {
		return false
	}

	v.post(resetPath, "key", w.mailedKey(address, before+1), "password", anotherPassword).waits()
	return true
}

// The checks of an address agree: what blocks a sign-up also blocks a sign-up with a provider
// that does not vouch for the address, adding it where answers tell, and moving a pending
// sign-up to it. Nothing else does.
func TestSignup_everyCheckOfAnAddressAgrees(t *testing.T) {
	t.Parallel()

	checks := map[string]struct {
		settings string
		blocked  func(w *world, s *services, address string) bool
	}{
		"sign-up": {"", func(w *world, _ *services, address string) bool {
			return w.visitor().post(signupPath, "email", address, "password", goodPassword).Status != 200
		}},
		"sign-up with a provider": {"", func(w *world, s *services, address string) bool {
			return w.visitor().bring("login", s, fakeprovider.Claims{Provider: fakeprovider.OIDC, Email: address}).Status != 200
		}},
		"adding an address": {"ACCOUNT_PREVENT_ENUMERATION=false", func(w *world, _ *services, address string) bool {
			adds := "adds." + address
			v := w.reproved(adds)
			w.markVerified(adds)
			return v.post(emailsPath, "email", address).Status != 200
		}},
		"moving a pending sign-up": {mandatoryByCode + " ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE=true", func(w *world, _ *services, address string) bool {
			v := w.visitor()
			v.post(signupPath, "email", "moves."+address, "password", goodPassword).waits("verify_email")
			v.post(emailsPath, "email", address).wants(200)
			return !codeAlone.MatchString(w.letter(address, 1).text)
		}},
	}

	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, services := providing(t, check.settings)
			for _, s := range squatters {
				s.makes(w, s)
				if got := check.blocked(w, services, s.address()); got != s.opens {
					t.Errorf("%s: blocked: %t, want %t", s.what, got, s.opens)
				}
			}
		})
	}
}

// Signing in by an address leads to the account of its owner, also before the owner has
// verified it, and not to an older account of a stranger who has added it.
func TestLogin_anAddedAddressComesAfterItsOwners(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	stranger := squatters[0]
	stranger.makes(w, stranger)
	w.exec("UPDATE email_addresses SET created_at = now() - interval '1 day'")

	id := w.signedIn(stranger.address()).do("GET", profilePath, "").wants(200).get("id")
	in := w.visitor().post(loginPath, "email", stranger.address(), "password", goodPassword).in()
	if got := in.get("data.user.id"); got != id {
		t.Errorf("signed in to the account %v, want %v", got, id)
	}
}
