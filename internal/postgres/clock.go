package postgres

import (
	"context"
	"errors"
	"time"
)

const (
	// clockTolerance is what a server's clock may differ from the database's before that counts: less
	// than anything here lasts, and more than a measurement is wrong by.
	clockTolerance = 250 * time.Millisecond
	// slowest is the longest answer that says what time it is.
	slowest = time.Second
)

var errSlowAnswer = errors.New("the database answered too late to tell the time")

// SyncClock measures how far this server's clock is ahead of the database's, and makes Now go by the
// database's. Several servers compare each other's times, and each has a clock of its own: codes of a
// server that is slow by five minutes would have expired on every other. ahead is negative where this
// server's clock is behind.
func (d *DB) SyncClock(ctx context.Context) (ahead time.Duration, err error) {
	before := d.clock()
	there, err := d.BackgroundQueries().FindTime(ctx)
	if err != nil {
		return 0, err
	}
	after := d.clock()
	took := after.Sub(before)
	if took > slowest {
		return 0, errSlowAnswer
	}

	ahead = before.Add(took / 2).Sub(there)
	if ahead.Abs() < clockTolerance {
		ahead = 0
	}
	known := time.Duration(d.ahead.Load())
	if (ahead-known).Abs() >= clockTolerance || ahead == 0 {
		d.ahead.Store(int64(ahead))
	}
	return ahead, nil
}

// Now is the time that a unit of work starting here has, in the whole microseconds that
// PostgreSQL keeps. It is the database's, as SyncClock has found it.
func (d *DB) Now() time.Time {
	return d.clock().Add(-time.Duration(d.ahead.Load())).Truncate(time.Microsecond)
}
