package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-auth/latchkey/internal/fakeprovider"
)

// What the provider did not tell is asked for, and nothing of what it told is filled in.
func TestProviderSignup_asksForWhatIsMissing(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true")
	w.visitor().do("GET", providerSignupPath, "").wants(409, "flow_not_pending")
	w.visitor().post(providerSignupPath, "email", ada).wants(409, "flow_not_pending")
	v := w.visitor()
	c := fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "001.1"}
	a := v.bring("login", s, c, "name", "Ada King").waits("provider_signup")
	if !strings.Contains(a.Body, `"provider":{"client_id":"dev.latchkey.app,dev.latchkey.web","flows":["provider_token"],"id":"apple","name":"Apple"}`) || v.token == "" {
		t.Error(a.Body)
	}
	a = v.do("GET", providerSignupPath, "").wants(200)
	if a.text("data.user.display") != "Ada King" || a.get("data.user.id") != nil || a.text("data.account.uid") != "001.1" || !strings.Contains(a.Body, `"email":[]`) {
		t.Error(a.Body)
	}
	v.do("POST", providerSignupPath, `{}`).wants(400, "required@email")
	v.post(providerSignupPath, "email", "nonsense").wants(400, "invalid@email")
	v.post(providerSignupPath, "email", ada).waits("verify_email") // the provider does not know it
	v.do("GET", providerSignupPath, "").wants(409, "flow_not_pending")
	v.post(providerSignupPath, "email", grace).wants(409, "flow_not_pending")
	in := v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).in()
	if in.text("data.user.display") != "Ada King" || in.get("data.user.has_usable_password") != false || in.text("data.methods.uid") != "001.1" {
		t.Error(in.Body)
	}
	again := w.visitor().bring("login", s, c).in()
	if again.get("data.user.id") != in.get("data.user.id") || again.text("data.user.email") != ada {
		t.Error(again.Body)
	}
}

// Without automatic sign-up everybody is asked; an address that the provider vouches for is
// verified only where it is the one that was given.
func TestProviderSignup_asksEverybodyWhereThatIsSet(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "SOCIALACCOUNT_AUTO_SIGNUP=false ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, gmail)).waits("provider_signup")
	a := v.do("GET", providerSignupPath, "").wants(200)
	if !strings.Contains(a.Body, `"email":[{"email":"ada@gmail.com","primary":true,"verified":true}]`) {
		t.Error(a.Body)
	}
	v.do("POST", providerSignupPath, `{}`).wants(400, "required@email")
	v.post(providerSignupPath, "email", " Ada@Gmail.com").in()
	w.visitor().bring("login", s, of(fakeprovider.Google, gmail)).in()
	for provider, address := range map[string]string{fakeprovider.Google: "grace@gmail.com", fakeprovider.OIDC: "grace@oidc.example"} {
		v = w.visitor()
		v.bring("login", s, of(provider, address)).waits("provider_signup")
		given := map[bool]string{true: "mary@" + provider + ".example", false: address}[provider == fakeprovider.Google]
		v.post(providerSignupPath, "email", given).waits("verify_email")
		v.post(verifyEmailPath, "key", w.mailedCode(given, 1)).in()
	}
}

func TestProviderSignup_timesOutAndIsReplaced(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, "")).waits("provider_signup")
	w.clock.Advance(16 * time.Minute)
	v.do("GET", providerSignupPath, "").wants(409, "flow_not_pending")
	v.post(providerSignupPath, "email", ada).wants(409, "flow_not_pending")
	v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "1"}).waits("provider_signup")
	v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "2"}).waits("provider_signup")
	if a := v.do("GET", providerSignupPath, "").wants(200); a.text("data.account.uid") != "2" {
		t.Error(a.Body)
	}
	w.signedIn(ada)
	v.post(loginPath, "email", ada, "password", goodPassword).in() // this is not what connects
	v.do("GET", providerSignupPath, "").wants(409, "flow_not_pending")
	v.post(providerSignupPath, "email", grace).wants(409, "flow_not_pending")
	if w.identities() != "" {
		t.Error(w.identities())
	}
	dead := w.visitor()
	dead.token = v.token + "x"
	dead.do("GET", providerSignupPath, "").wants(410)
	dead.post(providerSignupPath, "email", grace).wants(410)
}

// A user name and a number are asked for where sign-up asks for them, and what is taken is
// refused.
func TestProviderSignup_asksForNameAndNumber(t *testing.T) {
	t.Parallel()
	s, g := newServices(t), newGateway(t)
	w := s.open(t, append(g.settings(), "ACCOUNT_SIGNUP_FIELDS=email*,username*,phone*,password1* ACCOUNT_LOGIN_METHODS=email,username,phone ACCOUNT_EMAIL_VERIFICATION=none")...)
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Google, gmail)).waits("provider_signup")
	v.post(providerSignupPath, "email", gmail).wants(400, "required@username", "required@phone")
	v.post(providerSignupPath, "email", gmail, "username", "ada", "phone", "nonsense").wants(400, "invalid_phone@phone")
	v.post(providerSignupPath, "email", gmail, "username", "ada", "phone", number).waits("verify_phone")
	in := v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
	if in.text("data.user.username") != "ada" {
		t.Error(in.Body)
	}
	other := w.visitor()
	other.bring("login", s, of(fakeprovider.Google, "grace@gmail.com")).waits("provider_signup")
	other.post(providerSignupPath, "email", "grace@gmail.com", "username", "Ada", "phone", otherNumber).wants(400, "username_taken@username")
	other.post(providerSignupPath, "email", gmail, "username", "grace", "phone", otherNumber).wants(400, "email_taken@email")
	// A number that is taken is walked with as one that is free (protection is on).
	other.post(providerSignupPath, "email", "grace@gmail.com", "username", "grace", "phone", number).waits("verify_phone")
	if n := query[int](w, "SELECT count(*) FROM users"); n != 1 || strings.Contains(w.identities(), ",") {
		t.Errorf("%d users, %s", n, w.identities())
	}
}

// With protection on and verification demanded, an address that is taken walks like one that
// is free. Its owner is told, and nothing is connected.
func TestProviderSignup_doesNotTellThatAnAddressIsTaken(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"for all":       mandatoryByCode,
		"for providers": "SOCIALACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION=optional",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := providing(t, settings)
			w.visitor().post(signupPath, "email", ada, "password", goodPassword)
			_ = w.letter(ada, 1)
			w.exec("UPDATE email_addresses SET verified_at = now()")
			told := func(address string) answer {
				return w.visitor().bring("login", s, unsure(fakeprovider.Google, address))
			}
			asked := func(address string) answer {
				v := w.visitor()
				v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: "sub of " + address}).waits("provider_signup")
				return v.post(providerSignupPath, "email", address)
			}
			for n, way := range []func(string) answer{told, asked} {
				free, taken := way(fmt.Sprintf("free%d@example.com", n)), way(ada)
				free.waits("verify_email")
				taken.waits("verify_email")
				if a, b := settledTokens(free), settledTokens(taken); a != b {
					t.Errorf("%s\n%s", a, b)
				}
				if l := w.letter(ada, 2+n); codeAlone.MatchString(l.text) || strings.Contains(l.text, "/verify/") {
					t.Error(l)
				}
			}
			if n := strings.Count(w.identities(), ","); n != 1 {
				t.Error(w.identities())
			}
		})
	}
}

func settledTokens(a answer) string {
	return strings.ReplaceAll(a.Body, a.text("meta.session_token"), "lkst_…")
}

// Nor does it in the number of statements that it takes.
func TestProviderSignup_costsTheSameForATakenAddress(t *testing.T) {
	t.Parallel()
	w, s := providing(t, mandatoryByCode)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	cost := func(n string, address string) (least int64) {
		for i := range 4 {
			v := w.visitor()
			v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: n + string(rune('a'+i))}).waits("provider_signup")
			before := w.app.DB.Statements()
			v.post(providerSignupPath, "email", strings.Replace(address, "#", string(rune('a'+i)), 1)).waits("verify_email")
			if d := w.app.DB.Statements() - before; i == 0 || d < least {
				least = d
			}
		}
		return least
	}
	if free, taken := cost("1", "free#@example.com"), cost("2", ada); free != taken {
		t.Errorf("%d statements for a free address, %d for a taken one", free, taken)
	}
}

// With protection off, or verification not demanded, a taken address is told when it is given.
func TestProviderSignup_tellsWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	for _, settings := range []string{"ACCOUNT_PREVENT_ENUMERATION=false " + mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION=optional"} {
		w, s := providing(t, settings)
		w.visitor().post(signupPath, "email", ada, "password", goodPassword)
		v := w.visitor()
		v.bring("login", s, unsure(fakeprovider.Google, ada)).waits("provider_signup")
		v.post(providerSignupPath, "email", ada).wants(400, "email_taken@email")
		if a := v.post(providerSignupPath, "email", grace); a.Status != 200 && a.pending() != "verify_email" {
			t.Error(a.Body)
		}
	}
}

// SOCIALACCOUNT_EMAIL_VERIFICATION holds for who comes by a provider, and for nobody else.
func TestProviderSignup_verificationHasASettingOfItsOwn(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "SOCIALACCOUNT_EMAIL_VERIFICATION=none", mandatoryByCode)
	v := w.visitor()
	v.bring("login", s, unsure(fakeprovider.Google, gmail)).in()
	if p := v.do("GET", profilePath, "").wants(200); p.get("email_verified") != false {
		t.Error(p.Body)
	}
	w.visitor().bring("login", s, unsure(fakeprovider.Google, gmail)).in()
	v.post(changePath, "new_password", goodPassword).wants(200)
	w.visitor().post(loginPath, "email", gmail, "password", goodPassword).waits("verify_email")
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")

	w, s = providing(t, "SOCIALACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v = w.visitor()
	v.bring("login", s, unsure(fakeprovider.Google, gmail)).waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedKey(gmail, 1)).waits() // a link signs nobody in
	v.bring("login", s, unsure(fakeprovider.Google, gmail)).in()
	w.visitor().bring("login", s, of(fakeprovider.Google, "grace@gmail.com")).in() // verified by Google
}

// An address may be left out where the settings say so; then there is something to call the
// person by all the same.
func TestProviderSignup_mayDoWithoutAnAddress(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "SOCIALACCOUNT_EMAIL_REQUIRED=false", mandatoryByCode)
	in := w.visitor().bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Apple, Sub: strings.Repeat("1", 255)}).in()
	if in.get("data.user.email") != nil || in.text("data.user.display") != "Apple" {
		t.Error(in.Body)
	}
	w.visitor().post(signupPath, "password", goodPassword).wants(400, "required@email")
	long := fakeprovider.Claims{Provider: fakeprovider.Google, Sub: "1", GivenName: strings.Repeat("ä", 150), FamilyName: strings.Repeat("é", 150), Overrides: map[string]any{"name": nil}}
	if in = w.visitor().bring("login", s, long).in(); in.text("data.user.display") != long.GivenName {
		t.Error(in.Body)
	}

	w, s = providing(t, "SOCIALACCOUNT_EMAIL_REQUIRED=true ACCOUNT_SIGNUP_FIELDS=username*,password1* ACCOUNT_LOGIN_METHODS=username ACCOUNT_EMAIL_VERIFICATION=none")
	w.visitor().post(signupPath, "username", "grace", "password", goodPassword).in()
	v := w.visitor()
	v.bring("login", s, of(fakeprovider.Apple, "")).waits("provider_signup")
	v.post(providerSignupPath, "username", "ada").wants(400, "required@email")
	v.post(providerSignupPath, "username", "ada", "email", ada).in()
}

// Where several may hold an address, a service's word verifies it for nobody but the first.
func TestProviderSignup_strictlyHiddenAddressesAreVerifiedOnce(t *testing.T) {
	t.Parallel()
	w, s := providing(t, "ACCOUNT_PREVENT_ENUMERATION=strict ACCOUNT_EMAIL_VERIFICATION=optional")
	for n, verified := range []bool{true, false} {
		v := w.visitor()
		v.bring("login", s, fakeprovider.Claims{Provider: fakeprovider.Google, Sub: string(rune('a' + n)), Email: gmail}).in()
		if v.do("GET", profilePath, "").get("email_verified") != verified {
			t.Errorf("sign-up %d: verified is not %v", n+1, verified)
		}
	}
}
