// Package latchkey is the Go client of a Latchkey server, for command-line tools,
// services and tests.
//
// [Session] is the hand-written part: it keeps one person's sign-in, across runs and
// processes where it is given a [FileStore]. Everything in client.gen.go is generated from
// the server's openapi.yaml and gives the whole API, operation by operation
// ([Session.API]).
//
// # Devices that have signed in before
//
// A sign-in hands out a device token, which [Session] keeps in [SlotDevice] of the store and sends
// with later sign-ins (X-Latchkey-Device). The server counts wrong passwords, wrong second factors
// and messages of such a device separately, so that strangers who guess do not lock the user out.
// The token signs nobody in and stays after a sign-out. There is one for a store, of the last
// user who signed in; it goes with a deleted account. A store that fails for it stops no sign-in.
package latchkey

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// State is what is known about a session.
type State string

const (
	// StateSignedIn says that there is a refresh token.
	StateSignedIn State = "signed_in"
	// StateSignedOut says that the store could be read and holds none.
	StateSignedOut State = "signed_out"
	// StateLocked says that the store cannot be read because the device is locked.
	StateLocked State = "locked"
	// StateUnknown says that the store has not been read, or could not be for another reason.
	StateUnknown State = "unknown"
)

// Change is what [Settings.OnChange] is told. It carries no secret.
type Change struct {
	State State
	// Reason is why a session ended: a problem code, or [ReasonUser].
	Reason string
	// At is when this client learned of it, by the wall clock.
	At time.Time
}

// Settings are what a session is made of. The zero value is a session in memory.
type Settings struct {
	// Store keeps the session; nil: memory.
	Store Store
	// Clock is what it knows of time; nil: this machine's.
	Clock Clock
	// OnChange is called once for each change of the state, one call at a time.
	OnChange func(Change)
	// Unlock asks the person to unlock the session, and returns nil when they have. The
	// session then starts locked: requests wait for one prompt together. Refreshing never
	// prompts. An error counts as dismissed, and for 30 s nobody is asked again.
	Unlock func(context.Context) error
	// Hosts are the hosts, besides the server's, to whose requests over HTTPS
	// [Session.Transport] adds the access token: "api.example.com".
	Hosts []string
	// Options are those of the generated client, such as [WithHTTPClient].
	Options []ClientOption
}

// Session is one person's sign-in. It is safe for concurrent use, and several may share a
// store, in one process or in many.
type Session struct {
	store    Store
	clock    Clock
	onChange func(Change)
	server   *url.URL
	hosts    []string             // besides the server's
	plain    *Client              // sends what it is given: signing in, refreshing, signing out
	api      *ClientWithResponses // goes through authorize
	unlock   unlocker

	mu     sync.Mutex // guards what follows
	state  State
	reason string // why it is signed out
	rec    record // as last read or written
	access access
	// The store could not be cleared at sign-out, and holds what must not come back.
	uncleared bool
	pending   string  // the session token of a sign-in that is under way
	last      attempt // the refresh token of the last answer through API, for Adopt
	epoch     int     // grows with each sign-in and sign-out of this Session
	flight    *flight
	backoff   backoff  // of refreshes that failed
	refused   backoff  // of refreshes that helped nothing: the server took no token of them
	changes   []Change // not told yet
	telling   bool
	queue     signOutQueue
}

// NewSession returns a signed-out session in memory with the server at baseURL, such as
// "https://auth.example.com".
func NewSession(baseURL string, options ...ClientOption) (*Session, error) {
	return Open(baseURL, Settings{Options: options})
}

// Open returns the session that the store keeps with the server at baseURL. It sends
// nothing but a sign-out that is still to be told to the server, in the background.
func Open(baseURL string, settings Settings) (*Session, error) {
	server, err := url.Parse(baseURL)
	if err != nil {
		return nil, err
	}
	s := &Session{
		store: settings.Store, clock: settings.Clock, onChange: settings.OnChange,
		server: server, hosts: settings.Hosts, state: StateUnknown,
	}
	if s.store == nil {
		s.store = &MemoryStore{}
	}
	if s.clock == nil {
		s.clock = SystemClock()
	}
	s.unlock = unlocker{prompt: settings.Unlock, locked: settings.Unlock != nil}
	// Security: a redirect could carry a refresh token to another host.
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	options := append([]ClientOption{WithHTTPClient(direct)}, settings.Options...)
	if s.plain, err = NewClient(baseURL, options...); err != nil {
		return nil, err
	}
	s.plain.Client = deviceDoer{s, s.plain.Client}
	s.api, err = NewClientWithResponses(baseURL, append(options, WithHTTPClient(doer{s, s.plain.Client}))...)
	if err != nil {
		return nil, err
	}
	s.Resume()
	return s, nil
}

// Resume tells the server of a sign-out that is still queued in the store, in the
// background. [Open] does it; call it when the network is back.
func (s *Session) Resume() { go s.drainSignOut(context.Background()) }

// API is the generated client of this session: it adds the access token where there is
// one, refreshes, and repeats once as [Session.Transport] does.
func (s *Session) API() *ClientWithResponses { return s.api }

// Tokens are what a session holds.
type Tokens struct {
	// Access is a JWT to show to Latchkey and to services that trust it.
	Access string
	// Refresh is a JWT that is good for one new pair.
	Refresh string
	// IdempotencyKey will spend Refresh.
	IdempotencyKey string
}

// Tokens returns a copy of what the session holds in memory, for tests. They are secrets.
func (s *Session) Tokens() Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Tokens{Access: s.access.token, Refresh: s.rec.Refresh, IdempotencyKey: s.rec.Key}
}

// State says what is known, and why a session is signed out. It reads the store where that
// has not succeeded yet, and sends nothing.
func (s *Session) State() (State, string) {
	_ = s.load() // the state says it
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.reason
}

// load reads the store where the state is not known yet.
func (s *Session) load() error {
	s.mu.Lock()
	known := s.state == StateSignedIn || s.state == StateSignedOut
	s.mu.Unlock()
	if known {
		return nil
	}
	_, err := s.adopt()
	return err
}

// adopt reads the store and takes over what stands there.
func (s *Session) adopt() (record, error) {
	s.mu.Lock()
	epoch, uncleared := s.epoch, s.uncleared
	s.mu.Unlock()
	if uncleared {
		if err := s.forget(context.Background()); err != nil {
			return record{}, err
		}
		s.Resume()
	}
	rec, err := s.readStore()
	defer s.tell()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// Whoever is signed in stays so: a read that fails says nothing about them.
		if s.state != StateSignedIn && s.state != StateSignedOut {
			s.enter(stateOf(err), "")
		}
		return record{}, err
	}
	if s.epoch == epoch { // else somebody has signed in or out since, and it is stale
		s.take(rec)
	}
	return s.rec, nil
}

func stateOf(err error) State {
	if errors.Is(err, ErrLocked) {
		return StateLocked
	}
	return StateUnknown
}

// take makes rec what the session holds; s.mu is held.
func (s *Session) take(rec record) {
	if rec.Key != s.rec.Key {
		s.access = access{} // it belonged to another record
	}
	s.rec = rec
	if rec.Refresh == "" {
		s.access = access{}
		s.enter(StateSignedOut, rec.Reason)
		return
	}
	s.enter(StateSignedIn, "")
}

// enter notes a change of the state, to be told once s.mu is free.
func (s *Session) enter(state State, reason string) {
	if s.state == state {
		return
	}
	s.state, s.reason = state, reason
	s.changes = append(s.changes, Change{state, reason, s.clock.Now()})
}

// tell calls OnChange for what has changed, in order, without a lock: it may call back.
func (s *Session) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.telling {
		return // whoever does it sees the new ones too
	}
	s.telling = true
	for len(s.changes) > 0 {
		c := s.changes[0]
		s.changes = s.changes[1:]
		if s.onChange != nil {
			s.mu.Unlock()
			s.onChange(c)
			s.mu.Lock()
		}
	}
	s.telling = false
}
