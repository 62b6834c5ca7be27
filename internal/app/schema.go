package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// errPooler says what to set where a connection pooler refuses how connections begin.
var errPooler = errors.New("LATCHKEY_DATABASE_POOLER: a connection pooler answers at DATABASE_URL: set LATCHKEY_DATABASE_POOLER=transaction")

// errRights says what to do where the role may not change the schema, or not read it.
var errRights = errors.New("DATABASE_URL: the database role may not change the schema: run `latchkey migrate up` as the role that owns the tables, " +
	"set LATCHKEY_AUTO_MIGRATE=false, and grant the role of the server what docs/servers.md lists")

// prepareSchema brings the schema up to date, or checks that it is.
func (a *App) prepareSchema(ctx context.Context) error {
	err := a.updateSchema(ctx)
	if err == nil {
		err = a.DB.CheckRights(ctx)
	}

	return explainSchema(err)
}

// explainSchema makes what an operator has to change in the database or in the settings an error
// of the settings: the start ends, and says what to do.
func explainSchema(err error) error {
	var unfit *postgres.UnfitError
	switch {
	case postgres.IsPooler(err):
		err = errPooler
	case errors.As(err, &unfit):
		err = fmt.Errorf("DATABASE_URL: %w", unfit)
	case postgres.LacksRight(err):
		err = errRights
	default:
		return err
	}

	return &config.Error{Problems: []error{err}}
}

func (a *App) updateSchema(ctx context.Context) error {
	if !a.config.Database.AutoMigrate {
		if err := a.DB.CheckEncoding(ctx); err != nil {
			return err
		}
		return a.DB.CheckSchema(ctx)
	}
	n, err := a.DB.Migrate(ctx, a.migrationDelayed)
	if err == nil && n > 0 {
		a.log.Info("schema brought up to date", "migrations", n)
	}
	if err != nil {
		return err
	}

	kept, err := address.Update(ctx, a.DB)
	if kept > 0 {
		a.log.Warn("email addresses of before keep their form: see `latchkey users twins`", "addresses", kept)
	}

	return err
}

// migrationDelayed says why the start takes long. The servers of the release before go on meanwhile.
func (a *App) migrationDelayed(d postgres.MigrationDelay) {
	a.log.Warn("a migration waits for a lock that a long transaction has; trying again",
		"migration", d.Name, "wait", d.Wait.String(), "cause", d.Cause.Error())
}

// checkSubjects ends the start where tokens of users that exist would be too large: their ids may be
// longer than those that LATCHKEY_USER_IDS draws now.
func (a *App) checkSubjects(ctx context.Context) error {
	longest, err := a.DB.FindLongestSubject(ctx)
	if err != nil {
		return err
	}
	if err := a.config.Token.CheckSubjects(int(longest)); err != nil {
		return &config.Error{Problems: []error{err}}
	}

	return nil
}
