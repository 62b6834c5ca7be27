// Package audit owns the record of what happened to accounts and sessions. It does not
// own the log of requests (internal/server), and decides nothing.
package audit

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// What can happen.
const (
	UserCreated        = "user_created"
	Login              = "login"
	Logout             = "logout"
	SessionsEnded      = "sessions_ended"
	RefreshTokenReused = "refresh_token_reused"
	// SessionTokenExchanged is written where the session moved on by it.
	SessionTokenExchanged = "session_token_exchanged"
	PasswordChanged       = "password_changed"
	AccountDisabled       = "account_disabled"
	AccountEnabled        = "account_enabled"
	PasswordReset         = "password_reset"
	Reauthenticated       = "reauthenticated"
	EmailVerified         = "email_verified"
	EmailAdded            = "email_added"
	EmailRemoved          = "email_removed"
	PrimaryEmail          = "primary_email_changed"
	PhoneChanged          = "phone_changed"
	DeletionRequested     = "deletion_requested"
	DeletionCancelled     = "deletion_cancelled"
	AccountDeleted        = "account_deleted"
	AccountExported       = "account_exported"
	EmailRejected         = "email_rejected" // by the owner of the address, who does not know the account
	EmailExpired          = "email_expired"  // nobody verified it
	MemberAdded           = "member_added"
	MemberRemoved         = "member_removed"
	AccountRestored       = "account_restored" // by an undo link
	TenantCreated         = "tenant_created"   // details: tenant_id
	// SecondFactor is written where it was wrong: a right one is a login or a proof.
	SecondFactor           = "second_factor"
	CounterWentBack        = "webauthn_counter_went_back"
	BackupEligible         = "webauthn_became_backup_eligible"
	FactorAdded            = "factor_added"
	FactorRemoved          = "factor_removed"
	RecoveryCodesGenerated = "recovery_codes_generated"
	ProviderConnected      = "provider_connected"
	ProviderDisconnected   = "provider_disconnected"
	// Apple tells whether it forwards mail to the address that it gave to the user.
	ProviderEmailDisabled = "provider_email_disabled"
	ProviderEmailEnabled  = "provider_email_enabled"
	// GrantRevoked: of another service; a failure is one that was given up.
	GrantRevoked = "provider_grant_revoked"
)

// Names are the names of all events.
var Names = []string{
	AccountDeleted, AccountDisabled, AccountEnabled, AccountExported, AccountRestored, BackupEligible, CounterWentBack, DeletionCancelled,
	DeletionRequested, EmailAdded, EmailExpired, EmailRejected, EmailRemoved, EmailVerified, FactorAdded, FactorRemoved, GrantRevoked, Login,
	Logout, MemberAdded, MemberRemoved, PasswordChanged, PasswordReset, PhoneChanged, PrimaryEmail, ProviderConnected, ProviderDisconnected,
	ProviderEmailDisabled, ProviderEmailEnabled, Reauthenticated, RecoveryCodesGenerated, RefreshTokenReused, SecondFactor,
	SessionTokenExchanged, SessionsEnded, TenantCreated, UserCreated,
}

// Who does it.
const (
	User     = "user"
	Operator = "operator"
	Server   = "server"
)

// Event is one thing that happened.
type Event struct {
	Name      string
	Failed    bool
	Actor     string // User where it is empty
	UserID    int64  // 0: not known
	SessionID uuid.UUID
	Device    session.Device
	// Email is the address that was submitted; only its HMAC is kept.
	Email string
	// ActorID names the operator, where Actor is Operator: "cli:", the account and the host.
	ActorID string
	// Reason is why the operator did it, in their words.
	Reason string
	// Details are what else is known: ids, numbers and names of fields. nil: nothing.
	Details map[string]any
}

// Settings of the audit log.
type Settings struct {
	Retention int `env:"LATCHKEY_AUDIT_RETENTION" default:"365" min:"0" max:"36500" doc:"Days after which events are removed: 30 or more, or 0 for never. Personal data in them is removed after 90 days, and when the account is deleted."`
}

// shortest is the youngest age at which the database lets events go (schema.sql).
const shortest = 30

// Check returns everything that is wrong with the settings.
func (s Settings) Check() []error {
	if s.Retention != 0 && s.Retention < shortest {
		return []error{fmt.Errorf("LATCHKEY_AUDIT_RETENTION: want 0, or %d days and more", shortest)}
	}

	return nil
}

// Sweep removes the oldest of the events that are older than the settings keep them, and returns how many.
func Sweep(ctx context.Context, q *db.Queries, settings Settings, now time.Time) (int64, error) {
	if settings.Retention == 0 {
		return 0, nil
	}

	before := now.AddDate(0, 0, -settings.Retention)

	return q.DeleteOldAuditEvents(ctx, db.DeleteOldAuditEventsParams{BeforeID: FirstID(before), Days: int32(settings.Retention)}) //nolint:gosec // bounded by the setting's max
}

// FirstID is the least UUIDv7 of a time (RFC 9562): its first 48 bits are milliseconds.
func FirstID(at time.Time) uuid.UUID {
	var id uuid.UUID
	milliseconds := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	copy(id[:6], milliseconds[2:])

	return id
}

// LastID is greater than the id of every event.
func LastID() uuid.UUID {
	var id uuid.UUID
	for i := range id {
		id[i] = math.MaxUint8
	}

	return id
}

// Trail writes events.
type Trail struct{ key *secret.Key }

// New returns a trail that hashes addresses with key. It may be nil for events that have none.
func New(key *secret.Key) *Trail { return &Trail{key} }

// Add writes an event. Hand it the queries of the transaction that makes the change, so
// that neither is there without the other.
func (t *Trail) Add(ctx context.Context, q *db.Queries, now time.Time, e Event) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}

	row := db.InsertAuditEventParams{ID: id, OccurredAt: now, Event: e.Name, Result: "success", Actor: User, EmailHash: t.hash("email", e.Email)}
	if e.Failed {
		row.Result = "failure"
	}

	if e.Actor != "" {
		row.Actor = e.Actor
	}

	if e.UserID != 0 {
		row.UserID = &e.UserID
	}

	if e.SessionID != (uuid.UUID{}) {
		row.SessionID = &e.SessionID
	}

	if err := e.describe(&row); err != nil {
		return err
	}

	device := e.Device.Stored()

	row.Address = device.Address
	if device.Address != nil {
		row.AddressHash = t.hash("address", *device.Address)
	}

	if device.UserAgent != "" {
		row.UserAgent = &device.UserAgent
	}

	return q.InsertAuditEvent(ctx, row)
}

// describe sets what an event says beside its name.
func (e Event) describe(row *db.InsertAuditEventParams) error {
	if e.ActorID != "" {
		row.ActorID = &e.ActorID
	}

	if e.Reason != "" {
		row.Reason = &e.Reason
	}

	if e.Details == nil {
		return nil
	}

	details, err := json.Marshal(e.Details)
	row.Details = details

	return err
}

// Subject is whom one of many events is about.
type Subject struct {
	UserID int64
	Email  string // only its HMAC is kept; empty: none
}

// AddMany writes an event of each of many users, made by the server itself, in one statement.
func (t *Trail) AddMany(ctx context.Context, q *db.Queries, now time.Time, name string, subjects []Subject) error {
	rows := db.InsertAuditEventsParams{OccurredAt: now, Event: name}
	for _, s := range subjects {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}

		rows.Ids = append(rows.Ids, id)
		rows.UserIds = append(rows.UserIds, s.UserID)
		rows.EmailHashes = append(rows.EmailHashes, t.hash("email", s.Email))
	}

	if len(subjects) == 0 {
		return nil
	}

	return q.InsertAuditEvents(ctx, rows)
}

// hash is the HMAC under which a value can be found again; nil for none.
func (t *Trail) hash(kind, value string) []byte {
	if value == "" {
		return nil
	}

	mac := t.key.MAC()
	_, _ = mac.Write([]byte(kind + "|" + value))

	return mac.Sum(nil)
}
