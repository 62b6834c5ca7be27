package account

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
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
	err := a.DB.Tx(ctx, func(tx postgres.Tx) error {
		if _, err := tx.LockUser(ctx, user); err != nil {
			return err
		}
		gone, err := tx.DeleteProviderAccount(ctx, db.DeleteProviderAccountParams{UserID: user, Provider: service, Uid: uid})
		if postgres.IsNotFound(err) {
			return problem.AccountNotFound
		}
		if err != nil {
			return err
		}
		if left, err = a.connected(ctx, tx.Queries, user); err != nil {
			return err
		}
		if len(left) == 0 {
			if err := a.otherWayIn(ctx, tx, user); err != nil {
				return err
			}
		}
		if err := a.enqueue(ctx, tx, gone); err != nil {
			return err
		}
		if err := a.note(ctx, tx, who, audit.ProviderDisconnected, ""); err != nil {
			return err
		}
		return a.Notices.Security(ctx, tx, user, outbox.ProviderDisconnected, who.Device)
	})
	return left, err
}

// otherWayIn returns a problem where somebody would have no way to sign in any more.
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
	// revokeWait is the pause before a server takes what another may be at.
	revokeWait = time.Minute
	// longestRevokeWait bounds the pause between two attempts, which doubles.
	longestRevokeWait = 6 * time.Hour
)

// enqueue has the grant of an account revoked, if there is one. The row is nobody's: it
// outlives the person.
func (a *Account) enqueue(ctx context.Context, tx postgres.Tx, row db.ProviderAccount) error {
	grant, ok := a.openGrant(row)
	if !ok {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	return tx.InsertRevocation(ctx, db.InsertRevocationParams{
		ID: id, Provider: row.Provider, ClientID: row.ClientID, Now: tx.Now, GrantSealed: a.Keys.Seal(grant, provider.RevocationAbout(id.String())),
	})
}

// openGrant reads a grant. One that cannot be read any more must not hold anything up.
func (a *Account) openGrant(row db.ProviderAccount) ([]byte, bool) {
	if len(row.GrantSealed) == 0 || a.Keys == nil {
		return nil, false
	}
	grant, err := a.Keys.Open(row.GrantSealed, provider.GrantAbout(row.Provider, row.Uid))
	if err != nil {
		a.Log.Error("a grant cannot be revoked", "provider", row.Provider, "user", row.UserID, "cause", err.Error())
	}
	return grant, err == nil
}

// revokeFirst asks the services of somebody who leaves to revoke their grants, before the
// account goes. What fails is asked again later (enqueue): it never holds the deletion back.
func (a *Account) revokeFirst(ctx context.Context, user int64) error {
	ctx, cancel := context.WithTimeout(ctx, revokeFirstFor)
	defer cancel()
	rows, err := a.DB.ListProviderAccounts(ctx, user)
	if err != nil {
		return err
	}
	for _, row := range rows {
		grant, ok := a.openGrant(row)
		if !ok {
			continue
		}
		if err := a.Services.Revoke(ctx, row.Provider, row.ClientID, string(grant)); err != nil {
			a.Log.Warn("a grant was not revoked; trying again for seven days", "provider", row.Provider, "cause", err.Error())
			if ctx.Err() != nil {
				return nil // the others have to wait, too: enqueue has them asked
			}
			continue
		}
		done := db.UpdateGrantSealedParams{Provider: row.Provider, Uid: row.Uid, Before: row.GrantSealed}
		if _, err := a.DB.UpdateGrantSealed(ctx, done); err != nil {
			return err
		}
	}
	return nil
}

// Revoke asks other services to revoke what is due, and returns how many answered. Several
// servers may do it at once.
func (a *Account) Revoke(ctx context.Context) (int, error) {
	now := a.DB.Now()
	due, err := a.DB.ListDueRevocations(ctx, db.ListDueRevocationsParams{Now: now, NextAt: now.Add(revokeWait)})
	if err != nil {
		return 0, err
	}
	done := 0
	var failed []error // one must not keep the others
	for _, r := range due {
		ok, err := a.revoke(ctx, r, now)
		if ok {
			done++
		}
		failed = append(failed, err)
	}
	return done, errors.Join(failed...)
}

func (a *Account) revoke(ctx context.Context, r db.Revocation, now time.Time) (bool, error) {
	err := errors.New("LATCHKEY_SEALING_KEYS is not set")
	if a.Keys != nil {
		var grant []byte
		if grant, err = a.Keys.Open(r.GrantSealed, provider.RevocationAbout(r.ID.String())); err == nil {
			err = a.Services.Revoke(ctx, r.Provider, r.ClientID, string(grant))
		}
	}
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
	return err == nil, a.DB.Tx(ctx, func(tx postgres.Tx) error {
		if err := tx.DeleteRevocation(ctx, r.ID); err != nil {
			return err
		}
		return a.Trail.Add(ctx, tx.Queries, tx.Now, event)
	})
}
