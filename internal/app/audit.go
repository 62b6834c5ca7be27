package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/admin"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

type auditCommand struct {
	JSON jsonFlag `name:"json" help:"Print JSON: one object a line."`

	User    string        `help:"Only events of the user who has verified this address or number, or has this user name." placeholder:"USER"`
	ID      string        `name:"id" help:"Only events of the user with this id." placeholder:"ID"`
	Session string        `help:"Only events of this session: sid of its tokens." placeholder:"SID"`
	Event   string        `help:"Only this event, such as login or refresh_token_reused." placeholder:"EVENT"`
	Result  string        `help:"Only events with this result: success or failure." enum:",success,failure" default:"" placeholder:"RESULT"`
	Actor   string        `help:"Only events caused by this actor: user, operator, server, or one operator as printed (cli:name@host)." placeholder:"ACTOR"`
	Since   time.Duration `help:"Show events of the last DURATION." default:"168h"`
	Before  uuid.UUID     `help:"Only events older than this one: the id of the last line of the previous page." placeholder:"ID"`
	Limit   int32         `help:"Maximum number of events, newest first." default:"100"`
	Follow  bool          `help:"Keep printing events as they happen, oldest first, until Ctrl-C. Starts with those of --since."`
}

// Help is shown by `latchkey audit --help`.
func (auditCommand) Help() string {
	return "Events: " + strings.Join(audit.Names, " ") + "\n" +
		"Client addresses, user agents and reasons are emptied after 90 days; the events stay for LATCHKEY_AUDIT_RETENTION days."
}

// Validate is called by the parser of the command line.
func (c auditCommand) Validate() error {
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	if c.User != "" && c.ID != "" {
		return errors.New("expected either --user or --id")
	}
	if c.Event != "" && !slices.Contains(audit.Names, c.Event) {
		return fmt.Errorf("there is no event %q: latchkey audit --help lists them", c.Event)
	}

	return nil
}

// Run prints the events.
func (c auditCommand) Run(sh *shell) error {
	return sh.look(func(a *admin.Admin) error {
		filter, err := c.filter(sh, a)
		if err != nil {
			return err
		}
		if c.Follow {
			return c.follow(sh, a, filter)
		}

		events, err := a.Events(sh.ctx, filter)
		if err != nil {
			return err
		}

		return sh.printEvents(events)
	})
}

func (sh *shell) printEvents(events []admin.Event) error {
	for _, e := range events {
		if err := sh.print(e, eventText(e)); err != nil {
			return err
		}
	}

	return nil
}

// filter is what the arguments ask for.
func (c auditCommand) filter(sh *shell, a *admin.Admin) (admin.Filter, error) {
	f := admin.Filter{
		Event: c.Event, Result: c.Result, Actor: c.Actor, Since: a.DB.Now().Add(-c.Since), Before: c.Before, Most: c.Limit,
	}

	if c.Session != "" {
		id, ok := admin.ParseSession(c.Session)
		if !ok {
			return f, fmt.Errorf("%q is not the id of a session", c.Session)
		}
		f.Session = &id
	}

	switch {
	case c.ID != "":
		key, err := c.key(sh, a.DB)
		f.UserID = key

		return f, err
	case c.User != "":
		user, err := sh.findTarget(a.DB, targetArguments{User: c.User})
		f.UserID = &user.id

		return f, err
	}

	return f, nil
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

const (
	// followEvery is the time between two looks for new events.
	followEvery = time.Second
	// followBack is how far a look goes back behind the newest event that was printed: ids are made before
	// the commit, so that an older id may appear later.
	followBack = 30 * time.Second
	// followPage is how many events one look reads.
	followPage = 1000
)

// follow prints events as they happen.
func (c auditCommand) follow(sh *shell, a *admin.Admin, f admin.Filter) error {
	printed := map[uuid.UUID]time.Time{}
	f.Most = followPage

	look := func() (err error) {
		// Of more than a page the oldest is printed first, so that none is left out.
		var fresh []admin.Event
		f.Before = uuid.Nil
		for {
			page, err := a.Events(sh.ctx, f)
			if err != nil {
				return err
			}
			fresh = append(fresh, page...)
			if len(page) < followPage {
				break
			}
			f.Before = page[len(page)-1].ID
		}

		slices.Reverse(fresh)
		for _, e := range fresh {
			if _, known := printed[e.ID]; known {
				continue
			}
			if err := sh.print(e, eventText(e)); err != nil {
				return err
			}
			printed[e.ID] = e.At
		}

		f.Since = a.DB.Now().Add(-followBack)
		for id, at := range printed {
			if at.Before(f.Since.Add(-followBack)) {
				delete(printed, id)
			}
		}

		return nil
	}

	if err := look(); err != nil {
		return err
	}
	var failed error
	every(sh.ctx, followEvery, func() bool {
		failed = look()
		return failed == nil
	})
	if errors.Is(sh.ctx.Err(), context.Canceled) { // Ctrl-C is how it ends
		return nil
	}

	return failed
}

// eventText is an event as a line. What clients and operators wrote is quoted.
func eventText(e admin.Event) string {
	user, address, actor := "-", "-", e.Actor
	if e.UserID != nil {
		user = string(*e.UserID)
	}
	if e.Address != nil {
		address = *e.Address
	}
	if e.ActorID != nil {
		actor = fmt.Sprintf("%q", *e.ActorID)
	}

	line := fmt.Sprintf("%s  %-21s %-8s %-8s %-17s %-22s %-15s",
		e.At.Format(time.RFC3339), e.Event, e.Result, actor, user, e.SessionID, address)
	if e.UserAgent != nil {
		line += fmt.Sprintf(" %q", *e.UserAgent)
	}
	if e.Reason != nil {
		line += fmt.Sprintf(" reason: %q", *e.Reason)
	}
	if e.Details != nil {
		line += " " + string(e.Details)
	}

	return strings.TrimRight(line, " ")
}
