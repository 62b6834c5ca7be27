package latchkey

import (
	"context"
	"encoding/json"
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
	who := r.Header.Get("X-Session-Token") + emailOf(bearer)
	a.sent = append(a.sent, strings.TrimSpace(r.Method+" "+path+" "+who))
	a.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	switch {
	case path == "auth/login", path == "auth/provider/token":
		a.login(w, body)
	case strings.HasSuffix(path, "/refresh"), path == "auth/token/exchange":
		a.exchange(w, r, body)
	case r.Method == http.MethodDelete:
		a.mu.Lock()
		a.ended = append(a.ended, emailOf(bearer))
		a.mu.Unlock()
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, nobodysTurn)
	case r.Header.Get("X-Session-Token") != "":
		a.step(w, strings.TrimPrefix(r.Header.Get("X-Session-Token"), "lkst_"))
	case strings.HasPrefix(path, "auth/") && bearer == "":
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"status":409,"errors":[{"code":"flow_not_pending","message":"Not now."}]}`)
	case strings.HasPrefix(path, "auth/"):
		welcome(w, `"session_token":"lkst_secret"`)
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
		half := `,"session_token":"lkst_` + email + `"`
		_, _ = io.WriteString(w, asks(`{"id":"mfa_authenticate","is_pending":true,"types":["totp"]}`, half).body)

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
	welcome(w, fmt.Sprintf(`"access_token":%q,"refresh_token":%q,"session_token":"lkst_secret"`, access, refresh))
}

// welcome answers as to a signed-in user, with tokens.
func welcome(w http.ResponseWriter, tokens string) {
	const user = `"data":{"user":{"id":7},"methods":[]}`
	_, _ = fmt.Fprintf(w, `{"status":200,%s,"meta":{"is_authenticated":true,%s}}`, user, tokens)
}

func (a *accounts) exchange(w http.ResponseWriter, r *http.Request, body []byte) {
	var sent struct{ Refresh string }
	_ = json.Unmarshal(body, &sent)
	if app := r.Header.Get("X-Session-Token"); app != "" { // an exchange
		_, sent.Refresh = pairOf(strings.TrimPrefix(app, "app-"), 1)
	}
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
	welcome(w, fmt.Sprintf(`"access_token":%q,"refresh_token":%q`, access, next))
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
