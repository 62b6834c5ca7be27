package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Event is an event of the audit log as operators see it.
type Event struct {
	ID        uuid.UUID  `json:"id"` // sorts by time
	At        time.Time  `json:"at"`
	Event     string     `json:"event"`
	Result    string     `json:"result"`   // success, failure
	Actor     string     `json:"actor"`    // user, operator, server
	ActorID   *string    `json:"actor_id"` // which operator
	Reason    *string    `json:"reason"`   // why the operator did it
	UserID    *userid.ID `json:"user_id"`
	SessionID string     `json:"session_id,omitempty"` // sid of tokens
	Address   *string    `json:"address"`              // of the network
	// AddressHash lets two events be recognised as the same address's after that is emptied.
	AddressHash string          `json:"address_hash,omitempty"`
	UserAgent   *string         `json:"user_agent"`
	Details     json.RawMessage `json:"details"`
}

// Filter is which events are wanted. What is zero does not count.
type Filter struct {
	UserID  *int64
	Session *uuid.UUID
	Event   string
	Result  string
	// Actor is user, operator or server, or the name of one operator.
	Actor string
	Since time.Time
	// Before: only events older than this one.
	Before uuid.UUID
	Most   int32
}

// Events returns the events that a filter wants, the newest first.
func (a *Admin) Events(ctx context.Context, f Filter) ([]Event, error) {
	var first uuid.UUID
	if !f.Since.IsZero() {
		first = audit.FirstID(f.Since)
	}

	before := f.Before
	if before == uuid.Nil {
		before = audit.LastID()
	}

	rows, err := a.eventRows(ctx, f, first, before)

	return convert(rows, toEvent), err
}

// eventRows reads the events with the statement whose index fits: of one session, of one user, or all.
func (a *Admin) eventRows(ctx context.Context, f Filter, first, before uuid.UUID) ([]db.ListAuditEventsRow, error) {
	switch {
	case f.Session != nil:
		rows, err := a.DB.ListAuditEventsOfSession(ctx, db.ListAuditEventsOfSessionParams{
			SessionID: *f.Session, FirstID: first, BeforeID: before, Event: f.Event, Result: f.Result, Actor: f.Actor, Most: f.Most,
		})

		return convert(rows, func(r db.ListAuditEventsOfSessionRow) db.ListAuditEventsRow { return db.ListAuditEventsRow(r) }), err
	case f.UserID != nil:
		rows, err := a.DB.ListAuditEventsOfUser(ctx, db.ListAuditEventsOfUserParams{
			UserID: *f.UserID, FirstID: first, BeforeID: before, Event: f.Event, Result: f.Result, Actor: f.Actor, Most: f.Most,
		})

		return convert(rows, func(r db.ListAuditEventsOfUserRow) db.ListAuditEventsRow { return db.ListAuditEventsRow(r) }), err
	}

	return a.DB.ListAuditEvents(ctx, db.ListAuditEventsParams{
		FirstID: first, BeforeID: before, Event: f.Event, Result: f.Result, Actor: f.Actor, Most: f.Most,
	})
}

func convert[From, To any](list []From, to func(From) To) []To {
	converted := make([]To, len(list))
	for i, e := range list {
		converted[i] = to(e)
	}

	return converted
}

func toEvent(row db.ListAuditEventsRow) Event {
	r := row.AuditEvent

	e := Event{
		ID: r.ID, At: r.OccurredAt.UTC(), Event: r.Event, Result: r.Result, Actor: r.Actor, ActorID: r.ActorID, Reason: r.Reason,
		UserID: SubjectOf(r.UserID, row.Subject), Address: r.Address, AddressHash: hex.EncodeToString(r.AddressHash),
		UserAgent: r.UserAgent, Details: r.Details,
	}
	if r.SessionID != nil {
		e.SessionID = token.FormatSessionID(*r.SessionID)
	}

	return e
}

// SubjectOf is how the user of a row is shown: by the subject, or by the key where there is none, or where
// the user is gone. nil: the row is about no user.
func SubjectOf(key *int64, subject *string) *userid.ID {
	if key == nil {
		return nil
	}

	shown := userid.Of(*key)
	if subject != nil {
		shown = userid.ID(*subject)
	}

	return &shown
}
