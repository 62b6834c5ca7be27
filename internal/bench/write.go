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

// refreshes measures POST auth/token/refresh: each client has sessions of its own, and spends the
// token of each once a turn. Between the turns the tokens are made old: each refresh rotates.
func (b *bench) refreshes(p plan, database string, ours, theirs *child) error {
	mine, err := b.spender(p.rows, database, p.ours, true)
	if err != nil {
		return err
	}
	yours, err := b.spender(p.rows, database, p.theirs, true)
	if err != nil {
		return err
	}
	if err := b.compare("refresh", 0.8, pair{b.rounds, mine.turn, yours.turn}, ours, theirs); err != nil {
		return err
	}
	return b.keyless(p, database, mine, ours)
}

// keyless compares a refresh without a key with one that has a key, on our server.
func (b *bench) keyless(p plan, database string, keyed *spender, ours *child) error {
	plain, err := b.spender(p.rows, database, p.keyless, false)
	if err != nil {
		return err
	}
	with, without, err := pair{b.rounds, keyed.turn, plain.turn}.run(ours, ours)
	if err != nil {
		return fmt.Errorf("refresh without a key: %w", err)
	}
	if err := b.makeOld(database); err != nil {
		return err
	}
	median := [2]time.Duration{merged(with).at(0.5), merged(without).at(0.5)}
	b.report.claim(claim{
		What: "refresh: without a key over with a key, median", Value: float64(median[1]) / float64(median[0]), Limit: 1.2, Most: true, Unit: "x",
		Note: fmt.Sprintf("p50 %s over %s, %.0f and %.0f requests/s", ms(median[1]), ms(median[0]), sideOf(without).Rate, sideOf(with).Rate),
	})
	return nil
}

// spender spends refresh tokens, one session after the other.
type spender struct {
	b        *bench
	database string
	keys     bool
	list     []string // by session; kept up to date
	spends   []int64  // by client
}

// spender is one for the sessions that begin with a number.
func (b *bench) spender(r rows, database string, from int, keys bool) (*spender, error) {
	list, err := b.refresh(r, from, from+rotating)
	return &spender{b: b, database: database, keys: keys, list: list, spends: make([]int64, clients)}, err
}

// turn makes the tokens old and returns a load that spends each of them once at most.
func (s *spender) turn(int) (load, error) {
	if err := s.b.makeOld(s.database); err != nil {
		return load{}, err
	}
	next := make([]int, clients)
	return load{clients: clients, lasting: s.b.lasting, fill: func(client int, r *fasthttp.Request) bool {
		n := client + next[client]*clients
		if n >= len(s.list) {
			return false
		}
		s.spends[client]++
		r.SetRequestURI(refreshPath)
		r.Header.SetMethod(fasthttp.MethodPost)
		r.Header.SetContentType(aJSON)
		r.Header.SetUserAgent(userAgent)
		if s.keys { // as our clients do
			r.Header.Set("Idempotency-Key", "key-number-"+strconv.FormatInt(s.spends[client], 10))
		}
		r.SetBodyString(`{"refresh":"` + s.list[n] + `"}`)
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
		s.list[client+next[client]*clients] = string(t)
		next[client]++
		s.b.refreshed.Add(1)
		return nil
	}}, nil
}

// makeOld makes all tokens old, and makes sure that what was measured since were rotations.
func (b *bench) makeOld(database string) error {
	young, err := change(b.ctx, database, makeOld)
	if err != nil {
		return err
	}
	if answered := b.refreshed.Swap(0); young < answered {
		return fmt.Errorf("%d refreshes were answered, and %d sessions rotated", answered, young)
	}
	return nil
}

var memberRefresh = []byte(`"refresh_token":"`)

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
