package main

import (
	"fmt"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	crowd    = 200
	watchers = 16
	// calm is how long a server has nothing to do before its memory counts as idle: more than it keeps what the
	// start or a storm has needed.
	calm = 10 * time.Second
)

// storm measures what look-ups are worth while a crowd signs in, and the memory that it
// takes, on a server of its own.
func (b *bench) storm(p plan, database string) error {
	c, err := b.server(database)
	if err != nil {
		return err
	}
	defer c.stop()
	time.Sleep(calm)
	b.report.claim(claim{
		What: "resident memory, idle", Value: c.memory("VmRSS"), Limit: 30, Most: true, Unit: "MB",
		Note: fmt.Sprintf("%v after the start; %.1f MB are of the program's file", calm, c.memory("RssFile")),
	})
	list, err := b.access(p.rows, p.hits, p.misses)
	if err != nil {
		return err
	}
	watch := b.asking(list, true)
	watch.clients = watchers
	watch.lasting = 2 * b.lasting
	if err := b.warm(c, list); err != nil {
		return err
	}
	idle := watch.run(c)
	done := make(chan result)
	go func() { done <- b.crowd().run(c) }()
	time.Sleep(500 * time.Millisecond) // until everybody is there
	during := watch.run(c)
	people := <-done
	note := fmt.Sprintf("%d signed in, %d were turned away and came back after %v", people.requests, people.failed, b.temper)
	b.report.claim(claim{What: "storm: look-ups lost", Value: float64(during.failed), Limit: 0, Most: true, Note: during.why})
	b.report.claim(claim{
		What: "storm: look-ups per second, of idle", Value: during.rate() / idle.rate(), Limit: 0.2,
		Note: fmt.Sprintf("%.0f of %.0f; %s", during.rate(), idle.rate(), note),
	})
	b.report.claim(claim{What: "storm: p99 of a look-up", Value: float64(during.at(0.99).Microseconds()) / 1000, Limit: 50, Most: true, Unit: "ms", Note: "p50 " + ms(during.at(0.5))})
	b.report.claim(claim{What: "resident memory, most under the storm", Value: c.memory("VmHWM"), Limit: 80, Most: true, Unit: "MB"})
	time.Sleep(calm)
	b.report.claim(claim{What: "resident memory, after the storm", Value: c.memory("VmRSS"), Limit: 80, Most: true, Unit: "MB", Note: fmt.Sprintf("after %v", calm)})
	return nil
}

// crowd is many people who sign in at once, and who are not patient when they are turned
// away: they come back long before Retry-After.
func (b *bench) crowd() load {
	l := b.signingIn(crowd)
	l.lasting = 2*b.lasting + time.Second
	l.check = func(_ int, answer *fasthttp.Response) error {
		err := ok(answer)
		if err != nil {
			time.Sleep(b.temper)
		}
		return err
	}
	return l
}

// starts measures the time to the first answer, on a migrated database.
func (b *bench) starts(database string) error {
	most := time.Duration(0)
	for range b.rounds {
		c, err := b.server(database)
		if err != nil {
			return err
		}
		c.stop()
		most = max(most, c.ready)
	}
	b.report.claim(claim{What: "start to first answer, slowest", Value: most.Seconds(), Limit: 0.04, Most: true, Unit: "s", Note: fmt.Sprintf("of %d", b.rounds)})
	return nil
}

// sizes compares the look-up in a small database with that in a large one: by session
// token, over all sessions at random.
func (b *bench) sizes() error {
	const small = 10000
	servers := make([]*child, 2)
	defer func() { stopAll(servers...) }()
	counts := []int{small, b.many}
	for n, count := range counts {
		url, err := b.database(fmt.Sprintf("size%d", n), rows{sessions: count, users: max(1, count/10)})
		if err != nil {
			return err
		}
		if servers[n], err = b.server(url); err != nil {
			return err
		}
	}
	side := func(n int) func(int) (load, error) {
		return func(int) (load, error) { return b.wandering(counts[n]), nil }
	}
	if _, _, err := (pair{1, side(0), side(1)}).run(servers[0], servers[1]); err != nil { // warm-up
		return err
	}
	few, many, err := pair{b.rounds, side(0), side(1)}.run(servers[0], servers[1])
	if err != nil {
		return err
	}
	p50 := [2]time.Duration{merged(few).at(0.5), merged(many).at(0.5)}
	p99 := [2]time.Duration{merged(few).at(0.99), merged(many).at(0.99)}
	b.report.claim(claim{
		What: fmt.Sprintf("p99 of a look-up, %d sessions over %d", b.many, small), Value: float64(p99[1]) / float64(p99[0]), Limit: 1.5, Most: true, Unit: "x",
		Note: fmt.Sprintf("p99 %s over %s, p50 %s over %s", ms(p99[1]), ms(p99[0]), ms(p50[1]), ms(p50[0])),
	})
	return nil
}

// wandering asks for any of the first sessions at random, by session token.
func (b *bench) wandering(sessions int) load {
	return load{clients: atOnce, lasting: b.lasting, fill: func(_ int, r *fasthttp.Request) bool {
		r.SetRequestURI(sessionPath)
		r.Header.Set("X-Session-Token", sessionToken(anyOf(sessions)))
		r.Header.SetUserAgent(userAgent)
		return true
	}}
}
