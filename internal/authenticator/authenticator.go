// Package authenticator owns the second factors and passkeys of users: it stores them encrypted, verifies codes and
// answers against them, and stores the challenges of sessions. Package factor verifies a single code or key;
// internal/flow and internal/account decide when one is required and what it allows.
package authenticator

import (
	"context"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Authenticators keeps them.
type Authenticators struct {
	*factor.Factors
	Settings factor.Settings
	lasting  *secret.Sealer
	passing  *secret.Sealer
}

// New returns the authenticators of the settings. lasting encrypts secrets that live as long as the user; it is nil
// if the operator has set no keys, and then no secret can be created. passing encrypts what lives for minutes.
func New(settings factor.Settings, lasting, passing *secret.Sealer) (*Authenticators, error) {
	factors, err := factor.New(settings)
	return &Authenticators{Factors: factors, Settings: settings, lasting: lasting, passing: passing}, err
}

// Supports reports whether people may add a kind here.
func (a *Authenticators) Supports(kind string) bool {
	return a.Settings.Supports(kind) && (kind == factor.WebAuthn || a.lasting != nil)
}

// Supported are the kinds that people may add, in allauth's order.
func (a *Authenticators) Supported() []string {
	kinds := []string{}
	for _, kind := range []string{factor.RecoveryCodes, factor.TOTP, factor.WebAuthn} {
		if a.Supports(kind) {
			kinds = append(kinds, kind)
		}
	}

	return kinds
}

// Listed is an authenticator as its user sees it, without its secret.
type Listed struct {
	ID            int64
	Type, Name    string
	CreatedAt     time.Time
	LastUsedAt    *time.Time
	Passwordless  *bool // of WebAuthn; nil: not known
	Total, Unused int   // of recovery codes
	// CodesMade: recovery codes were made along with it.
	CodesMade bool
}

// List returns the authenticators of a user, in the order in which they were added.
func (a *Authenticators) List(ctx context.Context, q *db.Queries, userID int64) ([]Listed, error) {
	rows, err := q.ListShownAuthenticators(ctx, userID)
	if err != nil {
		return nil, err
	}

	list := make([]Listed, 0, len(rows))
	for _, both := range rows {
		row := both.Authenticator
		l := shown(row)

		l.Passwordless = both.Passwordless
		if row.Type == factor.RecoveryCodes {
			codes, err := a.codes(row)
			if err != nil {
				return nil, err
			}

			l.Total, l.Unused = len(codes), len(codes)-bits.OnesCount64(uint64(row.Spent)) //nolint:gosec // a bit a code
		}

		list = append(list, l)
	}

	return list, nil
}

// Find returns the authenticator of a kind that a user has, and false if there is none.
func (a *Authenticators) Find(ctx context.Context, q *db.Queries, userID int64, kind string) (Listed, bool, error) {
	row, err := q.FindAuthenticator(ctx, db.FindAuthenticatorParams{UserID: userID, Type: kind})
	if postgres.IsNotFound(err) {
		return Listed{}, false, nil
	}

	return shown(row), err == nil, err
}

func shown(row db.Authenticator) Listed {
	return Listed{ID: row.ID, Type: row.Type, Name: row.Name, CreatedAt: row.CreatedAt, LastUsedAt: row.LastUsedAt}
}

// about is what a sealed secret belongs to: it opens in its own row alone (SEC-55).
func about(userID, id int64) string {
	return "authenticator " + strconv.FormatInt(userID, 10) + " " + strconv.FormatInt(id, 10)
}

// open decrypts a secret. A failure is an outage that the operator has to fix; it says nothing about the user.
func (a *Authenticators) open(row db.Authenticator) ([]byte, error) {
	if a.lasting == nil {
		return nil, problem.TemporarilyUnavailable.Because(fmt.Errorf("authenticator %d is sealed: LATCHKEY_SEALING_KEYS is not set", row.ID))
	}

	text, err := a.lasting.Open(row.Sealed, about(row.UserID, row.ID))
	if err != nil {
		return nil, problem.TemporarilyUnavailable.Because(fmt.Errorf("authenticator %d: %w: is its key missing in LATCHKEY_SEALING_KEYS?", row.ID, err))
	}

	return text, nil
}

func (a *Authenticators) codes(row db.Authenticator) ([]string, error) {
	text, err := a.open(row)
	if err != nil {
		return nil, err
	}

	return factor.DecodeRecoveryCodes(text)
}

// insert stores an authenticator with a secret, and returns its row.
func (a *Authenticators) insert(ctx context.Context, tx postgres.Tx, userID int64, kind string, text []byte) (db.Authenticator, error) {
	row := db.Authenticator{UserID: userID, Type: kind, CreatedAt: tx.Now}

	err := unique(ctx, tx, &row, func() { row.Sealed = a.lasting.Seal(text, about(userID, row.ID)) })

	return row, err
}

// unique stores an authenticator under an id that no other one has. prepare is called for each id that
// is tried: what is sealed names it.
func unique(ctx context.Context, tx postgres.Tx, row *db.Authenticator, prepare func()) error {
	_, err := secret.Unique(secret.ID31, func(id int64) (bool, error) {
		row.ID = id
		prepare()

		n, err := tx.InsertAuthenticator(ctx, db.InsertAuthenticatorParams{
			ID: row.ID, UserID: row.UserID, Type: row.Type, Name: row.Name, Now: row.CreatedAt, Sealed: row.Sealed,
		})

		return n == 1, err
	})

	return err
}

// What a session can be asked.
const (
	AddTOTP        = "add_totp"
	AddWebAuthn    = "add_webauthn"
	Authenticate   = "authenticate"
	Reauthenticate = "reauthenticate"
	LoginByPasskey = "login"
	SignupPasskey  = "signup"
)

// Ask stores what a session is asked, in the place of what it was asked before.
func (a *Authenticators) Ask(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose string, c factor.Ceremony) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}

	return a.keep(ctx, tx, question{session, purpose, text, c.ExpiresAt})
}

// question is a question to a session.
type question struct {
	session uuid.UUID
	purpose string
	text    []byte
	until   time.Time
}

// aboutQuestion is what a sealed question belongs to; see about.
func aboutQuestion(session uuid.UUID, purpose string) string {
	return "ceremony " + session.String() + " " + purpose
}

func (a *Authenticators) keep(ctx context.Context, tx postgres.Tx, q question) error {
	sealed := a.passing.Seal(q.text, aboutQuestion(q.session, q.purpose))
	return tx.InsertCeremony(ctx, db.InsertCeremonyParams{SessionID: q.session, Purpose: q.purpose, Sealed: sealed, ExpiresAt: q.until})
}

// Answered deletes and returns the challenge of a session: one answer is verified, right or wrong. It reports false
// if there is no challenge, or if it has expired.
//
// Security: the row is gone with the commit, so refusals have to be committed, too (SEC-59,
// TestWebAuthn_anAnswerIsJudgedOnce).
func (a *Authenticators) Answered(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose string) (factor.Ceremony, bool, error) {
	row, err := tx.DeleteCeremony(ctx, db.DeleteCeremonyParams{SessionID: session, Purpose: purpose})
	if postgres.IsNotFound(err) {
		return factor.Ceremony{}, false, nil
	}

	if err != nil || !tx.Now.Before(row.ExpiresAt) {
		return factor.Ceremony{}, false, err
	}

	return a.openQuestion(row.Sealed, session, purpose)
}

// asked is what a session was asked. It reports false where nothing was asked, or too long ago.
func (a *Authenticators) asked(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose string) (factor.Ceremony, bool, error) {
	sealed, err := tx.FindCeremony(ctx, db.FindCeremonyParams{SessionID: session, Purpose: purpose, Now: tx.Now})
	if postgres.IsNotFound(err) {
		return factor.Ceremony{}, false, nil
	}

	if err != nil {
		return factor.Ceremony{}, false, err
	}

	return a.openQuestion(sealed, session, purpose)
}

// openQuestion opens a sealed question. It reports false where its key is gone since.
func (a *Authenticators) openQuestion(sealed []byte, session uuid.UUID, purpose string) (factor.Ceremony, bool, error) {
	text, err := a.passing.Open(sealed, aboutQuestion(session, purpose))
	if err != nil { // a key that is gone since: as if it were too long ago
		return factor.Ceremony{}, false, nil //nolint:nilerr // see above
	}

	var c factor.Ceremony
	err = json.Unmarshal(text, &c)

	return c, err == nil, err
}
