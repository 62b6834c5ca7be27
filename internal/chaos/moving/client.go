package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	refreshPath = "/_allauth/app/v1/tokens/refresh"
	sessionPath = "/_allauth/app/v1/auth/session"
)

// client is an app with a stock client: it has one request at a time, sends no key, tries again what was not
// answered, and erases its session when it is answered with 400, 401 or 410.
type client struct {
	day  *day
	name string
	rnd  *rand.Rand
	http *http.Client
	url  string
	// bySession: it shows its session token, and refreshes all the same.
	bySession bool
	isVictim  bool

	mu     sync.Mutex // guards the store
	store  tokens
	copied string // the last refresh token of the old server, as a thief has it
	stored time.Time
	paused bool

	refreshed atomic.Int64 // answered refreshes
	ours      atomic.Int64 // refresh tokens of Latchkey that it has stored, each once
	signedOut atomic.Bool
	seen      map[string]bool // jti of those
}

// live makes calls until ctx ends or the client is signed out.
func (c *client) live(ctx context.Context) {
	for ctx.Err() == nil && !c.signedOut.Load() {
		c.act(ctx)

		pause := time.Duration(100+c.rnd.Intn(500)) * time.Millisecond
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// act makes one call. It refreshes now and then, long before the access token expires.
func (c *client) act(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paused {
		return
	}

	isDue := time.Since(c.stored) > siteAccess/3
	if isDue || c.rnd.Intn(4) == 0 {
		c.refresh(ctx)
		return
	}
	call := lookUp("Authorization", "Bearer "+c.store.access)
	if c.bySession {
		call = lookUp("X-Session-Token", c.store.session)
	}
	c.send(ctx, call)
}

// refresh spends the stored token, and stores what it is answered with. The store must be locked.
func (c *client) refresh(ctx context.Context) {
	text, answered := c.send(ctx, spend(c.store.refresh))
	if !answered {
		return
	}

	access, refresh := pairOf(text)
	if access == "" || refresh == "" {
		c.day.fault("%s: a refresh brings no pair: %s", c.name, text)
		return
	}
	c.store.access, c.store.refresh, c.stored = access, refresh, time.Now()
	c.refreshed.Add(1)
	claims := claimsOf(refresh)
	jti, _ := claims["jti"].(string)
	_, isOurs := claims["gen"]
	if !isOurs {
		c.copied = refresh
		return
	}
	if !c.seen[jti] {
		c.seen[jti] = true
		c.ours.Add(1)
	}
}

func pairOf(text []byte) (access, refresh string) {
	var answer struct {
		Data struct {
			Access  string `json:"access_token"`
			Refresh string `json:"refresh_token"`
		}
	}
	_ = json.Unmarshal(text, &answer)

	return answer.Data.Access, answer.Data.Refresh
}

// send makes a call, and reports whether it was answered with 200. The client is signed out by 400, 401 and 410.
func (c *client) send(ctx context.Context, what call) (text []byte, answered bool) {
	began := time.Now()
	status, text, err := what.send(ctx, c.http, c.url)
	if ctx.Err() != nil {
		return nil, false
	}
	c.day.counted(status, time.Since(began), err)

	switch {
	case err != nil || status == http.StatusServiceUnavailable: // it comes again
		return nil, false
	case status == http.StatusOK:
		return text, true
	case status == http.StatusBadRequest, status == http.StatusUnauthorized, status == http.StatusGone:
		c.signedOut.Store(true)
		if !c.isVictim {
			c.day.fault("%s is signed out by %s %s: %d %s", c.name, what.method, what.path, status, text)
		}
	default:
		c.day.fault("%s: %s %s: %d %s", c.name, what.method, what.path, status, text)
	}

	return nil, false
}

// call is a request to either system.
type call struct {
	method, path  string
	header, value string
	body          []byte
}

func lookUp(header, value string) call {
	return call{method: http.MethodGet, path: sessionPath, header: header, value: value}
}

func spend(refresh string) call {
	body, _ := json.Marshal(map[string]string{"refresh_token": refresh})

	return call{method: http.MethodPost, path: refreshPath, header: "Content-Type", value: "application/json", body: body}
}

// send sends the request, and reads its answer.
func (c call) send(ctx context.Context, by *http.Client, url string) (status int, text []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, c.method, url+c.path, bytes.NewReader(c.body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set(c.header, c.value)

	got, err := by.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = got.Body.Close() }()
	if text, err = io.ReadAll(got.Body); err != nil {
		return 0, nil, fmt.Errorf("the answer is cut: %w", err)
	}

	return got.StatusCode, text, nil
}
