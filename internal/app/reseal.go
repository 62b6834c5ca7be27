package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/sharedkey"
)

type keysResealCommand struct{}

// Help is shown by `latchkey keys reseal --help`.
func (keysResealCommand) Help() string {
	return `Needs DATABASE_URL and LATCHKEY_SEALING_KEYS. To change the key:

  1. put a new one first:  LATCHKEY_SEALING_KEYS=new:…,old:…  and restart all servers;
  2. latchkey keys reseal
  3. seven days later, when no message is left that was given up before, drop the old one.

Runs beside servers, can be cut off and repeated, and says how many it has moved. What it
cannot read it leaves as it is, says which key is missing, and fails: put that key back and
run it again.`
}

// Run seals with the newest key what another one has sealed.
func (keysResealCommand) Run(sh *shell) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	if settings.Outbox.SealingKeys == "" {
		return errors.New("LATCHKEY_SEALING_KEYS is not set: there is no key to seal with")
	}
	keys, err := secret.ParseSealer(settings.Outbox.SealingKeys)
	if err != nil {
		return fmt.Errorf("LATCHKEY_SEALING_KEYS: %w", err)
	}
	if err := addShared(sh, d, settings, keys); err != nil {
		return err
	}
	return resealAll(sh, d.Queries, keys)
}

// addShared adds the key that servers shared before LATCHKEY_SEALING_KEYS was set, where it can be opened.
func addShared(sh *shell, d *postgres.DB, settings config.Config, keys *secret.Sealer) error {
	if keys.Has(sharedSealing) {
		return nil
	}
	ring, err := sh.givenRing(settings.Token)
	if err != nil {
		return err
	}
	set := func(key []byte) { keys.Add(sharedSealing, key) }
	shared := &sharedkey.Key{Name: sharedkey.Sealing, Optional: true, Set: set}
	if ring != nil {
		shared.Before = func() []byte { return ring.Derive("sealing") }
	}
	return sharedkey.New(d, func() []sharedkey.Wrapper { return wrappers(ring, keys) }, shared).Sync(sh.ctx)
}

// resealed is what became of the secrets of a kind.
type resealed struct {
	Kind       string `json:"kind"`
	Moved      int    `json:"moved"`
	Unreadable int    `json:"unreadable"`
}

// text is resealed as a line.
func (r resealed) text() string {
	return fmt.Sprintf("%s: %d moved to the newest key, %d unreadable", r.Kind, r.Moved, r.Unreadable)
}

// resealAll goes through all kinds, also where some cannot be read: what can be moved is.
func resealAll(sh *shell, q *db.Queries, keys *secret.Sealer) error {
	unreadable := 0
	var missing []string
	for _, kind := range []struct {
		name   string
		reseal func(context.Context, *db.Queries, *secret.Resealing) error
	}{{"secrets of authenticators", authenticator.Reseal}, {"grants of other services", resealGrants}, {"messages", outbox.Reseal}} {
		r := &secret.Resealing{Keys: keys}
		err := kind.reseal(sh.ctx, q, r)
		line := resealed{Kind: kind.name, Moved: r.Moved, Unreadable: r.Unreadable}
		if printed := sh.print(line, line.text()); printed != nil {
			return printed
		}
		if err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
		unreadable += r.Unreadable
		missing = append(missing, r.Missing...)
	}
	if unreadable == 0 {
		return nil
	}
	return fmt.Errorf("%d cannot be read and were left as they are: %s", unreadable, advice(missing))
}

// advice says what becomes of what cannot be read.
func advice(missing []string) string {
	slices.Sort(missing)
	missing = slices.Compact(missing)
	derived := slices.Index(missing, sharedSealing)
	if derived >= 0 {
		missing = slices.Delete(missing, derived, derived+1)
	}
	switch {
	case len(missing) > 0:
		return fmt.Sprintf("put %q back behind the newest key and run this again (a key must stay in LATCHKEY_SEALING_KEYS until everything is resealed)", missing)
	case derived >= 0:
		return "they are of the time before LATCHKEY_SEALING_KEYS was set: start a server with it and run this again, or wait; they are erased when they are seven days old"
	}
	return "their keys are there, so they were damaged or moved, and nobody can read them"
}

// resealGrants moves the grants of accounts, and those that are being revoked.
func resealGrants(ctx context.Context, q *db.Queries, r *secret.Resealing) error {
	after := db.ListSealedGrantsParams{}
	for {
		rows, err := q.ListSealedGrants(ctx, after)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			after = db.ListSealedGrantsParams{AfterProvider: row.Provider, AfterUid: row.Uid}
			err := r.Move(row.GrantSealed, provider.GrantAbout(row.Provider, row.Uid), func(fresh []byte) (int64, error) {
				return q.UpdateGrantSealed(ctx, db.UpdateGrantSealedParams{Provider: row.Provider, Uid: row.Uid, Before: row.GrantSealed, GrantSealed: fresh})
			})
			if err != nil {
				return err
			}
		}
	}
	due, err := q.ListSealedRevocations(ctx)
	if err != nil {
		return err
	}
	for _, row := range due {
		err := r.Move(row.GrantSealed, provider.RevocationAbout(row.ID.String()), func(fresh []byte) (int64, error) {
			return q.UpdateRevocationSealed(ctx, db.UpdateRevocationSealedParams{ID: row.ID, Before: row.GrantSealed, GrantSealed: fresh})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
