package moving

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
)

// remove removes what does not exist any more at the source. Of users it removes those alone that an import
// made.
func (s *staging) remove(ctx context.Context, tx postgres.Tx) error {
	users, err := tx.ListGoneUsers(ctx, s.head.IsComplete() && s.accepts(UserMissing))
	if err != nil {
		return err
	}

	trail := audit.New(nil)
	for _, u := range users {
		n, err := tx.DeleteImportedUser(ctx, u.ID)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		event := audit.Event{Name: audit.AccountDeleted, Actor: audit.Operator, UserID: u.ID, Details: map[string]any{"by": "import"}}
		if err := trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
			return err
		}
		if _, err := tx.UpdateAuditEventsOfUser(ctx, u.ID); err != nil {
			return err
		}
		s.report.Gone++
	}

	s.report.SessionsEnded, err = tx.EndGoneSessions(ctx, tx.Now)

	return err
}

// write runs f in a transaction. Where the service has gone live meanwhile, it ends the import.
func (s *staging) write(ctx context.Context, f func(tx postgres.Tx) error) error {
	return s.to.Tx(ctx, func(tx postgres.Tx) error {
		phase, err := tx.LockMovingPhase(ctx)
		switch {
		case postgres.IsNotFound(err):
		case err != nil:
			return err
		case phase == PhaseLive && s.options.Mode != ModeLateTokens:
			return ErrLive
		}

		return f(tx)
	})
}

// release takes from users who were imported before what another user's line has now. Their own lines are
// stored later in the same run, or in the one after it.
func release(ctx context.Context, tx postgres.Tx) error {
	statements := []func(context.Context) error{
		tx.DeleteMovedEmails, tx.UpdateMovedUsernames, tx.UpdateMovedPhones, tx.UpdateMovedHandles, tx.DeleteMovedProviders, tx.DeleteMovedCredentials,
		func(ctx context.Context) error { _, err := tx.InsertImportedTenants(ctx); return err },
	}
	for _, statement := range statements {
		if err := statement(ctx); err != nil {
			return err
		}
	}

	return nil
}

// storeUsers stores users with all that is theirs, a batch with each commit.
func (s *staging) storeUsers(ctx context.Context) error {
	total := s.report.New + s.report.Changed
	after, done := int64(0), int64(0)
	for {
		n := 0
		err := s.write(ctx, func(tx postgres.Tx) error {
			lines, err := tx.ListImportLines(ctx, db.ListImportLinesParams{After: after, Most: int32(s.options.Batch)}) //nolint:gosec // G115: a batch is small
			if n = len(lines); err != nil || n == 0 {
				return err
			}
			after = lines[n-1]

			return storeBatch(ctx, tx, lines)
		})
		if err != nil || n == 0 {
			return err
		}
		done += int64(n)
		s.progress("users", done, total)
	}
}

// storeBatch stores the users of a range of lines. What users had that were here before is written anew.
//
// Race: a user who has come here since the check is not changed (TestMovingIn_noLineTouchesAUserOfThisService).
func storeBatch(ctx context.Context, tx postgres.Tx, lines []int64) error {
	first, last := lines[0], lines[len(lines)-1]
	stored, err := tx.InsertImportedUsers(ctx, db.InsertImportedUsersParams{Now: tx.Now, First: first, Last: last})
	if err != nil {
		return err
	}
	if stored != int64(len(lines)) {
		return ErrTaken
	}

	statements := []func() error{
		func() error {
			return tx.DeleteImportedEmails(ctx, db.DeleteImportedEmailsParams{First: first, Last: last})
		},
		func() error {
			return tx.DeleteImportedAuthenticators(ctx, db.DeleteImportedAuthenticatorsParams{First: first, Last: last})
		},
		func() error {
			return tx.DeleteImportedProviders(ctx, db.DeleteImportedProvidersParams{First: first, Last: last})
		},
		func() error {
			return tx.DeleteImportedMemberships(ctx, db.DeleteImportedMembershipsParams{First: first, Last: last})
		},
		func() error {
			return tx.InsertImportedEmails(ctx, db.InsertImportedEmailsParams{Now: tx.Now, First: first, Last: last})
		},
		func() error {
			return tx.InsertImportedAuthenticators(ctx, db.InsertImportedAuthenticatorsParams{First: first, Last: last})
		},
		func() error {
			return tx.InsertImportedCredentials(ctx, db.InsertImportedCredentialsParams{First: first, Last: last})
		},
		func() error {
			return tx.InsertImportedProviders(ctx, db.InsertImportedProvidersParams{First: first, Last: last})
		},
		func() error {
			return tx.InsertImportedMemberships(ctx, db.InsertImportedMembershipsParams{First: first, Last: last})
		},
		func() error {
			return tx.UpsertImportedUsers(ctx, db.UpsertImportedUsersParams{First: first, Last: last})
		},
	}
	for _, statement := range statements {
		if err := statement(); err != nil {
			return err
		}
	}

	return nil
}

// eachSessionBatch calls store for ranges of the lines of sessions, with a commit each.
func (s *staging) eachSessionBatch(ctx context.Context, store func(tx postgres.Tx, first, last int64) error) error {
	after, done := int64(0), int64(0)
	for {
		n := 0
		err := s.write(ctx, func(tx postgres.Tx) error {
			lines, err := tx.ListImportSessionLines(ctx, db.ListImportSessionLinesParams{After: after, Most: int32(s.options.Batch)}) //nolint:gosec // G115: a batch is small
			if n = len(lines); err != nil || n == 0 {
				return err
			}
			first := lines[0]
			after = lines[n-1]

			return store(tx, first, after)
		})
		if err != nil || n == 0 {
			return err
		}
		done += int64(n)
		s.progress("sessions", done, s.report.Sessions)
	}
}

// storeSessions stores sessions and the refresh tokens that the source handed out.
func (s *staging) storeSessions(ctx context.Context) error {
	return s.eachSessionBatch(ctx, func(tx postgres.Tx, first, last int64) error {
		stored, err := tx.InsertImportedSessions(ctx, db.InsertImportedSessionsParams{First: first, Last: last})
		if err != nil {
			return err
		}
		if _, err := tx.DeleteSpentRefreshTokens(ctx, db.DeleteSpentRefreshTokensParams{First: first, Last: last}); err != nil {
			return err
		}
		tokens, err := tx.InsertOldRefreshTokens(ctx, db.InsertOldRefreshTokensParams{First: first, Last: last})
		s.report.SessionsStored += stored
		s.report.RefreshTokens += tokens

		return err
	})
}

// storeLateTokens stores refresh tokens alone, of sessions that nobody has refreshed here.
func (s *staging) storeLateTokens(ctx context.Context) error {
	return s.eachSessionBatch(ctx, func(tx postgres.Tx, first, last int64) error {
		if _, err := tx.UpdateSessionsOfLateTokens(ctx, db.UpdateSessionsOfLateTokensParams{First: first, Last: last}); err != nil {
			return err
		}
		tokens, err := tx.InsertOldRefreshTokens(ctx, db.InsertOldRefreshTokensParams{First: first, Last: last})
		s.report.RefreshTokens += tokens

		return err
	})
}
