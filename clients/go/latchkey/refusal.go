package latchkey

import "time"

const (
	// refusalWindow and maxRefusals bound the refreshes that 401s cause, whatever others answer.
	refusalWindow = 10 * time.Minute
	maxRefusals   = 6
)

// refusals are the 401s to tokens that were new. They forbid to refresh because of another
// 401, and nothing else. Their owner guards them.
type refusals struct {
	origins  map[string]*refusal
	answered []time.Duration // when refreshes that 401s caused were answered
}

// refusal is what one origin has refused.
type refusal struct {
	backoff

	token string // the last one that it refused although new
}

// allow reports whether a 401 of an origin may cause a refresh.
func (r *refusals) allow(origin string, now time.Duration) bool {
	if known := r.origins[origin]; known != nil && known.wait(now) != nil {
		return false
	}

	recent := r.answered[:0]
	for _, at := range r.answered {
		if now-at < refusalWindow {
			recent = append(recent, at)
		}
	}
	r.answered = recent

	return len(r.answered) < maxRefusals
}

// caused notes that a refresh was answered that a 401 had caused.
func (r *refusals) caused(now time.Duration) { r.answered = append(r.answered, now) }

// refused notes that an origin has refused a token that was new. Of many calls with one token
// the first counts.
func (r *refusals) refused(origin, token string, now time.Duration, err error) {
	if r.origins == nil {
		r.origins = map[string]*refusal{}
	}

	known := r.origins[origin]
	if known == nil {
		known = &refusal{}
		r.origins[origin] = known
	}
	if known.token == token {
		return
	}

	known.token = token
	known.fail(now, err)
}

// helped notes that a refresh has helped at an origin.
func (r *refusals) helped(origin string) { delete(r.origins, origin) }
