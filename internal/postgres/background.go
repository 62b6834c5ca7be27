package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// The limits of transactions beside the requests go out with each of them.
var (
	// choreLimits: a chore may take longer than a request, and waits a second for locks.
	choreLimits = limits{statement: 10 * time.Second, lock: time.Second, idle: 5 * time.Second}
	// guardLimits: this transaction has a lock while others work, however long.
	guardLimits = limits{statement: 3 * time.Second, lock: time.Second}
)

// BackgroundTx is Tx for work beside the requests: on a connection of the background pool, with
// limits of its own.
func (d *DB) BackgroundTx(ctx context.Context, f func(tx Tx) error) error {
	return d.transact(ctx, d.background, pgx.TxOptions{BeginQuery: choreLimits.begin()}, f)
}

// AsJanitor runs do while no other server does the same on this database. It reports false, and
// runs nothing, where another server is at it.
//
// Race: the lock is a transaction's. It ends with its connection, whatever becomes of the
// server, and behind a pooler it does not stay on a connection that others get
// (TestJanitor_isOneServerAtATime).
func (d *DB) AsJanitor(ctx context.Context, do func(context.Context) error) (bool, error) {
	locked := false
	err := d.transact(ctx, d.background, pgx.TxOptions{BeginQuery: guardLimits.begin()}, func(tx Tx) error {
		var err error
		if locked, err = tx.TryJanitorLock(ctx); err != nil || !locked {
			return err
		}

		return do(ctx)
	})

	return locked, err
}
