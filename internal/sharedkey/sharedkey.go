// Package sharedkey owns the keys that all servers of a database share where the settings name none: they
// are made once and kept in the database, sealed with every key that the settings do name. So they
// depend neither on when a server started nor on which signing key signs.
package sharedkey

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// What the keys are for.
const (
	HMAC    = "hmac"
	Sealing = "sealing"
)

const keySize = 32

// Wrapper is a key of the settings: it seals a shared key, and opens it again.
type Wrapper struct {
	// ID names it in the database; see the comment of shared_secrets.key_id.
	ID     string
	Sealer *secret.Sealer
}

// Key is a shared key.
type Key struct {
	Name string
	// Before returns what servers before 0.2.0 derived from the signing key. Where the database was
	// served by one of them, that becomes the shared key, so that what it has stored is still read.
	// nil: there is no signing key to derive from.
	Before func() []byte
	// Optional keys are used where they are, and never made. Until the database has one, it is what servers
	// before 0.2.0 derived: settings that name keys since the upgrade still need what was sealed before.
	Optional bool
	// Set hands the key over. It is called again if the key changes.
	Set func(key []byte)

	id    uuid.UUID
	bytes []byte
}

// Store keeps the shared keys in the database.
type Store struct {
	db       *postgres.DB
	wrappers func() []Wrapper

	mu   sync.Mutex // guards the keys: one Sync at a time
	keys []*Key
}

// New returns a store for some keys. wrappers returns the keys of the settings as they are now.
func New(d *postgres.DB, wrappers func() []Wrapper, keys ...*Key) *Store {
	for _, k := range keys {
		if k.Optional && k.Before != nil {
			k.Set(k.Before())
		}
	}

	return &Store{db: d, wrappers: wrappers, keys: keys}
}

// ForeignError says that none of the settings' keys opens a shared key.
type ForeignError struct {
	KeyIDs []string
	// SeenBefore is how long ago a server that runs had one of those keys.
	SeenBefore time.Duration
}

// Error says which keys would.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("servers run on this database with other keys (%s), and share with each other what this one cannot open: "+
		"add one of those to HEADLESS_JWT_PRIVATE_KEY, or to LATCHKEY_SEALING_KEYS where its name begins with sealing, "+
		"or stop those servers", strings.Join(e.KeyIDs, ", "))
}

// Sync reads the shared keys, makes those that are missing, seals them for every key of the settings that
// cannot open them yet, and notes that a server has them. It is called at the start and every 20 seconds:
// so a signing key that is published before it signs opens them before it is the only one.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.sync(ctx, false)
}

// abandoned is after what time of silence no server is taken to run that has a key.
const abandoned = time.Minute

// Replace is Sync, and makes keys anew that none of the settings' keys opens, unless a server runs that
// can. What was hashed and sealed with the old ones is lost.
func (s *Store) Replace(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()

	return s.sync(ctx, true)
}

// Open returns a shared key, or nil where there is none that a key of the settings opens. It writes nothing:
// for commands, which are no servers.
func Open(ctx context.Context, q *db.Queries, name string, wrappers []Wrapper) ([]byte, error) {
	rows, err := q.ListSharedSecrets(ctx)
	if err != nil {
		return nil, err
	}

	_, bytes := (&Key{}).open(named(rows, name), wrappers)

	return bytes, nil
}

// UseOwn hands keys over that only this process has, in the place of those that it cannot open, and
// leaves the database alone: for development.
func (s *Store) UseOwn() {
	s.mu.Lock()
	defer s.mu.Unlock()

	for _, k := range s.keys {
		if k.bytes == nil && !k.Optional {
			k.Set(k.Before())
		}
	}
}

func (s *Store) sync(ctx context.Context, replace bool) error {
	q := s.db.BackgroundQueries()

	rows, err := q.ListSharedSecrets(ctx)
	if err != nil {
		return err
	}

	wrappers := s.wrappers()
	if s.lacking(rows, wrappers) {
		err = s.db.Tx(ctx, func(tx postgres.Tx) error {
			if err := tx.LockSharedSecrets(ctx); err != nil {
				return err
			}

			if rows, err = tx.ListSharedSecrets(ctx); err != nil {
				return err
			}

			rows, err = s.complete(ctx, tx, completion{rows: rows, wrappers: wrappers, replace: replace})

			return err
		})
		if err != nil {
			return err
		}
	}

	if err := s.use(rows, wrappers); err != nil {
		return err
	}

	_ = q.UpdateSharedSecretsSeen(ctx, ids(wrappers)) // a standby takes no notes, and serves what it can

	return nil
}

// lacking reports whether a row has to be written.
func (s *Store) lacking(rows []db.ListSharedSecretsRow, wrappers []Wrapper) bool {
	for _, k := range s.keys {
		mine := named(rows, k.Name)
		if k.Optional && len(mine) == 0 {
			continue
		}

		for _, w := range wrappers {
			if !slices.ContainsFunc(mine, func(r db.ListSharedSecretsRow) bool { return r.KeyID == w.ID }) {
				return true
			}
		}
	}

	return false
}

// completion is what the database has, and is to have.
type completion struct {
	rows     []db.ListSharedSecretsRow
	wrappers []Wrapper
	replace  bool // whether keys that cannot be opened are made anew
}

// complete adds the rows that are missing, and returns all. Its caller has the lock.
func (s *Store) complete(ctx context.Context, tx postgres.Tx, c completion) ([]db.ListSharedSecretsRow, error) {
	for _, k := range s.keys {
		id, bytes, err := find(ctx, tx, k, &c)
		if err != nil {
			return nil, err
		}

		if bytes == nil {
			continue
		}

		for _, w := range c.wrappers {
			there := func(r db.ListSharedSecretsRow) bool { return r.Name == k.Name && r.KeyID == w.ID }
			if slices.ContainsFunc(c.rows, there) {
				continue
			}

			row := db.InsertSharedSecretParams{
				Name: k.Name, KeyID: w.ID, SecretID: id, Sealed: w.Sealer.Seal(bytes, about(k.Name, w.ID, id)),
			}
			if err := tx.InsertSharedSecret(ctx, row); err != nil {
				return nil, err
			}

			c.rows = append(c.rows, db.ListSharedSecretsRow{Name: row.Name, KeyID: row.KeyID, SecretID: row.SecretID, Sealed: row.Sealed})
		}
	}

	return c.rows, nil
}

// find returns a key that is there, or makes it. It returns no bytes for an optional key that is not
// there or cannot be opened.
func find(ctx context.Context, tx postgres.Tx, k *Key, c *completion) (uuid.UUID, []byte, error) {
	mine := named(c.rows, k.Name)

	id, bytes := k.open(mine, c.wrappers)
	if bytes != nil || k.Optional {
		return id, bytes, nil
	}

	if len(mine) > 0 {
		return giveUp(ctx, tx, k, c)
	}

	before, err := tx.FindServedBefore(ctx)
	if err != nil {
		return uuid.UUID{}, nil, err
	}

	if before {
		return secret.Bits128(), k.Before(), nil
	}

	return secret.Bits128(), random(), nil
}

// giveUp makes a key anew that cannot be opened, unless a server runs that can.
func giveUp(ctx context.Context, tx postgres.Tx, k *Key, c *completion) (uuid.UUID, []byte, error) {
	cause := foreign(named(c.rows, k.Name))
	if !c.replace || cause.SeenBefore < abandoned {
		return uuid.UUID{}, nil, cause
	}

	if err := tx.DeleteSharedSecret(ctx, k.Name); err != nil {
		return uuid.UUID{}, nil, err
	}

	c.rows = slices.DeleteFunc(c.rows, func(r db.ListSharedSecretsRow) bool { return r.Name == k.Name })

	return secret.Bits128(), random(), nil
}

func random() []byte {
	bytes := make([]byte, keySize)
	_, _ = rand.Read(bytes)
	return bytes
}

// open returns a key from its rows. One that this process has is opened already: the keys of the
// settings may all be new to it.
func (k *Key) open(rows []db.ListSharedSecretsRow, wrappers []Wrapper) (uuid.UUID, []byte) {
	for _, r := range rows {
		if k.bytes != nil && r.SecretID == k.id {
			return k.id, k.bytes
		}
	}

	for _, r := range rows {
		for _, w := range wrappers {
			if bytes, err := w.Sealer.Open(r.Sealed, about(r.Name, r.KeyID, r.SecretID)); err == nil {
				return r.SecretID, bytes
			}
		}
	}

	return uuid.UUID{}, nil
}

// use hands the keys over that the rows hold.
func (s *Store) use(rows []db.ListSharedSecretsRow, wrappers []Wrapper) error {
	for _, k := range s.keys {
		mine := named(rows, k.Name)

		id, bytes := k.open(mine, wrappers)
		if bytes == nil && !k.Optional {
			return foreign(mine)
		}

		if bytes == nil || id == k.id {
			continue
		}

		k.id, k.bytes = id, bytes
		k.Set(bytes)
	}

	return nil
}

func named(rows []db.ListSharedSecretsRow, name string) []db.ListSharedSecretsRow {
	var list []db.ListSharedSecretsRow
	for _, r := range rows {
		if r.Name == name {
			list = append(list, r)
		}
	}

	return list
}

func ids(wrappers []Wrapper) []string {
	list := make([]string, 0, len(wrappers))
	for _, w := range wrappers {
		list = append(list, w.ID)
	}

	return list
}

func foreign(rows []db.ListSharedSecretsRow) *ForeignError {
	e := &ForeignError{SeenBefore: time.Duration(math.MaxInt64)}
	for _, r := range rows {
		e.KeyIDs = append(e.KeyIDs, r.KeyID)
		e.SeenBefore = min(e.SeenBefore, time.Duration(r.SeenBefore*float64(time.Second)))
	}

	return e
}

// about is what a sealed key belongs to.
func about(name, keyID string, id uuid.UUID) string {
	return "shared|" + name + "|" + keyID + "|" + id.String()
}
