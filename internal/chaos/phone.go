package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// record is what a phone keeps: the tokens and, made when the refresh token was stored,
// the key that will spend it.
type record struct{ access, refresh, key string }

// phone is a client with our rules: store before use, one refresh at a time, repeat with
// the same key until an answer arrives, give up at a terminal answer only.
type phone struct {
	w        *world
	rnd      *rand.Rand
	name     string
	email    string
	at       *[]*server // the servers that it asks
	agent    string     // what it calls itself
	keyless  bool       // it never sends idempotency keys
	shared   bool       // a thief and its owner spend the same tokens
	store    record
	history  []string
	now      claims        // of the stored refresh token; for the test only
	reached  *atomic.Int64 // its generation, and
	sid      *atomic.Value // its session, for the fail-over
	compared bool          // with what the standby knew
}

const password = "a long enough password"

func (w *world) newPhone(n int, name string) *phone {
	return &phone{w: w, rnd: w.random(n), name: name, at: &w.servers, agent: phoneAgent, reached: &atomic.Int64{}, sid: &atomic.Value{}}
}

// signUpAll makes the phones, the thieves' victims and the plain clients, a few at a time: the
// servers compute one hash for each.
func (w *world) signUpAll(ctx context.Context) (phones []*phone, plains []*plain, err error) {
	for n := range w.phones {
		phones = append(phones, w.newPhone(1000+n, fmt.Sprintf("phone-%d", n)))
	}
	for n, k := range kinds {
		victim := w.newPhone(500+n, fmt.Sprintf("victim-%d", n))
		victim.keyless, victim.shared, victim.agent = k.keyless, true, theftAgent
		w.victims = append(w.victims, victim)
	}
	all := append(append([]*phone{}, phones...), w.victims...)
	for n := range ways {
		for of := range plainPhones {
			p := w.newPlain(n, of)
			plains, all = append(plains, p), append(all, p.phone)
		}
	}
	queue, failed := make(chan *phone, len(all)), make(chan error, len(all))
	for _, p := range all {
		queue <- p
	}
	close(queue)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for p := range queue {
				if err := p.signUp(ctx, w.address()); err != nil {
					failed <- err
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return phones, plains, <-failed
}

// address is an e-mail address that nobody has had.
func (w *world) address() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.emails++
	return fmt.Sprintf("person-%d@example.com", w.emails)
}

// signUp makes an account, with another address where the answer to the first attempt got
// lost.
func (p *phone) signUp(ctx context.Context, email string) error {
	for {
		a, err := p.enter(ctx, signupPath, email)
		if err != nil {
			return err
		}
		if a.status == http.StatusOK {
			p.w.newUser(a.Data.User.ID)
			return nil
		}
		if a.status == http.StatusBadRequest && p.email == "" { // never attempted before
			return fmt.Errorf("sign-up of %s: %d %s", email, a.status, a.code())
		}
		email = p.w.address()
	}
}

// newUser notes a user's id and that it is nobody else's.
func (w *world) newUser(id int64) {
	w.mu.Lock()
	twice := w.ids[id]
	w.ids[id] = true
	w.mu.Unlock()
	if twice || id == 0 {
		w.count.twice.Add(1)
		w.fault("the user id %d was given out twice", id)
	}
}

// signIn starts a new session of the same account.
func (p *phone) signIn(ctx context.Context) error {
	a, err := p.enter(ctx, loginPath, p.email)
	if err == nil && a.status != http.StatusOK {
		err = fmt.Errorf("sign-in of %s: %d %s", p.email, a.status, a.code())
	}
	return err
}

// enter signs up or in, and repeats that until there is an answer.
func (p *phone) enter(ctx context.Context, path, email string) (answer, error) {
	p.history = nil
	body := fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
	for {
		a, err := p.w.send(ctx, p.rnd, call{method: http.MethodPost, path: path, body: body, agent: p.agent, at: p.at})
		if err == nil && a.status != http.StatusServiceUnavailable {
			if a.status == http.StatusOK {
				p.email = email
				err = p.keep(a)
			}
			return a, err
		}
		p.email = email // attempted
		if !p.rest(ctx, 50, 250) {
			return a, ctx.Err()
		}
	}
}

// keep stores a pair with a fresh key, before anybody may use it. A token that is received again
// keeps its key.
func (p *phone) keep(a answer) error {
	c, err := read(a.Meta.Refresh)
	if err != nil {
		return err
	}
	key := p.store.key
	if !p.keyless && c.ID != p.now.ID {
		key = newKey(p.rnd)
	}
	p.store, p.now = record{a.Meta.Access, a.Meta.Refresh, key}, c
	p.reached.Store(c.Generation)
	p.sid.Store(c.Session)
	return nil
}

// session is the id of its session; anybody may ask.
func (p *phone) session() string {
	sid, _ := p.sid.Load().(string)
	return sid
}

// rest waits a random time, in milliseconds, and reports whether the run goes on.
func (p *phone) rest(ctx context.Context, from, to int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(between(p.rnd, from, to)):
		return true
	}
}

func (p *phone) note(format string, args ...any) {
	if len(p.history) >= 16 {
		p.history = p.history[1:]
	}
	p.history = append(p.history, fmt.Sprintf(format, args...))
}

// live is an honest phone's life: it refreshes, and uses its access token now and then.
func (p *phone) live(ctx context.Context) {
	w := p.w
	for !w.done() || !p.compared {
		before := p.now
		refused, err := p.refresh(ctx)
		if err != nil {
			return // the run is over
		}
		if refused == "" {
			if p.now != before { // a repeat is none
				w.count.refreshes.Add(1)
			}
			if p.rnd.Intn(10) < 3 {
				if refused, err = p.use(ctx); err != nil {
					return
				}
			}
		}
		if refused != "" {
			p.loggedOut(refused)
			if p.signIn(ctx) != nil {
				return
			}
		}
	}
}

// loggedOut notes that a phone was signed out from which nobody stole anything.
func (p *phone) loggedOut(why string) {
	p.w.count.spurious.Add(1)
	p.w.fault("%s (session %s, generation %d) was logged out: %s; %q", p.name, p.now.Session, p.now.Generation, why, p.history)
}

// use shows the access token to a server. It returns why the session is over, or an error
// when the run is.
func (p *phone) use(ctx context.Context) (refused string, err error) {
	for range 3 {
		if status := p.glance(ctx); status != http.StatusUnauthorized {
			return "", ctx.Err()
		}
		if refused, err = p.refresh(ctx); refused != "" || err != nil {
			return refused, err
		}
	}
	return "a fresh access token is answered with 401 again and again", nil
}

// glance shows the access token once, and returns the status; 0 when no answer came.
func (p *phone) glance(ctx context.Context) int {
	a, _ := p.w.send(ctx, p.rnd, call{method: http.MethodGet, path: sessionPath, access: p.store.access, at: p.at})
	p.note("use of generation %d: %d %s", p.now.Generation, a.status, a.code())
	return a.status
}

// answered is what the test knows of an answer that the phone did not get.
type answered struct {
	known bool
	epoch int64
	pair  claims // zero where nobody read it
}

var errOver = errors.New("the run is over")

// refresh is one whole refresh: it repeats until an answer arrives. It returns the code of
// a refusal, or an error when the run is over.
func (p *phone) refresh(ctx context.Context) (refused string, err error) {
	w := p.w
	var lost answered
	unauthorized := 0
	for {
		epoch := w.epoch.Load()
		c := call{method: http.MethodPost, path: refreshPath, body: `{"refresh":"` + p.store.refresh + `"}`, key: p.store.key, at: p.at}
		drop := p.rnd.Intn(20) == 0
		c.lost = drop && p.rnd.Intn(2) == 0
		a, err := w.send(ctx, p.rnd, c)
		p.note("refresh of generation %d: %d %s (%v, lost %v)", p.now.Generation, a.status, a.code(), err != nil, drop)
		switch {
		case ctx.Err() != nil:
			return "", errOver
		case err != nil || a.status == http.StatusServiceUnavailable:
			w.count.away.Add(1)
		case drop:
			w.count.lost.Add(1)
			if a.status == http.StatusOK && epoch == w.epoch.Load() {
				lost = answered{known: true, epoch: epoch}
				lost.pair, _ = read(a.Meta.Refresh)
			}
		case a.status == http.StatusOK:
			return "", p.succeed(a, lost)
		case terminal(a.status):
			return a.code(), nil
		case a.status == http.StatusConflict:
			p.conflict()
		default:
			if unauthorized++; unauthorized > 3 {
				return fmt.Sprintf("a refresh is answered with %d again and again", a.status), nil
			}
		}
		longest := 250
		if p.rnd.Intn(10) == 0 {
			longest = 1300 // beyond the grace
		}
		if !p.rest(ctx, 0, longest) {
			return "", errOver
		}
	}
}

// conflict notes that another caller has just spent the token: a phone that shares its store with
// nobody never meets one.
func (p *phone) conflict() {
	p.w.count.conflicts.Add(1)
	if !p.shared {
		p.w.count.odd.Add(1)
		p.w.fault("%s: a conflict, although nobody else has its record; %q", p.name, p.history)
	}
}

// succeed stores the successor, and compares it with what is known of it.
func (p *phone) succeed(a answer, lost answered) error {
	w, spent := p.w, p.now
	if err := p.keep(a); err != nil {
		w.fault("%s: %v", p.name, err)
		return errOver
	}
	if p.now == spent { // it was young
		w.count.repeats.Add(1)
		return nil
	}
	if lost.pair == spent { // so was it when that answer got lost
		lost = answered{}
	}
	if lost.known && lost.epoch == w.epoch.Load() {
		w.count.replays.Add(1)
		if lost.pair.ID != "" && lost.pair != p.now {
			w.count.forks.Add(1)
			w.fault("%s: a repeated refresh made a second successor: %+v and %+v", p.name, lost.pair, p.now)
		}
	}
	if p.now.Session != spent.Session || p.now.Generation != spent.Generation+1 {
		w.count.forks.Add(1)
		w.fault("%s: generation %d of %s was followed by %d of %s", p.name, spent.Generation, spent.Session, p.now.Generation, p.now.Session)
	}
	if known := w.behind.Load(); known != nil && !p.compared {
		p.compared = true
		if was, there := (*known)[spent.Session]; there && spent.Generation > was {
			w.count.adoptions.Add(1)
		}
	}
	return nil
}
