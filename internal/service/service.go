// Package service implements the generated interface: one method per operationId,
// which reads the input, calls one function and shapes the answer. It decides nothing
// and knows no status but the one of success; every refusal is an error that
// internal/server renders.
package service

import (
	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/undo"
)

// Service is all operations: one part per tag of the spec.
type Service struct {
	configuration
	authentication
	emails
	phones
	passwords
	factors
	passkeys
	providers
	leaving
	undos
	sessions
	tokens
	profile
	discovery
	wellKnown
}

// done is the answer of an operation that has nothing to tell.
var done = api.DoneJSONResponse{Status: 200}

// A missing or doubled operation does not compile.
var _ api.StrictServerInterface = Service{}

// New returns the operations.
func New(f *flow.Flow, a *account.Account, u *undo.Undo, ring *token.Keyring, p Published) (Service, error) {
	known := newDiscovery(ring, p.Specification)
	files, err := newWellKnown(p, f.Factors.Settings)

	return Service{
		configuration:  configuration{f},
		authentication: authentication{f},
		emails:         emails{a, f},
		phones:         phones{a, f},
		passwords:      passwords{a, f},
		factors:        factors{a, f},
		passkeys:       passkeys{a, f},
		providers:      providers{a, f},
		leaving:        leaving{a},
		undos:          undos{u, f},
		sessions:       sessions{a, f},
		tokens:         tokens{f},
		profile:        profile{a},
		discovery:      known,
		wellKnown:      files,
	}, err
}
