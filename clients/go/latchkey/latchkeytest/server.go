// Package latchkeytest is a Latchkey server in memory, for the tests of apps that use the Go client.
//
// It signs users in and up, asks for second factors, refreshes, and ends sessions; its access tokens
// are signed, and a verifier of package verify takes them. It can be offline, and answer with any
// status. What it does not play fails the test: `latchkey dev` is the real server, for those.
package latchkeytest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// User is an account of the server.
type User struct {
	// ID is the user's id; "": the server draws one.
	ID latchkey.UserID
	// Email, Phone and Username are what the user signs in with.
	Email, Phone, Username string
	// Password is the user's.
	Password string
	// Display is what the user is called.
	Display string
	// Code is what passes the second factor; "": none is asked for.
	Code string
}

// Server is a Latchkey server in memory. It is safe for concurrent use.
type Server struct {
	// URL is its address, for [latchkey.Open] and for verify.Options.
	URL string

	t    testing.TB
	keys keys

	mu       sync.Mutex // guards what follows
	users    []User
	sessions map[string]*session // by id
	apps     map[string]string   // session tokens of [Server.SessionToken]: session ids
	halves   map[string]string   // sign-ins that wait for a second factor, by session token: subjects
	requests []string
	oldest   int64 // access tokens of before are refused, by number
	issued   int64
	offline  bool
	status   int
}

// session is one sign-in.
type session struct {
	user       latchkey.UserID
	generation int64
	// key is the idempotency key that has spent the refresh token of the generation before.
	key   string
	ended string // why; "": it lives
	// exchanged is the generation that the exchange of the session token has spent; 0: none.
	exchanged int64
}

// New starts a server with users, which ends with the test.
func New(t testing.TB, users ...User) *Server {
	t.Helper()
	s := &Server{t: t, keys: newKeys(t), sessions: map[string]*session{}, apps: map[string]string{}, halves: map[string]string{}}
	for _, u := range users {
		s.add(u)
	}

	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.URL = server.URL

	return s
}

// Session is a session of this server in which a user has signed in by their address.
func (s *Server) Session(email string) *latchkey.Session {
	s.t.Helper()
	session, err := latchkey.NewSession(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}

	s.mu.Lock()
	user, ok := s.find(func(u User) bool { return u.Email == email })
	s.mu.Unlock()
	if !ok {
		s.t.Fatalf("latchkeytest: no user has the address %s", email)
	}

	ctx := context.Background()
	entry, err := session.SignIn(ctx, email, user.Password)
	if err == nil && entry.SecondFactor() != nil {
		entry, err = session.SubmitSecondFactor(ctx, user.Code)
	}
	if err != nil || !entry.SignedIn() {
		s.t.Fatalf("latchkeytest: signing in: %+v, %v", entry.Pending, err)
	}

	return session
}

// SessionToken is the X-Session-Token of a session of a user that another client has opened: see
// [latchkey.Session.Adopt].
func (s *Server) SessionToken(email string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, ok := s.find(func(u User) bool { return u.Email == email })
	if !ok {
		s.t.Fatalf("latchkeytest: no user has the address %s", email)
	}

	token := "lkst_" + rand.Text()
	s.apps[token] = s.begin(user.ID)

	return token
}

// ExpireTokens makes the server, and [Server.UserOf], refuse the access tokens of before: clients
// refresh.
func (s *Server) ExpireTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = s.issued
}

// End ends the sessions of a user, with a reason such as "session_ended": the next refresh is refused
// with it, and access tokens of before are refused.
func (s *Server) End(email, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, _ := s.find(func(u User) bool { return u.Email == email })
	for _, one := range s.sessions {
		if one.user == user.ID && one.ended == "" {
			one.ended = reason
		}
	}
}

// Live is how many sessions of a user live.
func (s *Server) Live(email string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, _ := s.find(func(u User) bool { return u.Email == email })
	live := 0
	for _, one := range s.sessions {
		if one.user == user.ID && one.ended == "" {
			live++
		}
	}

	return live
}

// Offline cuts every connection without an answer, until it is called with false.
func (s *Server) Offline(offline bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offline = offline
}

// Answer answers every request with a status, such as 503 or 429, until it is called with 0.
func (s *Server) Answer(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// Requests are what the server was asked so far, such as "POST auth/login".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()

	return slices.Clone(s.requests)
}

// UserOf is the user whose access token a request carries, for the handlers of an API in a test;
// false where there is none that is good.
func (s *Server) UserOf(r *http.Request) (User, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.bearer(r)
	if one == nil {
		return User{}, false
	}

	return s.find(func(u User) bool { return u.ID == one.user })
}

// add adds a user; s.mu is held, or nobody knows the server yet.
func (s *Server) add(u User) User {
	if u.ID == "" {
		u.ID = latchkey.UserID(fmt.Sprint(len(s.users) + 1))
	}
	s.users = append(s.users, u)

	return u
}

// find is the first user of a kind; s.mu is held.
func (s *Server) find(is func(User) bool) (User, bool) {
	if i := slices.IndexFunc(s.users, is); i >= 0 {
		return s.users[i], true
	}

	return User{}, false
}
