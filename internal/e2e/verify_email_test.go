package e2e

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Sign-up with mandatory verification by code.
func TestVerifyEmail_signUpByCode(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	v := w.visitor()
	a := v.post(signupPath, "email", "Ada@Example.com", "password", goodPassword).waits("verify_email")
	if a.text("meta.session_token") == "" || a.get("meta.is_authenticated") != false || a.get("meta.access_token") != nil {
		t.Errorf("meta: %s", a.Body)
	}
	first := v.token
	v.do("GET", sessionPath, "").waits("verify_email")
	code := w.mailedCode(ada, 1)
	if subject := w.letter(ada, 1).subject; !strings.Contains(subject, "address") {
		t.Error(subject)
	}
	shown := v.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+code).wants(200)
	if shown.text("data.email") != ada || shown.text("data.user.email") != ada || shown.get("meta.is_authenticating") != true {
		t.Error(shown.Body)
	}
	in := v.post(verifyEmailPath, "key", strings.ToLower(strings.ReplaceAll(code, "-", " "))).in()
	if in.text("meta.session_token") == first || !strings.Contains(in.Body, `"methods":[]`) {
		t.Error(in.Body)
	}
	w.call("GET", sessionPath, "", "X-Session-Token: "+first).wants(410)
	v.do("GET", profilePath, "").wants(200)
	if v.do("GET", profilePath, "").get("email_verified") != true {
		t.Error("not verified")
	}
	// A second sign-in needs no code.
	w.again(ada)
}

func TestVerifyEmail_aLoginWithAnAddressThatIsNotVerifiedWaitsForACode(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
	// The code of the sign-up is of another session.
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).wants(400, "incorrect_code@key")
	in := v.post(verifyEmailPath, "key", w.mailedCode(ada, 2)).in()
	if in.text("data.methods.method") != "password" {
		t.Error(in.Body)
	}
}

// T-COD-01, SEC-44: three guesses, the last of which takes the sign-in along.
func TestSEC44_threeGuessesAndTheSignInIsGone(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	code := w.mailedCode(ada, 1)
	v.post(verifyEmailPath, "key", "BBBB-BBBB").wants(400, "incorrect_code@key")
	v.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: BBBB-BBBB").wants(400, "incorrect_code@key")
	v.post(verifyEmailPath, "key", "").wants(400, "required@key")
	v.post(verifyEmailPath, "key", code).wants(409, "flow_not_pending")
	v.do("GET", sessionPath, "").waits()
	// The account is there, unverified: signing in sends another code.
	again := w.visitor()
	again.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
	again.post(verifyEmailPath, "key", "кириллица").wants(400, "incorrect_code@key")
	again.post(verifyEmailPath, "key", w.mailedCode(ada, 2)).in()
}

func TestSEC43andTCOD02_aCodeThatIsTooLateIsNone(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	code := w.mailedCode(ada, 1)
	w.clock.Advance(901 * time.Second)
	v.post(verifyEmailPath, "key", code).wants(409, "flow_not_pending")
	v.do("GET", sessionPath, "").waits() // the sign-in itself took too long, too
}

// T-COD-04: the code before is dead; neither the time nor the attempts start anew.
func TestTCOD04_aResentCodeReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND=1")
	v := w.visitor()
	w.visitor().do("POST", resendEmailPath, "").wants(409, "flow_not_pending")
	w.visitor().do("GET", verifyEmailPath, "", "X-Email-Verification-Key: BBBB-BBBB").wants(409, "flow_not_pending")
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	first := w.mailedCode(ada, 1)
	v.post(verifyEmailPath, "key", "BBBB-BBBB").wants(400)
	v.do("POST", resendEmailPath, "").wants(200)
	second := w.mailedCode(ada, 2)
	v.do("POST", resendEmailPath, "").wants(409, "flow_not_pending")
	v.post(verifyEmailPath, "key", first).wants(400, "incorrect_code@key")
	w.clock.Advance(899 * time.Second)
	v.post(verifyEmailPath, "key", second).in()
}

func TestVerifyEmail_theAddressCanBeChangedDuringSignUp(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE=true")
	w.visitor().post(emailsPath, "email", ada).wants(409, "flow_not_pending")
	v := w.visitor()
	v.post(signupPath, "email", "typo@example.com", "password", goodPassword).waits("verify_email")
	old := w.mailedCode("typo@example.com", 1)
	v.post(emailsPath, "email", "typo@example.com").wants(400, "same_as_current@email")
	list := v.post(emailsPath, "email", ada).wants(200)
	if list.text("data.email") != ada || list.get("data.verified") != false {
		t.Error(list.Body)
	}
	v.post(verifyEmailPath, "key", old).wants(400, "incorrect_code@key")
	in := v.post(verifyEmailPath, "key", w.mailedCode(ada, 1)).in()
	if in.text("data.user.email") != ada {
		t.Error(in.Body)
	}
	if n := query[int](w, "SELECT count(*) FROM email_addresses"); n != 1 {
		t.Error(n)
	}
}

// A sign-up for an address that is taken can be changed like any other, and cannot be told
// from one: also with a second taken address.
func TestVerifyEmail_changingTheAddressTellsNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_CHANGE=true")
	w.verified(ada)
	w.verified("grace@example.com")
	v, fake := w.visitor(), w.visitor()
	v.post(signupPath, "email", "new@example.com", "password", goodPassword).waits("verify_email")
	fake.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	a := v.post(emailsPath, "email", "grace@example.com").wants(200)
	b := fake.post(emailsPath, "email", "grace@example.com").wants(200)
	if a.Body != b.Body {
		t.Errorf("%s\n%s", a.Body, b.Body)
	}
	if text := w.letter("grace@example.com", 2).text; codeAlone.MatchString(text) || !strings.Contains(text, "already have an account") {
		t.Error(text)
	}
}

// Verification by link: a request with the key verifies the address, and the waiting client has to sign in.
func TestVerifyEmail_byLink(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory")
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	key := w.mailedKey(ada, 1)
	if html := w.letter(ada, 1).html; !strings.Contains(html, `href="https://app.example.com/verify/`+key+`"`) {
		t.Error(html)
	}
	other := w.visitor()
	other.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+key).wants(200)
	other.do("GET", verifyEmailPath, "").wants(400, "required@key")
	other.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: nonsense").wants(400, "invalid_or_expired_key@key")
	v.do("POST", resendEmailPath, "").wants(409)
	v.post(verifyEmailPath, "key", "").wants(400, "required@key")
	v.post(verifyEmailPath, "key", key).waits()
	v.do("GET", sessionPath, "").waits()
	v.post(verifyEmailPath, "key", key).wants(400, "invalid_or_expired_key@key")
	v.post(loginPath, "email", ada, "password", goodPassword).in()
}

func TestVerifyEmail_byLinkCanGoOnInTheSameSession(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION=true")
	v, other := w.visitor(), w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	other.post(signupPath, "email", "grace@example.com", "password", goodPassword).waits("verify_email")
	// Another person's link verifies their address, and signs nobody in.
	v.post(verifyEmailPath, "key", w.mailedKey("grace@example.com", 1)).waits()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).in()
}

func TestVerifyEmail_aLinkEndsAfterItsDays(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=mandatory")
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	key := w.mailedKey(ada, 1)
	w.clock.Advance(72*time.Hour + time.Second)
	w.visitor().post(verifyEmailPath, "key", key).wants(400, "invalid_or_expired_key@key")
}

func TestVerifyEmail_optionalMailsALinkAtSignUp(t *testing.T) {
	t.Parallel()
	w := mailing(t)
	v := w.signedIn(ada)
	w.again(ada)
	in := v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	if in.get("meta.session_token") != nil || in.get("meta.access_token") != nil || in.text("data.user.email") != ada {
		t.Error(in.Body)
	}
	if v.do("GET", profilePath, "").get("email_verified") != true {
		t.Error("not verified")
	}
	if n := len(w.letters(ada)); n != 1 {
		t.Errorf("%d mails", n)
	}
}

// T-COD-05, SEC-45: of 16 right guesses at once one counts; of 16 wrong ones as many are
// compared as there are attempts.
func TestTCOD05_sixteenGuessesAtOnce(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "LATCHKEY_DATABASE_MAX_CONNECTIONS=20")
	for _, right := range []bool{true, false} {
		address := map[bool]string{true: ada, false: "grace@example.com"}[right]
		v := w.visitor()
		v.post(signupPath, "email", address, "password", goodPassword).waits("verify_email")
		code := "BBBB-BBBB"
		if right {
			code = w.mailedCode(address, 1)
		}
		var mu sync.Mutex
		statuses := map[int]int{}
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				a := w.call("POST", verifyEmailPath, object("key", code), "X-Session-Token: "+v.token)
				mu.Lock()
				defer mu.Unlock()
				statuses[a.Status]++
			})
		}
		all.Wait()
		// A token that is dead by now is 410: the sign-in was faster.
		if right && (statuses[200] != 1 || statuses[409]+statuses[410] != 15) {
			t.Errorf("right: %v", statuses)
		}
		if !right && (statuses[400] != 3 || statuses[409] != 13) {
			t.Errorf("wrong: %v", statuses)
		}
	}
}

func TestVerifyEmail_anAddressThatSomebodyElseVerifiedMeanwhileIsTaken(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_PREVENT_ENUMERATION=strict")
	first, second := w.signedIn(ada), w.signedIn(ada)
	first.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	second.do("GET", verifyEmailPath, "", "X-Email-Verification-Key: "+w.mailedKey(ada, 2)).wants(400, "email_taken@key")
	second.post(verifyEmailPath, "key", w.mailedKey(ada, 2)).wants(400, "email_taken@key")
}
