package app

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type auditCommand struct {
	User  string        `help:"Only events of the user who has verified this address." placeholder:"EMAIL"`
	ID    string        `name:"id" help:"Only events of the user with this id." placeholder:"ID"`
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
	At        time.Time  `json:"at"`
	Event     string     `json:"event"`
	Result    string     `json:"result"`
	Actor     string     `json:"actor"`
	UserID    *userid.ID `json:"user_id"`
	SessionID string     `json:"session_id,omitempty"` // the tokens' sid
	Address   *string    `json:"address"`
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
	case c.User != "" && c.ID != "":
		return errors.New("expected either --user or --id")
	case c.ID != "":
		if ask.UserID, err = c.key(sh, d); err != nil {
			return err
		}
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

// key is what the events have of the user whom --id names. The user may be gone, and the events stay;
// then it is what these events show.
func (c auditCommand) key(sh *shell, d *postgres.DB) (*int64, error) {
	if key, isKey := userid.ID(c.ID).Key(); isKey {
		return &key, nil
	}

	user, err := sh.findBySubject(d, c.ID)

	return &user.id, err
}

func toAuditLine(row db.ListAuditEventsRow) auditLine {
	r := row.AuditEvent
	line := auditLine{
		At: r.OccurredAt.UTC(), Event: r.Event, Result: r.Result, Actor: r.Actor, UserID: subjectOf(r.UserID, row.Subject),
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
		user = string(*l.UserID)
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
