package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// refreshes measures POST auth/token/refresh: each client has sessions of its own, and
// spends at each turn what the turn before was given.
func (b *bench) refreshes(p plan, ours, theirs *child) error {
	mine, err := b.refresh(p.rows, p.ours, p.theirs)
	if err != nil {
		return err
	}
	yours, err := b.refresh(p.rows, p.theirs, p.theirs+rotating/2)
	if err != nil {
		return err
	}
	spend := func(list []string) func(int) (load, error) {
		l := b.spending(list)
		return func(int) (load, error) { return l, nil }
	}
	return b.compare("refresh", 0.8, pair{b.rounds, spend(mine), spend(yours)}, ours, theirs)
}

var memberRefresh = []byte(`"refresh_token":"`)

// spending is a load of refreshes; list is kept up to date, so that it can go on later.
func (b *bench) spending(list []string) load {
	next := make([]int, clients)
	spends := make([]int64, clients)
	return load{clients: clients, lasting: b.lasting, fill: func(client int, r *fasthttp.Request) bool {
		spends[client]++
		r.SetRequestURI(refreshPath)
		r.Header.SetMethod(fasthttp.MethodPost)
		r.Header.SetContentType(aJSON)
		r.Header.SetUserAgent(userAgent)
		r.Header.Set("Idempotency-Key", "key-number-"+strconv.FormatInt(spends[client], 10)) // as our clients do
		r.SetBodyString(`{"refresh":"` + list[client+next[client]*clients] + `"}`)
		return true
	}, check: func(client int, answer *fasthttp.Response) error {
		if err := ok(answer); err != nil {
			return err
		}
		_, after, found := bytes.Cut(answer.Body(), memberRefresh)
		t, _, ended := bytes.Cut(after, []byte(`"`))
		if !found || !ended {
			return errors.New("an answer without a refresh token")
		}
		list[client+next[client]*clients] = string(t)
		if next[client]++; client+next[client]*clients >= len(list) {
			next[client] = 0
		}
		return nil
	}}
}

// atOnce is how many people sign in at once where nobody is to be turned away: what two
// processors hash and queue.
const atOnce = 8

// signingIn is a load of sign-ins. Every person has an address of their own, and every
// request comes from another one: rate limits count, and refuse nobody.
func (b *bench) signingIn(many int) load {
	turn := make([]int, many)
	b.forward++
	series := b.forward
	return load{clients: many, lasting: b.lasting, fill: func(client int, r *fasthttp.Request) bool {
		turn[client]++
		n := client + turn[client]*many
		r.SetRequestURI(loginPath)
		r.Header.SetMethod(fasthttp.MethodPost)
		r.Header.SetContentType(aJSON)
		r.Header.SetUserAgent(userAgent)
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", series, n>>8&255, n&255))
		r.SetBodyString(fmt.Sprintf(`{"email":"user%d@example.com","password":%q}`, 1+n%people, pass))
		return true
	}}
}

// logins measures POST auth/login.
func (b *bench) logins(ours, theirs *child) error {
	signIn := func(int) (load, error) { return b.signingIn(atOnce), nil }
	x, y, err := pair{b.rounds, signIn, signIn}.run(ours, theirs)
	if err != nil {
		return fmt.Errorf("login: %w", err)
	}
	b.report.compare("login, 8 at once", 0.9, x, y)
	var times []time.Duration
	for _, r := range x {
		times = append(times, r.times...)
	}
	slices.Sort(times)
	all := result{times: times}
	b.report.claim(claim{
		What: "login, 8 at once: p99 over p50", Value: float64(all.at(0.99)) / float64(all.at(0.5)), Limit: 2, Most: true, Unit: "x",
		Note: fmt.Sprintf("p50 %s, p99 %s", ms(all.at(0.5)), ms(all.at(0.99))),
	})
	return nil
}
