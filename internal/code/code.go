// Package code owns one-time codes and links: it creates them, counts wrong attempts, and lets each work once. It
// does not send them (internal/outbox), and does not decide what they allow (internal/flow, internal/account).
package code

import (
	"context"
	"crypto/hmac"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/secret"
)

// Purpose is what a code or link is for: one of them is good for nothing else.
type Purpose string

// The purposes.
const (
	Login         Purpose = "login"
	VerifyEmail   Purpose = "verify_email"
	VerifyPhone   Purpose = "verify_phone"
	ResetPassword Purpose = "reset_password"
	// Reauthenticate: a signed-in user proves again who they are.
	Reauthenticate Purpose = "reauthenticate"
)

// Process is one code that is out.
type Process = db.Code

// Verdict on a guess.
type Verdict int

// The verdicts.
const (
	// Absent: no code is out, or it came too late.
	Absent Verdict = iota
	// Wrong: and there are guesses left.
	Wrong
	// Spent: wrong, and that was the last guess; the process is gone.
	Spent
	// Right: the process is still there. Use or Keep it.
	Right
)

// Codes makes and checks codes and links.
type Codes struct {
	rules    map[Purpose]rule
	settings Settings
	key      *secret.Key
}

// New returns the codes that settings ask for. key is that of their HMACs; all servers must
// have the same.
func New(settings Settings, key *secret.Key) (*Codes, error) {
	rules, err := settings.rules()
	return &Codes{rules, settings, key}, err
}

// Order is a code that is asked for.
type Order struct {
	Session uuid.UUID
	Purpose Purpose
	// UserID is whom it serves; 0: nobody, and no code will be right.
	UserID int64
	// Target is the address or number that it goes to.
	Target string
}

// Issue makes a code, in place of the one before it of the same session and purpose, and
// returns it. The text for nobody is right nowhere.
//
// Timing: issuing a code for an unknown account does the same work as for a known one (T-ENU;
// TestSEC48andTENU_answersAreEqual).
func (c *Codes) Issue(ctx context.Context, tx postgres.Tx, o Order) (string, error) {
	r := c.rules[o.Purpose]
	text := r.formatFor(o.Target).generate()

	p := db.InsertCodeParams{
		SessionID: o.Session, Purpose: string(o.Purpose), Target: o.Target, CodeHash: c.hash(o.Purpose, o.Session, text),
		AttemptsLeft: r.attempts, ResendsLeft: r.resends, ChangesLeft: r.changes, Now: tx.Now, ExpiresAt: tx.Now.Add(r.timeout),
	}
	if o.UserID != 0 {
		p.UserID = &o.UserID
	} else {
		p.CodeHash = nobodys()
	}

	return text, tx.InsertCode(ctx, p)
}

// Guess counts a guess, then compares it. What it returns as Right stays as it is until
// Use or Keep is called in the same transaction: the row is locked, so that a second
// right guess at the same moment finds what that left (SEC-44, SEC-45).
func (c *Codes) Guess(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose Purpose, typed string) (Process, Verdict, error) {
	p, err := tx.UpdateCodeAttempts(ctx, db.UpdateCodeAttemptsParams{SessionID: session, Purpose: string(purpose), Now: tx.Now})
	if postgres.IsNotFound(err) {
		return Process{}, Absent, nil
	}

	if err != nil {
		return Process{}, Absent, err
	}

	text := normalize(typed)
	// An empty text never matches, and nothing matches a code that belongs to no user.
	if text != "" && p.UserID != nil && hmac.Equal(p.CodeHash, c.hash(purpose, session, text)) {
		return p, Right, nil
	}

	return c.Miss(ctx, tx, p)
}

// Miss returns the verdict for a code that matched and is rejected all the same, such as one for an address that
// another user has verified meanwhile.
func (c *Codes) Miss(ctx context.Context, tx postgres.Tx, p Process) (Process, Verdict, error) {
	if p.AttemptsLeft > 0 {
		return p, Wrong, nil
	}

	return p, Spent, Drop(ctx, tx, p.SessionID, Purpose(p.Purpose))
}

// Keep gives a right guess back: it was looked at, and not used yet.
func (c *Codes) Keep(ctx context.Context, tx postgres.Tx, p Process) error {
	return tx.UpdateCodeAttemptsBack(ctx, db.UpdateCodeAttemptsBackParams{SessionID: p.SessionID, Purpose: p.Purpose})
}

// Extend gives a process its whole time again, once: a code that is looked at again and
// again must not live for ever.
func (c *Codes) Extend(ctx context.Context, tx postgres.Tx, p Process) error {
	timeout := c.rules[Purpose(p.Purpose)].timeout

	until := tx.Now.Add(timeout)
	if last := p.CreatedAt.Add(2 * timeout); until.After(last) {
		until = last
	}

	return tx.UpdateCodeExpiry(ctx, db.UpdateCodeExpiryParams{SessionID: p.SessionID, Purpose: p.Purpose, ExpiresAt: until})
}

// Use ends a process whose code was right.
func (c *Codes) Use(ctx context.Context, tx postgres.Tx, p Process) error {
	return Drop(ctx, tx, p.SessionID, Purpose(p.Purpose))
}

// Drop ends a process, if there is one.
func Drop(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose Purpose) error {
	return tx.DeleteCode(ctx, db.DeleteCodeParams{SessionID: session, Purpose: string(purpose)})
}

// DropAll deletes all codes of a user and all links that reset their password: a code from before a change of the
// password must not change it again.
func DropAll(ctx context.Context, tx postgres.Tx, userID int64) error {
	if err := tx.DeleteCodesOfUser(ctx, &userID); err != nil {
		return err
	}

	return tx.DeleteLinksOfUser(ctx, db.DeleteLinksOfUserParams{UserID: userID, Purpose: string(ResetPassword)})
}

// DropStray deletes the codes and links that were sent to an address or a number which the user has removed: they
// must not open the account.
func DropStray(ctx context.Context, tx postgres.Tx, userID int64) error {
	if err := tx.DeleteStrayLinks(ctx, userID); err != nil {
		return err
	}

	return tx.DeleteStrayCodes(ctx, userID)
}

// Resend makes another code for a process that has a resend left, and reports false
// where there is none. The code before is dead; time and attempts go on.
func (c *Codes) Resend(ctx context.Context, tx postgres.Tx, p Process) (text string, ok bool, err error) {
	text = c.rules[Purpose(p.Purpose)].formatFor(p.Target).generate()

	_, err = tx.UpdateCodeResent(ctx, db.UpdateCodeResentParams{
		SessionID: p.SessionID, Purpose: p.Purpose, Now: tx.Now, CodeHash: c.hashFor(p, text),
	})
	if postgres.IsNotFound(err) {
		return "", false, nil
	}

	return text, err == nil, err
}

// Retarget makes another code for another target of the same process, and reports false
// where no change is left. userID is whom it serves now; 0: nobody.
func (c *Codes) Retarget(ctx context.Context, tx postgres.Tx, p Process, target string, userID int64) (text string, ok bool, err error) {
	if p.UserID = &userID; userID == 0 {
		p.UserID = nil
	}

	text = c.rules[Purpose(p.Purpose)].formatFor(target).generate()
	hash := c.hashFor(p, text)

	_, err = tx.UpdateCodeTarget(ctx, db.UpdateCodeTargetParams{
		SessionID: p.SessionID, Purpose: p.Purpose, Now: tx.Now, CodeHash: hash, Target: target, UserID: p.UserID,
	})
	if postgres.IsNotFound(err) {
		return "", false, nil
	}

	return text, err == nil, err
}

// Find returns the process that is out for a session and purpose, and reports false
// where there is none.
func Find(ctx context.Context, q *db.Queries, session uuid.UUID, purpose Purpose, now time.Time) (Process, bool, error) {
	p, err := q.FindCode(ctx, db.FindCodeParams{SessionID: session, Purpose: string(purpose), Now: now})
	if postgres.IsNotFound(err) {
		return Process{}, false, nil
	}

	return p, err == nil, err
}

// hash binds a code to its purpose and to the session that asked for it (SEC-46, SEC-47).
func (c *Codes) hash(purpose Purpose, session uuid.UUID, text string) []byte {
	mac := c.key.MAC()
	_, _ = mac.Write([]byte("code|" + string(purpose) + "|" + session.String() + "|" + normalize(text)))
	return mac.Sum(nil)
}

func (c *Codes) hashFor(p Process, text string) []byte {
	if p.UserID == nil {
		return nobodys()
	}

	return c.hash(Purpose(p.Purpose), p.SessionID, text)
}

// nobodys is a hash that no code has.
func nobodys() []byte { return secret.Hash(secret.Text(32)) }
