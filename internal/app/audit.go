package app

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
)

type auditCommand struct {
	User  string        `help:"Only events of the user who has verified this address." placeholder:"EMAIL"`
	ID    int64         `name:"id" help:"Only events of the user with this id." placeholder:"ID"`
	Event string        `help:"Only this event, such as login or refresh_token_reused."`
	Since time.Duration `help:"Only the last so long." default:"168h"`
	Limit int32         `help:"At most so many, the newest first." default:"100"`
	JSON  bool          `help:"One JSON object a line."`
}

// Help is shown by `latchkey audit --help`.
func (auditCommand) Help() string {
	return "Events: user_created login logout sessions_ended refresh_token_reused password_changed account_disabled account_enabled.\n" +
		"Client addresses and user agents are emptied after 90 days; the events stay for LATCHKEY_AUDIT_RETENTION days."
}

// auditLine is an event as it is shown.
type auditLine struct {
	At        time.Time `json:"at"`
	Event     string    `json:"event"`
	Result    string    `json:"result"`
	Actor     string    `json:"actor"`
	UserID    *int64    `json:"user_id"`
	SessionID string    `json:"session_id,omitempty"` // the tokens' sid
	Address   *string   `json:"address"`
	// AddressHash lets two events be recognised as the same address's after that is gone.
	AddressHash string  `json:"address_hash,omitempty"`
	UserAgent   *string `json:"user_agent"`
}

// Run prints the events.
func (c auditCommand) Run(sh *shell) error {
	d, _, err := sh.database()
	if err != nil {
		return err
	}
	defer d.Close()
	ask := db.ListAuditEventsParams{Event: c.Event, Since: d.Now().Add(-c.Since), Most: c.Limit}
	switch {
	case c.User != "" && c.ID != 0:
		return errors.New("expected either --user or --id")
	case c.ID != 0: // the user may be gone: the events stay
		ask.UserID = &c.ID
	case c.User != "":
		user, err := sh.findTarget(d, targetArguments{Email: c.User})
		if err != nil {
			return err
		}
		ask.UserID = &user.id
	}
	rows, err := d.ListAuditEvents(sh.ctx, ask)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := c.print(sh, toAuditLine(r)); err != nil {
			return err
		}
	}
	return nil
}

func toAuditLine(r db.AuditEvent) auditLine {
	line := auditLine{
		At: r.OccurredAt.UTC(), Event: r.Event, Result: r.Result, Actor: r.Actor, UserID: r.UserID,
		Address: r.Address, UserAgent: r.UserAgent, AddressHash: hex.EncodeToString(r.AddressHash),
	}
	if r.SessionID != nil {
		line.SessionID = base64.RawURLEncoding.EncodeToString(r.SessionID[:])
	}
	return line
}

func (c auditCommand) print(sh *shell, l auditLine) error {
	if c.JSON {
		return json.NewEncoder(sh.out).Encode(l)
	}
	user, address, agent := "-", "-", ""
	if l.UserID != nil {
		user = fmt.Sprint(*l.UserID)
	}
	if l.Address != nil {
		address = *l.Address
	}
	if l.UserAgent != nil {
		agent = *l.UserAgent
	}
	_, err := fmt.Fprintf(sh.out, "%s  %-21s %-8s %-8s %-17s %-22s %-15s %s\n",
		l.At.Format(time.RFC3339), l.Event, l.Result, l.Actor, user, l.SessionID, address, agent)
	return err
}
