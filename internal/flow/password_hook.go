package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/passwordhook"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/typed"
	"github.com/latchkey-auth/latchkey/internal/userid"
)

// Mover stores a user of another system, whom nobody here has the subject of, without a password and with
// password_hook. It returns an error where the user cannot be stored as they are.
type Mover interface {
	Move(ctx context.Context, tx postgres.Tx, user *format.User) (id int64, err error)
}

// askPasswordHook asks the system that users come from about a sign-in that is refused here. It returns the user
// who has moved by that; nil where the sign-in stays refused.
//
// Timing: every refusal takes as long as the other system may take, whether it is asked or not: otherwise the time
// would tell which users have moved, and whom the other system knows
// (TestPasswordHook_everyRefusalTakesTheWholeLimit).
func (f *Flow) askPasswordHook(ctx context.Context, n named, pass string, user holder) (*holder, error) {
	wait := time.NewTimer(passwordhook.Limit)
	defer wait.Stop()

	moved, err := f.moveByPassword(ctx, n, pass, user)
	if moved != nil {
		return moved, nil
	}

	select {
	case <-wait.C:
		return nil, err
	case <-ctx.Done():
		return nil, problem.TemporarilyUnavailable.Because(ctx.Err())
	}
}

// moveByPassword asks the hook, if the user may be moved at all, and moves the user.
//
// Security: where the hook gives no answers the refusal of a user whom it is not asked about is an outage as well:
// otherwise the answers would tell who has moved (TestPasswordHook_anOutageTellsNobodyWhoHasMoved).
func (f *Flow) moveByPassword(ctx context.Context, n named, pass string, user holder) (*holder, error) {
	if !mayMove(user) {
		if f.PasswordHook.Failed() {
			return nil, problem.TemporarilyUnavailable.Because(passwordhook.ErrUnavailable)
		}

		return nil, nil
	}

	question := passwordhook.Question{Identifier: n.value, Password: pass}
	if user.PasswordHook {
		subject, err := f.DB.FindUserSubject(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		question.Subject = subject
	}

	answer, err := f.PasswordHook.Ask(ctx, f.DB.Now(), question)
	if err != nil {
		return nil, problem.TemporarilyUnavailable.Because(err)
	}
	if !answer.Match {
		return nil, nil
	}
	if err := agrees(question, n, answer.User); err != nil {
		return nil, problem.TemporarilyUnavailable.Because(err)
	}
	if question.Subject == "" {
		question.Subject = string(answer.User.ID)
	}

	return f.move(ctx, n, pass, match{subject: question.Subject, user: answer.User})
}

// mayMove reports whether the other system may know the password of a user who was found by a name.
//
// Security: an account that has not proved the name does not keep its owner from moving: a stranger can have made
// it (TestPasswordHook_aStrangersSignUpKeepsNobodyFromMoving).
func mayMove(user holder) bool {
	hasPassword := user.PasswordHash != nil || user.UnprovedPasswordHash != nil
	isKnown := user.ID != 0 && user.Proved

	switch {
	case user.DisabledAt != nil:
		return false
	case user.PasswordHook:
		return !hasPassword
	}

	return !isKnown
}

var (
	errNoUser     = errors.New("the password hook matched a user whom it did not send")
	errOtherUser  = errors.New("the password hook sent another user than the one it was asked about")
	errOtherName  = errors.New("the password hook sent a user who does not have the identifier")
	errBadSubject = errors.New("the password hook sent a user whose id cannot be a subject")
	errGone       = errors.New("the user was deleted meanwhile")
)

// agrees returns what speaks against taking the user of an answer for the one who was asked about.
func agrees(q passwordhook.Question, n named, user *format.User) error {
	switch {
	case user == nil && q.Subject == "":
		return errNoUser
	case user == nil:
		return nil
	case q.Subject != "" && string(user.ID) != q.Subject:
		return errOtherUser
	case !userid.Valid(string(user.ID)):
		return errBadSubject
	case !hasName(user, n):
		return errOtherName
	}

	return nil
}

// hasName reports whether a user of another system has the name that was typed.
func hasName(user *format.User, n named) bool {
	hasAddress := slices.ContainsFunc(user.Emails, func(e format.Email) bool {
		address, bad := email.Read(e.Address)
		typedOne, badTyped := email.Read(n.value)

		return bad == nil && badTyped == nil && address == typedOne
	})

	switch n.by {
	case "email":
		return hasAddress
	case "phone":
		if user.Phone == nil {
			return false
		}
		number, isNumber := phone.Normalize(user.Phone.Number)

		return isNumber && number == n.value
	}

	return hasAddress || user.Username != "" && typed.Key(user.Username) == typed.Key(n.value)
}

// match is a user whose password the other system has verified. user is nil where it sent none.
type match struct {
	subject string
	user    *format.User
}

// move stores the password, and the user where nobody here has the subject. It returns nil where the user has
// another password here.
func (f *Flow) move(ctx context.Context, n named, pass string, m match) (*holder, error) {
	fresh, err := f.hashPassword(ctx, pass)
	if err != nil {
		return nil, err
	}

	var found db.FindUserToMoveRow
	var stored int64
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		// Race: of two sign-ins at once, the second finds the user whom the first has stored
		// (TestPasswordHook_twoSignInsAtOnceMakeOneUser).
		if err := tx.LockAddress(ctx, "subject "+m.subject); err != nil {
			return err
		}
		if found, err = f.findOrMove(ctx, tx, m); err != nil {
			return err
		}
		stored, err = tx.UpdateUserPasswordMoved(ctx, db.UpdateUserPasswordMovedParams{ID: found.ID, PasswordHash: fresh})
		return err
	})
	if err != nil {
		return nil, err
	}

	moved := &holder{ID: found.ID, PasswordHash: &fresh}
	if n.by == "email" {
		moved.Address = n.value
	}
	if stored == 1 {
		return moved, nil
	}

	moved.PasswordHash = found.PasswordHash
	isRight, err := f.hasPassword(ctx, n, pass, found)
	if err != nil || !isRight {
		return nil, err
	}

	return moved, nil
}

// findOrMove returns the user with a subject, and stores the user first where there is none.
func (f *Flow) findOrMove(ctx context.Context, tx postgres.Tx, m match) (db.FindUserToMoveRow, error) {
	find := db.FindUserToMoveParams{Subject: &m.subject}
	if id, isID := userid.ID(m.subject).Key(); isID {
		find = db.FindUserToMoveParams{ID: &id}
	}

	found, err := tx.FindUserToMove(ctx, find)
	if !postgres.IsNotFound(err) {
		return found, err
	}
	if m.user == nil {
		return found, problem.TemporarilyUnavailable.Because(errGone)
	}

	id, err := f.Mover.Move(ctx, tx, m.user)
	if err != nil {
		return found, problem.TemporarilyUnavailable.Because(fmt.Errorf("user %s cannot move: %w", m.subject, err))
	}

	return db.FindUserToMoveRow{ID: id, PasswordHook: true}, nil
}

// hasPassword reports whether a user who has moved before has the password that was typed. An unproved password
// is none.
func (f *Flow) hasPassword(ctx context.Context, n named, pass string, found db.FindUserToMoveRow) (bool, error) {
	if found.DisabledAt != nil || found.PasswordHash == nil {
		return false, nil
	}

	slot, err := f.Gate.Enter(ctx)
	if err != nil {
		return false, err
	}
	defer slot.Leave()
	right, _ := slot.VerifyOf(n.value, pass, found.PasswordHash)

	return right, nil
}
