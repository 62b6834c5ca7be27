// Package moving owns how users come from another system, and how they leave: what each line of a file becomes,
// which lines cannot be stored as they are, and how the others are stored, in batches, so that a run that was
// killed goes on where it was. It does not own the lines themselves (internal/moving/format), nor what becomes
// of the source's tokens (internal/session, internal/flow).
package moving

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Parts are what imports and exports work with.
type Parts struct {
	DB      *postgres.DB
	Policy  policy.Settings
	Factor  factor.Settings
	Session session.Settings
	Gate    *password.Gate
	// Keys seal secrets; nil where the settings have none.
	Keys *secret.Sealer
	// Speaks reports whether users can sign in by a provider.
	Speaks func(provider string) bool
	Log    *slog.Logger
}

// Mover imports and exports users.
type Mover struct {
	Parts
	factors *authenticator.Authenticators
	rpHash  [sha256.Size]byte
}

// New returns what imports and exports.
func New(parts Parts) (*Mover, error) {
	factors, err := authenticator.New(parts.Factor, parts.Keys, nil)
	if err != nil {
		return nil, err
	}

	return &Mover{Parts: parts, factors: factors, rpHash: sha256.Sum256([]byte(parts.Factor.RPID))}, nil
}

// Mode is what an import does.
type Mode string

// The modes.
const (
	// ModeImport stores everything, or nothing where there is a conflict.
	ModeImport Mode = "import"
	// ModeFinal is ModeImport within the phase arriving.
	ModeFinal Mode = "final"
	// ModeDryRun stores nothing.
	ModeDryRun Mode = "dry-run"
	// ModeLateTokens stores refresh tokens of sessions that are still at their first generation, and no more.
	ModeLateTokens Mode = "late-tokens"
)

// Options of an import.
type Options struct {
	Mode Mode
	// Accepted are the kinds of conflicts that are losses: what cannot be stored is left out.
	Accepted []string
	// Batch is how many lines are stored with one commit; 0: the default.
	Batch int
	// Progress is called again and again; nil: nobody looks.
	Progress func(Progress)
}

// Progress is how far an import is.
type Progress struct {
	// Step is what is done: reading, checking, users or sessions.
	Step string
	// Bytes were read; Done of Total rows were stored.
	Bytes, Done, Total int64
}

// Phases of a service that moves in: moving.phase.
const (
	PhaseArriving = "arriving"
	PhaseLive     = "live"
)

// The ways in which an import ends before it begins.
var (
	ErrLive = errors.New("this service is live: an import would bring back spent codes and old passwords. " +
		"`latchkey import --late-tokens` adds refresh tokens, and nothing else")
	ErrNotArriving = errors.New("--final is for the phase arriving: run `latchkey moving start` first")
	ErrBusy        = errors.New("another import is under way on this database")
	ErrTaken       = errors.New("a user who was not imported has got an id of the file meanwhile: run the import again")
	ErrSource      = errors.New("the file cannot be read")
)

// ConflictsError says that nothing was stored, since conflicts are open.
type ConflictsError struct{ Open int64 }

// Error counts them.
func (e *ConflictsError) Error() string {
	return fmt.Sprintf("%d conflicts are open: nothing was stored", e.Open)
}

// checkPhase refuses an import that the phase does not allow.
func (m *Mover) checkPhase(ctx context.Context, mode Mode) error {
	row, err := m.DB.FindMoving(ctx)
	if postgres.IsNotFound(err) {
		row.Phase, err = "", nil
	}
	if err != nil {
		return err
	}

	writes := mode == ModeImport || mode == ModeFinal
	switch {
	case writes && row.Phase == PhaseLive:
		return ErrLive
	case mode == ModeFinal && row.Phase != PhaseArriving:
		return ErrNotArriving
	}

	return nil
}

// lineHash tells apart what a line becomes: other settings, or other losses that are accepted, may make
// something else of the same line. hasPassword: it has a password hash that can be verified here, which may need a
// key of the settings.
func (m *Mover) lineHash(line format.Line, accepted []string, hasPassword bool) []byte {
	kinds := slices.Clone(accepted)
	slices.Sort(kinds)
	text := fmt.Appendf(line.Sum[:], "|%x|%d|%v|%v|%v", m.rpHash, m.Factor.TOTPPeriod, m.Policy.HasUsernames(), kinds, hasPassword)
	sum := sha256.Sum256(text)

	return sum[:]
}
