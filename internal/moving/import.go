package moving

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// ErrNoKeys says that users have secrets, and the settings no key that seals them.
var ErrNoKeys = authenticator.ErrNoKeys

// defaultBatch is how many lines are stored with one commit.
const defaultBatch = 5000

// Import reads a file of the format and stores what it says. It stores nothing where a conflict is open, and
// then returns a *ConflictsError. show is called for each conflict.
//
// What was stored before stays as it is: a second run changes nothing, and a run after one that was killed goes
// on with what is missing.
func (m *Mover) Import(ctx context.Context, in io.Reader, options Options, show func(Conflict) error) (*Report, error) {
	if options.Batch == 0 {
		options.Batch = defaultBatch
	}
	report := newReport(options.Mode)
	if err := m.checkPhase(ctx, options.Mode); err != nil {
		return report, err
	}

	err := m.DB.Stage(ctx, func(to *postgres.Staging) error {
		if err := lock(ctx, to); err != nil {
			return err
		}

		s := &staging{
			reading: reading{Mover: m, head: &format.Head{}, accepted: options.Accepted, report: report, now: m.DB.Now()},
			to:      to, options: options, in: format.NewReader(in), nextAuthenticator: firstOfRun(), nextListing: firstOfRun(),
		}

		return s.run(ctx, show)
	})

	return report, err
}

// How long an import waits for the lock: PostgreSQL may still clean up after one that has just ended.
const (
	lockTries = 75
	lockPause = 200 * time.Millisecond
)

// lock takes the lock of imports, which ends with the connection.
func lock(ctx context.Context, to *postgres.Staging) error {
	for range lockTries {
		free := false
		err := to.Tx(ctx, func(tx postgres.Tx) (err error) {
			free, err = tx.TryImportLock(ctx)
			return err
		})
		if err != nil || free {
			return err
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}

	return ErrBusy
}

// run is an import with its connection.
func (s *staging) run(ctx context.Context, show func(Conflict) error) error {
	if err := s.stage(ctx); err != nil {
		return err
	}
	s.progress("checking", 0, 0)
	if err := s.to.Index(ctx); err != nil {
		return err
	}
	if err := s.to.Tx(ctx, func(tx postgres.Tx) error { return s.check(ctx, tx) }); err != nil {
		return err
	}
	if err := conflicts(ctx, s.to, show); err != nil {
		return err
	}
	if open := s.report.OpenConflicts(); open > 0 {
		return &ConflictsError{open}
	}

	switch s.options.Mode {
	case ModeDryRun:
		return nil
	case ModeLateTokens:
		return s.storeLateTokens(ctx)
	}
	if err := s.store(ctx); err != nil {
		return explain(err)
	}

	return nil
}

func (s *staging) progress(step string, done, total int64) {
	if s.options.Progress != nil {
		s.options.Progress(Progress{Step: step, Bytes: s.in.Bytes(), Done: done, Total: total})
	}
}

// explain says of an error what an operator can do about it.
func explain(err error) error {
	if constraint, isBroken := postgres.BrokenConstraint(err); isBroken {
		return fmt.Errorf("something changed here meanwhile (%s): run the import again; it goes on where it was", constraint)
	}

	return err
}

// check finds conflicts among the lines, and with what is here.
func (s *staging) check(ctx context.Context, tx postgres.Tx) error {
	statements := []func(context.Context) error{
		tx.UpdateImportSessionUsers, tx.UpdateImportSessionUsersHere, tx.UpdateImportSessionUsersHereByID,
	}
	if s.options.Mode != ModeLateTokens {
		statements = append(statements,
			tx.ConflictsOfUserLines, tx.ConflictsOfOtherUsers, tx.ConflictsOfEmails, tx.ConflictsOfUsernames, tx.ConflictsOfPhones, tx.ConflictsOfHandles,
			tx.ConflictsOfProviders, tx.ConflictsOfCredentials, tx.ConflictsOfAuthenticators, tx.ConflictsOfTenants, tx.ConflictsOfMemberships,
			func(ctx context.Context) error {
				return tx.ConflictsOfUsernamesAndEmails(ctx, s.accepts(UsernameIsAddress))
			},
			func(ctx context.Context) error { return tx.ConflictsOfSessions(ctx, s.accepts(SessionWithoutUser)) },
		)
		if s.head.IsComplete() {
			statements = append(statements, func(ctx context.Context) error { return tx.ConflictsOfMissingUsers(ctx, s.accepts(UserMissing)) })
		}
	}
	for _, statement := range statements {
		if err := statement(ctx); err != nil {
			return err
		}
	}

	counted, err := tx.CountImport(ctx)
	if err != nil {
		return err
	}
	s.report.New, s.report.Changed, s.report.Unchanged = counted.UsersNew, counted.UsersChanged, counted.UsersUnchanged
	s.report.Users = s.report.New + s.report.Changed + s.report.Unchanged

	found, err := tx.CountConflicts(ctx)
	for _, f := range found {
		if f.IsAccepted {
			s.report.Accepted[f.Kind] = f.Count
		} else {
			s.report.Open[f.Kind] = f.Count
		}
	}

	return err
}

func (s *staging) accepts(kind string) bool {
	return slices.Contains(s.accepted, kind)
}

// store stores what was staged. Each transaction leaves a database that a later run goes on with.
func (s *staging) store(ctx context.Context) error {
	if err := s.write(ctx, func(tx postgres.Tx) error { return s.remove(ctx, tx) }); err != nil {
		return err
	}
	if err := s.write(ctx, func(tx postgres.Tx) error { return release(ctx, tx) }); err != nil {
		return err
	}

	if err := s.storeUsers(ctx); err != nil {
		return err
	}
	if err := s.storeSessions(ctx); err != nil {
		return err
	}
	if !s.head.IsComplete() {
		return nil
	}

	return s.write(ctx, func(tx postgres.Tx) error {
		n, err := tx.EndMissingSessions(ctx, tx.Now)
		s.report.SessionsEnded += n

		return err
	})
}
