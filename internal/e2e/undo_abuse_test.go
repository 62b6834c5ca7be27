package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// A thief who has removed all of the owner's addresses gets undo links, too. Opening one does not
// take the owner's away.
func TestUndo_aThiefsLinkDoesNotVoidTheOwners(t *testing.T) {
	t.Parallel()
	h, owners, thief, s := robbed(t)

	keys, thiefs := h.undoKeys(ada), h.undoKeys(robber)
	if len(thiefs) == 0 {
		t.Fatal("the thief's address got no undo link")
	}
	h.undo(thiefs[len(thiefs)-1]).wants(200)

	for _, key := range keys {
		h.call("GET", undoPath, "", "X-Account-Undo-Key: "+key).wants(200)
	}

	letters := len(h.letters(ada))
	h.undo(keys[0]).wants(200)
	h.thiefIsOut(thief, s)
	h.ownerIsBack(owners, letters)
}

// A message that the thief asks for while the account is being restored opens nothing: it goes to
// an address that is the account's no more.
func TestUndo_whatIsAskedForMeanwhileOpensNothing(t *testing.T) {
	t.Parallel()

	t.Run("a link that resets the password", func(t *testing.T) {
		t.Parallel()
		p := newPrey(t)
		n := len(p.letters(robber))
		p.meanwhile("SELECT 1",
			func() answer { return p.undo(p.key) },
			func() answer { return p.visitor().post(resetRequestPath, "email", robber) },
		)[0].wants(200)

		key := p.mailedKey(robber, n+1)
		p.visitor().post(resetPath, "key", key, "password", robberWord).wants(400, "invalid_password_reset@key")
		p.visitor().do("GET", resetPath, "", "X-Password-Reset-Key: "+key).wants(400, "invalid_password_reset@key")
		p.nobodyIsIn()
	})

	t.Run("a code that resets the password", func(t *testing.T) {
		t.Parallel()
		p := newPrey(t, "ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED=true")
		n := len(p.letters(robber))
		v := p.visitor()
		p.meanwhile("SELECT 1",
			func() answer { return p.undo(p.key) },
			func() answer { return v.post(resetRequestPath, "email", robber) },
		)[0].wants(200)

		v.post(resetPath, "key", p.mailedCode(robber, n+1), "password", robberWord).wants(409, "flow_not_pending")
		p.nobodyIsIn()
	})

	t.Run("a code that signs in", func(t *testing.T) {
		t.Parallel()
		p := newPrey(t)
		p.exec("UPDATE users SET password_hash = NULL")
		n := len(p.letters(robber))
		v := p.visitor()
		p.meanwhile("SELECT 1",
			func() answer { return p.undo(p.key) },
			func() answer { return v.post(codeRequestPath, "email", robber) },
		)[0].wants(200)

		v.post(codeConfirmPath, "code", p.mailedCode(robber, n+1)).wants(409)
		p.nobodyIsIn()
	})
}

// A thief who has the account deleted does not get that, either: an undo keeps the account, without
// a sign-in of its owner.
func TestUndo_cancelsTheDeletionOfTheAccount(t *testing.T) {
	t.Parallel()
	p := newPrey(t)
	p.thief.do("DELETE", accountPath, "").wants(200)
	p.undo(p.key).wants(200)

	p.delivered()
	stays := func(l letter) bool { return strings.Contains(l.subject, "not be deleted") }
	if letters := p.letters(ada); !slices.ContainsFunc(letters, stays) {
		t.Error("the owner is not told that the account stays")
	}
	if n := query[int](p.world, "SELECT count(*) FROM audit_events WHERE event = 'deletion_cancelled'"); n != 1 {
		t.Errorf("%d audit rows", n)
	}

	p.clock.Advance(15 * 24 * time.Hour)
	p.swept()
	if query[int](p.world, "SELECT count(*) FROM users") != 1 {
		t.Error("the account is gone")
	}
}

// A user whose account has a number only cannot have any number of texts sent by changing things
// all day long. The texts that are sent are enough to undo everything.
func TestUndo_textsAboutChangesHaveAnEnd(t *testing.T) {
	t.Parallel()
	h := open(t, publicURL, `ACCOUNT_RATE_LIMITS={"change_text":"10/d/user"}`)
	h.verifiedLongAgo()
	h.exec("DELETE FROM account_changes")
	h.exec("DELETE FROM email_addresses")

	h.owner.withTOTP()
	for range 60 {
		h.owner.do("POST", recoveryPath, "").wants(200)
	}
	if n := query[int](h.world, "SELECT count(*) FROM messages WHERE kind = 'sms_account_changed'"); n < 35 || n > 42 {
		t.Errorf("%d texts, want 10 at once and 30 that wait", n)
	}

	h.exec("UPDATE river.river_job SET scheduled_at = now(), state = 'available' WHERE state = 'scheduled'")
	h.undo(h.undoTexts(number)[0]).wants(200)
	if n := query[int](h.world, "SELECT count(*) FROM authenticators"); n != 0 {
		t.Errorf("%d factors are left", n)
	}
}

// nobodyIsIn fails where the account has a password or a session.
func (p *prey) nobodyIsIn() {
	p.t.Helper()
	owner := query[int64](p.world, "SELECT user_id FROM email_addresses WHERE address = $1", ada)
	if n := query[int](p.world, "SELECT count(*) FROM users WHERE id = $1 AND password_hash IS NOT NULL", owner); n > 0 {
		p.t.Error("the account has a password")
	}
	if n := query[int](p.world, "SELECT count(*) FROM sessions WHERE user_id = $1 AND ended_at IS NULL", owner); n > 0 {
		p.t.Errorf("%d sessions are open", n)
	}
}

// A sign-in by a code does not make the number a new one: it is trusted for as long as it has been
// verified, and an address that a thief has just added is not.
func TestUndo_aSignInByTextDoesNotMakeTheNumberANewOne(t *testing.T) {
	t.Parallel()
	w, g := texting(t, byPhone, byCode, publicURL)
	w.visitor().signsUpByPhone(g)
	w.verifiedLongAgo()

	v := w.visitor()
	v.post(codeRequestPath, "phone", number).waits("login_by_code")
	v.post(codeConfirmPath, "code", g.code(t, number, 2)).in()
	v.proved()
	v.post(emailsPath, "email", robber).wants(200)
	v.do("PUT", emailsPath, object("email", robber)).wants(200)
	w.opens(w.mailedKey(robber, 1)).wants(401)
	v.post(emailsPath, "email", ada).wants(200)
	v.do("PUT", emailsPath, object("email", ada)).wants(200)
	w.opens(w.mailedKey(ada, 1)).wants(401)
	v.do("PATCH", emailsPath, `{"email":"`+ada+`","primary":true}`).wants(200)
	v.do("DELETE", emailsPath, object("email", robber)).wants(200)

	if keys := w.undoKeys(robber); len(keys) > 0 {
		t.Errorf("the thief's address got %d undo links", len(keys))
	}
}

// signsUpByPhone makes an account with the number and a password.
func (v *visitor) signsUpByPhone(g *gateway) {
	v.w.t.Helper()
	v.post(signupPath, "phone", number, "password", goodPassword).waits("verify_phone")
	v.post(verifyPhonePath, "code", g.code(v.w.t.(*testing.T), number, 1)).in()
}
