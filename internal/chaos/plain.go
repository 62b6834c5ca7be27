package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// way is how a plain client uses Idempotency-Key. None of them has a lock: each call that is
// answered with 401 refreshes by itself.
type way struct {
	name string
	// stores: it makes a key when it stores a token. fresh: it makes one for each request.
	stores, fresh bool
	// calm: its network delays, but loses nothing, and its servers live.
	calm bool
}

var ways = []way{
	{name: "no key"},
	{name: "a key stored with each token", stores: true},
	{name: "a fresh key for each request", fresh: true, calm: true},
}

const (
	plainPhones = 24 // of each way
	leastBursts = 5  // of each of them
	atOnce      = 5  // calls
	longestWay  = 2000
	plainGrace  = 60 // seconds, the default: longer than the longest burst
)

// bursts counts those of one way.
type bursts struct{ played, refreshes, rotations, lost, conflicts, signOuts atomic.Int64 }

// plain is an app with an interceptor and no more.
type plain struct {
	*phone
	way   way
	count *bursts

	mu     sync.Mutex // guards the store; a burst has several calls
	killed bool       // the app was: what arrives now is not stored
	ended  string     // a refusal that this burst met
}

func (w *world) newPlain(n, of int) *plain {
	p := &plain{phone: w.newPhone(2000+100*n+of, fmt.Sprintf("plain-%d-%d", n, of)), way: ways[n], count: w.bursts[n]}
	p.agent, p.keyless, p.at = plainAgent, true, &w.plainServers
	if p.way.calm {
		p.at = &w.calmServers
	}
	return p
}

// live plays bursts. None is under way during the fail-over: the promise of a lock-less client
// ends where the database forgets one of two tokens that are on their way.
func (p *plain) live(ctx context.Context) {
	defer p.w.playing.Add(-1)
	for n := 0; n < leastBursts || !p.w.done(); n++ {
		p.w.peace.RLock()
		err := p.burst(ctx)
		p.w.peace.RUnlock()
		if err != nil || ctx.Err() != nil {
			return
		}
	}
}

// burst is several calls at once whose access token has expired.
func (p *plain) burst(ctx context.Context) error {
	id, err := base64.RawURLEncoding.DecodeString(p.now.Session)
	if err != nil {
		return err
	}
	if _, err := p.w.ages.Exec(ctx, makeOld, id, p.now.Generation); err != nil && ctx.Err() == nil {
		return nil // the database is away: later
	}
	p.killed, p.ended = false, ""
	before, began := p.now.Generation, time.Now()
	if !p.way.calm && p.rnd.Intn(10) == 0 {
		app := time.AfterFunc(between(p.rnd, 0, 4*longestWay), p.kill)
		defer app.Stop()
	}

	var calls sync.WaitGroup
	for range atOnce {
		rnd := rand.New(rand.NewSource(p.rnd.Int63()))
		calls.Go(func() { p.call(ctx, rnd) })
	}
	calls.Wait()

	p.count.played.Add(1)
	p.count.rotations.Add(p.now.Generation - before)
	p.w.noteBurst(time.Since(began))
	return p.signInAgain(ctx)
}

// signInAgain signs in where the burst ended the session.
func (p *plain) signInAgain(ctx context.Context) error {
	if p.ended == "" || ctx.Err() != nil {
		return ctx.Err()
	}
	p.count.signOuts.Add(1)
	p.loggedOut(p.ended)
	return p.signIn(ctx)
}

func (p *plain) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.killed = true
}

func (p *plain) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.killed
}

// call is one call of the app: its 401 arrives, it refreshes with what is stored by then, and is
// repeated with the new access token.
func (p *plain) call(ctx context.Context, rnd *rand.Rand) {
	travel := func() { sleep(ctx, between(rnd, 0, longestWay)) }
	travel()
	travel()
	for ctx.Err() == nil && !p.dead() {
		c := p.spending(rnd)
		c.lost = !p.way.calm && rnd.Intn(20) == 0
		travel()
		a, err := p.w.send(ctx, rnd, c)
		travel()
		again := p.answered(c, a, err)
		if again == 0 {
			break
		}
		sleep(ctx, again)
	}
	if p.dead() {
		return
	}
	travel()
	_, _ = p.w.send(ctx, rnd, call{method: http.MethodGet, path: sessionPath, access: p.stored().access, at: p.at})
	travel()
}

// spending is a refresh with what is stored now.
func (p *plain) spending(rnd *rand.Rand) call {
	r := p.stored()
	if p.way.fresh {
		r.key = newKey(rnd)
	}
	return call{method: http.MethodPost, path: refreshPath, body: `{"refresh":"` + r.refresh + `"}`, key: r.key, at: p.at}
}

func (p *plain) stored() record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.store
}

// answered stores what a refresh has brought. It returns how long to wait before the refresh is
// repeated; 0: not at all.
func (p *plain) answered(c call, a answer, err error) (again time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note("refresh: %d %s (%v, lost %v)", a.status, a.code(), err != nil, c.lost)
	switch {
	case p.killed, c.lost, err != nil, a.status == http.StatusServiceUnavailable:
		p.count.lost.Add(1)
	case a.status == http.StatusOK:
		p.count.refreshes.Add(1)
		if err := p.keep(a); err != nil {
			p.w.fault("%s: %v", p.name, err)
		}
		if p.way.stores {
			p.store.key = newKey(p.rnd)
		}
	case a.status == http.StatusConflict:
		p.count.conflicts.Add(1)
		return a.retryAfter
	case terminal(a.status):
		p.ended = a.code()
	}
	return 0
}

// sleep waits, or not where the run is over.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func newKey(rnd *rand.Rand) string {
	b := make([]byte, 16)
	_, _ = rnd.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// noteBurst keeps the longest.
func (w *world) noteBurst(took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.longest = max(w.longest, took)
}
