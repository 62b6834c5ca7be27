package main

import (
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// api is an API of the app's own, beside the server. It answers 200 until it is given another answer.
type api struct {
	url      string
	listener *http.Server

	mu      sync.Mutex
	answer  *fault
	refuses map[string]bool // access tokens that it answers with 401
	bearers []string        // access tokens that came, "" for none
}

func startAPI() (*api, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}

	a := &api{url: "http://" + listener.Addr().String(), refuses: map[string]bool{}}
	a.listener = &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	a.listener.SetKeepAlivesEnabled(false)
	go func() { _ = a.listener.Serve(listener) }() // until close

	return a, nil
}

func (a *api) close() { _ = a.listener.Close() }

// answers makes every request get the same answer, 200 where it is nil.
func (a *api) answers(f *fault) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.answer = f
}

// refuse makes the API answer an access token with 401.
func (a *api) refuse(token string) {
	a.mu.Lock()
	defer a.mu.Unlock()

	a.refuses[token] = true
}

// shown returns the access tokens that came, one for each request.
func (a *api) shown() []string {
	a.mu.Lock()
	defer a.mu.Unlock()

	return slices.Clone(a.bearers)
}

// ServeHTTP answers one request.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")

	a.mu.Lock()
	a.bearers = append(a.bearers, bearer)
	f := a.answer
	if a.refuses[bearer] {
		f = unauthorized(elsewhere, false, `{"id":"login"}`)
	}
	a.mu.Unlock()

	if f == nil {
		f = answering(elsewhere, http.StatusOK, jsonType, `{}`)
	}

	maps.Copy(w.Header(), f.header)
	w.WriteHeader(f.status)
	_, _ = io.WriteString(w, f.body) // a client that is gone needs no answer
}

// api starts an API of the app's own. It ends with the scenario.
func (w *world) api() *api {
	a, err := startAPI()
	if err != nil {
		fail("%v", err)
	}

	w.apis = append(w.apis, a)
	return a
}

// phoneWith starts a process with a client whose origins are these APIs.
func (w *world) phoneWith(apis ...*api) *phone {
	origins := []string{}
	for _, a := range apis {
		origins = append(origins, a.url)
	}

	p := w.bare()
	p.do(command{"do": "start", "base_url": w.url, "store": w.store, "origins": origins})

	return p
}

// asks makes one request to an API of the app's own and returns its status. A request that fails,
// or that takes more than 2 s, fails the scenario.
func (p *phone) asks(a *api) int {
	before := len(a.shown())
	from := time.Now()
	r := p.do(command{"do": "call", "url": a.url + "/things"})
	within2Seconds(from)

	for _, e := range r.Errors {
		fail("a call to an API of the app's own failed: %v", e)
	}
	wants("answers", len(r.Statuses), 1)
	wants("requests that reached the API", len(a.shown()) > before, true)

	return r.Statuses[0]
}

func within2Seconds(from time.Time) {
	if took := time.Since(from); took > 2*time.Second {
		fail("a call took %s", took)
	}
}
