package e2e

import (
	"strings"
	"testing"
	"time"
)

const grace = "grace@example.com"

func TestEmailAddresses_byLink(t *testing.T) {
	t.Parallel()
	w := mailing(t, withNotifications)
	v := w.signedIn(ada)
	v.post(verifyEmailPath, "key", w.mailedKey(ada, 1)).wants(200)
	v.post(emailsPath, "email", ada).wants(400, "duplicate_email@email")
	v.post(emailsPath, "email", "x").wants(400, "invalid@email")
	list := v.post(emailsPath, "email", "Grace@Example.com").wants(200)
	if !strings.Contains(list.Body, `{"email":"grace@example.com","primary":false,"verified":false}`) {
		t.Error(list.Body)
	}
	v.do("PATCH", emailsPath, `{"email":"grace@example.com","primary":true}`).wants(400, "unverified_primary_email@email")
	v.do("PUT", emailsPath, object("email", grace)).wants(200)
	v.do("PUT", emailsPath, object("email", ada)).wants(403, "verification_not_sent")
	v.do("PUT", emailsPath, object("email", "nobody@example.com")).wants(400, "unknown_email@email")
	v.post(verifyEmailPath, "key", w.mailedKey(grace, 1)).wants(200)
	v.do("PATCH", emailsPath, `{"email":"grace@example.com","primary":false}`).wants(400, "required@primary")
	v.do("PATCH", emailsPath, `{"email":"GRACE@example.com","primary":true}`).wants(200)
	if a := v.do("GET", profilePath, ""); a.text("email") != grace {
		t.Error(a.Body)
	}
	v.do("DELETE", emailsPath, object("email", grace)).wants(400, "cannot_remove_primary_email@email")
	v.do("DELETE", emailsPath, object("email", ada)).wants(200)
	v.do("DELETE", emailsPath, object("email", ada)).wants(400, "unknown_email@email")
	v.do("DELETE", emailsPath, object("email", grace)).wants(400, "cannot_remove_primary_email@email")
	if a := v.do("GET", emailsPath, "").wants(200); a.text("data.email") != grace {
		t.Error(a.Body)
	}
	for n, about := range []string{"Confirm", "added", "verified", "changed", "removed"} {
		if l := w.letter(ada, n+1); !strings.Contains(l.subject, about) {
			t.Errorf("mail %d: %q, want one that says %s", n+1, l.subject, about)
		}
	}
}

func TestEmailAddresses_byCode(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	v := w.verified(ada)
	list := v.post(emailsPath, "email", grace).wants(200)
	if !strings.Contains(list.Body, grace) || query[int](w, "SELECT count(*) FROM email_addresses") != 1 {
		t.Error(list.Body)
	}
	v.do("PATCH", emailsPath, `{"email":"grace@example.com","primary":true}`).wants(400, "unverified_primary_email@email")
	v.do("PUT", emailsPath, object("email", grace)).wants(403, "verification_not_sent")
	v.post(verifyEmailPath, "key", "BBBB-BBBB").wants(400, "incorrect_code@key")
	if a := v.post(verifyEmailPath, "key", w.mailedCode(grace, 1)).wants(200); a.get("meta.access_token") != nil {
		t.Error(a.Body)
	}
	if a := v.do("GET", emailsPath, ""); !strings.Contains(a.Body, `{"email":"grace@example.com","primary":false,"verified":true}`) {
		t.Error(a.Body)
	}
	// One that is only being verified is dropped.
	v.post(emailsPath, "email", "third@example.com").wants(200)
	if a := v.do("DELETE", emailsPath, object("email", "third@example.com")).wants(200); strings.Contains(a.Body, "third") {
		t.Error(a.Body)
	}
	v.post(verifyEmailPath, "key", w.mailedCode("third@example.com", 1)).wants(409, "flow_not_pending")
}

// The answer for an address that somebody else has is that for a new one, and what is
// mailed there cannot verify it.
func TestEmailAddresses_anothersAddressLooksLikeANewOne(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode)
	w.verified(grace)
	v := w.verified(ada)
	a := v.post(emailsPath, "email", grace).wants(200)
	if !strings.Contains(a.Body, `{"email":"grace@example.com","primary":false,"verified":false}`) {
		t.Error(a.Body)
	}
	v.post(verifyEmailPath, "key", w.mailedCode(grace, 2)).wants(400, "email_taken@key")
	open := mailing(t, "ACCOUNT_PREVENT_ENUMERATION=false")
	open.signedIn(grace)
	open.signedIn(ada).post(emailsPath, "email", grace).wants(400, "email_taken@email")
}

// ACCOUNT_CHANGE_EMAIL, SEC-51: the new address is verified before it takes the place of
// the old one, which is told.
func TestSEC51_aPersonWithOneAddressChangesIt(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_CHANGE_EMAIL=true", mandatoryByCode, withNotifications)
	v := w.verified(ada)
	v.post(emailsPath, "email", grace).wants(200)
	if a := v.do("GET", profilePath, ""); a.text("email") != ada {
		t.Error(a.Body)
	}
	v.post(verifyEmailPath, "key", w.mailedCode(grace, 1)).wants(200)
	if a := v.do("GET", emailsPath, ""); a.Body != `{"data":[{"email":"grace@example.com","primary":true,"verified":true}],"status":200}` && !strings.Contains(a.Body, grace) || strings.Contains(a.Body, ada) {
		t.Error(a.Body)
	}
	if l := w.letter(ada, 2); !strings.Contains(l.subject, "changed") {
		t.Error(l.subject)
	}
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400)
	w.again(grace)
}

func TestEmailAddresses_thereIsAMost(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_MAX_EMAIL_ADDRESSES=2")
	v := w.signedIn(ada)
	w.markVerified(ada)
	v.post(emailsPath, "email", grace).wants(200)
	v.post(emailsPath, "email", "third@example.com").wants(400, "max_email_addresses@email")
}

func TestEmailAddresses_changesAreLimited(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_RATE_LIMITS=true")
	v := w.signedIn(ada)
	v.post(emailsPath, "email", grace).wants(200)
	v.do("PUT", emailsPath, object("email", grace)).wants(403, "verification_not_sent") // by link: too soon
	for range 8 {
		v.do("DELETE", emailsPath, object("email", "x@example.com")).wants(400)
	}
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		v.do(method, emailsPath, object("email", "x@example.com")).wants(429)
	}
	v.do("PATCH", emailsPath, `{"email":"x@example.com","primary":true}`).wants(429)
	v.do("GET", emailsPath, "").wants(200)
	w.visitor().do("GET", emailsPath, "").wants(401)
}

// By code a second mail within 10 seconds is refused, at sign-in as a failed one.
func TestVerifyEmail_codesAreNotMailedTooOften(t *testing.T) {
	t.Parallel()
	w := mailing(t, mandatoryByCode, "ACCOUNT_RATE_LIMITS=true ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND=2")
	v := w.visitor()
	v.post(signupPath, "email", ada, "password", goodPassword).waits("verify_email")
	v.do("POST", resendEmailPath, "").wants(429)
	w.visitor().post(signupPath, "email", ada, "password", goodPassword).wants(429)
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).wants(400, "too_many_login_attempts")
	w.clock.Advance(11 * time.Second)
	w.visitor().post(loginPath, "email", ada, "password", goodPassword).waits("verify_email")
}
