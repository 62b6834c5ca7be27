// Package session owns sessions: opening, finding, rotating, judging and ending
// them. It does not own the tokens that speak of one (internal/token) nor how a
// person earns one (internal/flow).
package session

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Settings of sessions. Durations in seconds.
type Settings struct {
	MaxAge             int  `env:"LATCHKEY_SESSION_MAX_AGE" default:"7776000" min:"300" max:"31536000" doc:"Seconds that a session lives at most, however often it is refreshed (90 days)."`
	RefreshExpiresIn   int  `env:"HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN" default:"86400" min:"2" max:"31536000" doc:"Lifetime of a refresh token in seconds; each refresh starts it again. The default, a day, is allauth's: users who do not open the app for a day sign in again. 2592000 (30 days) suits phones."`
	RotateRefreshToken bool `env:"HEADLESS_JWT_ROTATE_REFRESH_TOKEN" default:"true" doc:"Hand out a new refresh token at each refresh. When false, the token from sign-in remains valid until it expires."`
	RefreshGrace       int  `env:"LATCHKEY_REFRESH_GRACE" default:"60" min:"1" max:"600" doc:"Seconds for which a refresh token is young: it is answered with itself, and its predecessor is still answered with it. Parallel refreshes of one client must be over within this time. At most half of HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN, and below HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN."`

	SessionIdle   int    `env:"LATCHKEY_SESSION_IDLE" default:"2592000" min:"300" max:"31536000" doc:"Seconds after which an unused session token ends (30 days). Its use is recorded at most once an hour, or every tenth of this time if that is shorter, so it may end that much earlier."`
	SessionTokens string `env:"LATCHKEY_SESSION_TOKENS" default:"auto" doc:"What becomes of X-Session-Token. auto: it ends at the first refresh that comes with an Idempotency-Key, as those of the clients of this repository do, and is kept for all others. keep: for all. until_refresh: it ends at the first refresh, with or without a key. none: a completed sign-in hands out none, and none is accepted; allauth's own app clients need one."`
}

// Details is a session with its user, as one look-up finds it.
type Details = db.SessionDetail

// Method is one proof that a person gave: an entry of `data.methods`. At is in
// seconds since the Unix epoch.
type Method struct {
	// Method is such as [ByPassword].
	Method string  `json:"method"`
	At     float64 `json:"at"`
	Email  string  `json:"email,omitempty"`
	// Username and Phone are what the person named the account by.
	Username string `json:"username,omitempty"`
	Phone    string `json:"phone,omitempty"`
	// Reauthenticated: the proof was given again by somebody signed in.
	Reauthenticated bool `json:"reauthenticated,omitempty"`
	// ID and Type are the authenticator that was shown, of mfa; Passwordless: it was a
	// passkey that signed in alone.
	ID           int64  `json:"id,omitempty"`
	Type         string `json:"type,omitempty"`
	Passwordless bool   `json:"passwordless,omitempty"`
	// Provider and UID are the account with another service, of socialaccount.
	Provider string `json:"provider,omitempty"`
	UID      string `json:"uid,omitempty"`
}

// Epoch is a time as answers write it: seconds since the Unix epoch.
func Epoch(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Why a session ended: the values of sessions.end_reason.
const (
	SignedOut       = "signed_out"
	EndedByUser     = "ended_by_user"
	EndedByAdmin    = "ended_by_admin"
	SessionLimit    = "session_limit"
	PasswordChanged = "password_changed"
	ReuseDetected   = "reuse_detected"
	AccountDisabled = "account_disabled"
	AccountDeleted  = "account_deleted"
	// OwnershipVerified: the owner of the address or number signed in elsewhere by a code, and so proved
	// it for the first time.
	OwnershipVerified = "ownership_verified"
)

// Opening is what a new session is made of.
type Opening struct {
	UserID  int64
	Device  Device
	Methods []Method
	// Pending is the session that the visitor came in by; zero: a new one is made.
	Pending uuid.UUID
	// Token is the session token; empty: a new one is made.
	Token string
}

// mostSessions is how many living sessions a user has at most (SEC-29).
const mostSessions = 50

// Opened is a new session and the one copy of its token, which is empty where none is handed out.
type Opened struct {
	ID        uuid.UUID
	Token     string
	Methods   json.RawMessage
	Successor Successor
}

// FirstGeneration is the number of a session's first refresh token.
const FirstGeneration = 1

// Successor is what the refresh token of a session's current generation says. It can
// be read from the row again, so a replay hands out the same one.
type Successor struct {
	Generation int64
	IssuedAt   time.Time // whole seconds
	ExpiresAt  time.Time // whole seconds
}

// Sessions opens and ends sessions.
type Sessions struct{ settings Settings }

// New returns the sessions that settings ask for.
func New(settings Settings) *Sessions { return &Sessions{settings} }

// Rotates reports whether a refresh hands out a new refresh token.
func (s *Sessions) Rotates() bool { return s.settings.RotateRefreshToken }

// Open stores a new session, and ends the oldest when that makes more than 50. The
// user's row must be locked.
func (s *Sessions) Open(ctx context.Context, tx postgres.Tx, o Opening) (Opened, error) {
	methods := o.Methods
	if methods == nil {
		methods = []Method{}
	}
	encoded, err := json.Marshal(methods)
	if err != nil {
		return Opened{}, err
	}
	token := cmp.Or(o.Token, secret.SessionToken())
	opened := Opened{ID: o.Pending, Token: token, Methods: encoded}
	if s.settings.SessionTokens == TokensNone {
		opened.Token = ""
	}
	if o.Pending == (uuid.UUID{}) {
		opened.ID = secret.Bits128()
	}
	end := tx.Now.Add(seconds(s.settings.MaxAge)).Truncate(time.Second)
	opened.Successor = s.successor(1, tx.Now, end)
	row := db.InsertSessionParams{
		ID: opened.ID, Drawn: secret.IDs31(), TokenHash: secret.Hash(token), UserID: o.UserID,
		CreatedAt: tx.Now, ExpiresAt: end, RefreshIssuedAt: opened.Successor.IssuedAt,
		RefreshExpiresAt: opened.Successor.ExpiresAt, Methods: encoded,
		TokenExpiresAt: s.tokenEnd(tx.Now, end),
	}
	if err := s.store(ctx, tx, o, row); err != nil {
		return Opened{}, err
	}
	_, err = tx.EndOldestSessions(ctx, db.EndOldestSessionsParams{UserID: o.UserID, Most: mostSessions, EndReason: SessionLimit, Now: tx.Now})
	return opened, err
}

// store writes a session as a new row or into the row of the visitor who is in now. Its
// token is new either way: one from before must not know what happens after (SEC-25).
func (s *Sessions) store(ctx context.Context, tx postgres.Tx, o Opening, row db.InsertSessionParams) error {
	device := o.Device.Stored()
	if o.Pending == (uuid.UUID{}) {
		row.UserAgent, row.DeviceName, row.Address = device.UserAgent, device.Name, device.Address
		return tx.InsertSession(ctx, row)
	}
	if err := tx.DeleteCodesOfSession(ctx, o.Pending); err != nil {
		return err
	}
	n, err := tx.UpdateSessionSignedIn(ctx, db.UpdateSessionSignedInParams{
		ID: row.ID, Drawn: row.Drawn, UserID: o.UserID, TokenHash: row.TokenHash, CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt,
		RefreshIssuedAt: row.RefreshIssuedAt, RefreshExpiresAt: row.RefreshExpiresAt, Methods: row.Methods,
		UserAgent: device.UserAgent, DeviceName: device.Name, Address: device.Address, TokenExpiresAt: row.TokenExpiresAt,
	})
	if err == nil && n == 0 { // another request of the same client was faster
		err = problem.FlowNotPending
	}
	return err
}

// pendingLife is how long the session of a visitor lives who is not in yet. What they do
// in it has its own, shorter times.
const pendingLife = 24 * time.Hour

// questionLife is how long it lives while nothing has come of it but a question to answer: a
// passkey's options can be had without an account, as often as one likes.
const questionLife = time.Hour

// OpenPending stores a session for a visitor who is on the way in. attempt says how far
// they have come; it is the caller's to read. Where nothing has begun yet, it is short.
func (s *Sessions) OpenPending(ctx context.Context, tx postgres.Tx, device Device, attempt json.RawMessage, begun bool) (id uuid.UUID, token string, err error) {
	life := questionLife
	if begun {
		life = pendingLife
	}
	id, token = secret.Bits128(), secret.SessionToken()
	stored := device.Stored()
	return id, token, tx.InsertPendingSession(ctx, db.InsertPendingSessionParams{
		ID: id, ListingID: secret.ID31(), TokenHash: secret.Hash(token), CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(life),
		UserAgent: stored.UserAgent, DeviceName: stored.Name, Address: stored.Address, Attempt: attempt,
	})
}

// MovePending stores how far the visitor of a pending session has come.
func (s *Sessions) MovePending(ctx context.Context, tx postgres.Tx, id uuid.UUID, attempt json.RawMessage) error {
	return tx.UpdateSessionAttempt(ctx, db.UpdateSessionAttemptParams{ID: id, Attempt: attempt, ExpiresAt: tx.Now.Add(pendingLife)})
}

func (s *Sessions) successor(generation int64, now, end time.Time) Successor {
	expires := s.idleEnd(now)
	if expires.After(end) {
		expires = end
	}
	return Successor{Generation: generation, IssuedAt: now.Truncate(time.Second), ExpiresAt: expires}
}

// Alive returns nil for a session that lives, and otherwise the problem that says why not. It is
// what look-up, list and end go by: a session that can act is listed, and one that is not listed
// cannot act. A refresh asks for more: that its own token has not expired (see [Judge]).
func Alive(d *Details, now time.Time) *problem.Problem {
	switch {
	case d.EndedAt != nil:
		return ended(d)
	case d.DisabledAt != nil:
		return problem.AccountDisabled.Ended(*d.DisabledAt)
	case !now.Before(d.LivesUntil):
		return problem.SessionExpired.Ended(d.LivesUntil)
	}
	return nil
}

// ended is what a client learns that comes with a token of an ended session.
func ended(d *Details) *problem.Problem {
	p := problem.SessionEnded
	if d.EndReason != nil {
		switch *d.EndReason {
		case PasswordChanged:
			p = problem.PasswordChanged
		case ReuseDetected:
			p = problem.RefreshTokenReused
		case AccountDisabled:
			p = problem.AccountDisabled
		case AccountDeleted:
			p = problem.AccountDeleted
		case OwnershipVerified:
			p = problem.OwnershipVerified
		}
	}
	return p.Ended(*d.EndedAt)
}

// Confirm notes that a generation was seen in use. It is called by requests that do
// something else, and its failure is theirs to ignore: it only makes a replay kinder.
func Confirm(ctx context.Context, q *db.Queries, d *Details, generation int64, now time.Time) error {
	if d.ConfirmedAt != nil || generation != d.Generation {
		return nil
	}
	return q.MarkSessionConfirmed(ctx, db.MarkSessionConfirmedParams{ID: d.ID, Generation: generation, Now: now})
}

// End ends one session; ending it twice is harmless.
func End(ctx context.Context, tx postgres.Tx, id uuid.UUID, reason string) error {
	_, err := tx.EndSession(ctx, db.EndSessionParams{ID: id, EndReason: reason, Now: tx.Now})
	return err
}

// EndAll ends every session of a user and returns how many.
func EndAll(ctx context.Context, tx postgres.Tx, userID int64, reason string) (int64, error) {
	return tx.EndSessionsOfUser(ctx, db.EndSessionsOfUserParams{UserID: userID, EndReason: reason, Now: tx.Now})
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
