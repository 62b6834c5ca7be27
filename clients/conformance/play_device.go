package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func clockWrong(offset time.Duration) func(*world) {
	return func(w *world) {
		p := w.phone()
		p.wall(offset)
		p.signUp()
		p.calls(20)
		wants("refreshes before expiry", w.count(refreshing), 0)
		for n := range 3 {
			p.expired()
			p.calls(20)
			wants("refreshes", w.count(refreshing), n+1)
		}
		wants("requests", w.count(profile), 80)
	}
}

func clockJump(w *world) {
	p := w.signedUp()
	jumps := 0
	for _, offset := range []time.Duration{day, -3653 * day, 3653 * day, 0} {
		if offset > 0 {
			jumps++ // ahead: the token may be refreshed, once
		}
		p.wall(offset)
		p.calls(5)
		if n := w.count(refreshing); n > jumps {
			fail("%d refreshes for %d jumps ahead", n, jumps)
		}
	}

	before := w.count(refreshing)
	p.wall(-day)
	p.expired()
	p.calls(5)
	wants("refreshes", w.count(refreshing)-before, 1)
	wants("requests", w.count(profile), 25)
}

func clockCorrected(w *world) {
	p := w.phone()
	p.wall(day)
	p.signUp()
	p.calls(1)
	p.wall(0)
	p.calls(20)
	wants("refreshes", w.count(refreshing), 0)
	p.expired()
	p.calls(20)
	wants("refreshes", w.count(refreshing), 1)
	wants("requests", w.count(profile), 41)
}

func clockSlept(w *world) {
	p := w.signedUp()
	p.calls(1)
	w.expire()
	p.calls(20)
	wants("refreshes", w.count(refreshing), 1)
}

// clockAsleep lets a phone sleep for 8 hours, three times. Its monotonic clock stands still, and the
// server refuses the token of before: each request is sent once, with a new token.
func clockAsleep(w *world) {
	p := w.signedUp()
	p.calls(1)

	for n := range 3 {
		w.expire()
		p.wall(time.Duration(n+1) * 8 * time.Hour)
		p.calls(1)
		p.calls(4)
		wants("refreshes", w.count(refreshing), n+1)
	}

	wants("requests", w.count(profile), 16)
	p.signedIn()
}

// clockNaps lets time pass by the wall clock alone and by both clocks in turn, for less than the
// life of a token.
func clockNaps(w *world) {
	p := w.signedUp()
	p.wall(minute)
	p.calls(1)
	p.advance(minute)
	p.calls(1)
	p.wall(2 * minute)
	p.advance(minute)
	p.calls(1)
	wants("refreshes", w.count(refreshing), 0)
}

// lockedStore starts an app while the device is locked.
func lockedStore(fault string) func(*world) {
	return func(w *world) {
		w.signedUp().kill()
		stored := files(w.store)

		p := w.bare()
		p.fault(fault, 0)
		p.do(command{"do": "start", "base_url": w.url, "store": w.store})

		before := w.count(everything)
		for range 3 {
			r := p.do(command{"do": "state"})
			wants("state", r.State, "locked")
			wants("events", slices.ContainsFunc(r.Events, func(e event) bool { return e.Kind == "signed_out" }), false)
			wants("the error", p.refused().Kind, "locked")
		}

		wants("the error of a refresh", p.try(command{"do": "refresh"}).Error.Kind, "locked")
		wants("requests", w.count(everything), before)
		wants("unchanged", maps.Equal(slots(files(w.store)), slots(stored)), true)

		p.fault("none", 0)
		p.recovers()
	}
}

// slots are the files that hold what the client stores.
func slots(texts map[string]string) map[string]string {
	maps.DeleteFunc(texts, func(name, _ string) bool { return !strings.HasPrefix(name, "slot-") })
	return texts
}

func lockedLater(w *world) {
	p := w.signedUp()
	p.fault("locked", 0)
	p.calls(3)
	p.expired()
	wants("the error", p.kept().Kind, "locked")
	wants("refreshes", w.count(refreshing), 0)
	p.fault("none", 0)
	p.recovers()
}

func readsFail(w *world) {
	w.signedUp().kill()
	p := w.bare()
	p.fault("fail_reads", 3)
	p.do(command{"do": "start", "base_url": w.url, "store": w.store})
	for range 10 {
		r := p.do(command{"do": "state"})
		if r.State == "signed_in" {
			break
		}
		wants("state", r.State, "unknown")
	}
	p.recovers()
}

func readsFailLater(w *world) {
	p := w.signedUp()
	p.expired()
	p.fault("fail_reads", 0)
	wants("the error", p.kept().Kind, "store")
	p.fault("none", 0)
	p.recovers()
}

func writeRejected(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.expired()
	p.fault("reject_writes", 0)
	before := len(w.look().bearers)
	wants("the error", p.kept().Kind, "store")
	for range 5 {
		p.kept()
	}
	wants("calls with a token that is not stored", len(w.look().bearers), before)
	wants("refreshes", w.count(refreshing), 1)
	p.fault("none", 0)
	p.recovers()
}

func writeRejectedKilled(w *world) {
	p := w.signedUp()
	p.calls(1)
	p.expired()
	p.fault("reject_writes", 0)
	p.kept()
	p.kill()
	p = w.phone()
	p.recovers()
}

func tornWrite(w *world) {
	p := w.signedUp()
	for range 3 { // either slot
		p.calls(1)
		p.expired()
		p.fault("torn_write", 1)
		p.start(command{"do": "refresh"})
		p.dies()
		p = w.phone()
		p.signedIn()
		p.recovers()
	}
}

func tornAtRest(w *world) {
	p := w.signedUp()
	p.calls(1)
	before := slots(files(w.store))
	p.expired()
	p.do(command{"do": "refresh"})
	p.kill()
	for name, text := range slots(files(w.store)) {
		if text == before[name] {
			continue
		}
		if err := os.WriteFile(filepath.Join(w.store, name), []byte(text[:len(text)/2]), 0o600); err != nil {
			fail("%v", err)
		}
	}
	p = w.phone()
	p.signedIn()
	p.recovers()
}

func slotSize(w *world) {
	w.email = strings.Repeat("long.", 12) + w.email // 64 characters before the @ are the most
	p := w.signedUp()
	for range 2 {
		p.expired()
		p.calls(1)
	}

	var holding int
	for name, text := range slots(files(w.store)) {
		if text != "" {
			holding++
		}
		if len(text) > 1024 {
			fail("%s holds %d bytes", name, len(text))
		}
		if strings.Contains(text, "long.long.") {
			fail("%s holds the address: the profile is none of the store's business", name)
		}
	}

	wants("slots in use", holding, 2)
}

func lockStuck(w *world) {
	p := w.signedUp()
	p.expired()
	p.fault("lock_stuck", 0)
	c := p.start(command{"do": "call"})
	end := time.Now().Add(2 * time.Second)
	for len(c.answer) == 0 && time.Now().Before(end) {
		p.advance(30 * time.Second)
		time.Sleep(5 * time.Millisecond)
	}
	r := c.wait()
	if len(r.Errors) == 1 && r.Errors[0].Action != "retry" && r.Errors[0].Action != "wait" {
		fail("a stuck lock: %v", r.Errors[0])
	}
	p.signedIn()
	p.fault("none", 0)
	p.recovers()
}

func promptOnce(w *world) {
	p := w.locked()
	p.do(command{"do": "unlock_prompt", "answer": "hold"})
	c := p.start(command{"do": "call", "n": 50})
	eventually("a prompt", func() bool { return p.do(command{"do": "state"}).Prompts > 0 })
	wants("requests before", w.count(profile), 0)
	p.do(command{"do": "unlock_prompt", "answer": "allow"})
	allOK(c.wait(), 50)
	p.calls(5)
	wants("prompts", p.do(command{"do": "state"}).Prompts, 1)
}

func promptDismissed(w *world) {
	p := w.locked()
	p.do(command{"do": "unlock_prompt", "answer": "cancel"})
	r := p.do(command{"do": "call", "n": 50})
	wants("failed calls", len(r.Errors), 50)
	for _, e := range r.Errors {
		wants("the error", e.Kind, "cancelled")
	}
	p.do(command{"do": "unlock_prompt", "answer": "allow"})
	p.advance(29 * time.Second)
	wants("the error within 30 s", p.refused().Kind, "cancelled")
	r = p.do(command{"do": "state"})
	wants("prompts", r.Prompts, 1)
	wants("state", r.State, "signed_in")
	p.advance(2 * time.Second)
	p.calls(1)
	wants("prompts", p.do(command{"do": "state"}).Prompts, 2)
}

func promptRefresh(w *world) {
	p := w.locked()
	p.do(command{"do": "refresh"})
	p.expired()
	p.do(command{"do": "refresh"})
	r := p.do(command{"do": "state"})
	wants("prompts", r.Prompts, 0)
	wants("state", r.State, "signed_in")
	wants("refreshes", w.count(refreshing), 2)
}

// locked is a phone with an unlock prompt, whose owner signed in earlier.
func (w *world) locked() *phone {
	w.signedUp().kill()
	p := w.bare()
	p.do(command{"do": "start", "base_url": w.url, "store": w.store, "unlock": true})
	return p
}
