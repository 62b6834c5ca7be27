package app

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// errPooler says what to set where a connection pooler refuses how connections begin.
var errPooler = errors.New("LATCHKEY_DATABASE_POOLER: a connection pooler answers at DATABASE_URL: set LATCHKEY_DATABASE_POOLER=transaction")

// prepareSchema brings the schema up to date, or checks that it is.
func (a *App) prepareSchema(ctx context.Context) error {
	err := a.updateSchema(ctx)
	if postgres.IsPooler(err) {
		return &config.Error{Problems: []error{errPooler}}
	}
	return err
}

func (a *App) updateSchema(ctx context.Context) error {
	if !a.config.Database.AutoMigrate {
		return a.DB.CheckSchema(ctx)
	}
	n, err := a.DB.Migrate(ctx, a.migrationDelayed)
	if err == nil && n > 0 {
		a.log.Info("schema brought up to date", "migrations", n)
	}
	return err
}

// migrationDelayed says why the start takes long. The servers of the release before go on meanwhile.
func (a *App) migrationDelayed(d postgres.MigrationDelay) {
	a.log.Warn("a migration waits for a lock that a long transaction has; trying again",
		"migration", d.Name, "wait", d.Wait.String(), "cause", d.Cause.Error())
}
