package latchkey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// appTokens are what an app of before has kept of an address.
func appTokens(email string) Tokens {
	_, refresh := pairOf(email, 1)

	return Tokens{Refresh: refresh}
}

func TestAdopt_takesATokenOverAndRefreshesOnce(t *testing.T) {
	server := newAccounts(t)
	store := fileStore(t)
	s := server.open(t, Settings{Store: store})
	must(t, s.Adopt(t.Context(), appTokens("ada")))
	is(t, s, "ada")
	if len(server.spends()) != 1 || claimsOf(s.Tokens().Refresh).Generation != 2 {
		t.Errorf("spent %q, and holds generation %d", server.spends(), claimsOf(s.Tokens().Refresh).Generation)
	}

	must(t, s.Adopt(t.Context(), appTokens("ada"))) // the app had not deleted its copy
	next := server.open(t, Settings{Store: store})
	must(t, next.Adopt(t.Context(), appTokens("ada")))
	is(t, next, "ada")
	if last := server.spends()[len(server.spends())-1]; strings.HasPrefix(last, appTokens("ada").Refresh) {
		t.Error("the old token was spent again")
	}
}

// A lost answer costs nothing: the same record goes on with the same key.
func TestAdopt_goesOnWhereTheAnswerWasLost(t *testing.T) {
	adoptWhereTheAnswerWasLost(t, appTokens("ada"), func(*testing.T, *Session) {}, func(*testing.T, Store) {})
}

// adoptWhereTheAnswerWasLost takes tokens over while the first answer is lost, and goes on by the same call
// and by the next one, in the same run and in the next. lost and taken check what is special to the tokens,
// after the lost answer and in the end.
func adoptWhereTheAnswerWasLost(t *testing.T, tokens Tokens, lost func(*testing.T, *Session), taken func(*testing.T, Store)) {
	t.Helper()

	for name, again := range map[string]func(*Session, *testing.T) error{
		"the same call": func(s *Session, t *testing.T) error { return s.Adopt(t.Context(), tokens) },
		"the next call": func(s *Session, t *testing.T) error { return get(t, s, s.server.String()+"/api") },
	} {
		for run, reopen := range map[string]bool{"in the same run": false, "in the next run": true} {
			t.Run(name+" "+run, func(t *testing.T) {
				server := newAccounts(t)
				store, clock := fileStore(t), newHandClock()
				s := server.open(t, Settings{Store: store, Clock: clock})
				server.lose(true)
				var none *NetworkError
				if err := s.Adopt(t.Context(), tokens); !errors.As(err, &none) {
					t.Errorf("got %v", err)
				}
				lost(t, s)

				server.lose(false)
				clock.advance(15 * time.Second)
				if reopen {
					s = server.open(t, Settings{Store: store, Clock: clock})
				}
				must(t, again(s, t))
				is(t, s, "ada")
				if spent := server.spends(); len(spent) != 2 || spent[0] != spent[1] || strings.HasSuffix(spent[0], " ") {
					t.Errorf("spent %q: another token or key", spent)
				}
				taken(t, store)
			})
		}
	}
}

func TestAdopt_aRefusedTokenIsNotKept(t *testing.T) {
	server := newAccounts(t)
	server.refuse("refresh_token_reused")
	store := &MemoryStore{}
	s := server.open(t, Settings{Store: store})
	var out *SignedOutError
	if err := s.Adopt(t.Context(), appTokens("ada")); !errors.As(err, &out) || out.Reason != "refresh_token_reused" {
		t.Errorf("got %v", err)
	}
	is(t, s, "")
	for _, slot := range append(queueSlots[:], SlotA, SlotB) {
		if text, _ := store.Read(slot); strings.Contains(string(text), appTokens("ada").Refresh) {
			t.Errorf("slot %d holds it: %s", slot, text)
		}
	}
}

func TestAdopt_replacesASessionOnceTheTokenIsGood(t *testing.T) {
	server := newAccounts(t)
	var changes []Change
	store := &MemoryStore{}
	s := server.open(t, Settings{Store: store, OnChange: func(c Change) { changes = append(changes, c) }})
	must(t, signIn(t, s, "old"))
	before := s.Tokens()

	server.refuse("session_ended")
	var out *SignedOutError
	if err := s.Adopt(t.Context(), appTokens("ada")); !errors.As(err, &out) {
		t.Errorf("got %v", err)
	}
	is(t, s, "old")
	is(t, server.open(t, Settings{Store: store}), "old")
	if after := s.Tokens(); after.Refresh != before.Refresh || after.IdempotencyKey != before.IdempotencyKey {
		t.Error("the session before is another one")
	}
	if len(changes) != 1 {
		t.Errorf("told %+v: nobody was signed out", changes)
	}

	server.lose(false)
	must(t, s.Adopt(t.Context(), appTokens("ada")))
	is(t, s, "ada")
	within(t, "the session before ends", func() bool { return slices.Contains(server.endedOnes(), "old") })
}

// A run that ended before the server had taken the token does not cost the session before.
func TestAdopt_overASessionThatWasCutOff(t *testing.T) {
	for name, refused := range map[string]bool{"the server takes it": false, "the server refuses it": true} {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			store := &killedStore{}
			store.left.Store(100)
			network := &line{}
			first := server.open(t, Settings{Store: store, Options: network.options()})
			must(t, signIn(t, first, "old"))
			server.lose(true)
			if err := first.Adopt(t.Context(), appTokens("ada")); err == nil {
				t.Fatal("adopted without an answer")
			}
			network.cut.Store(true)

			server.lose(false)
			if refused {
				server.refuse("session_ended")
			}
			s := server.open(t, Settings{Store: &store.MemoryStore})
			is(t, s, "ada")
			err := s.Refresh(t.Context())
			if refused {
				is(t, s, "old")
				if slices.Contains(server.endedOnes(), "old") || strings.Contains(store.all(), appTokens("ada").Refresh) {
					t.Error("the session before was ended, or the refused token is kept")
				}

				return
			}
			must(t, err)
			within(t, "the session before ends", func() bool {
				s.Resume()

				return slices.Contains(server.endedOnes(), "old")
			})
		})
	}
}

func TestAdopt_takesNoSessionUpAgainThatWasSignedOutOf(t *testing.T) {
	server := newAccounts(t)
	store, clock := &MemoryStore{}, newHandClock()
	s := server.open(t, Settings{Store: store, Clock: clock})
	must(t, s.Adopt(t.Context(), appTokens("ada")))
	clock.advance(time.Hour)
	server.lose(true)
	must(t, s.SignOut(t.Context()))
	var out *SignedOutError
	if err := s.Adopt(t.Context(), appTokens("ada")); !errors.As(err, &out) || out.Reason != ReasonUser {
		t.Errorf("got %v", err)
	}
	is(t, s, "")
	for _, slot := range []Slot{SlotA, SlotB} {
		if text, _ := store.Read(slot); strings.Contains(string(text), appTokens("ada").Refresh) {
			t.Errorf("slot %d holds it: %s", slot, text)
		}
	}
}

// The refresh of the session before is in flight, and its answer comes late.
func TestAdopt_whileTheSessionBeforeRefreshes(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock})
	must(t, signIn(t, s, "old"))
	reached, free := make(chan struct{}), make(chan struct{})
	server.mu.Lock()
	server.refresh = func(w http.ResponseWriter, _ *http.Request) {
		server.lose(false)
		close(reached)
		<-free
		access, next := pairOf("old", 2)
		welcome(w, fmt.Sprintf(`"access_token":%q,"refresh_token":%q`, access, next))
	}

	server.mu.Unlock()
	refreshed := make(chan error, 1)
	go func() { refreshed <- s.Refresh(context.Background()) }()
	<-reached
	adopted := make(chan error, 1)
	go func() { adopted <- s.Adopt(context.Background(), appTokens("ada")) }()
	within(t, "stored", func() bool { return emailOf(s.Tokens().Refresh) == "ada" })
	close(free)
	must(t, <-adopted)
	must(t, <-refreshed)
	is(t, s, "ada")
	ofOld := func(spent string) bool { return emailOf(strings.Fields(spent)[0]) == "old" } // also to end it
	if spent := slices.DeleteFunc(server.spends(), ofOld); len(spent) != 1 {
		t.Errorf("%d refreshes of the adopted token, want one", len(spent))
	}
}

func TestAdopt_losesToASignOutWhileItRefreshes(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	server.mu.Lock()
	server.refresh = func(w http.ResponseWriter, r *http.Request) {
		server.lose(false)
		must(t, s.SignOut(r.Context()))
		access, next := pairOf("ada", 2)
		welcome(w, fmt.Sprintf(`"access_token":%q,"refresh_token":%q`, access, next))
	}
	server.mu.Unlock()
	if err := s.Adopt(t.Context(), appTokens("ada")); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	is(t, s, "")
	within(t, "the session ends", func() bool { return slices.Contains(server.endedOnes(), "ada") })
}

func TestAdopt_refusesWhatIsNoRefreshToken(t *testing.T) {
	server := newAccounts(t)
	s := server.open(t, Settings{})
	long := token(strings.Repeat(" ", 700) + `{"sid":"s"}`)
	for name, text := range map[string]string{"nothing": "", "a session token": "lkst_abc", "a long text": long} {
		if err := s.Adopt(t.Context(), Tokens{Refresh: text}); err == nil {
			t.Errorf("%s is adopted", name)
		}
	}
	is(t, s, "")
}

func TestAdopt_losesToASignOutThatBeganLater(t *testing.T) {
	server := newAccounts(t)
	store := &orderedStore{}
	s := server.open(t, Settings{Store: store})
	asked := make(chan chan struct{})
	store.order(asked)
	adopted := make(chan error, 1)
	go func() { adopted <- s.Adopt(t.Context(), appTokens("ada")) }()
	first := <-asked
	store.order(nil)
	must(t, s.SignOut(t.Context()))
	close(first)
	if err := <-adopted; !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	is(t, s, "")
	within(t, "the session ends", func() bool { return slices.Contains(server.endedOnes(), "ada") })
}

// What the recipe of README says, for an app that has used allauth's plain protocol.
func TestAdopt_ofAnAppWithAnInterceptorOfItsOwn(t *testing.T) {
	server := newAccounts(t)
	kept := map[string]string{"access_token": "old", "refresh_token": appTokens("ada").Refresh} // its own store
	s := server.open(t, Settings{Store: fileStore(t)})
	if refresh := kept["refresh_token"]; refresh != "" {
		must(t, s.Adopt(t.Context(), Tokens{Refresh: refresh}))
		delete(kept, "access_token")
		delete(kept, "refresh_token")
	}
	must(t, get(t, s, server.URL+"/api"))
}
