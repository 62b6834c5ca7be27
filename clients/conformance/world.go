package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// device says whom a scenario is played with.
type device struct {
	client   string
	command  []string
	server   string
	services string
	dir      string
}

// world is one scenario being played: a proxy, a store, and the processes that use it.
type world struct {
	device
	*proxy
	store string
	email string
	codes []string // recovery codes of the user who was protected last
	// handsSession: the app of before has a session token, and no refresh token.
	handsSession bool
	shown        []string // codes and id_tokens that the driver was given
	keys         *keyring
	apis         []*api // of the app's own
	logs         string
	running      []*phone
	all          []*phone
}

// broken is what a scenario stops with.
type broken string

// fail stops the scenario.
func fail(format string, args ...any) { panic(broken(fmt.Sprintf(format, args...))) }

// run plays the scenario and judges it.
func (s scenario) run(d device) (c *cell) {
	c = &cell{}
	from := time.Now()

	w, err := newWorld(d)
	if err != nil {
		c.problem = err.Error()
		return c
	}

	defer func() {
		c.took = time.Since(from)
		w.close()
	}()

	c.problem = w.attempt(func() { s.play(w) })
	if c.problem == "" {
		c.problem = w.attempt(w.invariants)
	}

	if c.problem != "" {
		c.log = w.stderr()
	}

	return c
}

// attempt returns what stopped f.
func (w *world) attempt(f func()) (problem string) {
	defer func() {
		switch stopped := recover().(type) {
		case nil:
		case broken:
			problem = string(stopped)
		default:
			panic(stopped)
		}
	}()
	f()
	return ""
}

var accounts int

func newWorld(d device) (*world, error) {
	accounts++
	w := &world{device: d, email: fmt.Sprintf("%s-%d-%d@example.com", d.client, accounts, time.Now().UnixNano())}
	var err error
	if w.store, err = os.MkdirTemp(d.dir, "store-"); err != nil {
		return nil, err
	}
	if w.logs, err = os.MkdirTemp(d.dir, "logs-"); err != nil {
		return nil, err
	}
	w.proxy, err = startProxy(d.server)
	return w, err
}

func (w *world) close() {
	w.lift()
	for _, p := range w.running {
		p.end()
	}
	w.stop()
	if w.keys != nil {
		w.keys.close()
	}
	for _, a := range w.apis {
		a.close()
	}
}

func (w *world) stderr() string {
	var b strings.Builder
	for _, p := range w.all {
		b.WriteString(p.errors())
	}
	return b.String()
}

// invariants hold at the end of every scenario.
func (w *world) invariants() {
	s := w.look()
	if len(s.defects) > 0 {
		fail("%s", strings.Join(slices.Compact(s.defects), "; "))
	}

	if text := w.stderr(); strings.Contains(text, "delete while locked") {
		fail("the client deleted something while the store was locked")
	}

	var said bytes.Buffer
	for _, p := range w.all {
		said.WriteString(p.errors())
		p.mu.Lock()
		said.Write(p.raw.Bytes())
		p.mu.Unlock()
	}

	stored := files(w.store)
	for _, secret := range slices.Concat(s.access, s.refresh, s.secrets, s.devices, w.shown) {
		if strings.Contains(said.String(), secret) {
			fail("a token or a code stands in the output of the driver")
		}
	}

	for name, text := range stored {
		if len(text) > 1024 {
			fail("%s holds %d bytes", name, len(text))
		}
		for _, secret := range slices.Concat(s.access, s.secrets, w.shown) {
			if strings.Contains(text, secret) {
				fail("%s holds an access or session token, a code or an id_token", name)
			}
		}
	}
}

// tokenless fails where the store holds a refresh token.
func (w *world) tokenless() {
	for name, text := range files(w.store) {
		for _, token := range w.look().refresh {
			if strings.Contains(text, token) {
				fail("%s holds a refresh token still", name)
			}
		}
	}
}

// replaceSession lets another process sign in without waiting for the lock.
func (w *world) replaceSession() {
	w.withoutLock(false, func(p *phone) { p.signUpAgain() })
}

// refreshElsewhere lets another process refresh the session without waiting for the lock.
func (w *world) refreshElsewhere() {
	w.withoutLock(true, func(p *phone) { p.do(command{"do": "refresh"}) })
}

// withoutLock lets another process act on a store of its own, which begins as a copy of what is
// stored or empty, and puts what it stored in the place of what is stored: not every platform has
// a lock.
func (w *world) withoutLock(copied bool, act func(*phone)) {
	mine, other := w.store, w.store+"-other"
	if err := os.Mkdir(other, 0o700); err != nil {
		fail("%v", err)
	}

	if copied {
		for name, text := range slots(files(mine)) {
			if err := os.WriteFile(filepath.Join(other, name), []byte(text), 0o600); err != nil {
				fail("%v", err)
			}
		}
	}

	w.store = other
	act(w.phone())
	w.store = mine

	fresh := slots(files(other))
	for name := range slots(files(mine)) {
		if _, ok := fresh[name]; !ok {
			_ = os.Remove(filepath.Join(mine, name)) // it was listed
		}
	}

	for name := range fresh {
		if err := os.Rename(filepath.Join(other, name), filepath.Join(mine, name)); err != nil {
			fail("%v", err)
		}
	}
}

// alive asks the server itself whether the session of an access token lives.
func (w *world) alive(token string) bool {
	r, err := http.NewRequest(http.MethodGet, w.server+"/_allauth/app/v1/auth/session", nil)
	if err != nil {
		fail("%v", err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	got, err := w.upstream.Do(r)
	if err != nil {
		fail("the server: %v", err)
	}
	defer func() { _ = got.Body.Close() }()
	_, _ = io.Copy(io.Discard, got.Body)
	return got.StatusCode == http.StatusOK
}

// endOnServer ends the session of an access token as another device would.
func (w *world) endOnServer(token string) {
	r, err := http.NewRequest(http.MethodDelete, w.server+"/_allauth/app/v1/auth/session", nil)
	if err != nil {
		fail("%v", err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	got, err := w.upstream.Do(r)
	if err != nil {
		fail("the server: %v", err)
	}
	_ = got.Body.Close()
}

// lastAccess is the newest access token that the server has handed out.
func (w *world) lastAccess() string {
	s := w.look()
	if len(s.access) == 0 {
		fail("no access token was handed out")
	}
	return s.access[len(s.access)-1]
}

// eventually waits for what happens in the background; it fails after 2 s of real time.
func eventually(what string, holds func() bool) {
	end := time.Now().Add(2 * time.Second)
	for !holds() {
		if time.Now().After(end) {
			fail("not within 2 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// wants fails where got is something else.
func wants[T comparable](what string, got, want T) {
	if got != want {
		fail("%s: %v, not %v", what, got, want)
	}
}
