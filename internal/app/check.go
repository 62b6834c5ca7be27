package app

import (
	"context"
	"errors"

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

// checked is what latchkey config --check found, as JSON.
type checked struct {
	CanStart bool     `json:"can_start"`
	Found    string   `json:"found"`    // of the database; empty where it cannot start
	Problems []string `json:"problems"` // why it cannot start
}

// check does what a start does before it listens, and changes nothing.
func (sh *shell) check() error {
	found, err := sh.examine()
	if err == nil {
		return sh.print(checked{CanStart: true, Found: found, Problems: []string{}}, "The settings are right. "+found)
	}
	if !sh.json {
		return err
	}

	result := checked{Problems: []string{err.Error()}}
	var wrong *config.Error
	if errors.As(err, &wrong) {
		result.Problems = nil
		for _, problem := range wrong.Problems {
			result.Problems = append(result.Problems, problem.Error())
		}
	}

	return errors.Join(sh.print(result, ""), err)
}

// examine says in a sentence what a start would find.
func (sh *shell) examine() (string, error) {
	a, err := sh.build()
	if err != nil {
		return "", err
	}
	defer a.Close()

	return a.examineDatabase(sh.ctx)
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
		problems = append(problems, explainSchema(a.DB.CheckFresh(ctx)))
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

// together joins several errors into one: mistakes in the settings are reported together, and an outage alone.
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
