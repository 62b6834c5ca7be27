package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	password = "a long enough password"
	rounds   = 5 // refreshes of each session
	looks    = 10
)

// clients are users with a session each.
type clients struct {
	url    string
	http   *http.Client
	access []string
	tokens []string
	spent  int
}

func newClients(url string, users int) *clients {
	return &clients{
		url: url, http: &http.Client{Timeout: 10 * time.Second},
		access: make([]string, users), tokens: make([]string, users),
	}
}

// answer is what the clients read of an answer.
type answer struct {
	Meta struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	} `json:"meta"`
}

// call sends a request of a user, each of whom has an address of their own: the limits count by address.
func (c *clients) call(ctx context.Context, user int, method, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, c.url+"/_allauth/app/v1/"+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.1.%d.%d", user/250, 1+user%250))
	r.Header.Set("User-Agent", "okhttp/4.12.0")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", fmt.Sprintf("a-key-of-session-%d-%d", user, c.spent))
	} else {
		r.Header.Set("Authorization", "Bearer "+c.access[user])
	}

	response, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return fmt.Errorf("%s %s: %s %s", method, path, response.Status, text)
	}
	var a answer
	if err := json.NewDecoder(response.Body).Decode(&a); err != nil {
		return err
	}
	if a.Meta.Refresh != "" {
		c.access[user], c.tokens[user] = a.Meta.Access, a.Meta.Refresh
	}

	return nil
}

// each calls once for each user, and returns how many that were.
func (c *clients) each(call func(user int) error) (int, error) {
	for user := range c.access {
		if err := call(user); err != nil {
			return 0, err
		}
	}

	return len(c.access), nil
}

func (c *clients) signUp(ctx context.Context) (int, error) { return c.enter(ctx, "auth/signup") }

func (c *clients) signIn(ctx context.Context) (int, error) { return c.enter(ctx, "auth/login") }

func (c *clients) enter(ctx context.Context, path string) (int, error) {
	return c.each(func(user int) error {
		body := fmt.Sprintf(`{"email":"user-%d@example.com","password":%q}`, user, password)

		return c.call(ctx, user, http.MethodPost, path, body)
	})
}

func (c *clients) refresh(ctx context.Context) (int, error) {
	calls := 0
	for range rounds {
		c.spent++
		time.Sleep(1500 * time.Millisecond) // longer than the grace
		n, err := c.each(func(user int) error {
			return c.call(ctx, user, http.MethodPost, "auth/token/refresh", fmt.Sprintf(`{"refresh":%q}`, c.tokens[user]))
		})
		if err != nil {
			return 0, err
		}
		calls += n
	}

	return calls, nil
}

func (c *clients) lookUp(ctx context.Context) (int, error) {
	calls := 0
	for range looks {
		n, err := c.each(func(user int) error { return c.call(ctx, user, http.MethodGet, "auth/session", "") })
		if err != nil {
			return 0, err
		}
		calls += n
	}

	return calls, nil
}
