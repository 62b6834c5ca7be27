package latchkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// accounts is a server at which each address has a session of its own, and which remembers the
// sessions that it was asked to end.
type accounts struct {
	*peer
	mu      sync.Mutex
	pending map[string]bool   // addresses whose second factor is asked for
	onLogin map[string]func() // what happens before the answer to a sign-in arrives
	refresh http.HandlerFunc  // nil: a new pair
	ended   []string          // addresses
	sent    []string          // method, path's end, credentials
	spent   []string          // refresh tokens and their keys
	gens    map[string]int    // generations by address
	onStep  func(w http.ResponseWriter) bool
}

func newAccounts(t *testing.T) *accounts {
	t.Helper()
	a := &accounts{pending: map[string]bool{}, onLogin: map[string]func(){}, gens: map[string]int{}}
	a.peer = newPeer(t, a.answer)

	return a
}

// pairOf are the tokens of an address.
func pairOf(email string, generation int) (access, refresh string) {
	return token(fmt.Sprintf(`{"sid":%q,"use":"access","gen":%d,"iat":0,"exp":300}`, email, generation)),
		token(fmt.Sprintf(`{"sid":%q,"use":"refresh","gen":%d,"jti":"%s-%[2]d"}`, email, generation, email))
}

func emailOf(token string) string { return claimsOf(token).Session }

func (a *accounts) answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, path, _ := strings.Cut(r.URL.Path, "/v1/")
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	a.mu.Lock()
	a.sent = append(a.sent, strings.TrimSpace(fmt.Sprintf("%s %s %s%s", r.Method, path, r.Header.Get("X-Session-Token"), emailOf(bearer))))
	a.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	switch {
	case path == "auth/login", path == "auth/provider/token":
		a.login(w, body)
	case strings.HasSuffix(path, "/refresh"):
		a.exchange(w, r, body)
	case r.Method == http.MethodDelete:
		a.mu.Lock()
		a.ended = append(a.ended, emailOf(bearer))
		a.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, nobodysTurn)
	case r.Header.Get("X-Session-Token") != "":
		a.step(w, strings.TrimPrefix(r.Header.Get("X-Session-Token"), "lkst_"))
	case strings.HasPrefix(path, "auth/"):
		_, _ = io.WriteString(w, `{"status":200,"data":{"user":{"id":7},"methods":[]},"meta":{"is_authenticated":true,"session_token":"lkst_secret"}}`)
	default:
		_, _ = io.WriteString(w, `{"status":200,"data":[]}`)
	}
}

func (a *accounts) login(w http.ResponseWriter, body []byte) {
	var sent struct {
		Email string
		Token struct {
			IDToken string `json:"id_token"`
		}
	}
	_ = json.Unmarshal(body, &sent)
	email := sent.Email + sent.Token.IDToken
	a.mu.Lock()
	meanwhile, pending := a.onLogin[email], a.pending[email]
	a.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	if strings.HasPrefix(email, "wrong") {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, wrongCode)

		return
	}
	if pending {
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, asks(`{"id":"mfa_authenticate","is_pending":true,"types":["totp"]}`, `,"session_token":"lkst_`+email+`"`).body)

		return
	}
	a.step(w, email)
}

func (a *accounts) step(w http.ResponseWriter, email string) {
	a.mu.Lock()
	onStep := a.onStep
	a.mu.Unlock()
	if onStep != nil && onStep(w) {
		return
	}
	access, refresh := pairOf(email, 1)
	_, _ = fmt.Fprintf(w, `{"status":200,"data":{"user":{"id":7},"methods":[]},"meta":{"is_authenticated":true,"access_token":%q,"refresh_token":%q,"session_token":"lkst_secret"}}`, access, refresh)
}

func (a *accounts) exchange(w http.ResponseWriter, r *http.Request, body []byte) {
	var sent struct{ Refresh string }
	_ = json.Unmarshal(body, &sent)
	a.mu.Lock()
	a.spent = append(a.spent, sent.Refresh+" "+r.Header.Get("Idempotency-Key"))
	refresh := a.refresh
	a.mu.Unlock()
	if refresh != nil {
		refresh(w, r)

		return
	}

	c := claimsOf(sent.Refresh)
	access, next := pairOf(c.Session, int(c.Generation)+1)
	_, _ = fmt.Fprintf(w, `{"status":200,"data":{"user":{"id":7}},"meta":{"is_authenticated":true,"access_token":%q,"refresh_token":%q}}`, access, next)
}

func (a *accounts) refuse(code string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"status":400,"errors":[{"code":%q,"message":"Over."}]}`, code)
	}
}

// lose loses the answers to refreshes.
func (a *accounts) lose(lost bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refresh = nil
	if lost {
		a.refresh = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	}
}

func (a *accounts) before(email string, f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onLogin[email] = f
}

func (a *accounts) asksForFactor(email string, asks bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending[email] = asks
}

// atStep says what answers a step of a sign-in, where it returns true.
func (a *accounts) atStep(f func(http.ResponseWriter) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onStep = f
}

func (a *accounts) spends() []string {
	a.mu.Lock()
	defer a.mu.Unlock()

	return slices.Clone(a.spent)
}

func (a *accounts) endedOnes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()

	return slices.Clone(a.ended)
}

// requests are those so far, which it forgets.
func (a *accounts) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	sent := a.sent
	a.sent = nil

	return sent
}

// open is a session at the server.
func (a *accounts) open(t *testing.T, settings Settings) *Session {
	t.Helper()
	s, err := Open(a.URL, settings)
	must(t, err)

	return s
}

// within waits for what happens in the background.
func within(t *testing.T, what string, holds func() bool) {
	t.Helper()
	end := time.Now().Add(5 * time.Second)
	for !holds() {
		if time.Now().After(end) {
			t.Fatalf("not within 5 s: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func signIn(t *testing.T, s *Session, email string) error {
	t.Helper()
	_, err := s.SignIn(t.Context(), email, "p")

	return err
}

// is wants the session to be of an address; "": signed out.
func is(t *testing.T, s *Session, email string) {
	t.Helper()
	state, reason := s.State()
	if got := emailOf(s.Tokens().Refresh); got != email || (state == StateSignedIn) != (email != "") {
		t.Errorf("the session is of %q, and the state %s %s; want %q", got, state, reason, email)
	}
}

// orderedStore is a store whose lock for writing is had in the order that the test says.
type orderedStore struct {
	MemoryStore
	asked atomic.Pointer[chan chan struct{}] // nil: no order
}

func (s *orderedStore) order(asked chan chan struct{}) {
	if asked == nil {
		s.asked.Store(nil)

		return
	}
	s.asked.Store(&asked)
}

func (s *orderedStore) Lock(ctx context.Context, lock StoreLock) (func(), error) {
	if asked := s.asked.Load(); asked != nil && lock == LockWrite {
		turn := make(chan struct{})
		*asked <- turn
		<-turn
	}

	return s.MemoryStore.Lock(ctx, lock)
}

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
	for slot := SlotA; slot <= SlotDevice; slot++ {
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
		"both complete": {false, false}, "both pending": {true, true}, "the old one completes": {false, true}, "the new one completes": {true, false},
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
