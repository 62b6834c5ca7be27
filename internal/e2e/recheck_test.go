package e2e

import "testing"

// A link whose address another user has verified meanwhile is refused, and changes nothing.
func TestVerifyLink_aRefusalChangesNothing(t *testing.T) {
	t.Parallel()
	w := mailing(t, "ACCOUNT_EMAIL_VERIFICATION=none")
	first, second := w.signedIn(ada), w.signedIn(grace)
	for n, v := range []*visitor{first, second} {
		v.proved()
		v.post(emailsPath, "email", "both@example.org").wants(200)
		v.do("PUT", emailsPath, object("email", "both@example.org")).wants(200)
		w.mailedKey("both@example.org", n+1)
	}
	w.exec("UPDATE email_addresses SET verified_at = now() WHERE address = 'both@example.org' AND user_id = (SELECT user_id FROM email_addresses WHERE address = $1)", grace)

	w.opens(w.mailedKey("both@example.org", 1)).wants(400, "email_taken@key")
	if n := query[int](w, "SELECT count(*) FROM email_addresses WHERE address = $1", ada); n != 1 {
		t.Error("the account has lost its own address")
	}
}

// The code of a sign-in that was asked for while the address was replaced proves nothing of the
// account, and takes nothing from it.
func TestReclaim_notByAnAddressThatWasReplaced(t *testing.T) {
	t.Parallel()
	w := mailing(t, byCode, "ACCOUNT_EMAIL_VERIFICATION=optional")
	v := w.signedIn(ada)
	w.delivered()
	n := len(w.letters(ada))
	stranger := w.visitor()
	w.meanwhile("UPDATE email_addresses SET address = 'new@example.org'",
		func() answer { return stranger.post(codeRequestPath, "email", ada) },
	)[0].wants(401)

	w.delivered()
	stranger.post(codeConfirmPath, "code", w.mailedCode(ada, n+1)).wants(409, "flow_not_pending")
	v.do("GET", profilePath, "").wants(200)
	w.visitor().post(loginPath, "email", "new@example.org", "password", goodPassword).in()
}
