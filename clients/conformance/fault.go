package main

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// place is what a request is for, as faults name it.
type place string

const (
	everything place = ""
	refreshing place = "refresh"
	profile    place = "profile"
	signingIn  place = "sign in"
	signingOut place = "sign out"
	factoring  place = "second factor"
	providing  place = "another service"
	passkeying place = "options for a passkey"
	showing    place = "passkey"
	adding     place = "add an address"
	verifying  place = "verify an address"
	elsewhere  place = "elsewhere"
)

func placeOf(r *http.Request) place {
	path := r.URL.Path

	switch {
	case strings.HasSuffix(path, "/refresh"), strings.HasSuffix(path, "/auth/token/exchange"):
		return refreshing
	case path == "/api/v1/users/profile/":
		return profile
	case strings.HasSuffix(path, "/auth/login"), strings.HasSuffix(path, "/auth/signup"):
		return signingIn
	case strings.HasSuffix(path, "/auth/2fa/authenticate"), strings.HasSuffix(path, "/auth/webauthn/authenticate"):
		return factoring
	case strings.HasSuffix(path, "/auth/provider/token"):
		return providing
	case strings.HasSuffix(path, "/auth/webauthn/login") && r.Method == http.MethodGet:
		return passkeying
	case strings.HasSuffix(path, "/auth/webauthn/login"):
		return showing
	case strings.HasSuffix(path, "/auth/session") && r.Method == http.MethodDelete:
		return signingOut
	case strings.HasSuffix(path, "/account/email") && r.Method == http.MethodPost:
		return adding
	case strings.HasSuffix(path, "/auth/email/verify") && r.Method == http.MethodPost:
		return verifying
	}

	return elsewhere
}

// how a fault changes an exchange.
type how int

const (
	cutBefore  how = iota // the connection is cut, and the server has seen nothing
	cutAfter              // the server has answered, and nothing of it arrives
	cutBody               // half of the body arrives
	noHTTP                // what arrives is not HTTP: a TLS alert
	answers               // the proxy answers, and the server has seen nothing
	holdBefore            // the request waits before it is forwarded
	holdAfter             // the answer waits
)

// fault strikes the requests for a place.
type fault struct {
	at     place
	how    how
	times  int // 0: until it is lifted
	spent  bool
	status int
	header http.Header
	body   string

	once sync.Once
	held chan struct{} // closed when a request is being held
	free chan struct{} // closed to let it go
}

func newFault(at place, h how) *fault {
	return &fault{at: at, how: h, held: make(chan struct{}), free: make(chan struct{})}
}

// again is the same fault, unspent.
func (f *fault) again() *fault {
	g := newFault(f.at, f.how)
	g.times, g.status, g.header, g.body = f.times, f.status, f.header, f.body
	return g
}

// struck counts.
func (f *fault) struck() {
	f.times--
	f.spent = f.times == 0
}

// hold makes a request wait until the fault is lifted.
func (f *fault) hold() {
	f.once.Do(func() { close(f.held) })
	<-f.free
}

// isHeld reports whether a request is being held.
func (f *fault) isHeld() bool {
	select {
	case <-f.held:
		return true
	default:
		return false
	}
}

const jsonType, htmlType = "application/json", "text/html; charset=utf-8"

const portal = "<!doctype html><title>Welcome to the hotel</title><p>Please sign in to the network."

// answering is a fault with which the proxy answers by itself.
func answering(at place, status int, contentType, body string) *fault {
	f := newFault(at, answers)
	f.status, f.body = status, body
	f.header = http.Header{"Content-Type": {contentType}}
	return f
}

// after adds a Retry-After.
func (f *fault) after(seconds int) *fault {
	f.header.Set("Retry-After", strconv.Itoa(seconds))
	return f
}

// only strikes so many times.
func (f *fault) only(times int) *fault {
	f.times = times
	return f
}

// problem is a refusal in our envelope.
func problem(at place, status int, code string) *fault {
	return answering(at, status, jsonType, fmt.Sprintf(`{"status":%d,"errors":[{"code":%q,"message":"Played by the conformance kit."}]}`, status, code))
}

// unauthorized is our 401.
func unauthorized(at place, authenticated bool, flows string) *fault {
	f := answering(at, 401, jsonType, fmt.Sprintf(`{"status":401,"data":{"flows":[%s]},"meta":{"is_authenticated":%t}}`, flows, authenticated))
	f.header.Set("WWW-Authenticate", `Bearer realm="latchkey", error="invalid_token"`)
	return f
}
