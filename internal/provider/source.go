package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkey-auth/latchkey/internal/strictjson"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// How often a provider is asked for its keys.
const (
	againFirst   = time.Second      // while there are no keys at all
	againFailed  = 10 * time.Second // after a failure, while there are old ones
	againUnknown = 30 * time.Second // for a kid that is not among them
	againSame    = minAge           // for the same kid once more
	maxStale     = 24 * time.Hour   // that keys serve beyond their time while the provider is away
	maxAbsent    = 1024             // kids that are remembered as unknown
)

// keySource holds the keys of one provider, and reads them when a token needs them: in a
// goroutine of its own, so that one provider's slowness is nobody else's.
type keySource struct {
	provider *Provider
	web      *web
	now      func() time.Time
	log      *slog.Logger

	mu      sync.Mutex           // guards what follows
	set     *keySet              // nil: never read
	until   time.Time            // their time is over
	asked   time.Time            // when the last read began
	sought  time.Time            // when the last read for an unknown kid began
	failure error                // of the last read
	absent  map[string]time.Time // when a read for a kid has ended without it
	reading chan struct{}        // closed when the read under way ends; nil: none is

	// Where the discovery document said that the keys are. Race: only the read under way
	// touches these, and there is one (TestSource_singleFlight).
	jwksURL         string
	discoveredUntil time.Time
}

// find returns the key of a kid. ErrInvalidToken: the provider has none of that name.
// ErrUnavailable: we could not find out.
func (s *keySource) find(ctx context.Context, kid string) (key, error) {
	return s.await(ctx, s.look(kid), kid)
}

// await returns the key of a kid once a read has ended; nil: none is waited for.
func (s *keySource) await(ctx context.Context, read <-chan struct{}, kid string) (key, error) {
	if read != nil {
		_, span := trace.StartCall(ctx, "provider keys")
		defer span.End()

		select {
		case <-read:
		case <-ctx.Done():
			span.Fail("timeout")
			return key{}, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
		}
	}

	return s.verdict(kid)
}

// findAgain returns the only key, read anew unless that was done a moment ago: a token without
// kid that it does not verify may be signed by its successor.
func (s *keySource) findAgain(ctx context.Context) (key, error) {
	s.mu.Lock()

	now := s.now()
	if s.reading == nil && over(s.sought, againUnknown, now) {
		s.sought = now
		s.start("", now)
	}

	wait := s.reading
	s.mu.Unlock()

	return s.await(ctx, wait, "")
}

// look returns a channel to wait on where the answer is not known yet.
func (s *keySource) look(kid string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	known := s.knows(kid)

	fresh := now.Before(s.until)
	if s.reading == nil && s.due(kid, now) {
		if s.set != nil && fresh {
			s.sought = now
		}

		s.start(kid, now)
	}

	if known && fresh {
		return nil
	}

	return s.reading
}

// knows reports whether there is a key of a kid among those that were read.
func (s *keySource) knows(kid string) bool {
	if s.set == nil {
		return false
	}

	_, found := s.set.find(kid)

	return found
}

// due reports whether to read now. Whoever names unknown keys by the thousand makes us
// ask once in 30 s (SEC-73).
func (s *keySource) due(kid string, now time.Time) bool {
	if s.set == nil || !now.Before(s.until.Add(maxStale)) {
		return over(s.asked, againFirst, now)
	}

	if !now.Before(s.until) {
		return over(s.asked, againFailed, now)
	}

	if s.knows(kid) {
		return false
	}

	return over(s.sought, againUnknown, now) && over(s.absent[kid], againSame, now)
}

// over: so long ago, or never; a clock that was set back makes nobody wait.
func over(since time.Time, pause time.Duration, now time.Time) bool {
	return since.IsZero() || now.Before(since) || now.Sub(since) >= pause
}

// start begins a read that outlives the request that caused it: others wait for it too. Only
// the kid that it is for is absent afterwards: others were not sought, and a read that failed
// has found out nothing (TestSource_strayKidDelaysANewKeyFor30sAtMost,
// TestDiscovery_followsMovedKeys).
func (s *keySource) start(kid string, now time.Time) {
	s.asked = now
	done := make(chan struct{})
	s.reading = done
	go func() {
		set, age, err := s.read(now)
		s.mu.Lock()
		defer s.mu.Unlock()

		if s.failure = err; err == nil {
			s.set, s.until = &set, s.now().Add(age)
			s.miss(kid, now)
		} else {
			s.log.Warn("reading a provider's keys failed", "provider", s.provider.ID, "error", err.Error())
		}

		s.reading = nil
		close(done)
	}()
}

// miss remembers a kid that is not among the keys that were read for it.
func (s *keySource) miss(kid string, now time.Time) {
	if s.knows(kid) {
		return
	}

	if len(s.absent) >= maxAbsent {
		clear(s.absent)
	}

	s.absent[kid] = now
}

func (s *keySource) verdict(kid string) (key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()

	usable := s.set != nil && now.Before(s.until.Add(maxStale))
	if usable {
		if k, known := s.set.find(kid); known {
			return k, nil
		}
	}

	if s.failure != nil {
		return key{}, fmt.Errorf("%w: reading the keys of %s: %w", ErrUnavailable, s.provider.ID, s.failure)
	}

	if !usable {
		return key{}, ErrUnavailable
	}

	return key{}, refuse(reasonKey)
}

// read fetches the keys, and how long they may be kept.
func (s *keySource) read(now time.Time) (keySet, time.Duration, error) {
	address := s.provider.jwksURL
	if address == "" {
		var err error
		if address, err = s.discover(now); err != nil {
			return keySet{}, 0, err
		}
	}

	body, header, err := s.web.get(address)
	if err == nil {
		var set keySet
		if set, err = parseKeySet(body, s.provider.Kind != OpenIDConnect); err == nil {
			return set, ageOf(header), nil
		}
	}

	s.discoveredUntil = time.Time{} // perhaps they have moved

	return keySet{}, 0, err
}

// discover finds the keys of an OpenID Connect provider.
func (s *keySource) discover(now time.Time) (string, error) {
	if now.Before(s.discoveredUntil) {
		return s.jwksURL, nil
	}

	body, header, err := s.web.get(s.provider.discoveryURL)
	if err != nil {
		return "", fmt.Errorf("discovery: %w", err)
	}

	o, err := strictjson.Object(body, strictjson.Limits{Depth: 8, Members: 4096, Text: 16 << 10, KeepNumbers: true})
	if err != nil {
		return "", errors.New("discovery: the document is no JSON object")
	}

	// Security: a document that names another issuer speaks for somebody else (TestDiscovery_documents).
	if o["issuer"] != s.provider.issuers[0] {
		return "", errors.New("discovery: the document names another issuer; server_url, or issuer in the settings, must be its issuer to the letter, with {tenantid} where it has that")
	}

	address, _ := o["jwks_uri"].(string)
	// Security: http is for a provider that is itself on this machine (TestDiscovery_keysAreAsSafeAsTheDocument).
	if !safeURL(address) || !isSecure(address) && isSecure(s.provider.discoveryURL) {
		return "", errors.New("discovery: jwks_uri is no https URL")
	}

	s.jwksURL, s.discoveredUntil = address, now.Add(ageOf(header))

	return address, nil
}
