package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/valyala/fasthttp"
)

// The sessions of the main database, by number from 1 on.
const (
	clients    = 32
	mixed      = 4000  // sessions of one round; five rounds are 20,000
	shown      = 10    // times that each of their tokens is shown
	steady     = 4000  // sessions for hits
	unseen     = 8000  // sessions for misses
	rotating   = 20000 // sessions that are refreshed, of each side: more than a turn spends
	people     = 5000
	userAgent  = "okhttp/4.12.0"
	aJSON      = "application/json"
	authHeader = "Authorization"
)

// plan is where which sessions stand.
type plan struct {
	rows
	hits, misses, ours, theirs, keyless, signed int
}

func (b *bench) plan() plan {
	p := plan{hits: b.rounds*mixed + 1}
	p.misses = p.hits + steady
	p.ours = p.misses + unseen
	p.theirs = p.ours + rotating
	p.keyless = p.theirs + rotating
	p.signed = p.keyless + rotating
	p.rows = rows{sessions: p.signed + unseen*b.rounds - 1, users: people, fresh: p.hits - 1}
	if b.against != "" { // the first to see a session writes so down: of two equals one would
		p.fresh = 0
	}
	return p
}

// asking is a load of look-ups with the given tokens, shared out among the clients in the
// order of the list: each is asked once, or around and around while the load lasts.
func (b *bench) asking(list []string, forever bool) load {
	next := make([]int, clients)
	l := load{clients: clients, fill: func(client int, r *fasthttp.Request) bool {
		n := client + next[client]*clients
		if n >= len(list) {
			if !forever {
				return false
			}
			n, next[client] = client, 0
		}
		next[client]++
		r.SetRequestURI(sessionPath)
		r.Header.Set(authHeader, "Bearer "+list[n])
		r.Header.SetUserAgent(userAgent)
		return true
	}}
	if forever {
		l.lasting = b.lasting
	}
	return l
}

// shuffled shows each token a number of times, in random order.
func shuffled(list []string, times int) []string {
	all := make([]string, 0, len(list)*times)
	for range times {
		all = append(all, list...)
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// opaque are the tokens by which the reference finds the same sessions.
func opaque(from, to int) []string {
	list := make([]string, 0, to-from)
	for n := from; n < to; n++ {
		list = append(list, sessionToken(n))
	}
	return list
}

// lookups measures GET auth/session: as clients ask, with tokens that were seen before,
// and with tokens that never were.
func (b *bench) lookups(p plan, ours, theirs *child) error {
	for _, kind := range []struct {
		name     string
		floor    float64
		from, to func(round int) int
		load     func(list []string) load
		warm     bool
	}{
		{
			"look-up, each token 10 times", 0.6, func(n int) int { return 1 + n*mixed }, func(n int) int { return 1 + (n+1)*mixed },
			func(list []string) load { return b.asking(shuffled(list, shown), false) }, false,
		},
		{
			"look-up, token seen before", 0.9, func(int) int { return p.hits }, func(int) int { return p.misses },
			func(list []string) load { return b.asking(shuffled(list, 1), true) }, true,
		},
		{
			"look-up, token of another process", 0, func(int) int { return p.misses }, func(int) int { return p.ours },
			func(list []string) load { return b.asking(shuffled(list, 1), false) }, false,
		},
	} {
		jwt := func(c *child) func(int) (load, error) {
			return func(round int) (load, error) {
				list, err := b.access(p.rows, kind.from(round), kind.to(round))
				if err == nil && kind.warm {
					err = b.warm(c, list)
				}
				return kind.load(list), err
			}
		}
		turns := pair{b.rounds, jwt(ours), jwt(theirs)}
		if b.against == "" {
			turns.theirs = func(round int) (load, error) { return kind.load(opaque(kind.from(round), kind.to(round))), nil }
		}
		if err := b.compare(kind.name, kind.floor, turns, ours, theirs); err != nil {
			return err
		}
	}
	return nil
}

// firstShown compares tokens that this server has signed and never seen, and those that another process has signed,
// with tokens that were seen before.
func (b *bench) firstShown(p plan, database string, ours *child) error {
	hits, err := b.access(p.rows, p.hits, p.misses)
	if err != nil {
		return err
	}
	var signed, strange, cpu []float64
	for round := range b.rounds {
		from := p.signed + round*unseen
		fresh, err := b.signedBy(ours, p, database, from, from+unseen)
		if err != nil {
			return err
		}
		foreign, err := b.access(p.rows, from, from+unseen)
		if err != nil {
			return err
		}

		// The tokens of another process are of the first generation, which the server takes until the refreshes age.
		first := b.asking(shuffled(fresh, 1), false).run(ours)
		seen := b.asking(shuffled(hits, 1), true).run(ours)
		other := b.asking(shuffled(foreign, 1), false).run(ours)
		if failed := first.failed + seen.failed + other.failed; failed > 0 {
			return fmt.Errorf("%d look-ups failed: %s%s%s", failed, first.why, seen.why, other.why)
		}
		signed = append(signed, first.rate()/seen.rate())
		strange = append(strange, other.rate()/seen.rate())
		cpu = append(cpu, float64(seen.cpuEach())/float64(first.cpuEach()))
	}
	b.report.claim(claim{What: "look-up: signed here and never seen, over seen before", Value: median(signed), Limit: 0.95, Unit: "x", Note: fmt.Sprintf("by CPU %.2f", median(cpu))})
	b.report.claim(claim{What: "look-up: signed by another process, over seen before", Value: median(strange), Limit: 0.6, Unit: "x"})

	return nil
}

// signedBy refreshes sessions, and returns the access tokens that the server has made.
func (b *bench) signedBy(c *child, p plan, database string, from, to int) ([]string, error) {
	if err := b.makeOld(database); err != nil {
		return nil, err
	}
	tokens, err := b.refresh(p.rows, from, to)
	if err != nil {
		return nil, err
	}
	next, access := make([]int, clients), make([][]string, clients)
	l := load{clients: clients, fill: func(client int, r *fasthttp.Request) bool {
		n := client + next[client]*clients
		if n >= len(tokens) {
			return false
		}
		next[client]++
		r.SetRequestURI(refreshPath)
		r.Header.SetMethod(fasthttp.MethodPost)
		r.Header.SetContentType(aJSON)
		r.Header.SetUserAgent(userAgent)
		r.Header.Set("Idempotency-Key", "the-first-of-a-session")
		r.SetBodyString(`{"refresh":"` + tokens[n] + `"}`)

		return true
	}, check: func(client int, answer *fasthttp.Response) error {
		if err := ok(answer); err != nil {
			return err
		}
		_, after, found := bytes.Cut(answer.Body(), []byte(`"access_token":"`))
		t, _, ended := bytes.Cut(after, []byte(`"`))
		if !found || !ended {
			return errors.New("an answer without an access token")
		}
		access[client] = append(access[client], string(t))

		return nil
	}}
	if r := l.run(c); r.failed > 0 {
		return nil, fmt.Errorf("%d refreshes failed: %s", r.failed, r.why)
	}

	// The first look-up of a generation writes that its token has arrived. That is a part of "each token 10 times".
	return slices.Concat(access...), execute(b.ctx, database, confirmAll)
}

// median of some numbers, the upper one of two.
func median(all []float64) float64 {
	slices.Sort(all)

	return all[len(all)/2]
}

// warm shows tokens once.
func (b *bench) warm(c *child, list []string) error {
	if r := b.asking(list, false).run(c); r.failed > 0 {
		return fmt.Errorf("warming up: %s", r.why)
	}
	return nil
}

// compare measures a pair and notes it.
func (b *bench) compare(name string, floor float64, p pair, ours, theirs *child) error {
	x, y, err := p.run(ours, theirs)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.report.compare(name, floor, x, y)
	return nil
}
