package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// One stranger must not fill a mailbox; the answers are those of an address without an account.
func TestMessages_oneAddressGetsTenMailsAnHourAndTwentyADay(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none", `ACCOUNT_RATE_LIMITS={"request_login_code":false,"reset_password":false,"login":false,"signup":false}`)
	w.signedIn(ada)
	const stranger = "nobody@example.com"

	// request asks for a mail in one way or the other, and reports whether it was refused.
	request := func(to string, n int) bool {
		t.Helper()
		if n%2 == 0 {
			a := w.visitor().post(resetRequestPath, "email", to)
			if a.Status == 200 {
				return false
			}
			a.wants(429, "too_many_requests")
			return true
		}
		a := w.visitor().post(codeRequestPath, "email", to)
		if a.Status == 401 {
			return false
		}
		a.wants(400, "too_many_login_attempts@email")
		return true
	}

	for _, hour := range []struct{ asked, granted int }{{12, 10}, {12, 10}, {4, 0}} {
		for _, to := range []string{ada, stranger} {
			granted := 0
			for n := range hour.asked {
				if !request(to, n) {
					granted++
				}
			}
			// What is used up grows back with time: a request an hour and twelve minutes of the day's.
			if granted != hour.granted && granted != hour.granted+1 {
				t.Errorf("%s: %d mails in an hour, want %d", to, granted, hour.granted)
			}
		}
		w.clock.Advance(time.Hour)
	}
	w.delivered()
	for _, to := range []string{ada, stranger} {
		if n := len(w.letters(to)); n > 23 {
			t.Errorf("%s got %d mails", to, n)
		}
	}
	w.clock.Advance(24 * time.Hour)
	if request(ada, 0) {
		t.Error("refused on the next day")
	}
}

func TestMessages_aCodeIsNotSentAgainWithoutEnd(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND=10", `ACCOUNT_RATE_LIMITS={"mail":"3/h/key"}`)
	w.signedIn(ada)
	v := w.visitor()
	v.post(codeRequestPath, "email", ada).waits("login_by_code")
	v.do("POST", codeResendPath, "").wants(200)
	v.do("POST", codeResendPath, "").wants(200)
	v.do("POST", codeResendPath, "").wants(429, "too_many_requests")
	v.post(codeConfirmPath, "code", w.mailedCode(ada, 3)).in() // the last code that was sent is good
}

// By link a sign-up goes on without the mail, as it does where it is too soon for another.
func TestMessages_aSignUpGoesOnWithoutItsMail(t *testing.T) {
	t.Parallel()
	w := mailing(t, `ACCOUNT_RATE_LIMITS={"mail":"1/h/key","confirm_email":false}`)
	w.visitor().post(resetRequestPath, "email", ada).wants(200)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).in()
	w.delivered()
	if n := len(w.letters(ada)); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestMessages_textsHaveBudgetsPerNumberAndInAll(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, byCode, `ACCOUNT_RATE_LIMITS={"verify_phone":false,"signup":false,"request_login_code":false,"sms":"2/h/key","sms_unverified":"4/d/all","sms_total":"7/d/all"}`)
	v := w.visitor()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()

	w.visitor().post(codeRequestPath, "phone", number).waits("login_by_code")
	w.visitor().post(codeRequestPath, "phone", number).wants(400, "too_many_login_attempts@phone")

	// Numbers that nobody has verified share what they may have of the total.
	other := func(n int) string { return fmt.Sprintf("+3161234%04d", n) }
	for n := range 3 {
		w.visitor().post(signupPath, "phone", other(n), "password", goodPassword).waits("verify_phone")
	}
	w.visitor().post(signupPath, "phone", other(3), "password", goodPassword).wants(429, "too_many_requests")

	w.clock.Advance(time.Hour) // of the number, not of the day
	for range 2 {
		w.visitor().post(codeRequestPath, "phone", number).waits("login_by_code")
	}
	w.clock.Advance(time.Hour)
	w.visitor().post(codeRequestPath, "phone", number).wants(400, "too_many_login_attempts@phone")
	if got := g.all(number); len(got) > 4 {
		t.Errorf("%d texts", len(got))
	}
	for _, total := range []string{"sms_unverified", "sms_total"} {
		if !strings.Contains(w.log.String(), `used up","total":"`+total+`"`) {
			t.Errorf("the log does not say that %s is used up", total)
		}
	}
}

func TestMessages_textsGoToTheCountriesOfTheSettings(t *testing.T) {
	t.Parallel()
	const jamaica = "+18765551234" // the calling code of the United States
	w, g := texting(t, byPhone, byCode, "LATCHKEY_SMS_COUNTRIES=NL,US ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE=true")
	v := w.visitor()
	v.post(signupPath, "phone", jamaica, "password", goodPassword).wants(400, "phone_not_served@phone")
	v.post(codeRequestPath, "phone", jamaica).wants(400, "phone_not_served@phone")
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(phonePath, "phone", jamaica).wants(400, "phone_not_served@phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
	v.post(phonePath, "phone", jamaica).wants(400, "phone_not_served@phone")
	v.post(phonePath, "phone", otherNumber).wants(202)

	// A number that an account has had from before the setting gets no code either.
	w.exec("UPDATE users SET phone = $1", jamaica)
	w.visitor().post(loginPath, "phone", jamaica, "password", goodPassword).in()
	if n := len(g.all(jamaica)); n != 0 {
		t.Errorf("%d texts", n)
	}
}
