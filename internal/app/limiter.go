package app

import (
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/sharedkey"
)

// limiter returns the limiter of the servers, for commands: the names of its counters are HMACs. It is nil where
// no key of the settings gives the key of those.
func (sh *shell) limiter(d *postgres.DB, c config.Config) (*limit.Limiter, error) {
	key := []byte(c.Limit.HMACKey)
	if len(key) == 0 {
		var err error
		if key, err = sh.sharedHMACKey(d, c); err != nil || key == nil {
			return nil, err
		}
	}

	return limit.New(d, c.Limit, secret.NewKey(key), c.Policy.EmailVerificationByCode)
}

// sharedHMACKey returns the key that the servers share in the database; nil where the settings do not open it.
func (sh *shell) sharedHMACKey(d *postgres.DB, c config.Config) ([]byte, error) {
	ring, err := sh.givenRing(c.Token)
	if err != nil {
		return nil, err
	}

	var sealer *secret.Sealer
	if c.Outbox.SealingKeys != "" {
		if sealer, err = secret.ParseSealer(c.Outbox.SealingKeys); err != nil {
			return nil, err
		}
	}

	return sharedkey.Open(sh.ctx, d.Queries, sharedkey.HMAC, wrappers(ring, sealer))
}
