package app

import (
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/config"
	"github.com/latchkey-auth/latchkey/internal/token"
)

type sessionsCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	List sessionsListCommand `cmd:"" help:"List the sessions of a user, newest first."`
	End  sessionsEndCommand  `cmd:"" help:"End one session."`
}

type sessionsListCommand struct {
	targetArguments
	All   bool  `help:"Also list sessions that have ended or expired; they are kept for 90 days."`
	Limit int32 `help:"Maximum number of sessions, newest first." default:"100"`
}

// Validate is called by the parser of the command line.
func (c sessionsListCommand) Validate() error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}

	return c.targetArguments.Validate()
}

// Run prints the sessions.
func (c sessionsListCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		user, err := sh.findTarget(a.DB, c.targetArguments)
		if err != nil {
			return err
		}
		list, err := a.Sessions(sh.ctx, user.id, c.All, c.Limit)
		if err != nil {
			return err
		}

		for _, s := range list {
			if err := sh.print(s, sessionText(s)); err != nil {
				return err
			}
		}

		return nil
	})
}

// sessionText is a session as a line. What a client has chosen is quoted: a terminal must not obey it.
func sessionText(s admin.Session) string {
	state := s.State
	if s.EndReason != nil {
		state += " (" + *s.EndReason + ")"
	}
	address := "-"
	if s.Address != nil {
		address = *s.Address
	}

	return fmt.Sprintf("%s  %s  last seen %s  %s  %-15s  %q %q",
		s.SID, s.CreatedAt.Format(time.RFC3339), s.LastSeenAt.Format(time.RFC3339), state, address, s.DeviceName, s.UserAgent)
}

type sessionsEndCommand struct {
	SID string `arg:"" help:"The session id: sid of its tokens, or the id that sessions list prints."`
	actArguments
}

// Help is shown by `latchkey sessions end --help`.
func (sessionsEndCommand) Help() string {
	return "No token of the session works afterwards, on any server; a client that refreshes learns that it has ended."
}

// sessionEndOutput is what the command prints, as JSON.
type sessionEndOutput struct {
	SID     string `json:"sid"`
	Changed bool   `json:"changed"`
}

// Run ends the session.
func (c sessionsEndCommand) Run(sh *shell) error {
	id, ok := admin.ParseSession(c.SID)
	if !ok {
		return fmt.Errorf("%q is not the id of a session", c.SID)
	}

	return sh.administer(c.actArguments, func(a *admin.Admin, _ config.Config) error {
		ended, err := a.EndSession(sh.ctx, id)
		if errors.Is(err, admin.ErrNotFound) {
			return fmt.Errorf("there is no session %s", token.FormatSessionID(id))
		}
		if err != nil {
			return err
		}

		text := "ended"
		if !ended {
			text = "had ended before"
		}
		sid := token.FormatSessionID(id)

		return sh.print(sessionEndOutput{sid, ended}, sid+": "+text)
	})
}
