package account

import (
	"context"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/unverified"
)

// storeOrReplace writes an address that a link will verify. An account that has verified
// nothing has no further address: the new one takes the place of the unverified one.
func (a *Account) storeOrReplace(ctx context.Context, tx postgres.Tx, who caller.Caller, list []Address, address string) error {
	refused, err := unverified.Refuses(ctx, tx, a.Policy, who.Session.UserID)
	if err != nil {
		return err
	}

	if refused {
		return a.replaceUnverified(ctx, tx, who, address)
	}

	return a.store(ctx, tx, who, list, address)
}

// replaceUnverified puts an address in the place of the account's unverified ones, and drops
// the links and codes that were mailed to those.
func (a *Account) replaceUnverified(ctx context.Context, tx postgres.Tx, who caller.Caller, address string) error {
	user := who.Session.UserID

	gone, err := tx.DeleteEmailAddresses(ctx, user)
	if err != nil {
		return err
	}

	for _, old := range gone {
		if err := a.note(ctx, tx, who, audit.EmailRemoved, old.Address); err != nil {
			return err
		}
	}

	err = tx.InsertEmailAddress(ctx, db.InsertEmailAddressParams{UserID: user, Address: address, IsPrimary: true, Now: tx.Now})
	if err != nil {
		return err
	}

	if err := code.DropStray(ctx, tx, user); err != nil {
		return err
	}

	return a.note(ctx, tx, who, audit.EmailAdded, address)
}
