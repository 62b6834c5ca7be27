package e2e

import (
	"fmt"
	"math/rand"
	"net/http"
	"testing"
	"time"
)

// record is what a client keeps in its store: the refresh token and, made when it was
// stored, the key that will spend it.
type record struct {
	refresh, access, key string
}

// phone is an honest client with our rules (docs/promise.md), and its store.
type phone struct {
	t     *testing.T
	w     *world
	rnd   *rand.Rand
	store record
	keys  int
	name  string
	urls  []string // the servers it asks by turns; empty for the world's
	turn  int
}

func newPhone(w *world, rnd *rand.Rand, name string) *phone {
	e := w.signIn("ada@example.com")
	p := &phone{t: w.t.(*testing.T), w: w, rnd: rnd, name: name}
	p.persist(e.refresh, e.access)
	return p
}

// persist stores a pair with a fresh key, before anybody may use it.
func (p *phone) persist(refresh, access string) {
	p.keys++
	p.store = record{refresh, access, fmt.Sprintf("%s-key-%06d", p.name, p.keys)}
}

// send spends the stored token and returns the answer; nothing is stored.
func (p *phone) send(r record) answer { return p.w.spend(r.refresh, r.key) }

// refresh is one whole refresh.
func (p *phone) refresh() answer {
	a := p.send(p.store)
	if a.Status == http.StatusOK {
		p.persist(a.text("meta.refresh_token"), a.text("meta.access_token"))
	}
	return a
}

// interleaving is one random life of a phone.
type interleaving struct {
	*phone
	successors map[float64]map[string]any // by generation
	saved      []int64                    // generations that a backup holds
	restored   bool
	steps      []string
}

func (i *interleaving) note(step string) { i.steps = append(i.steps, step) }

// check holds an answer against the invariants of an honest phone.
func (i *interleaving) check(a answer) {
	i.t.Helper()
	if a.Status != http.StatusOK {
		i.t.Fatalf("an honest phone was told %d: %s\nafter %v", a.Status, a.Body, i.steps)
	}
	c := claims(i.t, a.text("meta.refresh_token"))
	gen := c["gen"].(float64)
	first := i.successors[gen]
	if first == nil || i.restored {
		i.successors[gen] = c
		return
	}
	if fmt.Sprint(first) != fmt.Sprint(c) {
		i.t.Fatalf("two successors of generation %v: %v and %v\nafter %v", gen, first, c, i.steps)
	}
}

// step does one thing that can happen to a phone.
func (i *interleaving) step() {
	switch i.rnd.Intn(8) {
	case 0:
		i.note("refresh")
		i.check(i.refresh())
	case 1:
		i.note("refresh of an old token")
		i.w.age(grown)
		i.check(i.refresh())
	case 2:
		i.note("answer lost, or killed before it was stored")
		if i.rnd.Intn(2) == 0 {
			i.w.age(grown)
		}
		i.check(i.send(i.store))
	case 3:
		i.note("access token used")
		i.w.call("GET", sessionPath, "", bearer(i.store.access)) // 200, or 401 when it has expired
	case 4:
		i.note("second process on the same store")
		held := i.store
		mine, theirs := i.send(held), i.send(held)
		i.check(mine)
		i.check(theirs)
		i.persist(theirs.text("meta.refresh_token"), theirs.text("meta.access_token"))
		// This process finds the store changed, and adopts what it finds.
	case 5:
		moves := []time.Duration{time.Second, time.Minute, 61 * time.Second, 10 * time.Minute, 8 * time.Hour, -time.Hour}
		move := moves[i.rnd.Intn(len(moves))]
		i.note("clock " + move.String())
		i.w.clock.Advance(move)
	case 6:
		i.note("backup taken")
		i.saved = append(i.saved, query[int64](i.w, "SELECT generation FROM sessions WHERE id = $1", i.sid()))
	case 7:
		if len(i.saved) > 0 {
			back := i.saved[i.rnd.Intn(len(i.saved))]
			i.note(fmt.Sprintf("database restored to generation %d", back))
			i.restored = true
			i.w.exec(`UPDATE sessions SET generation = $2, idempotency_key_hash = NULL, confirmed_at = now(),
				rotated_at = rotated_at - interval '1 day' WHERE id = $1 AND generation > $2`, i.sid(), back)
		}
	}
}

// sid is the phone's session as the database writes it.
func (p *phone) sid() string { return sessionUUID(p.t, p.store.refresh) }

func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewSource(seed))
}
