package app

import (
	"context"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// keyring reads the keys, from the file where one is named: it is the whole key state,
// and is read again while the server runs.
func keyring(s token.Settings, clock postgres.Clock) (*token.Keyring, error) {
	if s.PrivateKeyFile == "" {
		ring, err := token.NewKeyring(s.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("HEADLESS_JWT_PRIVATE_KEY: %w", err)
		}
		return ring, nil
	}
	read := func() (string, error) { return token.ReadKeyFile(s.PrivateKeyFile) }
	text, err := read()
	if err != nil {
		return nil, fmt.Errorf("HEADLESS_JWT_PRIVATE_KEY_FILE: %w", err)
	}
	ring, err := token.NewKeyring(text)
	if err != nil {
		return nil, fmt.Errorf("HEADLESS_JWT_PRIVATE_KEY_FILE: %w", err)
	}
	ring.Follow(read, clock)
	return ring, nil
}

// givenRing reads the keys for a command that does without where the settings name none: nil.
func (sh *shell) givenRing(s token.Settings) (*token.Keyring, error) {
	if s.PrivateKey == "" && s.PrivateKeyFile == "" {
		return nil, nil
	}

	return keyring(s, sh.now)
}

// keysEvery is how often the key file is read again.
const keysEvery = 20 * time.Second

// ReloadKeys reads the key file now, and seals the shared keys for the keys in it.
func (a *App) ReloadKeys() error {
	err := a.ring.Reload()
	if a.ready.Load() {
		a.shareKeys() // also when the file is lost: it notes that this server runs
	}
	return err
}

// followKeys reads the key file again while the server runs. A file that cannot be read
// changes nothing: the keys that are loaded go on.
func (a *App) followKeys(ctx context.Context) {
	every(ctx, keysEvery, func() bool {
		if err := a.ReloadKeys(); err != nil {
			a.log.Error("the key file cannot be read; going on with the keys that are loaded", "cause", err.Error())
		}
		return true
	})
}
