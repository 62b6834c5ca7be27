// Package latchkey is the Go client of a Latchkey server, for command-line tools,
// services and tests.
//
// [Session] is the hand-written part: it keeps one user's sign-in, across runs and
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
	"fmt"
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
	// Reason is why a session ended: a problem code, [ReasonUser] or [ReasonKeyLost].
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
	// Unlock asks the user to unlock the session, and returns nil when they have. The
	// session then starts locked: requests wait for one prompt together. Refreshing never
	// prompts. An error counts as dismissed, and for 30 s nobody is asked again.
	Unlock func(context.Context) error
	// Origins are the APIs, besides the server, to whose requests [Session.Transport] adds the
	// access token: "https://api.example.com".
	Origins []string
	// InsecureHTTP allows http for other hosts than this machine's own, for the server and for
	// Origins: passwords and tokens then cross the network in clear. It is for a development
	// server in one's own network.
	InsecureHTTP bool
	// DeviceName is what the user's list of sessions calls this device, such as "Ada's laptop": at
	// most 64 characters; "": nothing.
	DeviceName string
	// Options are those of the generated client, such as [WithHTTPClient].
	Options []ClientOption
}

// Option changes the [Settings] of [NewSession]. A [ClientOption] is one, too.
type Option interface{ applyTo(settings *Settings) }

func (o ClientOption) applyTo(settings *Settings) { settings.Options = append(settings.Options, o) }

type settingOption func(*Settings)

func (o settingOption) applyTo(settings *Settings) { o(settings) }

// WithInsecureHTTP sets [Settings.InsecureHTTP].
func WithInsecureHTTP() Option {
	return settingOption(func(settings *Settings) { settings.InsecureHTTP = true })
}

// Session is one user's sign-in. It is safe for concurrent use, and several may share a
// store, in one process or in many. Printing it shows no token.
type Session struct {
	store      Store
	clock      Clock
	onChange   func(Change)
	server     *url.URL
	origins    []string // the server's and those of the settings
	deviceName string
	plain      *Client              // sends what it is given: signing in, refreshing, signing out
	api        *ClientWithResponses // goes through authorized
	unlock     unlocker

	mu sync.Mutex // guards what the box has
	*box
}

// box is between a Session and what it holds.
//
// Security: fmt follows one pointer where a verb does not fit, so there are two: whatever prints
// a Session, or what has one, shows an address.
type box struct{ *held }

// held is what a session holds in memory.
type held struct {
	state   State
	reason  string // why it is signed out
	rec     record // as last read or written
	access  access
	misread misreads
	// leaving is a sign-out that the store has not taken yet; nil: none.
	leaving *leaving

	pending   pendingSignIn
	begun     int // the number of the newest sign-in, sign-out or adoption
	left      int // the number of the newest sign-out
	cancelled int // sign-ins up to this number were cancelled
	owner     int // the number of the sign-in that stored rec; 0: it was found in the store
	epoch     int // grows with each sign-in and sign-out of this Session

	flight  *flight
	waits   waits    // between refreshes that failed
	refused refusals // of refreshes that helped nothing: a server took no token of them
	changes []Change // not told yet
	telling bool
	queue   signOutQueue
}

// NewSession returns a signed-out session in memory with the server at baseURL, such as
// "https://auth.example.com".
func NewSession(baseURL string, options ...Option) (*Session, error) {
	var settings Settings
	for _, o := range options {
		o.applyTo(&settings)
	}

	return Open(baseURL, settings)
}

// Open returns the session that the store keeps with the server at baseURL. It sends
// nothing but a sign-out that is still to be told to the server, in the background.
//
// An address that cannot work is an error here: without a scheme, with a query, a fragment or a
// password, or with http for another host than this machine's own.
func Open(baseURL string, settings Settings) (*Session, error) {
	server, err := parseAddress(baseURL, settings.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("latchkey: the address of the server: %w", err)
	}
	origins, err := settings.origins(server)
	if err != nil {
		return nil, err
	}
	if err := checkDeviceName(settings.DeviceName); err != nil {
		return nil, err
	}

	s := &Session{
		store: settings.Store, clock: settings.Clock, onChange: settings.OnChange, deviceName: settings.DeviceName,
		server: server, origins: origins, box: &box{&held{state: StateUnknown}},
	}
	if s.store == nil {
		s.store = &MemoryStore{}
	}
	if s.clock == nil {
		s.clock = SystemClock()
	}
	s.unlock = unlocker{prompt: settings.Unlock, locked: settings.Unlock != nil}
	if err := s.connect(settings.Options); err != nil {
		return nil, err
	}
	s.Resume()

	return s, nil
}

// origins are those that get the access token.
func (settings Settings) origins(server *url.URL) ([]string, error) {
	list := []string{originOf(server)}
	for _, text := range settings.Origins {
		origin, err := parseOrigin(text, settings.InsecureHTTP)
		if err != nil {
			return nil, fmt.Errorf("latchkey: the origin %q: %w", text, err)
		}
		list = append(list, origin)
	}

	return list, nil
}

// connect makes the two clients.
func (s *Session) connect(options []ClientOption) error {
	// Security: a redirect could carry a refresh token to another host.
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	options = append([]ClientOption{WithHTTPClient(direct)}, options...)

	var err error
	if s.plain, err = NewClient(s.server.String(), options...); err != nil {
		return err
	}
	if s.plain.Server != s.server.String()+"/" {
		return errors.New("latchkey: the address of the server is given once: WithBaseURL names another")
	}

	s.plain.Client = deviceDoer{s, s.plain.Client}
	s.api, err = NewClientWithResponses(s.server.String(), append(options, WithHTTPClient(doer{s, s.plain.Client}))...)

	return err
}

// Resume tells the server of a sign-out that is still queued in the store, in the
// background. [Open] and [Session.Online] do it.
func (s *Session) Resume() { go s.drainSignOut(context.Background()) }

// Online says that the network is back, as the system tells it: the wait that began because no
// answer came ends. A wait that the server has asked for goes on.
func (s *Session) Online() {
	s.mu.Lock()
	now := s.clock.Monotonic()
	s.waits.silent.back(now)
	s.queue.waits.silent.back(now)
	s.mu.Unlock()

	s.Resume()
}

// API is the generated client of this session: it adds the access token where there is
// one, refreshes, and repeats once as [Session.Transport] does.
//
// Tokens of its answers are taken over, and are not in the answers that it gives: a call that
// signs in, or takes the last step of a pending sign-in, makes this the session, as
// [Session.SignIn] does. It does not refresh: see [Session.Refresh].
func (s *Session) API() *ClientWithResponses { return s.api }

// Tokens are what a session holds, or takes over (see [Session.Adopt]). They are secrets; printing
// them shows none.
type Tokens struct {
	// Access is a JWT to show to Latchkey and to services that trust it.
	Access string
	// Refresh is a JWT that is good for one new pair.
	Refresh string
	// SessionToken is the X-Session-Token of an app that has no Refresh.
	SessionToken string
	// IdempotencyKey will spend Refresh, or exchange SessionToken.
	IdempotencyKey string
}

// Tokens returns a copy of what the session holds in memory, for tests.
func (s *Session) Tokens() Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()

	if s.rec.Exchange {
		return Tokens{SessionToken: s.rec.Refresh, IdempotencyKey: s.rec.Key}
	}

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

// isKnown reports whether the state is known; s.mu is held.
func (s *Session) isKnown() bool { return s.state == StateSignedIn || s.state == StateSignedOut }

// load reads the store where the state is not known yet.
func (s *Session) load() error {
	s.mu.Lock()
	known := s.isKnown()
	s.mu.Unlock()
	if known {
		return nil
	}

	_, err := s.reread()

	return err
}

// reread reads the store and takes over what it holds.
func (s *Session) reread() (record, error) {
	s.mu.Lock()
	epoch, leaving := s.epoch, s.leaving
	s.mu.Unlock()
	if leaving != nil {
		if err := s.forget(context.Background(), leaving); err != nil {
			return record{}, err
		}
		s.Resume()
	}

	rec, err := s.readStore()
	defer s.tell()

	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		// A user who is signed in stays so: a read that fails says nothing about them.
		if !s.isKnown() {
			s.enter(stateOf(err), "")
		}

		return record{}, err
	}
	if s.epoch == epoch { // else there was a sign-in or sign-out since, and it is stale
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
	if !rec.sameSession(s.rec) {
		s.owner = 0
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
		return // the call that does it sees the new ones too
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
