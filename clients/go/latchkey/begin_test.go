package latchkey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestSignOut_endsNothingThatBeganAfterIt(t *testing.T) {
	server := newAccounts(t)
	store := &orderedStore{}
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))

	asked := make(chan chan struct{})
	store.order(asked)
	out, in := make(chan error, 1), make(chan error, 1)
	go func() { out <- s.SignOut(context.Background()) }()
	first := <-asked
	go func() { in <- signIn(t, s, "new") }()
	second := <-asked
	store.order(nil)
	close(second)
	must(t, <-in)
	close(first)
	must(t, <-out)

	is(t, s, "new")
	within(t, "the old session ends", func() bool { return slices.Contains(server.endedOnes(), "old") })
	again := server.open(t, Settings{Store: store})
	is(t, again, "new")
	if slices.Contains(server.endedOnes(), "new") {
		t.Error("the new session was ended")
	}
}

// readingStore does something before it is next read.
type readingStore struct {
	MemoryStore
	reading atomic.Pointer[func()]
}

func (s *readingStore) Read(slot Slot) ([]byte, error) {
	if f := s.reading.Swap(nil); f != nil {
		(*f)()
	}

	return s.MemoryStore.Read(slot)
}

// The newer sign-in is stored before the sign-out has looked at what it is to end.
func TestSignOut_endsNoNewerSignInThatItReads(t *testing.T) {
	server := newAccounts(t)
	store := &readingStore{}
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))
	within(t, "nothing reads in the background", func() bool { return newest(s) == 1 })

	begun := func() {
		if state, _ := s.State(); state != StateSignedOut {
			t.Errorf("the state is %s: the sign-out has not begun", state)
		}
		must(t, signIn(t, s, "new"))
	}
	store.reading.Store(&begun)
	must(t, s.SignOut(t.Context()))
	is(t, s, "new")
	is(t, server.open(t, Settings{Store: store}), "new")
	if slices.Contains(server.endedOnes(), "new") {
		t.Error("the newer session was ended")
	}
}

// A sign-out of one process leaves what another has signed in since it began.
func TestSignOut_leavesTheSignInOfAnotherProcess(t *testing.T) {
	server := newAccounts(t)
	store := &orderedStore{}
	s, other := server.open(t, Settings{Store: store}), server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))

	asked := make(chan chan struct{})
	store.order(asked)
	out := make(chan error, 1)
	go func() { out <- s.SignOut(context.Background()) }()
	first := <-asked
	store.order(nil)
	must(t, signIn(t, other, "new"))
	close(first)
	must(t, <-out)

	is(t, other, "new")
	is(t, s, "new")
}

// Another process has signed in before the sign-out: its session is what the user sees, and leaves.
func TestSignOut_endsTheSessionOfAnotherProcessOnTheServer(t *testing.T) {
	server := newAccounts(t)
	store := &MemoryStore{}
	s, other := server.open(t, Settings{Store: store}), server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))
	must(t, signIn(t, other, "new"))
	must(t, s.SignOut(t.Context()))
	is(t, s, "")
	within(t, "both sessions end", func() bool {
		got := server.endedOnes()

		return slices.Contains(got, "old") && slices.Contains(got, "new")
	})
}

// rejectingStore refuses to write records while told so.
type rejectingStore struct {
	MemoryStore
	full atomic.Bool
}

func (s *rejectingStore) Write(slot Slot, text []byte) error {
	if s.full.Load() && slot < SlotSignOut {
		return errors.New("no space left")
	}

	return s.MemoryStore.Write(slot, text)
}

func TestSignIn_thatCannotBeStoredLeavesTheSessionBefore(t *testing.T) {
	server := newAccounts(t)
	store := &rejectingStore{}
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))

	store.full.Store(true)
	var failed *StoreError
	if err := signIn(t, s, "new"); !errors.As(err, &failed) {
		t.Errorf("got %v", err)
	}
	is(t, s, "old")
	if got := server.endedOnes(); !slices.Equal(got, []string{"new"}) {
		t.Errorf("ended on the server: %q", got)
	}

	store.full.Store(false)
	again := server.open(t, Settings{Store: store})
	is(t, again, "old")
	must(t, again.Refresh(t.Context()))
	if slices.Contains(server.endedOnes(), "old") {
		t.Error("the session before was ended")
	}
}

func TestSignIn_replacesTheSessionBeforeAndEndsIt(t *testing.T) {
	server := newAccounts(t)
	store := &MemoryStore{}
	s := server.open(t, Settings{Store: store})
	must(t, signIn(t, s, "old"))
	must(t, signIn(t, s, "new"))
	is(t, s, "new")
	within(t, "the old session ends", func() bool { return slices.Contains(server.endedOnes(), "old") })
}

// killedStore is the store of a process that is killed after some writes.
type killedStore struct {
	MemoryStore
	left atomic.Int32
}

func (s *killedStore) Write(slot Slot, text []byte) error {
	if s.left.Add(-1) < 0 {
		return errors.New("killed")
	}

	return s.MemoryStore.Write(slot, text)
}

// line is a network that can be cut for one process.
type line struct{ cut atomic.Bool }

func (l *line) RoundTrip(r *http.Request) (*http.Response, error) {
	if l.cut.Load() {
		return nil, errors.New("cut")
	}

	return http.DefaultTransport.RoundTrip(r)
}

func (l *line) options() []ClientOption {
	return []ClientOption{WithHTTPClient(&http.Client{Transport: l})}
}

// However far a process got that was killed, the session before ends, or is the session still.
func TestSignIn_thatIsKilledOverASession(t *testing.T) {
	for writes := range int32(6) {
		t.Run(fmt.Sprint(writes, " writes"), func(t *testing.T) {
			server := newAccounts(t)
			store := &killedStore{}
			store.left.Store(100)
			network := &line{}
			dying := server.open(t, Settings{Store: store, Options: network.options()})
			must(t, signIn(t, dying, "old"))
			server.lose(true)
			store.left.Store(writes)
			_ = signIn(t, dying, "new") // what it says, nobody hears
			network.cut.Store(true)

			server.lose(false)
			s := server.open(t, Settings{Store: &store.MemoryStore})
			if writes == 0 {
				is(t, s, "old")

				return
			}
			is(t, s, "new")
			within(t, "the session before ends", func() bool { return slices.Contains(server.endedOnes(), "old") })
			within(t, "its token is gone", func() bool {
				_, old := pairOf("old", 1)

				return !strings.Contains(store.all(), old)
			})
		})
	}
}

// all are the texts of the store.
func (s *killedStore) all() string {
	var texts strings.Builder
	for slot := SlotA; slot <= SlotSignOut3; slot++ {
		text, _ := s.Read(slot)
		texts.Write(text)
	}

	return texts.String()
}

// Two sign-outs wait for the network, of which the store has space for one.
func TestSignOut_offlineTwiceEndsBothLater(t *testing.T) {
	server := newAccounts(t)
	clock := newHandClock()
	s := server.open(t, Settings{Clock: clock})
	must(t, signIn(t, s, "first"))
	server.lose(true)
	must(t, signIn(t, s, "second"))
	must(t, signIn(t, s, "third"))

	server.lose(false)
	within(t, "both end", func() bool {
		clock.advance(time.Minute)
		got := server.endedOnes()

		return slices.Contains(got, "first") && slices.Contains(got, "second")
	})
	is(t, s, "third")
}

func TestBeginning_theNewestSignInWins(t *testing.T) {
	for name, pending := range map[string][2]bool{
		"both complete": {false, false}, "both pending": {true, true},
		"the old one completes": {false, true}, "the new one completes": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := newAccounts(t)
			server.asksForFactor("old", pending[0])
			server.asksForFactor("new", pending[1])
			s := server.open(t, Settings{})
			server.before("old", func() { must(t, signIn(t, s, "new")) })

			if err := signIn(t, s, "old"); !errors.Is(err, ErrNothingPending) {
				t.Errorf("the old one: %v", err)
			}
			if pending[1] {
				is(t, s, "")
				_, err := s.SubmitSecondFactor(t.Context(), "314159")
				must(t, err)
			}
			is(t, s, "new")
			if got := server.endedOnes(); !pending[0] && !slices.Equal(got, []string{"old"}) {
				t.Errorf("ended on the server: %q", got)
			}
		})
	}
}

// A second factor counts as part of the sign-in that it goes on with.
func TestBeginning_anOldSecondFactorComesTooLate(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("old", true)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "old"))
	server.atStep(func(http.ResponseWriter) bool {
		server.atStep(nil)
		must(t, signIn(t, s, "new"))

		return false
	})
	if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	is(t, s, "new")
	if got := server.endedOnes(); !slices.Equal(got, []string{"old"}) {
		t.Errorf("ended on the server: %q", got)
	}
}

// What fails has not replaced the sign-in that was pending before it.
func TestBeginning_thatFailsLeavesThePendingSignIn(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("old", true)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "old"))
	if err := signIn(t, s, "wrong"); err == nil {
		t.Error("a wrong password signs in")
	}
	_, err := s.SubmitSecondFactor(t.Context(), "314159")
	must(t, err)
	is(t, s, "old")
}

func TestCancelPending_dropsTheSignInAndNothingElse(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("other", true)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "ada"))
	must(t, signIn(t, s, "other"))
	s.CancelPending()
	if _, err := s.SubmitSecondFactor(t.Context(), "314159"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	is(t, s, "ada")

	server.before("late", s.CancelPending) // what is in flight, too
	if err := signIn(t, s, "late"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("got %v", err)
	}
	is(t, s, "ada")
	if got := server.endedOnes(); !slices.Equal(got, []string{"late"}) {
		t.Errorf("ended on the server: %q", got)
	}
}

// An app that takes its own token over does not lose it because a user cancels a sign-in.
func TestCancelPending_leavesAnAdoption(t *testing.T) {
	server := newAccounts(t)
	store := &orderedStore{}
	s := server.open(t, Settings{Store: store})
	asked := make(chan chan struct{})
	store.order(asked)
	adopted := make(chan error, 1)
	go func() { adopted <- s.Adopt(context.Background(), appTokens("ada")) }()
	first := <-asked
	store.order(nil)
	s.CancelPending()
	close(first)
	must(t, <-adopted)
	is(t, s, "ada")
	server.asksForFactor("other", true)
	must(t, signIn(t, s, "other")) // the next one is not cancelled
	_, err := s.SubmitSecondFactor(t.Context(), "314159")
	must(t, err)
}

func TestPending_isDroppedByFlowNotPendingAndKeptByTheEndOfTheSession(t *testing.T) {
	server := newAccounts(t)
	server.asksForFactor("other", true)
	s := server.open(t, Settings{})
	must(t, signIn(t, s, "ada"))
	must(t, signIn(t, s, "other"))

	server.refuse("session_ended")
	var out *SignedOutError
	if err := s.Refresh(t.Context()); !errors.As(err, &out) || out.Reason != "session_ended" {
		t.Fatalf("got %v", err)
	}
	server.atStep(func(w http.ResponseWriter) bool {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"status":409,"errors":[{"code":"flow_not_pending","message":"Not now."}]}`)

		return true
	})
	server.requests()
	var refused *Error
	if _, err := s.SubmitSecondFactor(t.Context(), "1"); !errors.Is(err, ErrNothingPending) || !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	if _, err := s.SubmitSecondFactor(t.Context(), "2"); !errors.Is(err, ErrNothingPending) {
		t.Errorf("then %v", err)
	}
	if got := server.requests(); !slices.Equal(got, []string{"POST auth/2fa/authenticate lkst_other"}) {
		t.Errorf("sent %q: the end of the session has dropped the sign-in, or 409 has not", got)
	}
}
