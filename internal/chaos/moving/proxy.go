package main

import (
	"bytes"
	"encoding/json"
	"io"
	"log"
	"math/rand"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// proxy stands in front of both systems under one address. Of the answers of Latchkey it cuts some: the request has
// been done, and its client does not learn what came of it.
type proxy struct {
	http.Server

	addr   string
	cut    int // of a hundred
	old    *httputil.ReverseProxy
	new    []*httputil.ReverseProxy
	turned atomic.Bool
	next   atomic.Int64
	before sync.WaitGroup // requests at the old system
	turns  sync.RWMutex

	mu         sync.Mutex // guards what follows
	rnd        *rand.Rand
	cuts       int
	successors map[string]map[string]bool // jti of the answers by jti of an old token
}

func newProxy(old string, latchkeys []string, cut, clients int) (*proxy, error) {
	p := &proxy{cut: cut, rnd: rand.New(rand.NewSource(time.Now().UnixNano())), successors: map[string]map[string]bool{}}
	transport := &http.Transport{MaxIdleConns: 4 * clients, MaxIdleConnsPerHost: 2 * clients, DisableCompression: true}
	to := func(address string) (*httputil.ReverseProxy, error) {
		target, err := url.Parse(address)
		if err != nil {
			return nil, err
		}

		return &httputil.ReverseProxy{
			Transport: transport, ErrorLog: log.New(io.Discard, "", 0),
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.SetXForwarded()
			},
		}, nil
	}

	var err error
	if p.old, err = to(old); err != nil {
		return nil, err
	}
	for _, address := range latchkeys {
		one, err := to(address)
		if err != nil {
			return nil, err
		}
		one.ModifyResponse = p.answered
		p.new = append(p.new, one)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.addr, p.Handler = "http://"+listener.Addr().String(), http.HandlerFunc(p.pass)
	p.ReadHeaderTimeout, p.ErrorLog = 10*time.Second, log.New(io.Discard, "", 0)
	go func() { _ = p.Serve(listener) }()

	return p, nil
}

// turn sends requests to Latchkey from now on.
func (p *proxy) turn() {
	p.turns.Lock()
	defer p.turns.Unlock()
	p.turned.Store(true)
}

// drained waits until the old system has answered all that it got.
func (p *proxy) drained() { p.before.Wait() }

func (p *proxy) pass(w http.ResponseWriter, r *http.Request) {
	p.turns.RLock()
	isOld := !p.turned.Load()
	if isOld {
		p.before.Add(1)
	}
	p.turns.RUnlock()
	if isOld {
		defer p.before.Done()
		p.old.ServeHTTP(w, r)
		return
	}

	// What is spent is read on the way, for answered.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	var spent struct {
		Token string `json:"refresh_token"`
	}
	_ = json.Unmarshal(body, &spent)
	claims := claimsOf(spent.Token)
	if _, isOurs := claims["gen"]; !isOurs {
		jti, _ := claims["jti"].(string)
		r.Header.Set("X-Spent", jti)
	}

	server := p.new[int(p.next.Add(1))%len(p.new)]
	server.ServeHTTP(w, r)
}

// answered notes which token an old one was replaced by, and cuts some answers.
func (p *proxy) answered(a *http.Response) error {
	body, err := io.ReadAll(a.Body)
	if err != nil {
		return err
	}
	_ = a.Body.Close()
	a.Body = io.NopCloser(bytes.NewReader(body))

	p.mu.Lock()
	defer p.mu.Unlock()
	_, refresh := pairOf(body)
	claims := claimsOf(refresh)
	spent := a.Request.Header.Get("X-Spent")
	if next, replaced := claims["jti"].(string); replaced && spent != "" {
		if p.successors[spent] == nil {
			p.successors[spent] = map[string]bool{}
		}
		p.successors[spent][next] = true
	}

	if p.rnd.Intn(100) < p.cut {
		p.cuts++
		panic(http.ErrAbortHandler)
	}

	return nil
}
