package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const byPhone = "ACCOUNT_LOGIN_METHODS=phone,email ACCOUNT_SIGNUP_FIELDS=phone*,password1* ACCOUNT_EMAIL_VERIFICATION=none"

// gateway is an SMS gateway: it keeps the texts that are posted to it.
type gateway struct {
	*httptest.Server
	mu    sync.Mutex
	texts map[string][]string
}

func newGateway(t *testing.T) *gateway {
	g := &gateway{texts: map[string][]string{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sms struct{ ID, To, Text string }
		if json.Unmarshal(body, &sms) != nil || sms.ID == "" {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.texts[sms.To] = append(g.texts[sms.To], sms.Text)
	}))
	t.Cleanup(g.Close)
	return g
}

// settings make a server use the gateway.
func (g *gateway) settings() []string {
	return []string{"LATCHKEY_SMS_WEBHOOK_URL=" + g.URL, "LATCHKEY_SMS_WEBHOOK_SECRET=" + strings.Repeat("s", 32)}
}

// all are the texts to a number so far.
func (g *gateway) all(to string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.texts[to])
}

// text waits for the nth text to a number, counted from 1.
func (g *gateway) text(t *testing.T, to string, n int) string {
	t.Helper()
	var list []string
	eventually(t, 10*time.Second, "a text to "+to, func() bool {
		g.mu.Lock()
		defer g.mu.Unlock()
		list = g.texts[to]
		return len(list) >= n
	})
	return list[n-1]
}

var textedCode = regexp.MustCompile(`(?m)^[0-9]{8}$`)

func (g *gateway) code(t *testing.T, to string, n int) string {
	t.Helper()
	code := textedCode.FindString(g.text(t, to, n))
	if code == "" {
		t.Fatalf("no code in %q", g.text(t, to, n))
	}
	return code
}

func texting(t *testing.T, settings ...string) (*world, *gateway) {
	t.Helper()
	g := newGateway(t)
	return mailing(t, append(g.settings(), settings...)...), g
}

func TestPhone_signUpAndSignIn(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, byCode, "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND=1")
	v := w.visitor()
	v.post(signupPath, "phone", "0612345678", "password", goodPassword).wants(400, "invalid_phone@phone")
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(verifyPhonePath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	v.do("POST", resendPhonePath, "").wants(200)
	v.do("POST", resendPhonePath, "").wants(409, "flow_not_pending")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(400)
	in := v.post(verifyPhonePath, "code", g.code(t, number, 2)).in()
	if in.get("data.user.email") != nil || in.text("data.user.display") != number {
		t.Error(in.Body)
	}
	if a := v.do("GET", phonePath, "").wants(200); a.Body != `{"status":200,"data":[{"phone":"`+number+`","verified":true}]}` {
		t.Error(a.Body)
	}
	again := w.visitor()
	again.post(loginPath, "phone", number, "password", wrongPassword).wants(400, "phone_password_mismatch@password")
	again.post(loginPath, "phone", otherNumber, "password", goodPassword).wants(400, "phone_password_mismatch@password")
	again.post(loginPath, "phone", number, "email", ada, "password", goodPassword).wants(400, "invalid_login")
	if a := again.post(loginPath, "phone", number, "password", goodPassword).in(); a.text("data.methods.phone") != number {
		t.Error(a.Body)
	}
	bycode := w.visitor()
	bycode.post(codeRequestPath, "phone", number).waits("login_by_code")
	if a := bycode.post(codeConfirmPath, "code", g.code(t, number, 3)).in(); a.text("data.methods.phone") != number {
		t.Error(a.Body)
	}
}

// The attempts of this stage are limited, unlike allauth's.
func TestPhone_threeGuessesAndTheSignInIsGone(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone)
	v := w.visitor()
	w.visitor().post(verifyPhonePath, "code", "BBBB-BBBB").wants(409, "flow_not_pending")
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	code := g.code(t, number, 1)
	for range 3 {
		v.post(verifyPhonePath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	}
	v.post(verifyPhonePath, "code", code).wants(409, "flow_not_pending")
}

// A number that somebody has: the same answer, the owner is told, nothing is ever right.
func TestPhone_aTakenNumberLooksLikeANewOne(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone)
	v := w.visitor()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
	fake := w.visitor()
	fake.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	if text := g.text(t, number, 2); textedCode.MatchString(text) {
		t.Error(text)
	}
	fake.post(verifyPhonePath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	// Changing one's own number to it looks alike, too; the code goes to its owner.
	other := w.visitor()
	other.post(signupPath, "phone", otherNumber, "password", goodPassword).waits("verify_phone")
	other.post(verifyPhonePath, "code", g.code(t, otherNumber, 1)).in()
	other.post(phonePath, "phone", number).wants(202)
	other.post(verifyPhonePath, "code", g.code(t, number, 3)).wants(400, "phone_taken@code")
	if query[int](w, "SELECT count(*) FROM users") != 2 {
		t.Error("an account was made")
	}
	open, _ := texting(t, byPhone, "ACCOUNT_PREVENT_ENUMERATION=false ACCOUNT_PHONE_VERIFICATION_ENABLED=false")
	open.visitor().post(signupPath, "phone", number, "password", goodPassword).in()
	open.exec("UPDATE users SET phone_verified_at = now()")
	open.visitor().post(signupPath, "phone", number, "password", goodPassword).wants(400, "phone_taken@phone")
}

func TestPhone_changing(t *testing.T) {
	t.Parallel()
	w, g := texting(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	if a := v.do("GET", phonePath, "").wants(200); a.Body != `{"status":200,"data":[]}` {
		t.Error(a.Body)
	}
	v.post(phonePath, "phone", "12").wants(400, "invalid_phone@phone")
	v.do("POST", resendPhonePath, "").wants(409, "flow_not_pending")
	if a := v.post(phonePath, "phone", number).wants(202); a.Body != `{"status":202,"data":[{"phone":"`+number+`","verified":false}]}` {
		t.Error(a.Body)
	}
	v.do("POST", resendPhonePath, "").wants(409, "flow_not_pending") // not for a change
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(200)
	v.post(phonePath, "phone", number).wants(400, "same_as_current@phone")
	v.post(phonePath, "phone", otherNumber).wants(202)
	if a := v.do("GET", phonePath, ""); !strings.Contains(a.Body, number) {
		t.Error("the old number stays until the new one is verified")
	}
	w.visitor().post(phonePath, "phone", number).wants(409, "flow_not_pending")
	w.visitor().do("GET", phonePath, "").wants(401)
}

func TestPhone_theNumberCanBeChangedDuringSignUp(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, "ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE=1")
	v := w.visitor()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(phonePath, "phone", number).wants(400, "same_as_current@phone")
	v.post(phonePath, "phone", otherNumber).wants(202)
	v.post(phonePath, "phone", number).wants(409, "flow_not_pending") // no change left
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).wants(400)
	v.post(verifyPhonePath, "code", g.code(t, otherNumber, 1)).in()
	if a := v.do("GET", phonePath, ""); !strings.Contains(a.Body, otherNumber) {
		t.Error(a.Body)
	}
}

// A sign-in code proves one thing, and what else has to be verified comes after it.
func TestPhone_aCodeByMailLeavesTheNumberToBeVerified(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byCode, "ACCOUNT_SIGNUP_FIELDS=email*,phone,password1* ACCOUNT_EMAIL_VERIFICATION=none")
	w.visitor().post(signupPath, "email", ada, "phone", number, "password", goodPassword).waits("verify_phone")
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 2)).in()
}

func TestPhone_changesAreLimited(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, "ACCOUNT_RATE_LIMITS=true ACCOUNT_EMAIL_VERIFICATION=none")
	v := w.signedIn(ada)
	v.post(phonePath, "phone", number).wants(202)
	v.post(phonePath, "phone", otherNumber).wants(429)
}

func TestPhone_textsAreLimited(t *testing.T) {
	t.Parallel()
	w, _ := texting(t, byPhone, "ACCOUNT_RATE_LIMITS=true ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND=2")
	v := w.visitor()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.do("POST", resendPhonePath, "").wants(429)
	w.visitor().post(loginPath, "phone", number, "password", goodPassword).wants(400, "too_many_login_attempts")
}

func TestUsername_signUpAndSignIn(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_METHODS=username,email ACCOUNT_SIGNUP_FIELDS=username*,email,password1* ACCOUNT_USERNAME_MIN_LENGTH=3 ACCOUNT_USERNAME_BLACKLIST=admin,root")
	v := w.visitor()
	for name, code := range map[string]string{"": "required", "a b": "invalid", "ab": "min_length", "Admin": "username_blacklisted"} {
		v.post(signupPath, "username", name, "password", goodPassword).wants(400, code+"@username")
	}
	if a := v.post(signupPath, "username", "Ada", "email", ada, "password", goodPassword).in(); a.text("data.user.username") != "Ada" || a.text("data.user.display") != "Ada" {
		t.Error(a.Body)
	}
	w.visitor().post(signupPath, "username", "ADA", "password", goodPassword).wants(400, "username_taken@username")
	again := w.visitor()
	again.post(loginPath, "username", "ada", "password", wrongPassword).wants(400, "username_password_mismatch@password")
	again.post(loginPath, "password", goodPassword).wants(400, "invalid_login")
	again.post(loginPath, "username", "x", "email", "x", "password", goodPassword).wants(400, "invalid_login")
	if a := again.post(loginPath, "username", "aDa", "password", goodPassword).in(); a.text("data.methods.username") != "aDa" {
		t.Error(a.Body)
	}
	w.visitor().post(loginPath, "username", ada, "password", goodPassword).in() // an address in its place
	if a := w.visitor().post(signupPath, "username", "Grace", "email", grace, "password", goodPassword).in(); a.text("data.user.username") != "Grace" {
		t.Error(a.Body)
	}
	made := mailing(t, "ACCOUNT_LOGIN_METHODS=username,email")
	if a := made.signedIn("Ada.L@example.com").do("GET", sessionPath, ""); a.text("data.user.username") != "adal" {
		t.Error(a.Body)
	}
	if a := made.signedIn("ada.l@example.org").do("GET", sessionPath, ""); !regexp.MustCompile(`^adal\d{6}$`).MatchString(a.text("data.user.username")) {
		t.Error(a.Body)
	}
	if a := w.visitor().do("GET", configPath, ""); a.text("data.account.authentication_method") != "username_email" {
		t.Error(a.Body)
	}
}
