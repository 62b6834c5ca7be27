package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/sharedkey"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// keys are what the program hashes and seals with. Where the settings name none they are shared keys,
// and known once the database has answered.
type keys struct {
	hmac *secret.Key
	// passing seals what is read again soon, and lasting what is kept; nil where the settings name no
	// sealing keys.
	passing, lasting *secret.Sealer

	shared *sharedkey.Store
}

// sharedSealing is the id of the sealing key that servers share where the settings name none. Servers
// before 0.2.0 derived it from the signing key, hence the name.
const sharedSealing = "derived"

// newKeys makes the keys that the settings name. The others follow with keys.shared.Sync.
func newKeys(c config.Config, d *postgres.DB, ring *token.Keyring) (*keys, error) {
	k := &keys{hmac: &secret.Key{}, passing: secret.EmptySealer()}
	if c.Outbox.SealingKeys != "" {
		sealer, err := secret.ParseSealer(c.Outbox.SealingKeys)
		if err != nil {
			return nil, fmt.Errorf("LATCHKEY_SEALING_KEYS: %w", err)
		}
		k.passing, k.lasting = sealer, sealer
	}

	var shared []*sharedkey.Key
	if c.Limit.HMACKey != "" {
		k.hmac.Set([]byte(c.Limit.HMACKey))
	} else {
		shared = append(shared, &sharedkey.Key{
			Name: sharedkey.HMAC, Set: k.hmac.Set,
			Before: func() []byte { return ring.Derive("hmac") },
		})
	}
	if k.lasting == nil || !k.lasting.Has(sharedSealing) {
		shared = append(shared, &sharedkey.Key{
			Name: sharedkey.Sealing,
			// Where the settings name keys, this one still opens the messages of before they did.
			Optional: k.lasting != nil,
			Set:      func(key []byte) { k.passing.Add(sharedSealing, key) },
			Before:   func() []byte { return ring.Derive("sealing") },
		})
	}
	k.shared = sharedkey.New(d, func() []sharedkey.Wrapper { return wrappers(ring, k.lasting) }, shared...)
	return k, nil
}

// wrappers are the keys of the settings that seal shared keys. Either may be nil.
func wrappers(ring *token.Keyring, sealer *secret.Sealer) []sharedkey.Wrapper {
	var list []sharedkey.Wrapper
	if sealer != nil {
		list = append(list, sharedkey.Wrapper{ID: "sealing:" + sealer.Newest(), Sealer: sealer})
	}
	if ring == nil {
		return list
	}
	for _, k := range ring.DeriveEach("shared") {
		list = append(list, sharedkey.Wrapper{ID: "signing:" + k.ID, Sealer: secret.NewSealer("signing", k.Bytes)})
	}
	return list
}

// awaitOthers is how long a start waits for a server that runs to seal the shared keys for a signing key
// that is new to both, which it does within keysEvery, or to be silent for so long that it cannot run.
const awaitOthers = 90 * time.Second

// prepareKeys reads the shared keys, or makes them. Where no key of the settings opens them, and no server
// runs that can, they are made anew: the signing key has been replaced.
func (a *App) prepareKeys(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, awaitOthers)
	defer cancel()
	told := false
	for {
		err := a.keys.shared.Sync(ctx)
		var foreign *sharedkey.ForeignError
		if !errors.As(err, &foreign) {
			return err
		}
		if a.console != nil {
			a.log.Warn("the keys of this --dir do not open what other servers share in this database: going on with keys of its own")
			a.keys.shared.UseOwn()
			return nil
		}
		if !told {
			a.log.Warn("this server cannot open the shared keys; waiting for a server that can", "keys", foreign.KeyIDs)
			told = true
		}
		if a.keys.shared.Replace(ctx) == nil {
			a.log.Warn("no server runs that can open the shared keys: made them anew. Codes and messages that are out are lost, and counted limits")
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-waiting.Done():
			return &config.Error{Problems: []error{err}}
		case <-time.After(time.Second):
		}
	}
}

// shareKeys seals the shared keys for signing keys that are new. What fails is tried again with the next
// look at the key file.
func (a *App) shareKeys() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := a.keys.shared.Sync(ctx)
	if err != nil && !errors.Is(err, problem.TemporarilyUnavailable) {
		a.log.Error("the shared keys cannot be read; going on with those that are loaded", "cause", err.Error())
	}
}
