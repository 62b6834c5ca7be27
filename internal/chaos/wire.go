package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	base        = "/_allauth/app/v1/"
	signupPath  = base + "auth/signup"
	loginPath   = base + "auth/login"
	sessionPath = base + "auth/session"
	refreshPath = base + "auth/token/refresh"
)

// answer is what a phone understands of an answer.
type answer struct {
	status     int
	retryAfter time.Duration
	Data       struct {
		User struct {
			ID int64 `json:"id"`
		} `json:"user"`
	} `json:"data"`
	Meta struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	} `json:"meta"`
	Errors []struct {
		Code string `json:"code"`
	} `json:"errors"`
}

// code is the first error's.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Code
}

// claims are what the test reads of a refresh token; a phone never does.
type claims struct {
	Session    string `json:"sid"`
	Generation int64  `json:"gen"`
	ID         string `json:"jti"`
	IssuedAt   int64  `json:"iat"`
	ExpiresAt  int64  `json:"exp"`
}

func read(token string) (claims, error) {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, fmt.Errorf("no token: %q", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

// call is one request. Lost: the answer's body is not read and the connection closed, once
// the server has answered.
type call struct {
	method, path, body string
	key, access        string
	agent              string
	lost               bool
	at                 *[]*server // where it is sent; one of them
}

// send calls one of the servers. An error means that no answer came.
func (w *world) send(ctx context.Context, rnd *rand.Rand, c call) (answer, error) {
	servers := *c.at
	url := servers[rnd.Intn(len(servers))].url + c.path
	r, err := http.NewRequestWithContext(ctx, c.method, url, strings.NewReader(c.body))
	if err != nil {
		return answer{}, err
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.agent != "" {
		r.Header.Set("User-Agent", c.agent)
	}
	if c.key != "" {
		r.Header.Set("Idempotency-Key", c.key)
	}
	if c.access != "" {
		r.Header.Set("Authorization", "Bearer "+c.access)
	}
	response, err := w.http.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		a.retryAfter = time.Duration(seconds) * time.Second
	}
	if c.lost {
		return a, nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&a); err != nil {
		return answer{}, fmt.Errorf("an answer that is no JSON: %w", err)
	}
	w.unexpected(c, a)
	return a, nil
}

// unexpected notes an answer that none of the calls should ever get.
func (w *world) unexpected(c call, a answer) {
	switch a.status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusConflict, http.StatusServiceUnavailable:
		return
	}
	w.count.odd.Add(1)
	w.fault("%s %s was answered with %d %s", c.method, c.path, a.status, a.code())
}
