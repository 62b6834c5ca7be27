package latchkey

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// appSession is what an app of allauth's session tokens has kept of an address.
func appSession(email string) Tokens { return Tokens{SessionToken: "app-" + email} }

// holds reports whether a slot of a store has a text in it.
func holds(t *testing.T, store Store, text string) bool {
	t.Helper()
	for _, slot := range append(queueSlots[:], SlotA, SlotB) {
		stored, err := store.Read(slot)
		must(t, err)
		if strings.Contains(string(stored), text) {
			return true
		}
	}

	return false
}

// gone answers refreshes and exchanges by a status and a reason.
func (a *accounts) gone(status int, meta string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"data":{"flows":[{"id":"login"}]},"meta":{%s}}`, status, meta)
	}
}

func TestAdopt_exchangesASessionTokenOnce(t *testing.T) {
	server := newAccounts(t)
	store := fileStore(t)
	s := server.open(t, Settings{Store: store})
	must(t, s.Adopt(t.Context(), appSession("ada")))
	is(t, s, "ada")
	if sent := server.requests(); !slices.Contains(sent, "POST auth/token/exchange app-ada") {
		t.Errorf("sent %q", sent)
	}

	must(t, s.Adopt(t.Context(), appSession("ada"))) // the app had not deleted its copy
	must(t, s.Refresh(t.Context()))
	next := server.open(t, Settings{Store: store})
	must(t, next.Adopt(t.Context(), appSession("ada")))
	is(t, next, "ada")
	if sent := server.requests(); slices.ContainsFunc(sent, func(r string) bool { return strings.Contains(r, "exchange") }) {
		t.Errorf("it was exchanged again: %q", sent)
	}
	if holds(t, store, "app-ada") {
		t.Error("the session token is kept")
	}
}

func TestAdopt_ofASessionTokenGoesOnWhereTheAnswerWasLost(t *testing.T) {
	lost := func(t *testing.T, s *Session) {
		t.Helper()
		if state, _ := s.State(); state != StateSignedIn {
			t.Errorf("the state is %s", state)
		}
	}
	taken := func(t *testing.T, store Store) {
		t.Helper()
		if holds(t, store, "app-ada") {
			t.Error("the session token is kept")
		}
	}

	adoptWhereTheAnswerWasLost(t, appSession("ada"), lost, taken)
}

func TestAdopt_aRefusedSessionTokenIsNotKept(t *testing.T) {
	for name, row := range map[string]struct {
		status     int
		meta, code string
	}{
		"it is unknown":             {http.StatusGone, `"is_authenticated":null`, "session_token_invalid"},
		"its session has ended":     {http.StatusGone, `"is_authenticated":null,"end_reason":"session_ended"`, "session_ended"},
		"it was exchanged before":   {http.StatusGone, `"is_authenticated":null,"end_reason":"refresh_token_reused"`, "refresh_token_reused"},
		"it has ended by a refresh": {http.StatusUnauthorized, `"is_authenticated":false`, "session_token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			store := fileStore(t)
			s := server.open(t, Settings{Store: store})
			must(t, signIn(t, s, "old"))
			server.gone(row.status, row.meta)

			var out *SignedOutError
			if err := s.Adopt(t.Context(), appSession("ada")); !errors.As(err, &out) || out.Reason != row.code {
				t.Errorf("got %v, want the reason %s", err, row.code)
			}
			is(t, s, "old")
			is(t, server.open(t, Settings{Store: store}), "old")
			if holds(t, store, "app-ada") {
				t.Error("it is kept")
			}
		})
	}
}

// What says nothing about the token keeps it.
func TestAdopt_ofASessionTokenKeepsItWhereNothingIsKnown(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"the server is away": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"status":503,"errors":[{"code":"temporarily_unavailable","message":"Later."}]}`)
		},
		"a conflict": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusConflict)
			_, _ = io.WriteString(w, `{"status":409,"errors":[{"code":"refresh_conflict","message":"Later."}]}`)
		},
		"a captive portal": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `<html>`)
		},
		"a portal that asks for a name": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `<html>`)
		},
		"a pair that is none": func(w http.ResponseWriter, _ *http.Request) {
			access, _ := pairOf("ada", 2)
			welcome(w, fmt.Sprintf(`"access_token":%q`, access))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			clock := newHandClock()
			s := server.open(t, Settings{Clock: clock})
			server.mu.Lock()
			server.refresh = answer
			server.mu.Unlock()
			if err := s.Adopt(t.Context(), appSession("ada")); err == nil {
				t.Fatal("adopted")
			}
			if state, _ := s.State(); state != StateSignedIn {
				t.Errorf("the state is %s", state)
			}

			server.lose(false)
			clock.advance(time.Hour)
			must(t, get(t, s, server.URL+"/api"))
			is(t, s, "ada")
			if spent := server.spends(); spent[0] != spent[len(spent)-1] {
				t.Errorf("spent %q: another key", spent)
			}
		})
	}
}

func TestAdopt_ofASessionTokenReplacesASession(t *testing.T) {
	server := newAccounts(t)
	store := &MemoryStore{} // a queued sign-out is dropped in the background, after the test
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))
	must(t, s.Adopt(t.Context(), appSession("ada")))
	is(t, s, "ada")
	is(t, server.open(t, Settings{Store: store}), "ada")
	within(t, "the session before ends", func() bool { return slices.Contains(server.endedOnes(), "old") })
	if holds(t, store, "app-ada") {
		t.Error("the session token is kept")
	}
}

// A process that is killed between the two writes leaves the session token: the next start drops it.
func TestAdopt_theNextStartDropsAnExchangedSessionToken(t *testing.T) {
	server := newAccounts(t)
	store := &MemoryStore{}
	s := server.open(t, Settings{Store: store})
	server.lose(true)
	_ = s.Adopt(t.Context(), appSession("ada"))
	s.mu.Lock()
	staged := s.rec
	s.mu.Unlock()
	server.lose(false)
	must(t, s.Refresh(t.Context()))
	must(t, store.Write(slotOf(staged), staged.encode()))

	next := server.open(t, Settings{Store: store})
	is(t, next, "ada")
	within(t, "the session token is dropped", func() bool { return !holds(t, store, "app-ada") })
	is(t, next, "ada")
}

// A sign-out before the exchange was answered ends the session on the server, later.
func TestAdopt_signingOutOfASessionTokenEndsItsSession(t *testing.T) {
	server := newAccounts(t)
	store, clock := &MemoryStore{}, newHandClock()
	s := server.open(t, Settings{Store: store, Clock: clock})
	server.lose(true)
	_ = s.Adopt(t.Context(), appSession("ada"))
	must(t, s.SignOut(t.Context()))
	var out *SignedOutError
	if err := s.Adopt(t.Context(), appSession("ada")); !errors.As(err, &out) || out.Reason != ReasonUser {
		t.Errorf("adopting it again: %v", err)
	}

	server.lose(false)
	clock.advance(time.Hour)
	s.Resume()
	within(t, "the session ends", func() bool { return slices.Contains(server.endedOnes(), "ada") })
	within(t, "nothing of it is kept", func() bool { return !holds(t, store, "app-ada") })
}

func TestAdopt_refusesWhatIsNoSessionToken(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	for name, text := range map[string]string{"a blank": "a b", "a line": "a\nb", "a long one": strings.Repeat("a", 257)} {
		if err := s.Adopt(t.Context(), Tokens{SessionToken: text}); err == nil {
			t.Errorf("%s is adopted", name)
		}
	}
	is(t, s, "")

	params := &ExchangeSessionTokenParams{}
	if _, err := s.API().ExchangeSessionTokenWithResponse(t.Context(), params); !errors.Is(err, errRefreshByHand) {
		t.Errorf("by hand: %v", err)
	}
}
