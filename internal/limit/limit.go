// Package limit owns counters: how often something was asked for, and whether that is
// too often. It does not own what is limited (the spec's x-rate-limit, and the journeys
// that take from a limit by themselves).
package limit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Limiter counts in the database, so that every server counts the same.
type Limiter struct {
	db     *postgres.DB
	rules  map[string][]rate
	secret []byte
}

// New returns the limiter that settings ask for. secret keys the HMACs under which
// subjects are counted; all servers must have the same. byCode: addresses are verified
// by code, which may be asked for more often than a link.
func New(d *postgres.DB, settings Settings, secret []byte, byCode bool) (*Limiter, error) {
	rules, err := settings.rules(byCode)
	return &Limiter{db: d, rules: rules, secret: secret}, err
}

// Subject is whom a request is counted for: what an action's rates need of it.
type Subject struct {
	Address netip.Addr
	Key     string // such as the address that somebody tries to sign in with
	UserID  int64
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
func (l *Limiter) Take(ctx context.Context, action string, s Subject) (Taken, error) {
	return l.take(ctx, l.db.Queries, l.db.Now(), l.ask(action, s))
}

// TakeTx is Take inside a transaction: what it took is given back when that is.
func (l *Limiter) TakeTx(ctx context.Context, tx postgres.Tx, action string, s Subject) error {
	_, err := l.take(ctx, tx.Queries, tx.Now, l.ask(action, s))
	return err
}

func (l *Limiter) take(ctx context.Context, q *db.Queries, now time.Time, ask db.UpdateRateLimitsParams) (Taken, error) {
	if len(ask.Keys) == 0 {
		return Taken{}, nil
	}
	ask.Now = now
	granted, err := q.UpdateRateLimits(ctx, ask)
	if err != nil {
		return Taken{}, err
	}
	taken := Taken{q, granted}
	if len(granted) == len(ask.Keys) {
		return taken, nil
	}
	// What the others counted must not be lost: somebody who is refused for their address
	// would use up the limit of an account that is not theirs.
	if err := taken.GiveBack(ctx); err != nil {
		return Taken{}, err
	}
	wait, err := q.FindRateLimitWait(ctx, db.FindRateLimitWaitParams{Now: ask.Now, Keys: ask.Keys})
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

// Forget counts an action anew for one key, such as the failed sign-ins of an address
// whose owner has just set a new password. What client addresses used up stays.
func (l *Limiter) Forget(ctx context.Context, tx postgres.Tx, action, key string) error {
	if ask := l.ask(action, Subject{Key: key}); len(ask.Keys) > 0 {
		return tx.DeleteRateLimits(ctx, ask.Keys)
	}
	return nil
}

func (l *Limiter) ask(action string, s Subject) db.UpdateRateLimitsParams {
	var ask db.UpdateRateLimitsParams
	for _, r := range l.rules[action] {
		subject := s.of(r.per)
		if subject == "" { // nobody to count: an address that is not known
			continue
		}
		mac := hmac.New(sha256.New, l.secret)
		_, _ = fmt.Fprintf(mac, "%s|%d/%v/%s|%s", action, r.n, r.period, r.per, subject)
		ask.Keys = append(ask.Keys, mac.Sum(nil))
		ask.Costs = append(ask.Costs, r.period.Seconds()/float64(r.n))
		ask.Periods = append(ask.Periods, r.period.Seconds())
	}
	return ask
}

// of is the subject of a rate, as text. An IPv6 client owns a whole /64.
func (s Subject) of(per string) string {
	switch per {
	case "ip":
		if s.Address.Is6() {
			if p, err := s.Address.Prefix(64); err == nil {
				return p.String()
			}
		}
		if s.Address.IsValid() {
			return s.Address.String()
		}
		return ""
	case "user":
		if s.UserID == 0 {
			return ""
		}
		return strconv.FormatInt(s.UserID, 10)
	}
	return s.Key
}

// Sweep removes counters that count nothing any more, and returns how many.
func (l *Limiter) Sweep(ctx context.Context) (int64, error) {
	return l.db.DeleteIdleRateLimits(ctx, l.db.Now())
}
