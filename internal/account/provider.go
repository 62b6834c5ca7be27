package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/snapshot"
)

// Connected is an account with another service.
type Connected struct {
	UID, Display string
	Service      provider.Listed
}

// Providers lists the services that the caller has connected.
func (a *Account) Providers(ctx context.Context, who caller.Caller) ([]Connected, error) {
	return a.connected(ctx, a.DB.Queries, who.Session.UserID)
}

func (a *Account) connected(ctx context.Context, q *db.Queries, userID int64) ([]Connected, error) {
	rows, err := q.ListProviderAccounts(ctx, userID)
	if err != nil {
		return nil, err
	}

	list := make([]Connected, 0, len(rows))
	for _, row := range rows {
		list = append(list, Connected{UID: row.Uid, Display: row.Display, Service: a.Services.Show(row.Provider, row.ClientID)})
	}

	return list, nil
}

// Disconnect removes a service from the caller's account, unless it is the last way in. Its
// grant is revoked.
func (a *Account) Disconnect(ctx context.Context, who caller.Caller, service, uid string) ([]Connected, error) {
	var left []Connected
	user := who.Session.UserID
	err := a.held(ctx, who, func(tx postgres.Tx) error {
		before, err := snapshot.Take(ctx, tx, user)
		if err != nil {
			return err
		}

		if err := a.mayDisconnect(ctx, tx, user, service, uid); err != nil {
			return err
		}

		gone, err := tx.DeleteProviderAccount(ctx, db.DeleteProviderAccountParams{UserID: user, Provider: service, Uid: uid})
		if err != nil {
			return err
		}

		if left, err = a.connected(ctx, tx.Queries, user); err != nil {
			return err
		}

		if err := a.enqueue(ctx, tx, gone); err != nil {
			return err
		}

		if err := a.note(ctx, tx, who, audit.ProviderDisconnected, ""); err != nil {
			return err
		}

		return a.changed(ctx, tx, who, before, outbox.ProviderDisconnected)
	})

	return left, err
}

// CheckDisconnect returns what keeps a provider from being removed.
func (a *Account) CheckDisconnect(ctx context.Context, who caller.Caller, service, uid string) error {
	return a.DB.Look(ctx, func(tx postgres.Tx) error {
		return a.mayDisconnect(ctx, tx, who.Session.UserID, service, uid)
	})
}

func (a *Account) mayDisconnect(ctx context.Context, tx postgres.Tx, user int64, service, uid string) error {
	rows, err := tx.ListProviderAccounts(ctx, user)
	if err != nil {
		return err
	}

	connected := slices.ContainsFunc(rows, func(row db.ProviderAccount) bool { return row.Provider == service && row.Uid == uid })
	if !connected {
		return problem.AccountNotFound
	}

	if len(rows) > 1 {
		return nil
	}

	return a.otherWayIn(ctx, tx, user)
}

// otherWayIn returns a problem if the user would have no way to sign in any more.
func (a *Account) otherWayIn(ctx context.Context, tx postgres.Tx, user int64) error {
	hash, err := tx.FindUserPassword(ctx, user)
	if err != nil {
		return err
	}

	if hash == nil {
		return problem.NoPassword
	}

	if !a.Policy.MustVerifyEmail() {
		return nil
	}

	list, err := tx.ListEmailAddresses(ctx, user)
	if err != nil {
		return err
	}

	for _, e := range list {
		if e.VerifiedAt != nil {
			return nil
		}
	}

	return problem.NoVerifiedEmail
}

const (
	// revokeFirstFor bounds what a deletion waits for: less than a request may take, so that
	// time is left for the deletion itself.
	revokeFirstFor = 4 * time.Second
	// revokeFor is how long a service is asked to revoke a grant.
	revokeFor = 7 * 24 * time.Hour
	// revokeLease is how long a server may be at what it has taken: longer than the whole
	// step lasts where the service does not answer, so that no other takes it meanwhile.
	revokeLease = 5 * time.Minute
	// revokeStep is how many a server takes at a time: the LIMIT of ListDueRevocations.
	revokeStep = 20
	// revokeWait is the pause after the first attempt, which doubles; longestRevokeWait
	// bounds it.
	revokeWait        = time.Minute
	longestRevokeWait = 6 * time.Hour
)

// enqueue has the grant of an account revoked, if there is one that can be read: one that
// cannot must not hold anything up.
func (a *Account) enqueue(ctx context.Context, tx postgres.Tx, row db.ProviderAccount) error {
	err := provider.GrantOf(row).Enqueue(ctx, tx.Queries, a.Keys, tx.Now)
	if errors.Is(err, secret.ErrSealed) {
		a.Log.ErrorContext(ctx, "a grant cannot be revoked", "provider", row.Provider, "user", row.UserID, "cause", err.Error())
		return nil
	}

	return err
}

// revokeFirst asks the providers to revoke the grants of a user before the account is deleted. A failed revocation
// is retried later (enqueue) and never delays the deletion. Revoked grants are cleared through q, so that an account
// which is kept after all has no dead grant (TestProviderGrant_isGoneAlsoWhereTheDeletionFails). It reports whether
// a provider did not answer in time.
func (a *Account) revokeFirst(ctx context.Context, q *db.Queries, user int64) (away bool, err error) {
	rows, err := q.ListProviderAccounts(ctx, user)
	if err != nil {
		return false, err
	}

	patience, cancel := context.WithTimeout(ctx, revokeFirstFor)
	defer cancel()

	for _, row := range rows {
		token, err := provider.GrantOf(row).Open(a.Keys)
		if err != nil || token == nil {
			continue // enqueue says so
		}

		if err := a.Services.Revoke(patience, row.Provider, row.ClientID, string(token)); err != nil {
			a.Log.Warn("a grant was not revoked; trying again for seven days", "provider", row.Provider, "cause", err.Error())

			if patience.Err() != nil {
				return true, nil // the others have to wait, too: enqueue has them asked
			}

			continue
		}

		done := db.UpdateGrantSealedParams{Provider: row.Provider, Uid: row.Uid, Before: row.GrantSealed}
		if _, err := q.UpdateGrantSealed(ctx, done); err != nil {
			return false, err
		}
	}

	return false, nil
}

// Revoke asks providers to revoke the grants that are due. Several servers may do it in parallel. If no revocation
// of a batch finishes, the provider is unreachable: the rest is left to the next run
// (TestProviderGrant_aServiceThatIsAwayIsAskedOneStepAtATime).
func (a *Account) Revoke(ctx context.Context) error {
	for {
		taken, gone, err := a.revokeDue(ctx)
		if err != nil || taken < revokeStep || gone == 0 || ctx.Err() != nil {
			return err
		}
	}
}

// revokeDue does one step: it takes what is due, of which some are gone afterwards.
func (a *Account) revokeDue(ctx context.Context) (taken, gone int, err error) {
	now := a.DB.Now()

	due, err := a.DB.ListDueRevocations(ctx, db.ListDueRevocationsParams{Now: now, NextAt: now.Add(revokeLease)})
	if err != nil {
		return 0, 0, err
	}

	var failed []error // one must not keep the others
	for _, r := range due {
		if ctx.Err() != nil {
			break
		}

		ended, err := a.revoke(ctx, r)
		if ended {
			gone++
		}

		failed = append(failed, err)
	}

	return len(due), gone, errors.Join(failed...)
}

// revoke asks for one, and reports whether that was the end of it: it is revoked, or given up.
func (a *Account) revoke(ctx context.Context, r db.Revocation) (ended bool, err error) {
	err = errors.New("LATCHKEY_SEALING_KEYS is not set")
	if a.Keys != nil {
		var token []byte
		if token, err = a.Keys.Open(r.GrantSealed, provider.RevocationAbout(r.ID.String())); err == nil {
			err = a.Services.Revoke(ctx, r.Provider, r.ClientID, string(token))
		}
	}

	now := a.DB.Now() // it may have taken a while

	given := now.Sub(r.CreatedAt) > revokeFor
	if err != nil && !given {
		a.Log.Warn("a grant was not revoked; trying again", "provider", r.Provider, "attempts", r.Attempts, "cause", err.Error())
		wait := revokeWait << min(r.Attempts-1, 10)
		return false, a.DB.UpdateRevocationNext(ctx, db.UpdateRevocationNextParams{ID: r.ID, NextAt: now.Add(min(wait, longestRevokeWait))})
	}

	if err != nil {
		a.Log.Error("a grant was not revoked in seven days, and is given up", "provider", r.Provider, "cause", err.Error())
	}

	event := audit.Event{Name: audit.GrantRevoked, Failed: err != nil, Actor: audit.Server}

	return true, a.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := tx.DeleteRevocation(ctx, r.ID); err != nil {
			return err
		}

		return a.Trail.Add(ctx, tx.Queries, tx.Now, event)
	})
}
