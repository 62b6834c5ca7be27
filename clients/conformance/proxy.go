package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// seen is what the proxy has seen so far.
type seen struct {
	requests map[place]int
	access   []string            // access tokens, in the order of the answers
	refresh  []string            // refresh tokens
	secrets  []string            // session tokens
	devices  []string            // device tokens
	known    []string            // device tokens that came with requests to sign in or up, "" for none
	keys     map[string][]string // refresh token → idempotency keys that it was spent with
	bearers  []string            // access tokens that came with requests for the profile
	emails   []credentials       // what came with requests to add or to verify an address
	flying   int                 // refreshes between arrival and answer
	together int                 // the most of them at once
	defects  []string            // what no client may ever do
}

// credentials are what a request carries.
type credentials struct {
	access  string
	session string // the token of a sign-in that is not complete
}

// proxy stands between one scenario's devices and the server.
type proxy struct {
	url      string
	target   string
	listener *http.Server
	upstream *http.Client

	mu      sync.Mutex
	faults  []*fault
	expired map[string]bool
	seen    seen
}

func startProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{
		url: "http://" + listener.Addr().String(), target: target, expired: map[string]bool{},
		upstream: &http.Client{Timeout: 10 * time.Second},
		seen:     seen{requests: map[place]int{}, keys: map[string][]string{}},
	}
	p.listener = &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	// A connection that is used again and cut makes HTTP clients repeat by themselves: then
	// the count would say nothing about the client under test.
	p.listener.SetKeepAlivesEnabled(false)
	go func() { _ = p.listener.Serve(listener) }() // until stop
	return p, nil
}

func (p *proxy) stop() {
	p.lift()
	_ = p.listener.Close()
	p.upstream.CloseIdleConnections()
}

// play adds a fault.
func (p *proxy) play(f *fault) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, f)
	return f
}

// lift ends all faults and lets go what is held.
func (p *proxy) lift() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.faults {
		close(f.free)
	}
	p.faults = nil
}

// release lets go what one fault holds.
func (p *proxy) release(f *fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = slices.DeleteFunc(p.faults, func(other *fault) bool { return other == f })
	close(f.free)
}

// expire makes the server refuse all access tokens so far, as far as clients can tell.
func (p *proxy) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, token := range p.seen.access {
		p.expired[token] = true
	}
}

// count is how many requests have come for a place.
func (p *proxy) count(at place) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at == everything {
		sum := 0
		for _, n := range p.seen.requests {
			sum += n
		}
		return sum
	}
	return p.seen.requests[at]
}

// look returns a copy of what was seen.
func (p *proxy) look() seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.seen
	s.requests, s.keys = maps.Clone(s.requests), maps.Clone(s.keys)
	s.access, s.refresh, s.secrets = slices.Clone(s.access), slices.Clone(s.refresh), slices.Clone(s.secrets)
	s.bearers, s.defects, s.emails = slices.Clone(s.bearers), slices.Clone(s.defects), slices.Clone(s.emails)
	s.devices, s.known = slices.Clone(s.devices), slices.Clone(s.known)
	return s
}

// ServeHTTP plays the faults of one exchange.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := placeOf(r)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}

	f := p.arrived(at, r, body)
	defer p.left(at)

	if f != nil && f.how == holdBefore {
		f.hold()
	}
	if f != nil && (f.how == cutBefore || f.how == noHTTP) {
		cut(w, f.how == noHTTP)
		return
	}

	if f != nil && (f.how == answers || f.status > 0) {
		maps.Copy(w.Header(), f.header)
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, f.body) // a client that is gone is no failure of ours
		return
	}

	status, header, answer, err := p.forward(r, body)
	if err != nil {
		cut(w, false)
		return
	}

	p.learn(answer)
	if f != nil && f.how == holdAfter {
		f.hold()
	}
	if f != nil && f.how == cutAfter {
		cut(w, false)
		return
	}

	maps.Copy(w.Header(), header)
	w.WriteHeader(status)
	if f != nil && f.how == cutBody {
		_, _ = w.Write(answer[:len(answer)/2])
		_ = http.NewResponseController(w).Flush()
		cut(w, false)
		return
	}
	_, _ = w.Write(answer)
}

// arrived counts a request and finds the fault that strikes it.
func (p *proxy) arrived(at place, r *http.Request, body []byte) *fault {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.seen.requests[at]++
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.deviceArrived(at, r, bearer)

	switch at {
	case refreshing:
		p.refreshArrived(r, body)
	case profile:
		p.seen.bearers = append(p.seen.bearers, bearer)
		if bearer == "" {
			p.seen.defects = append(p.seen.defects, "a request without credentials")
		}
	case adding, verifying:
		p.seen.emails = append(p.seen.emails, credentials{bearer, r.Header.Get("X-Session-Token")})
	}

	for i, f := range p.faults {
		if f.spent || f.at != everything && f.at != at {
			continue
		}
		if f.struck(); f.spent && f.how != holdBefore && f.how != holdAfter {
			p.faults = slices.Delete(p.faults, i, i+1)
		}
		return f
	}

	if at == profile && p.expired[bearer] {
		return unauthorized(profile, false, `{"id":"login"}`)
	}
	return nil
}

// deviceArrived notes the device token of a request to sign in or up. It belongs to sign-ins alone.
func (p *proxy) deviceArrived(at place, r *http.Request, bearer string) {
	device := r.Header.Get("X-Latchkey-Device")
	if at == signingIn {
		p.seen.known = append(p.seen.known, device)
	}
	if signsIn := bearer == "" && at != refreshing && strings.HasPrefix(r.URL.Path, protocol+"auth/"); device != "" && !signsIn {
		p.seen.defects = append(p.seen.defects, "a device token went along with a request that signs nobody in")
	}
}

func (p *proxy) refreshArrived(r *http.Request, body []byte) {
	p.seen.flying++
	p.seen.together = max(p.seen.together, p.seen.flying)

	var sent struct {
		Refresh      string `json:"refresh"`
		RefreshToken string `json:"refresh_token"`
	}
	_ = json.Unmarshal(body, &sent) // no token is a defect
	token, key := sent.Refresh+sent.RefreshToken+r.Header.Get("X-Session-Token"), r.Header.Get("Idempotency-Key")

	if token == "" {
		p.seen.defects = append(p.seen.defects, "a refresh without a token")
	}
	if r.Header.Get("Authorization") != "" {
		p.seen.defects = append(p.seen.defects, "a refresh went through the interceptor: it carries an access token")
	}
	if key == "" {
		p.seen.defects = append(p.seen.defects, "a refresh without Idempotency-Key")
	}

	if !slices.Contains(p.seen.keys[token], key) {
		p.seen.keys[token] = append(p.seen.keys[token], key)
	}
	if len(p.seen.keys[token]) > 1 {
		p.seen.defects = append(p.seen.defects, "one refresh token was spent with two idempotency keys")
	}
}

func (p *proxy) left(at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at == refreshing {
		p.seen.flying--
	}
}

func (p *proxy) forward(r *http.Request, body []byte) (int, http.Header, []byte, error) {
	ctx := context.WithoutCancel(r.Context()) // the server goes on where the client has left
	out, err := http.NewRequestWithContext(ctx, r.Method, p.target+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, nil, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Connection")
	out.Header.Del("Accept-Encoding")
	got, err := p.upstream.Do(out)
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { _ = got.Body.Close() }()
	answer, err := io.ReadAll(got.Body)
	got.Header.Del("Connection")
	return got.StatusCode, got.Header, answer, err
}

// learn remembers the tokens of an answer.
func (p *proxy) learn(answer []byte) {
	type tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Session string `json:"session_token"`
		Device  string `json:"device_token"`
	}
	var a struct {
		Meta tokens          `json:"meta"`
		Data json.RawMessage `json:"data"`
	}
	_ = json.Unmarshal(answer, &a) // an answer without tokens teaches nothing

	var inData tokens
	_ = json.Unmarshal(a.Data, &inData)

	p.mu.Lock()
	defer p.mu.Unlock()

	for _, t := range []tokens{a.Meta, inData} {
		p.seen.access = appendSome(p.seen.access, t.Access)
		p.seen.refresh = appendSome(p.seen.refresh, t.Refresh)
		p.seen.secrets = appendSome(p.seen.secrets, t.Session)
		p.seen.devices = appendSome(p.seen.devices, t.Device)
	}
}

func appendSome(list []string, s string) []string {
	if s == "" {
		return list
	}
	return append(list, s)
}

// cut ends the connection without another byte, or after a TLS alert.
func cut(w http.ResponseWriter, alert bool) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if alert {
		_, _ = connection.Write([]byte("\x15\x03\x03\x00\x02\x02\x28")) // handshake_failure
	}
	_ = connection.Close()
}
