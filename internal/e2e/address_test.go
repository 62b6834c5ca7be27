package e2e

import (
	"strings"
	"testing"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// oneAddress are spellings of one address; the first is how it is stored.
var oneAddress = map[string][]string{
	"an international domain": {
		"ada@xn--bcher-kva.example", "ada@bücher.example", "ada@bu\u0308cher.example", "ADA@BÜCHER.EXAMPLE", "Ada@BU\u0308CHER.example", "ada@XN--BCHER-KVA.example", "ada@b\uff55\u0308cher.example",
	},
	"a full-width domain": {"ada@example.com", "ada@ｅｘａｍｐｌｅ.ｃｏｍ", "ADA@ＥＸＡＭＰＬＥ．com", "ada@example\u3002com"},
	"a sharp s":           {"ada@xn--strae-oqa.example", "ada@straße.example", "ADA@STRAẞE.example"},
	"upper case":          {"ivi@istanbul.example", "IVI@ISTANBUL.EXAMPLE", "Ivi@Istanbul.Example"},
	"a dotted capital I":  {"ada@xn--istanbul-o0e.example", "ada@İstanbul.example", "ada@i\u0307stanbul.example", "ADA@İSTANBUL.example"},
	"a dotless i":         {"ada@xn--stanbul-qfb.example", "ada@ıstanbul.example", "ADA@ıSTANBUL.example"},
	"a Cyrillic domain":   {"ada@xn--e1afmkfd.xn--p1ai", "ada@пример.рф", "ADA@ПРИМЕР.РФ"},
	"what nobody sees":    {"ada@example.com", "\u200bada@example.com", "a\u200bda@exam\u200dple.com", "\u202aada@example.com\u202c", "ada@example.com\ufeff", "ad\u00ada@example.com", "ada@\u2060example.com"},
}

// otherLetters are local parts that resemble others and are none of them.
var otherLetters = []string{"ﬁona", "ſam", "ａda", "ada¹", "straße", "İda", "ıda", "émile", "e\u0301mile", "\u0430da"}

func TestAddress_allSpellingsAreOneAddress(t *testing.T) {
	t.Parallel()
	for what, spellings := range oneAddress {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			stored := spellings[0]
			w := mailing(t, byCode, mandatoryByCode)
			v := w.visitor()
			v.post(signupPath, "email", spellings[1], "password", goodPassword).waits("verify_email")
			first := v.post(verifyEmailPath, "key", w.mailedCode(stored, 1)).in()
			if first.text("data.user.email") != stored {
				t.Errorf("it is shown as %q, want %q", first.text("data.user.email"), stored)
			}

			for _, spelling := range spellings {
				again := w.visitor()
				a := again.post(loginPath, "email", spelling, "password", goodPassword).in()
				if a.get("data.user.id") != first.get("data.user.id") {
					t.Errorf("%q signs another user in", spelling)
				}

				w.delivered()
				mails := len(w.letters(stored))
				code := w.visitor()
				code.post(codeRequestPath, "email", spelling).waits("login_by_code")
				code.post(codeConfirmPath, "code", w.mailedCode(stored, mails+1)).in()

				w.visitor().post(resetRequestPath, "email", spelling).wants(200)
				w.mailedKey(stored, mails+2)

				again.proved().post(emailsPath, "email", spelling).wants(400, "duplicate_email@email")
				again.do("PATCH", emailsPath, strings.Replace(object("email", spelling), "}", `,"primary":true}`, 1)).wants(200)
			}
			if got := w.addresses(); got != stored+" primary verified" {
				t.Errorf("the addresses are %q", got)
			}
		})
	}
}

func TestAddress_aSecondAccountInAnotherSpellingIsRefused(t *testing.T) {
	t.Parallel()
	for what, spellings := range oneAddress {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := start(t, "ACCOUNT_EMAIL_VERIFICATION=none")
			for n, spelling := range spellings {
				a := w.visitor().post(signupPath, "email", spelling, "password", goodPassword)
				if n == 0 {
					a.in()
					continue
				}
				a.wants(400, "email_taken@email")
			}
		})
	}
}

// Each path that takes an address refuses a local part of other letters than ASCII ones, and says so.
func TestAddress_aLocalPartOfOtherLettersIsRefused(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada).proved()
	for _, local := range otherLetters {
		for _, domain := range []string{"@example.com", "@bücher.example"} {
			address := local + domain
			stranger := w.visitor()
			for path, a := range map[string]answer{
				"sign-up":      stranger.post(signupPath, "email", address, "password", goodPassword),
				"sign-in":      stranger.post(loginPath, "email", address, "password", goodPassword),
				"sign-in code": stranger.post(codeRequestPath, "email", address),
				"reset":        stranger.post(resetRequestPath, "email", address),
				"add":          v.post(emailsPath, "email", address),
				"resend":       v.do("PUT", emailsPath, object("email", address)),
				"remove":       v.do("DELETE", emailsPath, object("email", address)),
			} {
				a.wants(400, "invalid@email")
				if !strings.Contains(a.Body, "Enter a valid email address.") {
					t.Errorf("%s, %q: %s", path, address, a.Body)
				}
			}
			w.command("", "users", "create", "--no-password", address).wants(1, "is not an email address")
		}
	}
	if n := query[int](w, "SELECT count(*) FROM users"); n != 1 {
		t.Errorf("%d users", n)
	}
}

// A provider that is the authority for an address names the account that has it, in each spelling of
// the domain, and none whose address it resembles.
func TestProvider_anAddressThatResemblesAnotherNamesNoAccount(t *testing.T) {
	t.Parallel()
	s := newServices(t)
	w := s.open(t, s.withTrusted(t), "ACCOUNT_EMAIL_VERIFICATION=none SOCIALACCOUNT_EMAIL_AUTHENTICATION=true")
	for _, local := range []string{"ada", "fiona", "sam", "ada1", "strasse", "ida", "emile", "kim"} {
		w.visitor().post(signupPath, "email", local+"@bücher.example", "password", goodPassword).in()
		w.visitor().post(signupPath, "email", local+"@gmail.com", "password", goodPassword).in()
	}
	w.exec("UPDATE email_addresses SET verified_at = now()")
	bring := func(provider, address string) answer {
		return teller{provider: provider}.brings(w.visitor(), s, address)
	}

	for _, spelling := range []string{"ada@bücher.example", "ADA@BU\u0308CHER.EXAMPLE", "ada@xn--bcher-kva.example"} {
		if a := bring(trusted, spelling).in(); a.text("data.user.email") != "ada@xn--bcher-kva.example" {
			t.Errorf("%q signs in %s", spelling, a.text("data.user.email"))
		}
	}
	for _, local := range append(otherLetters, "\u212aim", "a\u200bda", "\u202aada", "ad\u00ada") {
		for provider, domain := range map[string]string{trusted: "@bücher.example", fakeprovider.Google: "@gmail.com"} {
			a := bring(provider, local+domain)
			if a.Status == 200 || strings.Contains(a.Body, `"account_exists":true`) {
				t.Errorf("%q: %d %s", local+domain, a.Status, a.Body)
			}
		}
	}
}

// brings brings a token of the provider whose subject is the address.
func (c teller) brings(v *visitor, s *services, address string) answer {
	says := fakeprovider.Claims{Provider: c.provider, Email: address, EmailVerified: true}
	if c.provider == trusted {
		says.Provider = fakeprovider.OIDC
	}
	return v.do("POST", providerTokenPath, brought("login", c.provider, fakeprovider.ClientIDs(says.Provider)[0], s.token(says)))
}

// The commands of operators know an address in each spelling, too.
func TestCommand_knowsAnAddressInEachSpelling(t *testing.T) {
	t.Parallel()
	w := start(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	for what, spellings := range oneAddress {
		if what == "what nobody sees" { // the address of a row before
			continue
		}
		w.command(goodPassword, "users", "create", "--verified", spellings[len(spellings)-1]).wants(0)
		for _, spelling := range spellings {
			w.command("", "users", "create", "--no-password", "--verified", spelling).wants(1, "another user has verified "+spellings[0])
			w.command("", "users", "enable", spelling).wants(0, spellings[0]+": was not disabled")
			w.command("", "audit", "--user", spelling).wants(0)
		}
	}
}

// Security: another spelling gives no further guesses.
func TestUsername_allSpellingsShareTheGuesses(t *testing.T) {
	t.Parallel()
	w := limited(t, signupByName, "ACCOUNT_LOGIN_METHODS=username,email", "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"login":false,"login_failed":"4/d/key"}`)
	for _, names := range [][]string{{"émile", "e\u0301mile", "ÉMILE", "E\u0301MILE", "\u00c9mile"}, {"strauß", "STRAUSS", "Strauss", "ſtrauss", "ｓtrauss"}} {
		for _, name := range names[:4] {
			w.visitor().post(loginPath, "username", name, "password", wrongPassword).wants(400, "username_password_mismatch@password")
		}
		w.visitor().post(loginPath, "username", names[4], "password", wrongPassword).wants(400, "too_many_login_attempts")
	}
	spellings := oneAddress["an international domain"]
	for _, spelling := range spellings[:4] {
		w.visitor().post(loginPath, "email", spelling, "password", wrongPassword).wants(400, "email_password_mismatch@password")
	}
	w.visitor().post(loginPath, "email", spellings[4], "password", wrongPassword).wants(400, "too_many_login_attempts")
}
