package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey-auth/latchkey/internal/db"
)

const (
	// lockPoll is how often a process asks for the migration lock that another one has.
	lockPoll = 200 * time.Millisecond
	// lockBeat is how often the process that has the lock shows that it still runs, and lockIdle how
	// long PostgreSQL waits for that. So the lock ends also with a machine that is gone from the network.
	lockBeat = 5 * time.Second
	lockIdle = 30 * time.Second
)

// locking are the limits of the transaction that has the migration lock.
var locking = limits{statement: 3 * time.Second, lock: 2 * time.Second, idle: lockIdle}

// withMigrationLock runs f while this process alone may migrate; several processes may call it at
// once. The lock is a transaction's: it ends with that, behind a connection pooler too, and so it
// cannot outlive the process. The context of f ends when the lock is lost.
func (d *DB) withMigrationLock(ctx context.Context, f func(context.Context) error) error {
	config := d.direct.ConnConfig.Copy()
	// Race: the extended protocol would leave a portal open until the transaction ends, and with it a
	// snapshot, for which CREATE INDEX CONCURRENTLY of f would wait for ever
	// (TestMigrate_anIndexIsMadeWhileOtherProcessesWait).
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return failure(err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()

	// First: the driver begins no transaction of ours in another encoding.
	if err := checkEncoding(c); err != nil {
		return err
	}

	for {
		locked, err := tryMigrationLock(ctx, c, f)
		if locked || err != nil {
			return err
		}
		if err := pause(ctx, lockPoll); err != nil {
			return err
		}
	}
}

// tryMigrationLock runs f if the lock is free, and reports whether it was.
func tryMigrationLock(ctx context.Context, c *pgx.Conn, f func(context.Context) error) (locked bool, err error) {
	var migrated error // of f, which is no failure of this connection
	err = transact(ctx, c, locking, func(tx pgx.Tx) error {
		locked, err = db.New(tx).LockMigrations(ctx)
		if err != nil || !locked {
			return err
		}
		migrated = whileAlive(ctx, tx.Conn(), f)
		return nil
	})
	if migrated != nil {
		return locked, migrated
	}
	return locked, failure(err)
}

var errLockLost = errors.New("the connection with the migration lock was lost")

// whileAlive runs f, and ends its context when the connection does not answer any more.
func whileAlive(ctx context.Context, c *pgx.Conn, f func(context.Context) error) error {
	working, stop := context.WithCancelCause(ctx)
	defer stop(nil)

	ended := make(chan error, 1)
	go func() { ended <- f(working) }()

	beat := time.NewTicker(lockBeat)
	defer beat.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-beat.C:
			if c.Ping(ctx) != nil {
				stop(errLockLost)
			}
		}
	}
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
