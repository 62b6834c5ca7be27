package e2e

import (
	"strings"
	"testing"
	"time"
)

func TestReauthenticateByCode_isAProofAndNoSignIn(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByCode, 1)
	m.do("POST", proofCodeRequestPath, "").wants(200)
	m.post(proofCodeConfirmPath).wants(400, "required@code")
	l := w.letter(m.email(), 1)
	if !strings.Contains(l.text, "end the sessions that you do not recognise") {
		t.Errorf("the mail does not say what to do: %s", l.text)
	}
	code := w.mailedCode(m.email(), 1)
	m.post(codeConfirmPath, "code", code).wants(409, "flow_not_pending") // it signs nobody in
	a := m.post(proofCodeConfirmPath, "code", strings.ToLower(code)).wants(200)
	if a.get("meta.access_token") != nil || a.get("meta.session_token") != nil {
		t.Errorf("a proof hands out tokens: %s", a.Body)
	}
	m.do("GET", exportPath, "").wants(200)
	m.post(proofCodeConfirmPath, "code", code).wants(409, "flow_not_pending") // once
	if got := query[int](w, "SELECT count(*) FROM audit_events WHERE event = 'reauthenticated' AND result = 'success'"); got != 1 {
		t.Errorf("%d audit rows of a proof, want 1", got)
	}
	w.clock.Advance(301 * time.Second)
	m.access = w.refreshed(m.visitor)
	m.do("GET", exportPath, "").wants(401)
}

func TestReauthenticateByCode_whatIsNoProof(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		confirm func(w *world, m, other *member, code string) answer
		status  int
		code    string
	}{
		"a wrong code": {func(_ *world, m, _ *member, _ string) answer {
			return m.post(proofCodeConfirmPath, "code", "BBBB-BBBB")
		}, 400, "incorrect_code@code"},
		"the code of another session of the user": {func(w *world, m, _ *member, code string) answer {
			second := w.visitor()
			second.post(codeRequestPath, "email", m.email()).waits("login_by_code")
			second.post(codeConfirmPath, "code", w.mailedCode(m.email(), 2)).in()
			w.aged()
			return second.post(proofCodeConfirmPath, "code", code)
		}, 409, "flow_not_pending"},
		"another user's code": {func(_ *world, _, other *member, code string) answer {
			other.do("POST", proofCodeRequestPath, "").wants(200)
			return other.post(proofCodeConfirmPath, "code", code)
		}, 400, "incorrect_code@code"},
		"the code before the last": {func(_ *world, m, _ *member, code string) answer {
			m.do("POST", proofCodeRequestPath, "").wants(200)
			return m.post(proofCodeConfirmPath, "code", code)
		}, 400, "incorrect_code@code"},
		"a code that is too old": {func(w *world, m, _ *member, code string) answer {
			w.clock.Advance(180 * time.Second)
			return m.post(proofCodeConfirmPath, "code", code)
		}, 409, "flow_not_pending"},
		"a code to an address that was removed": {func(w *world, m, _ *member, code string) answer {
			m.holds("kept@example.org")
			w.exec("UPDATE email_addresses SET is_primary = false WHERE address = $1", m.email())
			w.exec("UPDATE sessions SET methods = methods || jsonb_build_object('method', 'code', 'at', $1::float8)", float64(w.clock.Now().Unix()))
			m.do("DELETE", emailsPath, object("email", m.email())).wants(200)
			w.aged()
			return m.post(proofCodeConfirmPath, "code", code)
		}, 409, "flow_not_pending"},
		"the right code after three wrong ones": {func(_ *world, m, _ *member, code string) answer {
			for range 3 {
				m.post(proofCodeConfirmPath, "code", "BBBB-BBBB").wants(400, "incorrect_code@code")
			}
			return m.post(proofCodeConfirmPath, "code", code)
		}, 409, "flow_not_pending"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, s := proofWorld(t)
			m, other := joined(w, s, (*member).joinByCode, 1), joined(w, s, (*member).joinByCode, 2)
			m.do("POST", proofCodeRequestPath, "").wants(200)
			c.confirm(w, m, other, w.mailedCode(m.email(), 1)).wants(c.status, c.code)
			m.do("GET", exportPath, "").wants(401)
			other.do("GET", exportPath, "").wants(401)
		})
	}
}

// The code goes to a verified address, or to the verified number where there is none.
func TestReauthenticateByCode_goesToWhatIsVerified(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, byCode, "ACCOUNT_SIGNUP_FIELDS=phone*,email")
	v := w.visitor()
	v.post(signupPath, "phone", number, "email", ada).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
	w.aged()
	v.do("POST", proofCodeRequestPath, "").wants(200)
	v.post(proofCodeConfirmPath, "code", g.code(t, number, 2)).wants(200)

	w.markVerified(ada)
	w.aged()
	sent := len(w.letters(ada))
	v.do("POST", proofCodeRequestPath, "").wants(200)
	v.post(proofCodeConfirmPath, "code", w.mailedCode(ada, sent+1)).wants(200)
}

// An address that is removed while a code is asked for does not get one.
func TestReauthenticateByCode_isNotSentToWhatIsBeingRemoved(t *testing.T) {
	t.Parallel()
	w, s := proofWorld(t)
	m := joined(w, s, (*member).joinByCode, 1)
	m.holds("kept@example.org")
	n := len(w.letters(m.email()))

	w.meanwhile("DELETE FROM email_addresses WHERE address = '"+m.email()+"'",
		func() answer { return m.do("POST", proofCodeRequestPath, "") },
	)[0].wants(503)
	w.delivered()
	if got := len(w.letters(m.email())); got != n {
		t.Errorf("%d mails went to the address", got-n)
	}

	m.do("POST", proofCodeRequestPath, "").wants(200)
	m.post(proofCodeConfirmPath, "code", w.mailedCode("kept@example.org", 1)).wants(200)
}

func TestReauthenticateByCode_isLimitedAsSignInCodesAre(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=none ACCOUNT_SIGNUP_FIELDS=email", `ACCOUNT_RATE_LIMITS={"signup":false}`)
	v := w.visitor()
	v.post(signupPath, "email", ada).in()
	w.markVerified(ada)
	w.aged()
	for range 3 {
		v.do("POST", proofCodeRequestPath, "").wants(200)
	}
	if v.do("POST", proofCodeRequestPath, "").wants(429, "too_many_requests").Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	w.call("POST", proofCodeRequestPath, "").wants(401)
	w.call("POST", proofCodeConfirmPath, object("code", "BBBB-BBBB")).wants(401)
	w.call("POST", proofCodeRequestPath, "", "X-Session-Token: gone").wants(410)
	w.call("POST", proofCodeConfirmPath, object("code", "BBBB-BBBB"), "X-Session-Token: gone").wants(410)
}

// A text that proves a user counts in the budgets of texts.
func TestReauthenticateByCode_aTextHasTheBudgetsOfTexts(t *testing.T) {
	t.Parallel()
	const budget = `ACCOUNT_RATE_LIMITS={"sms":"4/d/key","request_login_code":false,"verify_phone":false}`
	w, g := texting(t, byPhone, byCode, "ACCOUNT_SIGNUP_FIELDS=phone*", budget)
	v := w.visitor()
	v.post(signupPath, "phone", number).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(t, number, 1)).in()
	w.aged()

	for n := range 3 {
		v.do("POST", proofCodeRequestPath, "").wants(200)
		g.code(t, number, n+2)
	}
	v.do("POST", proofCodeRequestPath, "").wants(429, "too_many_requests")
	w.delivered()
	if n := len(g.all(number)); n != 4 {
		t.Errorf("%d texts were sent, want 4", n)
	}
}
