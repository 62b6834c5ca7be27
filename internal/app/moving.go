package app

import (
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/arrival"
)

type movingCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	Start  movingStartCommand  `cmd:"" help:"Let requests wait until the last of the data is imported."`
	Live   movingLiveCommand   `cmd:"" help:"Let requests go on, and refuse further imports."`
	Status movingStatusCommand `cmd:"" help:"Show the phase, and what is left of the system before."`
	End    movingEndCommand    `cmd:"" help:"Refuse tokens of the system before from now on."`
}

// movingLine is the state of a move as it is shown.
type movingLine struct {
	Phase        *string    `json:"phase"` // null: nobody moves in
	Since        *time.Time `json:"since"`
	WindowEndsAt *time.Time `json:"window_ends_at"`
}

func lineOf(s arrival.State) movingLine {
	if s.Phase == "" {
		return movingLine{}
	}
	since := s.Since.UTC()
	line := movingLine{Phase: &s.Phase, Since: &since}
	if s.WindowEndsAt != nil {
		end := s.WindowEndsAt.UTC()
		line.WindowEndsAt = &end
	}

	return line
}

func (l movingLine) text() string {
	if l.Phase == nil {
		return "nobody moves in"
	}
	text := fmt.Sprintf("%s since %s", *l.Phase, l.Since.Format(time.RFC3339))
	if l.WindowEndsAt != nil {
		text += fmt.Sprintf("; the last old refresh token expires at %s", l.WindowEndsAt.Format(time.RFC3339))
	}

	return text
}

type movingStartCommand struct{}

// Help is shown by `latchkey moving start --help`.
func (movingStartCommand) Help() string {
	return "When it returns, every running server lets requests to the API wait, for up to 10 seconds each: " +
		"send them to Latchkey now. Probes, metrics and /.well-known/ are answered as ever."
}

// Run starts the phase, and waits until each server knows it.
func (movingStartCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	state, err := arrival.Start(sh.ctx, d)
	if err != nil {
		return err
	}
	select {
	case <-sh.ctx.Done():
		return sh.ctx.Err()
	case <-time.After(2 * lookEvery):
	}

	line := lineOf(state)

	return sh.print(line, line.text()+": requests wait")
}

type movingLiveCommand struct{}

// Help is shown by `latchkey moving live --help`.
func (movingLiveCommand) Help() string {
	return "Requests that wait go on within 100 milliseconds. From now on only `latchkey import --late-tokens` is allowed: " +
		"anything else would bring back spent codes and old passwords."
}

// Run lets requests go on.
func (movingLiveCommand) Run(sh *shell) error {
	d, settings, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	state, err := arrival.GoLive(sh.ctx, d)
	if err != nil {
		return err
	}
	has, err := d.HasOldRefreshTokens(sh.ctx)
	if err != nil {
		return err
	}
	if has && settings.Old.Algorithm == "" {
		_, _ = fmt.Fprintln(sh.err, "latchkey: warning: LATCHKEY_OLD_JWT_ALGORITHM is not set here. "+
			"Servers without it sign out clients that show a refresh token of the system before")
	}
	line := lineOf(state)

	return sh.print(line, line.text())
}

type movingStatusCommand struct{}

// Help is shown by `latchkey moving status --help`.
func (movingStatusCommand) Help() string {
	return "Counts the refresh tokens of the system before that can still be used, " +
		"the sessions whose clients have not used one yet, and the passwords that are stored as that system hashed them."
}

// leftLine is what is left of the system before as it is shown.
type leftLine struct {
	movingLine

	OldTokens int64 `json:"old_tokens"`
	// SessionsWaiting are at their first generation: their clients have not refreshed here.
	SessionsWaiting  int64 `json:"sessions_waiting"`
	ForeignPasswords int64 `json:"foreign_passwords"`
}

// Run prints what is left.
func (movingStatusCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	left, err := arrival.Count(sh.ctx, d)
	if err != nil {
		return err
	}
	line := leftLine{lineOf(left.State), left.Tokens, left.Sessions, left.Passwords}

	return sh.print(line, fmt.Sprintf(
		"%s\n%d old refresh tokens can still be used, of %d sessions that have not refreshed here\n%d passwords are stored as another system hashed them",
		line.text(), line.OldTokens, line.SessionsWaiting, line.ForeignPasswords))
}

type movingEndCommand struct{}

// Help is shown by `latchkey moving end --help`.
func (movingEndCommand) Help() string {
	return "Clients that show a refresh token of the system before are signed out afterwards: `latchkey moving status` says how many are left. Sessions, and session tokens, go on. Remove the LATCHKEY_OLD_ settings then. The servers remove expired tokens by themselves. Users who were imported belong to this service then: no import changes or deletes them any more."
}

// Run removes what is left.
func (movingEndCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()

	removed, err := arrival.End(sh.ctx, d)
	if err != nil {
		return err
	}

	return sh.print(map[string]int64{"old_tokens_removed": removed},
		fmt.Sprintf("the move has ended, %d old refresh tokens removed. Remove the LATCHKEY_OLD_ settings now", removed))
}
