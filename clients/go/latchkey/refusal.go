package latchkey

import (
	"slices"
	"time"
)

// What bounds the refreshes that 401s cause, whatever others answer: in ten minutes at most 6. Those
// for tokens that expire, two or three by default, are to fit in with them: once there were 4 of any
// kind, a 401 causes one only as the first or second.
const (
	refusalWindow = 10 * time.Minute
	maxRefusals   = 6
	maxTogether   = 4
	minRefusals   = 2
)

// refusals are the 401s to tokens that were new. They forbid to refresh because of another
// 401, and nothing else. Their owner guards them.
type refusals struct {
	origins  map[string]*refusal
	answered []answered
}

// answered is a refresh that was answered.
type answered struct {
	at    time.Duration
	by401 bool // a 401 has caused it
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

	together, caused := r.count(now)

	return caused < maxRefusals && (together < maxTogether || caused < minRefusals)
}

// count counts the refreshes of the last ten minutes, and those that 401s caused.
func (r *refusals) count(now time.Duration) (together, caused int) {
	r.answered = slices.DeleteFunc(r.answered, func(a answered) bool { return now-a.at >= refusalWindow })
	for _, a := range r.answered {
		if a.by401 {
			caused++
		}
	}

	return len(r.answered), caused
}

// note notes that a refresh was answered.
func (r *refusals) note(now time.Duration, by401 bool) {
	r.count(now) // drops the old ones
	r.answered = append(r.answered, answered{now, by401})
}

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
