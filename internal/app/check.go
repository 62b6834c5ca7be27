package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// build reads the settings and makes a server of them. It reports what reading finds and what building
// finds together, as a *config.Error.
func (sh *shell) build() (*App, error) {
	c, err := sh.settings()
	a, failed := New(sh.ctx, c, sh.now, sh.log())

	var wrong, more *config.Error
	if !errors.As(err, &wrong) {
		return a, errors.Join(err, failed)
	}

	if errors.As(failed, &more) {
		wrong.Add(more.Problems...)
	}
	if a != nil {
		a.Close()
	}

	return nil, wrong
}

// check does what a start does before it listens, and changes nothing.
func (sh *shell) check() error {
	a, err := sh.build()
	if err != nil {
		return err
	}
	defer a.Close()

	found, err := a.examineDatabase(sh.ctx)
	if err != nil {
		return err
	}

	_, err = fmt.Fprintf(sh.out, "The settings are right. %s\n", found)

	return err
}

// examineDatabase looks whether the server could use the database, and says in a sentence what it found.
func (a *App) examineDatabase(ctx context.Context) (string, error) {
	if err := a.DB.Ping(ctx); err != nil {
		if mistake := postgres.Mistake(err); mistake != nil {
			err = &config.Error{Problems: []error{mistake}}
		}

		return "", err
	}

	problems := []error{explainSchema(a.DB.CheckEncoding(ctx)), a.checkClaims(ctx)}
	schema := explainSchema(a.DB.CheckSchema(ctx))
	isBehind := errors.Is(schema, postgres.ErrOldSchema)

	found := "The database answers, and its schema is current."
	switch {
	case isBehind && a.config.Database.AutoMigrate:
		found = "The database answers. The next start brings its schema up to date."
	case schema != nil:
		problems = append(problems, schema)
	default:
		problems = append(problems, explainSchema(a.DB.CheckRights(ctx)))
	}

	return found, together(problems)
}

// checkClaims looks for the function of LATCHKEY_CLAIMS_FUNCTION.
func (a *App) checkClaims(ctx context.Context) error {
	err := a.claims.Check(ctx, a.config.Policy.ClaimsFunction)
	if err == nil || errors.Is(err, problem.TemporarilyUnavailable) {
		return err
	}

	return &config.Error{Problems: []error{err}}
}

// together makes one error of several: mistakes in the settings are told together, and an outage alone.
func together(list []error) error {
	all := &config.Error{}
	for _, err := range list {
		var wrong *config.Error

		switch {
		case err == nil:
		case errors.As(err, &wrong):
			all.Problems = append(all.Problems, wrong.Problems...)
		default:
			return err
		}
	}

	if len(all.Problems) == 0 {
		return nil
	}

	return all
}
