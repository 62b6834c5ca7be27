package e2e

import (
	"strings"
	"testing"
	"time"
)

const byCode = "ACCOUNT_LOGIN_BY_CODE_ENABLED=true"

// A user signs in by a code that is mailed; the code also verifies the address.
func TestLoginCode_signsInAndVerifiesTheAddress(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v := w.visitor()
	v.post(codeConfirmPath, "code", "BBBB-BBBB").wants(409, "flow_not_pending")
	a := v.post(codeRequestPath, "email", "Ada@example.com").waits("login_by_code")
	if !strings.Contains(a.Body, `"flows":[{"id":"login"},{"id":"login_by_code","is_pending":true},{"id":"signup"}]`) {
		t.Error(a.Body)
	}
	v.post(codeConfirmPath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	in := v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
	if in.text("data.methods.method") != "code" || in.text("data.methods.email") != ada {
		t.Error(in.Body)
	}
	if v.do("GET", profilePath, "").get("email_verified") != true {
		t.Error("not verified")
	}
	// Signed in: nothing to ask for, nothing is mailed, nothing to confirm.
	v.post(codeRequestPath, "email", ada).wants(200)
	v.post(codeConfirmPath, "code", "BBBB-BBBB").wants(409)
	w.letter(ada, 2) // that the password of before needs a code from now on
	if n := len(w.letters(ada)); n != 2 {
		t.Errorf("%d mails", n)
	}
}

func TestLoginCode_inputs(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_LOGIN_METHODS=email,phone")
	v := w.visitor()
	v.post(codeRequestPath).wants(400, "required@email")
	v.post(codeRequestPath, "email", "x").wants(400, "invalid@email")
	v.post(codeRequestPath, "phone", "12").wants(400, "invalid_phone@phone")
	v.post(codeRequestPath, "phone", number, "email", ada).wants(400, "select_only_one")
	off := mailing(t)
	off.visitor().post(codeRequestPath, "email", ada).wants(404, "not_found")
	off.visitor().do("POST", codeResendPath, "").wants(404, "not_found")
}

// T-COD-02 and the attempts: 180 s, three guesses, and the sign-in is gone.
func TestLoginCode_timeAndAttempts(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	late := w.visitor()
	late.post(codeRequestPath, "email", ada).waits("login_by_code")
	code := w.mailedCode(ada, 1)
	w.clock.Advance(181 * time.Second)
	late.post(codeConfirmPath, "code", code).wants(409, "flow_not_pending")

	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	code = w.mailedCode(ada, 2)
	for range 3 {
		v.post(codeConfirmPath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	}
	v.post(codeConfirmPath, "code", code).wants(409, "flow_not_pending")
	v.do("GET", sessionPath, "").waits()
}

func TestLoginCode_resend(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND=1 ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	v, nobody := w.visitor(), w.visitor()
	v.do("POST", codeResendPath, "").wants(409, "flow_not_pending")
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	nobody.post(codeRequestPath, "email", "nobody@example.com").waits("login_by_code")
	for _, who := range []*visitor{v, nobody} {
		who.do("POST", codeResendPath, "").wants(200)
		who.do("POST", codeResendPath, "").wants(409, "flow_not_pending")
		who.post(codeConfirmPath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
	}
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).wants(400)
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 2)).in()
}

// T-COD-03, SEC-46: a code is good for its purpose and its session alone, and nobody's
// request voids another's code.
func TestSEC46andTCOD03_aCodeIsGoodWhereItWasAskedForOnly(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true ACCOUNT_EMAIL_VERIFICATION=none")
	w.signedIn(ada)
	owner, stranger := w.visitor(), w.visitor()
	owner.post(codeRequestPath, "email", ada).waits("login_by_code")
	code := w.mailedCode(ada, 1)
	stranger.post(codeRequestPath, "email", ada).waits("login_by_code")
	other := w.mailedCode(ada, 2)
	stranger.post(codeConfirmPath, "code", code).wants(400, "incorrect_code@code")
	owner.post(resetRequestPath, "email", ada).waits("login_by_code", "password_reset_by_code")
	owner.do("GET", resetPath, "", "X-Password-Reset-Key: "+code).wants(400, "incorrect_code@key")
	owner.post(codeConfirmPath, "code", other).wants(400, "incorrect_code@code")
	owner.post(codeConfirmPath, "code", code).in()
}

// SEC-57: the order of the steps is the server's to keep.
func TestSEC57_aRequiredCodeIsAskedForAfterAPassword(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_BY_CODE_REQUIRED=password ACCOUNT_EMAIL_VERIFICATION=mandatory ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED=true")
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("login_by_code")
	// The code verifies the address, too: no second mail.
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
	again := w.visitor()
	again.post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
	in := again.post(codeConfirmPath, "code", w.mailedCode(ada, 2)).in()
	if !strings.Contains(in.Body, `"method":"password"`) || !strings.Contains(in.Body, `"method":"code"`) {
		t.Error(in.Body)
	}
}

// A password that changes between the steps makes the sign-in void.
func TestLoginCode_aPasswordChangedBetweenTheStepsEndsTheSignIn(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_LOGIN_BY_CODE_REQUIRED=true ACCOUNT_EMAIL_VERIFICATION=none")
	owner := w.visitor()
	owner.post(signupPath, "email", ada, "password", goodPassword).waits("login_by_code")
	owner.post(codeConfirmPath, "code", w.mailedCode(ada, 1)).in()
	thief := w.visitor()
	thief.post(loginPath, "email", ada, "password", goodPassword).waits("login_by_code")
	code := w.mailedCode(ada, 2)
	owner.post(changePath, "current_password", goodPassword, "new_password", anotherPassword).wants(200)
	thief.post(codeConfirmPath, "code", code).wants(409, "flow_not_pending")
	if thief.access != "" {
		t.Error("in")
	}
}

// A proof given for one account never counts for another: a new sign-in in the same
// session begins without what the one before has proved.
func TestDoor_aProofOfOneAccountDoesNotCountForAnother(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, mandatoryByCode)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	w.verified("grace@example.com")
	v := w.visitor()
	v.post(loginPath, "email", ada, "password", goodPassword).waits("verify_email") // proved: ada's password
	v.post(codeRequestPath, "email", "grace@example.com").waits("login_by_code")
	v.post(verifyEmailPath, "key", w.mailedCode(ada, 2)).wants(409, "flow_not_pending")
	in := v.post(codeConfirmPath, "code", w.mailedCode("grace@example.com", 2)).in()
	if strings.Contains(in.Body, ada) || strings.Contains(in.Body, `"password"`) && strings.Contains(in.Body, `"method":"password"`) {
		t.Error(in.Body)
	}
}

func TestLoginCode_requestsAreLimitedAs400(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_RATE_LIMITS=true")
	for range 3 {
		w.visitor().post(codeRequestPath, "email", ada).waits("login_by_code")
	}
	w.visitor().post(codeRequestPath, "email", ada).wants(400, "too_many_login_attempts@email")
}
