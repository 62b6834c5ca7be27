// Package notice owns what we tell people and when: which message goes with a code, a
// link or a security event, whether it may go now, and whether the operator wants it. It
// does not own how a message looks or travels (internal/outbox), nor codes and links
// themselves (internal/code).
package notice

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/platform"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Parts are what notices are made of.
type Parts struct {
	Outbox  *outbox.Outbox
	Codes   *code.Codes
	Limiter *limit.Limiter
	Policy  policy.Settings
	// Countries are those whose numbers get texts; all where it is empty.
	Countries []string
	Log       *slog.Logger
}

// Notices tells people.
type Notices struct{ Parts }

// New returns the notices that the policy asks for.
func New(parts Parts) *Notices { return &Notices{parts} }

// Recipient is whom a code or link goes to, and on whose behalf.
type Recipient struct {
	// Session is where a code can be used.
	Session uuid.UUID
	// UserID is the user that the code is for. If it is 0 there is no such user, and the owner of the address gets
	// a message that says so.
	UserID int64
	// Email or Phone is where it goes: the phone where there is no address.
	Email, Phone string
	// Signup: nobody has this account because it is taken, not because it is unknown.
	Signup bool
	// Free: the address or number itself is nobody's; the account is none for another reason.
	Free bool
	// Again: it is not the first of its kind.
	Again  bool
	Device session.Device
	// Known is the session by which the device is one that the user has signed in with before;
	// zero for an unknown device. Messages that it asks for are counted by themselves.
	Known uuid.UUID
}

// LoginCode makes a sign-in code and sends it.
func (n *Notices) LoginCode(ctx context.Context, tx postgres.Tx, to Recipient) error {
	target := to.Email
	if target == "" {
		target = to.Phone
	}

	text, err := n.Codes.Issue(ctx, tx, code.Order{Session: to.Session, Purpose: code.Login, UserID: to.UserID, Target: target})
	if err != nil {
		return err
	}

	return n.PostLoginCode(ctx, tx, to, text)
}

// PostLoginCode sends a sign-in code that was made.
func (n *Notices) PostLoginCode(ctx context.Context, tx postgres.Tx, to Recipient, text string) error {
	if to.Email == "" {
		return n.text(ctx, tx, to, false, text)
	}

	return n.mail(ctx, tx, to, outbox.LoginCode, text)
}

// ProofCode makes a code by which a signed-in user proves who they are, and sends it.
func (n *Notices) ProofCode(ctx context.Context, tx postgres.Tx, to Recipient) error {
	order := code.Order{Session: to.Session, Purpose: code.Reauthenticate, UserID: to.UserID, Target: to.Email}
	if to.Email == "" {
		order.Target = to.Phone
	}

	text, err := n.Codes.Issue(ctx, tx, order)
	if err != nil {
		return err
	}

	if to.Email != "" {
		return n.mail(ctx, tx, to, outbox.ProofCode, text)
	}

	return n.text(ctx, tx, to, false, text)
}

// VerifyEmail makes a code or a link that verifies an address and sends it. It reports
// false where it was too soon for another link, and returns problem.TooManyRequests where
// it was too soon for another code.
func (n *Notices) VerifyEmail(ctx context.Context, tx postgres.Tx, to Recipient) (bool, error) {
	err := n.Limiter.TakeTx(ctx, tx, limit.ConfirmEmail, limit.Subject{Address: to.Device.Address, Key: to.Email})
	if err == nil && !n.Policy.EmailVerificationByCode {
		err = n.takeMail(ctx, tx, to)
	}

	if errors.Is(err, problem.TooManyRequests) && !n.Policy.EmailVerificationByCode {
		return false, nil
	}

	if err != nil {
		return false, err
	}

	if n.Policy.EmailVerificationByCode {
		text, err := n.Codes.Issue(ctx, tx, code.Order{Session: to.Session, Purpose: code.VerifyEmail, UserID: to.UserID, Target: to.Email})
		if err != nil {
			return false, err
		}

		return true, n.PostEmailCode(ctx, tx, to, text)
	}

	key, err := n.Codes.IssueLink(ctx, tx, code.LinkOrder{
		Purpose: code.VerifyEmail, UserID: to.UserID, Address: to.Email, Session: to.Session, Platform: platform.Of(to.Device.UserAgent),
	})
	if err != nil {
		return false, err
	}

	return true, n.post(ctx, tx, to, outbox.VerifyEmailLink, key)
}

// PostEmailCode sends a code that verifies an address and was made already.
func (n *Notices) PostEmailCode(ctx context.Context, tx postgres.Tx, to Recipient, text string) error {
	return n.mail(ctx, tx, to, outbox.VerifyEmailCode, text)
}

// VerifyPhone makes a code that verifies a number and texts it. It returns
// problem.TooManyRequests where it was too soon for another.
func (n *Notices) VerifyPhone(ctx context.Context, tx postgres.Tx, to Recipient) error {
	if err := n.limitPhone(ctx, tx, to); err != nil {
		return err
	}

	text, err := n.Codes.Issue(ctx, tx, code.Order{Session: to.Session, Purpose: code.VerifyPhone, UserID: to.UserID, Target: to.Phone})
	if err != nil {
		return err
	}

	return n.PostPhoneCode(ctx, tx, to, text)
}

// PostPhoneCode texts a code that verifies a number and was made already.
func (n *Notices) PostPhoneCode(ctx context.Context, tx postgres.Tx, to Recipient, text string) error {
	return n.text(ctx, tx, to, true, text)
}

func (n *Notices) limitPhone(ctx context.Context, tx postgres.Tx, to Recipient) error {
	return n.Limiter.TakeTx(ctx, tx, limit.VerifyPhone, limit.Subject{Address: to.Device.Address, Key: to.Phone})
}

// mail takes a mail from the budget of its address and posts it.
func (n *Notices) mail(ctx context.Context, tx postgres.Tx, to Recipient, kind outbox.Kind, text string) error {
	if err := n.takeMail(ctx, tx, to); err != nil {
		return err
	}

	return n.post(ctx, tx, to, kind, text)
}

// post enqueues a code or key. If there is no account, or another user has the address, the owner of the address
// gets a message that says so instead.
//
// Timing: there is always one message, of which some are never sent (SEC-48, TestSEC48andTENU_answersAreEqual).
func (n *Notices) post(ctx context.Context, tx postgres.Tx, to Recipient, kind outbox.Kind, text string) error {
	m := outbox.Message{Kind: kind, UserID: to.UserID, To: to.Email, Device: deviceOf(to.Device)}
	switch {
	case to.UserID != 0 && (kind == outbox.VerifyEmailLink || kind == outbox.PasswordResetLink):
		m.Key = text
	case to.UserID != 0, to.Free: // a code that is right nowhere, if it is nobody's
		m.Code = text
	case to.Again:
		m.Kind = outbox.Nothing
	case to.Signup:
		m.Kind = outbox.AccountAlreadyExists
	case n.Policy.EmailUnknownAccounts:
		m.Kind = outbox.UnknownAccount
	default:
		m.Kind = outbox.Nothing
	}

	return n.Outbox.Post(ctx, tx, m)
}

// text is mail for phones: it takes a text from the budgets and posts a code. verifying: the code verifies
// the number.
func (n *Notices) text(ctx context.Context, tx postgres.Tx, to Recipient, verifying bool, text string) error {
	if err := n.takeText(ctx, tx, to, verifying); err != nil {
		return err
	}

	m := outbox.Message{Kind: outbox.SMSCode, UserID: to.UserID, To: to.Phone, Device: deviceOf(to.Device)}
	switch {
	case to.UserID != 0, to.Free:
		m.Code = text
	case to.Again:
		m.Kind = outbox.Nothing
	case to.Signup:
		m.Kind = outbox.SMSAccountAlreadyExists
	default: // a text costs money: a number without an account gets none
		m.Kind = outbox.Nothing
	}

	return n.Outbox.Post(ctx, tx, m)
}

// deviceOf is what a message shows of a device: nothing that the client could choose freely.
func deviceOf(d session.Device) outbox.Device {
	return outbox.Device{
		Address:  platform.Network(d.Address),
		Platform: platform.Of(d.UserAgent),
		Language: d.Language,
	}
}

// newDeviceWindow is how long ago a device was used to be no new one.
const newDeviceWindow = 90 * 24 * time.Hour

// NewDevice notifies a user that a device signed in which they have not used recently.
func (n *Notices) NewDevice(ctx context.Context, tx postgres.Tx, userID int64, current uuid.UUID, d session.Device) error {
	if !n.Policy.EmailNotifications {
		return nil
	}

	used, err := tx.ListDevicesOfUser(ctx, db.ListDevicesOfUserParams{UserID: userID, ID: current, Since: tx.Now.Add(-newDeviceWindow)})
	if err != nil {
		return err
	}

	this := d.Stored()
	for _, u := range used {
		if session.Family(u.UserAgent) == session.Family(this.UserAgent) && u.DeviceName == this.Name {
			return nil
		}
	}

	return n.security(ctx, tx, userID, outbox.NewDevice, d)
}
