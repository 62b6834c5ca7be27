// Package address owns which stored address a typed one means, and brings addresses of before to their
// normal form. It does not own that form (internal/email), nor what an address opens (internal/flow).
package address

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// Find returns the address that an account has to have for it to be meant by what was typed: the
// normal form, or exactly what was typed where an account of before keeps that form. What is no
// address is a problem of the parameter email.
func Find(ctx context.Context, q *db.Queries, typed string) (string, error) {
	former, possible := email.Former(typed)
	if possible {
		stored, err := q.FindStoredAddress(ctx, former)
		if err != nil {
			return "", err
		}

		if stored {
			return former, nil
		}
	}

	address, bad := email.Read(typed)
	if bad != nil {
		return address, bad.At("email")
	}

	return address, nil
}

// Stored returns the form in which an address is stored that was found some time ago: the one it had then, or
// the normal form where it has been brought to that since. What has no normal form stays as it is.
func Stored(ctx context.Context, q *db.Queries, found string) (string, error) {
	if _, possible := email.Former(found); !possible {
		return found, nil
	}

	stored, err := Find(ctx, q, found)
	if Invalid(err) != nil {
		return found, nil //nolint:nilerr // that it has no normal form is no error here
	}

	return stored, err
}

// Invalid is the problem that Find has found with what was typed; nil where it could not find out.
func Invalid(err error) *problem.Problem {
	var p *problem.Problem
	if errors.As(err, &p) && p.Kind == problem.Invalid {
		return p
	}

	return nil
}

// MarkStep is how many addresses Mark looks at.
const MarkStep = 500

// Mark writes the normal form beside a step of addresses of before, and returns how many those were.
// q belongs to a transaction.
func Mark(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) {
	list, err := q.ListFormerAddresses(ctx, MarkStep)
	if err != nil {
		return 0, err
	}

	for _, e := range list {
		normal, bad := email.Check(e.Address)
		if bad != nil { // it has none, and stays as it is
			normal = e.Address
		}

		mark := db.UpdateNormalFormParams{UserID: e.UserID, Address: e.Address, NormalForm: normal}
		if err := q.UpdateNormalForm(ctx, mark); err != nil {
			return 0, err
		}
	}

	return int64(len(list)), nil
}

// NormalizeStep is how many addresses Normalize looks at.
const NormalizeStep = 1

// Normalize brings an address of before to its normal form, wherever it is stored, and returns how many
// that were. One whose normal form is also that of an address in another form stays as it is: each signs in by
// exactly what is stored, and nothing is merged. q belongs to a transaction.
//
// All are marked before any is changed, so that of two forms of one address neither comes first.
func Normalize(ctx context.Context, q *db.Queries, _ time.Time) (int64, error) {
	unmarked, err := q.ListFormerAddresses(ctx, 1)
	if err != nil || len(unmarked) > 0 {
		return 0, err
	}

	list, err := q.ListAddressesToNormalize(ctx, NormalizeStep)
	if err != nil {
		return 0, err
	}

	for _, e := range list {
		// Race: a user who is about to verify the same address comes before or after, never in between
		// (TestAddress_theUpdateWaitsForAVerification).
		if err := q.LockAddress(ctx, e.NormalForm); err != nil {
			return 0, err
		}

		change := db.UpdateAddressNormalizedParams{Address: e.Address, NormalForm: e.NormalForm}
		if _, err := q.UpdateAddressNormalized(ctx, change); err != nil {
			return 0, err
		}
	}

	return int64(len(list)), nil
}

// Update brings all addresses of before to their normal form, and returns how many keep theirs. It may
// be cut off at any time and called again.
func Update(ctx context.Context, d *postgres.DB) (kept int64, err error) {
	for _, do := range []struct {
		step int64
		work func(context.Context, *db.Queries, time.Time) (int64, error)
	}{{MarkStep, Mark}, {NormalizeStep, Normalize}} {
		for n := do.step; n == do.step; {
			err := d.BackgroundTx(ctx, func(tx postgres.Tx) (err error) {
				n, err = do.work(ctx, tx.Queries, tx.Now)
				return err
			})
			if err != nil {
				return 0, err
			}
		}
	}

	return d.BackgroundQueries().CountAddressTwins(ctx)
}
