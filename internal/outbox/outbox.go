// Package outbox owns the messages to users: it enqueues them in the transaction that causes them, and a worker
// sends them afterwards, with retries. It owns their texts and their transports, mail and SMS. Package notice
// decides who gets which message, and when.
//
// A message is sent at least once: if a process dies between sending a message and recording it, the message is
// sent again with the same Message-ID or SMS id. In all other cases it is sent once.
package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// Parts are what an outbox is made of.
type Parts struct {
	DB       *postgres.DB
	Settings Settings
	Sealer   *secret.Sealer
	// PublicURL is the address at which users reach this server; empty where it is unknown.
	PublicURL string
	Console   io.Writer // where mails are printed that go to the console
	Log       *slog.Logger
	Traces    *trace.Provider // nil where none are asked for
}

// Outbox posts and sends messages.
type Outbox struct {
	Parts
	templates *templates
	mailer    sender
	texter    sender
	poster    *river.Client[pgx.Tx] // takes jobs
	worker    *river.Client[pgx.Tx] // works on them
}

// New reads the templates and returns the outbox, which sends nothing until it is started.
func New(parts Parts) (*Outbox, error) {
	links, err := parts.Settings.links()
	if err != nil {
		return nil, err
	}

	o := &Outbox{Parts: parts, texter: newTexter(parts)}
	if o.templates, err = readTemplates(parts.Settings.Templates, parts.Settings.SubjectPrefix, links); err != nil {
		return nil, err
	}

	o.templates.autofill = parts.Settings.autofill()
	if o.mailer, err = newMailer(parts); err != nil {
		return nil, err
	}

	driver := riverpgxv5.New(parts.DB.Background())
	if o.poster, err = newPoster(driver); err != nil {
		return nil, err
	}

	o.worker, err = o.newWorker(driver)

	return o, err
}

// Obstacles says what keeps messages from reaching anybody, those of these kinds in
// particular: for the log at the start.
func (o *Outbox) Obstacles(kinds ...Kind) []string {
	var list []string
	if _, none := o.mailer.(nowhere); none {
		list = append(list, "mails are not sent: EMAIL_HOST, LATCHKEY_MAIL and LATCHKEY_MAIL_DIR are not set")
	}

	for _, k := range kinds {
		if name := k.carriesLink(); name != "" && o.templates.links[name] == "" {
			list = append(list, "HEADLESS_FRONTEND_URLS does not name "+name)
		}
	}

	return list
}

// Message is a mail or an SMS to a user.
type Message struct {
	Kind Kind
	// UserID is whose message it is: it goes with the account. 0: nobody's.
	UserID int64
	// To is an email address, or a phone number (E.164) for the kinds of SMS.
	To string
	// Code is what to type in, as it is to be shown, in the kinds that carry one.
	Code string
	// Key goes into the link of VerifyEmailLink and PasswordResetLink: unpadded base64url.
	Key string
	// UndoKey goes into the link that undoes the change that the message tells of; empty for none.
	UndoKey string
	// Restored is what AccountRestored and ProviderDisconnected tell.
	Restored Restored
	// Wait is how long the message is not sent yet.
	Wait time.Duration
	// Device is the device that requested the message, or that made the change it reports.
	Device Device
	// Date is when the account goes, for AccountDeletionScheduled; others need none.
	Date time.Time
}

// Device describes in a message where a request came from.
//
// Security: it contains no text that a client chose, so that no client can make the server mail its own text to
// another user (TestNotice_noTextOfAClientIsInAMessage).
type Device struct {
	Address  string // the client's network, such as 203.0.113.0/24
	Platform string // a name of internal/platform
	Language string // Accept-Language: chooses the message's language, and is not shown
}

// Restored is what a message tells of an account that an undo link has restored, or that a
// provider is gone from.
type Restored struct {
	// Partly: some of it belongs to another account by now.
	Partly bool `json:",omitempty"`
	// Earlier: earlier changes were kept.
	Earlier bool `json:",omitempty"`
	// ResetSent: the recipient gets a link that sets a new password, too.
	ResetSent bool `json:",omitempty"`
	// LastWay: the provider that was disconnected was the only way to sign in.
	LastWay bool `json:",omitempty"`
}

// payload is what of a message is sealed.
type payload struct {
	To, Code, Key string
	UndoKey       string `json:",omitempty"`
	Restored      Restored
	Device        Device
	At, Date      time.Time // when it was posted; Message.Date
}

// about is what a sealed message belongs to.
func about(id uuid.UUID, kind Kind) string { return id.String() + "|" + string(kind) }

// Post stores a message and the job that sends it, in the caller's transaction: nothing is
// sent unless that commits.
//
// Timing: the number of statements is the same for every kind (SEC-48, TestPost_everyKindCostsTheSameStatements).
func (o *Outbox) Post(ctx context.Context, tx postgres.Tx, m Message) error {
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}

	text, err := json.Marshal(payload{To: m.To, Code: m.Code, Key: m.Key, UndoKey: m.UndoKey, Restored: m.Restored, Device: m.Device, At: tx.Now, Date: m.Date})
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}

	row := db.InsertMessageParams{ID: id, Kind: string(m.Kind), Sealed: o.Sealer.Seal(text, about(id, m.Kind)), Now: tx.Now, Wake: !o.Settings.PollOnly}
	if m.UserID != 0 {
		row.UserID = &m.UserID
	}

	if err := tx.InsertMessage(ctx, row); err != nil {
		return err
	}

	return o.enqueue(ctx, tx, id, m.Wait)
}

const (
	keepSealed = 7 * 24 * time.Hour  // what was given up can be tried again for so long
	keepRows   = 30 * 24 * time.Hour // that there was a message at all
)

// Sweep erases what old messages said, removes the oldest, and returns how many rows that
// were.
func Sweep(ctx context.Context, q *db.Queries, now time.Time) (int64, error) {
	erased, err := q.UpdateOldMessages(ctx, db.UpdateOldMessagesParams{Now: now, Before: now.Add(-keepSealed)})
	if err != nil {
		return 0, err
	}

	removed, err := q.DeleteOldMessages(ctx, now.Add(-keepRows))

	return erased + removed, err
}
