package token

import (
	"time"

	"github.com/latchkey-auth/latchkey/internal/problem"
)

// reloadEvery is how often the source is read at most because of an unknown kid (SEC-16).
const reloadEvery = 30 * time.Second

// Follow makes the ring read its keys again from source: when Reload is called, and at
// most every 30 seconds when a token names a key that it does not know. Call it before
// the ring is used.
func (r *Keyring) Follow(source func() (string, error), clock func() time.Time) {
	r.source, r.clock = source, clock
}

// Reload reads the keys again. When that fails the ring keeps what it has: tokens go on
// being signed and verified (T-CHA-09).
func (r *Keyring) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.reload()
}

func (r *Keyring) reload() error {
	if r.source == nil {
		return nil
	}
	r.asked, r.failed = r.clock(), true
	text, err := r.source()
	if err != nil {
		return err
	}
	fresh, err := parseKeys(text)
	if err != nil {
		return err
	}
	r.failed = false
	old := r.state.Swap(fresh)
	var gone []string
	for kid := range old.byID {
		if fresh.byID[kid] == nil {
			gone = append(gone, kid)
		}
	}
	if r.forget != nil && len(gone) > 0 {
		r.forget(gone)
	}
	return nil
}

// find returns the key of a kid, reading the source again for one that is not known.
// Nil: there is none. An error: we could not find out, which must not look like a bad
// token: a phone would be signed out for it.
func (r *Keyring) find(kid string) (*key, error) {
	if k := r.state.Load().byID[kid]; k != nil || r.source == nil {
		return k, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := r.clock().Sub(r.asked); since >= reloadEvery || since < 0 {
		_ = r.reload()
	}
	if k := r.state.Load().byID[kid]; k != nil {
		return k, nil
	}
	if r.failed {
		return nil, problem.TemporarilyUnavailable
	}
	return nil, nil
}
