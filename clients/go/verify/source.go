package verify

import (
	"context"
	"crypto/ecdsa"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How often the key set is read. The server lets it be kept for 300 s, and shows a new key
// for 10 minutes before it signs with it.
const (
	defaultAge   = 5 * time.Minute // where the answer says nothing
	minAge       = time.Minute
	maxAge       = time.Hour
	againUnknown = 30 * time.Second // for a kid that the set does not have
	againFailed  = 5 * time.Second  // after a failure
	againFirst   = time.Second      // while there is no set at all
	maxAbsent    = 1024             // kids that are remembered as unknown
	maxAnswer    = 64 << 10         // bytes that are read of an answer
)

// keySource holds the key set and reads it again when its time is over, or when a token
// names a key that it does not have.
type keySource struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex // guards what follows
	set     keySet     // nil: never read
	until   time.Time  // the set's time is over
	age     time.Duration
	asked   time.Time // when the last read began
	failed  bool      // whether it failed
	absent  map[string]bool
	reading chan struct{} // closed when the read under way ends; nil: none is
}

// find returns the key of a kid. [ErrInvalid]: the server has none of that name.
// [ErrUnavailable]: we could not find out.
func (s *keySource) find(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	key, wait := s.look(kid)
	if wait == nil {
		return s.verdict(key, kid)
	}
	select {
	case <-wait:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	s.mu.Lock()
	key = s.set[kid]
	s.mu.Unlock()
	return s.verdict(key, kid)
}

// look returns the key, and a channel to wait on where the answer is not known yet. A set
// whose time is over serves for as long again while it is read anew, and later only when
// the read fails: a removed key must not live on in a backend that is seldom called.
func (s *keySource) look(kid string) (*ecdsa.PublicKey, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	key := s.set[kid]
	if s.reading == nil && s.due(kid, now) {
		s.begin(now)
	}
	if s.reading == nil || key != nil && now.Before(s.until.Add(s.age)) {
		return key, nil
	}
	return key, s.reading
}

// due reports whether to read the set now. Whoever names unknown keys by the thousand
// makes us read once in 30 s, and not again for the same names.
func (s *keySource) due(kid string, now time.Time) bool {
	pause := againUnknown
	if s.set == nil {
		pause = againFirst
	} else if s.failed {
		pause = againFailed
	}
	if since := now.Sub(s.asked); !s.asked.IsZero() && since >= 0 && since < pause {
		return false
	}
	if s.set == nil || !now.Before(s.until) {
		return true
	}
	return s.set[kid] == nil && !s.absent[kid]
}

// begin starts a read that outlives the request that caused it: others wait for it too.
func (s *keySource) begin(now time.Time) {
	if !now.Before(s.until) || len(s.absent) >= maxAbsent {
		clear(s.absent)
	}
	s.asked = now
	done := make(chan struct{})
	s.reading = done
	go func() {
		set, age, err := s.read()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failed = err != nil; err == nil {
			s.set, s.age, s.until = set, age, s.now().Add(age)
		} else {
			s.log.Warn("reading Latchkey's key set failed", "error", err.Error())
		}
		s.reading = nil
		close(done)
	}()
}

func (s *keySource) verdict(key *ecdsa.PublicKey, kid string) (*ecdsa.PublicKey, error) {
	if key != nil {
		return key, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil || s.failed {
		return nil, ErrUnavailable
	}
	if len(s.absent) < maxAbsent {
		s.absent[kid] = true
	}
	return nil, ErrInvalid
}

// read fetches the set, and how long it may be kept.
func (s *keySource) read() (keySet, time.Duration, error) {
	body, header, status, err := get(s.client, s.url, "")
	if err != nil {
		return nil, 0, err
	}
	if status != http.StatusOK {
		return nil, 0, fmt.Errorf("status %d", status)
	}
	set, err := parseKeySet(body)
	return set, ageOf(header), err
}

// get reads a small answer whole. The client's timeout bounds it, and no caller's context:
// several wait for one answer.
func get(client *http.Client, url, bearer string) ([]byte, http.Header, int, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, 0, err
	}
	r.Header.Set("Accept", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := client.Do(r)
	if err != nil {
		return nil, nil, 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	return body, answer.Header, answer.StatusCode, err
}

// ageOf is how long an answer may be kept: max-age less the time that it has stood in
// caches on the way (RFC 9111), within our bounds.
func ageOf(header http.Header) time.Duration {
	age := defaultAge
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return minAge
		case "max-age":
			if n, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				age = time.Duration(n) * time.Second
			}
		}
	}
	if n, err := strconv.ParseUint(header.Get("Age"), 10, 31); err == nil {
		age -= time.Duration(n) * time.Second
	}
	return min(max(age, minAge), maxAge)
}
