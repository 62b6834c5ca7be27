package main

import (
	"context"
	"fmt"
	"time"
)

// kind is how a thief uses the one-time copy of a phone's record.
type kind struct {
	name    string
	keyless bool // of both: outside the promise, counted apart
	patient bool // they come more than the grace apart, and show access tokens
	first   func(p *phone) bool
}

var kinds = []kind{
	{name: "acts first", first: func(*phone) bool { return true }},
	{name: "acts last", first: func(*phone) bool { return false }},
	{name: "takes turns", first: func(p *phone) bool { return p.rnd.Intn(2) == 0 }},
	{name: "no keys, in lock-step", keyless: true, first: func(p *phone) bool { return p.rnd.Intn(2) == 0 }},
	{name: "no keys, a grace apart", keyless: true, patient: true, first: func(p *phone) bool { return p.rnd.Intn(2) == 0 }},
}

// theft counts the thefts of a kind.
type theft struct{ planted, caught, missed, most int64 }

const (
	mostRounds   = 40   // where keys are sent: a round may bring nothing but repeats
	fewRounds    = 5    // without keys
	mostPromised = 2    // refreshes of the victim from the thief's first use on
	pace         = 600  // refreshes of honest phones for one theft of each kind
	grace        = 1100 // milliseconds: LATCHKEY_REFRESH_GRACE of the phones' servers is a second
	reused       = "refresh_token_reused"
)

// steal plants thefts of one kind, one after the other. None is under way during the
// fail-over: what a database has lost it cannot compare.
func (w *world) steal(ctx context.Context, n int) {
	victim := w.victims[n]
	for (!w.done() || w.playing.Load() > 0) && ctx.Err() == nil {
		w.mu.Lock()
		early := !w.done() && w.thefts[n].planted > w.count.refreshes.Load()/pace
		w.mu.Unlock()
		if early {
			if !victim.rest(ctx, 20, 40) {
				return
			}
			continue
		}
		w.peace.RLock()
		err := w.stealOnce(ctx, n, victim)
		w.peace.RUnlock()
		if err != nil {
			if ctx.Err() == nil {
				w.fault("a theft by one who %s could not be played: %v", kinds[n].name, err)
			}
			return
		}
	}
}

// stealOnce signs the victim in, copies its record, and lets both go on until one of them
// is told that the token was reused.
func (w *world) stealOnce(ctx context.Context, n int, victim *phone) error {
	if err := victim.signIn(ctx); err != nil {
		return err
	}
	for range victim.rnd.Intn(4) {
		refused, err := victim.refresh(ctx)
		if err != nil {
			return err
		}
		if refused != "" {
			victim.loggedOut(refused)
			return nil
		}
	}
	thief := w.newPhone(800+n, "thief of "+victim.name)
	thief.rnd, thief.keyless, thief.email, thief.shared = victim.rnd, victim.keyless, victim.email, true
	thief.store, thief.now = victim.store, victim.now // key included
	s := &scene{kind: kinds[n], victim: victim, thief: thief}
	rounds := mostRounds
	if s.kind.keyless {
		rounds = fewRounds
	}
	for round := 0; round < rounds && s.refused == ""; round++ {
		if err := s.round(ctx); err != nil {
			return err
		}
	}
	if err := s.check(ctx); err != nil {
		return err
	}
	w.noteTheft(w.thefts[n], s)
	return nil
}

// scene is one theft.
type scene struct {
	kind          kind
	victim, thief *phone
	used          bool   // the copy has brought the thief a token
	acted         bool   // the thief has acted since the victim's last refresh that counts
	refreshes     int64  // of the victim since then that brought it one; of two in a row the first
	idle          bool   // the last round brought neither of them anything
	refused       string // what the first of them was told that was refused
	both          bool   // the other one was refused as well
}

// round lets each of the two refresh once.
func (s *scene) round(ctx context.Context) error {
	order := []*phone{s.victim, s.thief}
	if s.kind.first(s.victim) {
		order = []*phone{s.thief, s.victim}
	}
	if s.idle && !s.victim.rest(ctx, grace/2, grace) { // the token is young
		return errOver
	}
	s.idle = true
	for _, p := range order {
		if err := s.wander(ctx, p); err != nil {
			return err
		}
		before := p.now
		var err error
		if s.refused, err = p.refresh(ctx); err != nil || s.refused != "" {
			return err
		}
		s.granted(p, p.now != before)
		if s.kind.patient {
			p.glance(ctx)
		}
	}
	return nil
}

// granted counts a refresh. Of refreshes of the victim in a row one counts: a thief who does not act
// is given nothing, and cannot be caught.
func (s *scene) granted(p *phone, brought bool) {
	if brought {
		s.idle = false
	}
	if p == s.thief {
		s.acted = true
		s.used = s.used || brought
		return
	}
	if s.used && s.acted && brought {
		s.refreshes++
		s.acted = false
	}
}

// wander lets something harmless happen before a refresh.
func (s *scene) wander(ctx context.Context, p *phone) error {
	switch choice := p.rnd.Intn(20); {
	case s.kind.patient, choice == 0 && !s.kind.keyless:
		if !p.rest(ctx, grace, grace+100) {
			return errOver
		}
	case s.kind.keyless:
	case choice < 5:
		s.victim.glance(ctx)
	case choice < 10:
		s.thief.glance(ctx)
	}
	return nil
}

// check makes sure that what was caught is over for both.
func (s *scene) check(ctx context.Context) error {
	if s.refused == "" {
		return nil
	}
	s.both = s.refused == reused
	for _, p := range []*phone{s.victim, s.thief} {
		refused, err := p.refresh(ctx)
		if err != nil {
			return err
		}
		s.both = s.both && refused == reused
	}
	return nil
}

func (w *world) noteTheft(t *theft, s *scene) {
	caught := s.refused != "" && s.both
	missed := !s.kind.keyless && (!caught || s.refreshes > mostPromised)
	w.mu.Lock()
	t.planted++
	if caught {
		t.caught++
		t.most = max(t.most, s.refreshes)
	}
	if missed {
		t.missed++
	}
	w.mu.Unlock()
	if missed {
		w.fault("a thief who %s was missed: refused %q, for both %v, after %d refreshes of the victim; victim %q; thief %q",
			s.kind.name, s.refused, s.both, s.refreshes, s.victim.history, s.thief.history)
	}
}

// sum adds a number over the kinds that the promise covers.
func (w *world) sum(of func(*theft) int64) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	var n int64
	for i, t := range w.thefts {
		if !kinds[i].keyless {
			n += of(t)
		}
	}
	return n
}

func (w *world) planted() int64 { return w.sum(func(t *theft) int64 { return t.planted }) }
func (w *world) caught() int64  { return w.sum(func(t *theft) int64 { return t.caught }) }
func (w *world) missed() int64  { return w.sum(func(t *theft) int64 { return t.missed }) }

// until polls a condition.
func until(ctx context.Context, limit time.Duration, what string, condition func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}
