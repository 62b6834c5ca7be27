package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// trader is a client that begins with a session token, and refreshes once it has a pair.
type trader struct {
	w       *world
	name    string
	session string
	sends   bool // idempotency keys
	store   record
	keys    int
}

func (p *trader) newKey() string {
	if !p.sends {
		return ""
	}
	p.keys++

	return fmt.Sprintf("%s-key-%06d", p.name, p.keys)
}

// act spends what the client has, and repeats a conflict until it is over. It reports whether the
// client has got a token that it did not have.
func (p *trader) act() (a answer, brought bool) {
	send := func() answer {
		if p.store.refresh == "" {
			return p.w.exchange(p.session, p.store.key)
		}
		return p.w.spend(p.store.refresh, p.store.key)
	}

	for a = send(); a.Status == http.StatusConflict; a = send() {
		if strings.Contains(a.Body, "_token\":") {
			p.w.t.Fatalf("a conflict hands something out: %s", a.Body)
		}
		p.w.age(grown / 2)
	}
	if a.Status != http.StatusOK {
		return a, false
	}

	next := a.text("meta.refresh_token")
	if p.store.refresh != "" && claimsEqual(p.w, p.store.refresh, next) {
		return a, false
	}
	p.store = record{next, a.text("meta.access_token"), p.newKey()}

	return a, true
}

func claimsEqual(w *world, a, b string) bool {
	return fmt.Sprint(claims(w.t, a)) == fmt.Sprint(claims(w.t, b))
}

func (w *world) trader(name, session string, sends bool) *trader {
	p := &trader{w: w, name: name, session: session, sends: sends}
	p.store.key = p.newKey()

	return p
}

// ended reports whether what a client did has ended the session because of a reuse.
func ended(a answer) bool {
	return a.Status == http.StatusGone && a.text("meta.end_reason") == "refresh_token_reused" ||
		a.Status == http.StatusBadRequest && strings.Contains(a.Body, "refresh_token_reused")
}

// A thief copies a session token and exchanges it, first, last, or by turns with its owner, with
// and without keys, right after the sign-in and later. The session ends within two tokens that the
// owner gets after the thief got one, or the thief gets none.
func TestExchange_aThiefWhoComesFirstIsCaught(t *testing.T) { playThefts(t, true) }

func TestExchange_aThiefWhoComesLastIsCaught(t *testing.T) { playThefts(t, false) }

func playThefts(t *testing.T, thiefFirst bool) {
	t.Parallel()
	for _, mode := range []string{"auto", "keep", "until_refresh"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := start(t, "LATCHKEY_SESSION_TOKENS="+mode)
			w.signedUp("ada@example.com")
			for _, thiefSends := range []bool{false, true} {
				for headStart := range 4 {
					for _, young := range []bool{false, true} {
						session := w.signIn("ada@example.com").session
						s := tokenTheft{
							owner: w.trader("owner", session, true), thief: w.trader("thief", session, thiefSends),
							thiefFirst: thiefFirst, headStart: headStart, young: young,
						}
						if err := s.play(w); err != nil {
							t.Errorf("thief with keys %v, %d ahead, young %v: %v", thiefSends, headStart, young, err)
						}
					}
				}
			}
		})
	}
}

// tokenTheft is one theft of a session token.
type tokenTheft struct {
	owner, thief *trader
	thiefFirst   bool
	headStart    int // acts of the first before the second begins, beside one
	young        bool
}

// play returns what is wrong with the end of it.
func (s tokenTheft) play(w *world) error {
	robbed, counted := false, 0
	for n, p := range s.turns() {
		if n > 0 || !s.young {
			w.pastGrace()
		}
		a, brought := p.act()
		switch {
		case ended(a):
			s.isOver(w)
			return nil
		case p == s.thief && a.Status == http.StatusUnauthorized && !robbed:
			w.call("GET", sessionPath, "", bearer(s.owner.store.access)).wants(200)
			return nil // it got nothing, and can get nothing
		case a.Status != http.StatusOK:
			return fmt.Errorf("%s is answered %d, and the session goes on: %s", p.name, a.Status, a.Body)
		case p == s.thief:
			robbed = robbed || brought
		case robbed && brought:
			counted++
		}
		if counted > 2 {
			return errors.New("the owner got three tokens, and the thief was not caught")
		}
	}
	return errors.New("the thief was not caught")
}

func (s tokenTheft) turns() []*trader {
	first, second := s.owner, s.thief
	if s.thiefFirst {
		first, second = s.thief, s.owner
	}
	turns := slices.Repeat([]*trader{first}, s.headStart)

	return append(turns, slices.Repeat([]*trader{first, second}, 8)...)
}

// isOver wants the session to be over for all tokens of it.
func (s tokenTheft) isOver(w *world) {
	w.t.Helper()
	for _, p := range []*trader{s.owner, s.thief} {
		w.exchange(p.session, p.store.key).wants(410)
		w.call("GET", sessionPath, "", withSessionToken(p.session)).wants(410)
		if p.store.refresh != "" {
			w.spend(p.store.refresh, p.store.key).wants(400, "refresh_token_reused@refresh")
			w.call("GET", sessionPath, "", bearer(p.store.access)).wants(401)
		}
	}
}

// A copy of the first refresh token, in the hands of a thief who sends no keys and comes first each time.
func TestPromise_aThiefWithoutKeysIsCaughtFromTheFirstRefreshOn(t *testing.T) {
	t.Parallel()
	w := start(t)
	w.signedUp("ada@example.com")
	for headStart := range 3 {
		e := w.signIn("ada@example.com")
		s := tokenTheft{owner: w.trader("owner", e.session, true), thief: w.trader("thief", e.session, false), thiefFirst: true, headStart: headStart}
		s.owner.store.refresh, s.thief.store.refresh = e.refresh, e.refresh
		if err := s.play(w); err != nil {
			t.Errorf("%d ahead: %v", headStart, err)
		}
	}
}

// An owner who never sends keys, and a thief who comes more than the grace apart, as for refreshes.
func TestExchange_anOwnerWithoutKeysCatchesAThiefWhoHasUsedTheTokens(t *testing.T) {
	t.Parallel()
	w := start(t, "LATCHKEY_SESSION_TOKENS=keep")
	session := w.withoutTokens()
	owner, thief := w.trader("owner", session, false), w.trader("thief", session, false)

	a, _ := thief.act()
	w.call("GET", sessionPath, "", bearer(a.wants(200).text("meta.access_token"))).wants(200)
	w.pastGrace()
	if a, _ := owner.act(); !ended(a) {
		t.Errorf("the owner is answered %d: %s", a.Status, a.Body)
	}
}

// A reauthentication hands out another session token. It does not undo that the one before was exchanged.
func TestExchange_aNewSessionTokenDoesNotHideAThief(t *testing.T) {
	t.Parallel()
	for _, sends := range []bool{false, true} {
		w := start(t)
		session := w.withoutTokens()
		thief := w.trader("thief", session, sends)
		thief.act()
		again := w.call("POST", "/_allauth/app/v1/auth/reauthenticate", `{"password":"`+goodPassword+`"}`, withSessionToken(session)).wants(200)
		owner := w.trader("owner", again.text("meta.session_token"), true)
		for range 2 {
			w.pastGrace()
			thief.act()
		}

		if a, _ := owner.act(); !ended(a) {
			t.Errorf("keys %v: the owner is answered %d: %s", sends, a.Status, a.Body)
		}
		if a := w.spend(thief.store.refresh, thief.store.key); a.Status != http.StatusBadRequest {
			t.Errorf("keys %v: the thief is answered %d", sends, a.Status)
		}
	}
}

// A thief who gets the token of another session in the middle of the owner's own refreshes.
func TestExchange_ofASessionThatRefreshesIsCaughtByTheNextRefresh(t *testing.T) {
	t.Parallel()
	for _, young := range []bool{false, true} {
		w := start(t, "LATCHKEY_SESSION_TOKENS=keep")
		w.signedUp("ada@example.com")
		e := w.signIn("ada@example.com")
		owner := w.trader("owner", e.session, true)
		owner.store.refresh = e.refresh
		w.pastGrace()
		owner.act()
		if !young {
			w.pastGrace()
		}

		thief := w.trader("thief", e.session, true)
		thief.act()
		caught := false
		for n := 0; n < 2 && !caught; n++ {
			w.pastGrace()
			a, _ := owner.act()
			b, _ := thief.act()
			caught = ended(a) || ended(b)
		}
		if !caught {
			t.Errorf("young %v: the thief was not caught", young)
		}
	}
}
