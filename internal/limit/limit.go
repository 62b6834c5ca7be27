// Package limit owns counters: how often something was asked for, and whether that is
// too often. It does not own what is limited (the spec's x-rate-limit, and the journeys
// that take from a limit by themselves).
package limit

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Limiter counts in the database and by its clock, so that every server counts the same.
type Limiter struct {
	db     *postgres.DB
	rules  map[string][]rate
	secret *secret.Key
}

// New returns the limiter that settings ask for. key is that of the HMACs under which
// subjects are counted; all servers must have the same. byCode: addresses are verified
// by code, which may be asked for more often than a link.
func New(d *postgres.DB, settings Settings, key *secret.Key, byCode bool) (*Limiter, error) {
	rules, err := settings.rules(byCode)
	return &Limiter{db: d, rules: rules, secret: key}, err
}

// Taken is what a request took from its limits.
type Taken struct {
	queries *db.Queries
	keys    [][]byte
}

// Take takes one request from every limit of an action, in one statement, exact under
// parallel calls. It returns problem.TooManyRequests, with the time to wait, when one of
// them has none left: then nothing is taken from the others. An action without limits
// costs nothing.
func (l *Limiter) Take(ctx context.Context, action Action, s Subject) (Taken, error) {
	return l.take(ctx, l.db.Queries, action, s)
}

// TakeTx is Take inside a transaction: a rollback refunds what it took.
func (l *Limiter) TakeTx(ctx context.Context, tx postgres.Tx, action Action, s Subject) error {
	_, err := l.take(ctx, tx.Queries, action, s)
	return err
}

func (l *Limiter) take(ctx context.Context, q *db.Queries, action Action, s Subject) (Taken, error) {
	ask, err := l.ask(action, s)
	if err != nil || len(ask.Keys) == 0 {
		return Taken{}, err
	}

	granted, err := q.UpdateRateLimits(ctx, ask)
	if err != nil {
		return Taken{}, err
	}

	taken := Taken{q, granted}
	if len(granted) == len(ask.Keys) {
		return taken, nil
	}

	// Refund the other limits: otherwise a client that is refused for its network address could use up
	// the limit of an account of another user.
	if err := taken.GiveBack(ctx); err != nil {
		return Taken{}, err
	}

	wait, err := q.FindRateLimitWait(ctx, ask.Keys)
	if err != nil {
		return Taken{}, err
	}

	return Taken{}, problem.TooManyRequests.After(time.Duration(math.Ceil(max(wait, 1))) * time.Second)
}

// GiveBack returns what was taken: the request turned out not to be one that counts.
func (t Taken) GiveBack(ctx context.Context) error {
	if len(t.keys) == 0 {
		return nil
	}

	return t.queries.UpdateRateLimitsBack(ctx, t.keys)
}

// Forget counts an action anew for one user or key, such as the failed sign-ins of an address
// whose owner has just set a new password. What client addresses used up stays.
func (l *Limiter) Forget(ctx context.Context, tx postgres.Tx, action Action, s Subject) error {
	var keys [][]byte
	for _, r := range l.rules[action.name] {
		if r.per == perIP || r.per == perAll {
			continue
		}

		if counters, given := s.of(r.per); given {
			for _, c := range counters {
				keys = append(keys, l.key(action, r, c.subject))
			}
		}
	}

	if len(keys) == 0 {
		return nil
	}

	return tx.DeleteRateLimits(ctx, keys)
}

// ask lists the counters that a request takes from. It returns an error where the caller left
// out a subject: a limit that counts nothing must not pass unseen.
func (l *Limiter) ask(action Action, s Subject) (db.UpdateRateLimitsParams, error) {
	var ask db.UpdateRateLimitsParams
	if action.declaration == nil {
		return ask, fmt.Errorf("limit: an action that nobody declared")
	}

	for _, r := range l.rules[action.name] {
		counters, given := s.of(r.per)
		if !given {
			return ask, fmt.Errorf("limit: %s counts %s, and the caller gave none", action.name, r.per)
		}

		for _, c := range counters {
			ask.Keys = append(ask.Keys, l.key(action, r, c.subject))
			ask.Costs = append(ask.Costs, r.period.Seconds()/float64(r.n*c.budget))
			ask.Periods = append(ask.Periods, r.period.Seconds())
		}
	}

	return ask, nil
}

// key names a counter.
func (l *Limiter) key(action Action, r rate, subject string) []byte {
	mac := l.secret.MAC()
	_, _ = fmt.Fprintf(mac, "%s|%v|%s", action.name, r, subject)

	return mac.Sum(nil)
}

// Sweep removes counters that count nothing any more, and returns how many.
func Sweep(ctx context.Context, q *db.Queries) (int64, error) {
	return q.DeleteIdleRateLimits(ctx)
}
