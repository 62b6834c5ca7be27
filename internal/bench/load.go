package main

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// load is what clients ask for, each on a connection of its own, one request after the
// other.
type load struct {
	clients int
	// lasting ends the load; zero: when fill has no more.
	lasting time.Duration
	// fill writes the next request of a client, and reports false when there is none.
	fill func(client int, r *fasthttp.Request) bool
	// check judges an answer; nil: it must be 200. An error counts as a failure.
	check func(client int, r *fasthttp.Response) error
}

// result is what came of a load.
type result struct {
	requests int // answered as they should be
	failed   int
	why      string // of one failure
	elapsed  time.Duration
	cpu      time.Duration
	memory   float64
	times    []time.Duration // sorted
}

func (r result) rate() float64 { return float64(r.requests) / r.elapsed.Seconds() }

// at is a quantile of the times.
func (r result) at(q float64) time.Duration {
	if len(r.times) == 0 {
		return 0
	}
	return r.times[min(len(r.times)-1, int(q*float64(len(r.times))))]
}

func (r result) cpuEach() time.Duration {
	if r.requests == 0 {
		return 0
	}
	return r.cpu / time.Duration(r.requests)
}

// run puts a load on a server.
func (l load) run(c *child) result {
	host := strings.TrimPrefix(c.url, "http://")
	all := make([]result, l.clients)
	var ended atomic.Bool
	cpu, from := c.cpu(), time.Now()
	if l.lasting > 0 {
		timer := time.AfterFunc(l.lasting, func() { ended.Store(true) })
		defer timer.Stop()
	}
	var group sync.WaitGroup
	for n := range l.clients {
		group.Go(func() { all[n] = l.client(n, host, &ended) })
	}
	group.Wait()
	total := result{elapsed: time.Since(from), cpu: c.cpu() - cpu, memory: c.memory("VmRSS")}
	for _, r := range all {
		total.requests += r.requests
		total.failed += r.failed
		total.times = append(total.times, r.times...)
		if r.why != "" {
			total.why = r.why
		}
	}
	slices.Sort(total.times)
	return total
}

func (l load) client(n int, host string, ended *atomic.Bool) result {
	h := &fasthttp.HostClient{
		Addr: host, MaxConns: 1, NoDefaultUserAgentHeader: true, MaxIdemponentCallAttempts: 1,
		ReadTimeout: 20 * time.Second, DisablePathNormalizing: true,
	}
	defer h.CloseIdleConnections()
	ask, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(ask)
	defer fasthttp.ReleaseResponse(answer)
	r := result{times: make([]time.Duration, 0, 1<<12)}
	for !ended.Load() {
		ask.Reset()
		if !l.fill(n, ask) {
			break
		}
		ask.SetHost(host)
		from := time.Now()
		err := h.Do(ask, answer)
		took := time.Since(from)
		if err == nil {
			err = l.judge(n, answer)
		}
		if err != nil {
			r.failed++
			r.why = err.Error()
			continue
		}
		r.requests++
		r.times = append(r.times, took)
	}
	return r
}

func (l load) judge(n int, answer *fasthttp.Response) error {
	if l.check != nil {
		return l.check(n, answer)
	}
	return ok(answer)
}

func ok(answer *fasthttp.Response) error {
	if answer.StatusCode() != fasthttp.StatusOK {
		return fmt.Errorf("%d: %s", answer.StatusCode(), answer.Body())
	}
	return nil
}

// pair is one path, asked of two servers in turn.
type pair struct {
	rounds int
	ours   func(round int) (load, error)
	theirs func(round int) (load, error)
}

// run goes A B A B, each round short, so that what else the machine does meets both. A
// few failures are noted: a busy machine can stop a server for a second.
func (p pair) run(a, b *child) (ours, theirs []result, err error) {
	for round := range p.rounds {
		for _, side := range []struct {
			child *child
			load  func(int) (load, error)
			into  *[]result
		}{{a, p.ours, &ours}, {b, p.theirs, &theirs}} {
			l, err := side.load(round)
			if err != nil {
				return nil, nil, err
			}
			r := l.run(side.child)
			if r.failed > r.requests/100 || r.requests == 0 {
				return nil, nil, fmt.Errorf("%s: %d of %d requests failed: %s", side.child.name, r.failed, r.failed+r.requests, r.why)
			}
			*side.into = append(*side.into, r)
		}
	}
	return ours, theirs, nil
}
