package latchkey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// brokenStore cannot read what it holds: the key is lost, or the device locked.
type brokenStore struct {
	MemoryStore
	guard  sync.Mutex
	broken map[Slot]error
}

func (s *brokenStore) Read(slot Slot) ([]byte, error) {
	s.guard.Lock()
	defer s.guard.Unlock()
	if err := s.broken[slot]; err != nil {
		return nil, err
	}

	return s.MemoryStore.Read(slot)
}

func (s *brokenStore) Write(slot Slot, text []byte) error {
	s.guard.Lock()
	defer s.guard.Unlock()
	if !errors.Is(s.broken[slot], ErrLocked) {
		delete(s.broken, slot)
	}

	return s.MemoryStore.Write(slot, text)
}

var errKeyLost = errors.New("could not decrypt the value with the provided key")

// loses breaks slots of a store.
func (s *brokenStore) loses(err error, slots ...Slot) {
	s.guard.Lock()
	defer s.guard.Unlock()
	s.broken = map[Slot]error{}
	for _, slot := range slots {
		s.broken[slot] = err
	}
}

// ways are what a user does to leave a store that cannot be read.
var ways = map[string]func(context.Context, *Session) error{
	"sign-in": func(ctx context.Context, s *Session) error { _, err := s.SignIn(ctx, "new", "p"); return err },
	"sign-up": func(ctx context.Context, s *Session) error {
		_, err := s.SignInWith(ctx, LoginRequest{Email: "new"})
		return err
	},
	"sign-out": func(ctx context.Context, s *Session) error { return s.SignOut(ctx) },
}

func TestLost_aUserReplacesAStoreThatCannotBeRead(t *testing.T) {
	for name, way := range ways {
		all := append(queueSlots[:], SlotA, SlotB, SlotDevice)
		for _, slots := range [][]Slot{{SlotA}, {SlotB}, {SlotA, SlotB}, all, {SlotSignOut}} {
			t.Run(fmt.Sprint(name, slots), func(t *testing.T) {
				server := newAccounts(t)
				store, clock := &brokenStore{}, newHandClock()
				must(t, signIn(t, server.open(t, Settings{Store: store}), "old"))
				store.loses(errKeyLost, slots...)

				var changes []Change
				s := server.open(t, Settings{Store: store, Clock: clock, OnChange: func(c Change) { changes = append(changes, c) }})
				server.requests()
				var failed *StoreError
				for range 4 {
					if err := way(t.Context(), s); !errors.As(err, &failed) {
						t.Fatalf("too early: %v", err)
					}

					clock.advance(14 * time.Second)
				}

				if state, _ := s.State(); state != StateUnknown || len(changes) > 0 {
					t.Errorf("the state is %s, and %+v told", state, changes)
				}

				if got := server.requests(); len(got) > 0 {
					t.Errorf("sent %q", got)
				}

				clock.advance(4 * time.Second)
				must(t, way(t.Context(), s))
				state, reason := s.State()
				want := string(StateSignedIn)
				if name == "sign-out" {
					want = string(StateSignedOut) + ReasonKeyLost
				}

				if got := string(state) + reason; got != want {
					t.Errorf("the state is %s, want %s", got, want)
				}

				if len(changes) == 0 || changes[0].State != StateSignedOut || changes[0].Reason != ReasonKeyLost {
					t.Errorf("told %+v", changes)
				}

				again, _ := server.open(t, Settings{Store: store}).State()
				if again != state {
					t.Errorf("the next run says %s", again)
				}
			})
		}
	}
}

// The store is lost while the session runs: it goes on in memory, and a sign-out ends it on the server.
func TestLost_whileTheSessionRuns(t *testing.T) {
	server := newAccounts(t)
	store, clock := &brokenStore{}, newHandClock()
	s := server.open(t, Settings{Store: store, Clock: clock})
	must(t, signIn(t, s, "old"))
	store.loses(errKeyLost, SlotA, SlotB)
	must(t, get(t, s, server.URL+"/api"))
	var failed *StoreError
	if err := s.SignOut(t.Context()); !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}

	if got := server.endedOnes(); len(got) != 1 {
		t.Errorf("ended on the server: %q", got)
	}

	clock.advance(time.Minute)
	must(t, s.SignOut(t.Context()))
	if state, reason := s.State(); state != StateSignedOut || reason != ReasonKeyLost {
		t.Errorf("the state is %s %s", state, reason)
	}

	if state, _ := server.open(t, Settings{Store: store}).State(); state != StateSignedOut {
		t.Errorf("the next run says %s", state)
	}
}

func TestLost_eitherClockCounts(t *testing.T) {
	for name, pass := range map[string]func(*handClock){
		"both":     func(c *handClock) { c.advance(time.Minute) },
		"the wall": func(c *handClock) { c.jump(time.Minute) },
		"the monotonic": func(c *handClock) {
			c.advance(time.Minute)
			c.jump(-time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			store, clock := &brokenStore{}, newHandClock()
			store.loses(errKeyLost, SlotA)
			s := server.open(t, Settings{Store: store, Clock: clock})
			s.State()
			s.State()
			pass(clock)
			must(t, signIn(t, s, "new"))
		})
	}
}

// Two reads, or three at once, say nothing: a fault may pass.
func TestLost_twoReadsAreTooFew(t *testing.T) {
	server := newAccounts(t)
	store, clock := &brokenStore{}, newHandClock()
	store.loses(errKeyLost, SlotA)
	s := server.open(t, Settings{Store: store, Clock: clock})
	s.State()
	clock.advance(time.Hour)
	if err := signIn(t, s, "new"); err == nil {
		t.Error("replaced after two reads")
	}

	must(t, signIn(t, s, "new"))
}

func TestLost_aReadThatSucceedsBeginsAnew(t *testing.T) {
	server := newAccounts(t)
	store, clock := &brokenStore{}, newHandClock()
	must(t, signIn(t, server.open(t, Settings{Store: store}), "old"))
	s := server.open(t, Settings{Store: store, Clock: clock})
	store.loses(errKeyLost, SlotA, SlotB)
	for range 3 {
		s.State()
	}

	clock.advance(time.Hour)
	store.loses(nil)
	is(t, s, "old")
	store.loses(errKeyLost, SlotA, SlotB)
	if err := signIn(t, s, "new"); err == nil {
		t.Error("replaced after one read")
	}
}

func TestLost_nothingIsReplacedByItselfOrWhileLocked(t *testing.T) {
	server := newAccounts(t)
	store, clock := &brokenStore{}, newHandClock()
	must(t, signIn(t, server.open(t, Settings{Store: store}), "old"))
	held := store.texts
	s := server.open(t, Settings{Store: store, Clock: clock})
	for _, cause := range []error{errKeyLost, fmt.Errorf("keychain: %w", ErrLocked)} {
		store.loses(cause, SlotA, SlotB, SlotSignOut)
		for range 10 {
			clock.advance(time.Minute)
			if err := get(t, s, server.URL+"/api"); err == nil {
				t.Error("a call goes well")
			}
			if err := s.Refresh(t.Context()); err == nil {
				t.Error("a refresh goes well")
			}
		}
	}

	for name, way := range ways {
		for _, ctx := range []context.Context{t.Context(), WithForce(t.Context())} {
			if err := way(ctx, s); !errors.Is(err, ErrLocked) {
				t.Errorf("%s while locked: %v", name, err)
			}
		}
	}

	if store.texts != held {
		t.Error("something was written")
	}
}

func TestLost_forceReplacesAtOnce(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			store := &brokenStore{}
			must(t, signIn(t, server.open(t, Settings{Store: store}), "old"))
			store.loses(errKeyLost, SlotA, SlotB, SlotSignOut)
			s := server.open(t, Settings{Store: store})
			var told atomic.Int32
			s.onChange = func(Change) { told.Add(1) }
			if err := way(t.Context(), s); err == nil {
				t.Error("without force")
			}

			must(t, way(WithForce(t.Context()), s))
			if told.Load() == 0 {
				t.Error("nothing was told")
			}
		})
	}
}
