package flow

import (
	"context"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// sessionOf is the session that the caller's codes belong to.
func sessionOf(who caller.Caller) (uuid.UUID, bool) {
	switch {
	case who.SignedIn():
		return who.Session.ID, true
	case who.Pending != nil:
		return who.Pending.ID, true
	}
	return uuid.UUID{}, false
}

// locked reads the attempt of the caller's pending session anew and keeps others from
// moving it until the commit. It is the zero Attempt where the session is pending no more.
// The session of somebody signed in is held: see session.Hold.
//
// Race: it comes first in every step of a pending session, so that no two steps hold what
// the other needs: session, person, code, address.
//
// Security: an attempt whose person is gone, disabled, or has another password is none. It
// must not write to an account whose owner may have changed
// (TestDoor_aVoidAttemptChangesNothing).
func (f *Flow) locked(ctx context.Context, tx postgres.Tx, who caller.Caller) (Attempt, error) {
	if who.SignedIn() {
		return Attempt{}, session.Hold(ctx, tx, who.Session.UserID, who.Session.ID)
	}
	if who.Pending == nil {
		return Attempt{}, nil
	}
	text, err := tx.LockPendingSession(ctx, who.Pending.ID)
	if postgres.IsNotFound(err) {
		return Attempt{}, nil
	}
	if err != nil {
		return Attempt{}, err
	}
	a := attemptOf(text)
	if f.late(&a, tx.Now) {
		return Attempt{}, nil
	}
	user, err := tx.LockUserForSignIn(ctx, a.UserID) // of nobody, too: the statements are the same
	gone := postgres.IsNotFound(err)
	if err != nil && !gone {
		return Attempt{}, err
	}
	if a.UserID == 0 {
		return a, nil
	}

	changed := a.stale(user.PasswordHash) || a.Restorations != user.Restorations
	if gone || changed || user.DisabledAt != nil {
		return Attempt{}, nil
	}
	return a, nil
}

// still locks the caller's pending session, and returns problem.FlowNotPending where it is
// none any more: another request has signed it in, or ended it.
func (f *Flow) still(ctx context.Context, tx postgres.Tx, who caller.Caller) error {
	if who.Pending == nil {
		return nil
	}
	_, err := tx.LockPendingSession(ctx, who.Pending.ID)
	if postgres.IsNotFound(err) {
		return problem.FlowNotPending
	}
	return err
}

// judged runs a transaction whose refusal is an outcome: it is committed, with what was
// counted on the way, and becomes the error afterwards.
func (f *Flow) judged(ctx context.Context, body func(postgres.Tx) (*problem.Problem, error)) error {
	var refusal *problem.Problem
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		var err error
		refusal, err = body(tx)
		return err
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

// guess is a code that somebody typed, for the code of their session.
type guess struct {
	purpose code.Purpose
	typed   string
	param   string // the member that it stood in
}

// struck is a right guess that is to count as a wrong one, and why.
type struck struct {
	guess
	process code.Process
	why     *problem.Problem
}

// try counts and judges a guess. It returns the problem with it, or nil for a right one,
// as an outcome and not as an error: what was counted must be committed.
func (f *Flow) try(ctx context.Context, tx postgres.Tx, who caller.Caller, g guess) (code.Process, *problem.Problem, error) {
	id, ok := sessionOf(who)
	if !ok {
		return code.Process{}, problem.FlowNotPending, nil
	}
	// Race: the person before the code, as everywhere: a password that changes deletes all
	// their codes (TestTRACE_thePersonComesBeforeTheirSessions).
	if err := lockOwner(ctx, tx, id, g.purpose); err != nil {
		return code.Process{}, nil, err
	}
	p, verdict, err := f.Codes.Guess(ctx, tx, id, g.purpose, g.typed)
	if err != nil || verdict == code.Right {
		return p, nil, err
	}
	refusal, err := f.missed(ctx, tx, who, wrongGuess{g, ownerOf(p), verdict})
	return p, refusal, err
}

// wrongGuess is a guess that was not right, and whom its code serves; 0: nobody.
type wrongGuess struct {
	guess
	owner   int64
	verdict code.Verdict
}

func ownerOf(p code.Process) int64 {
	if p.UserID == nil {
		return 0
	}
	return *p.UserID
}

// wrongCodes are the events of a wrong code, by what the code is for.
var wrongCodes = map[code.Purpose]string{
	code.Login:          audit.Login,
	code.VerifyEmail:    audit.EmailVerified,
	code.VerifyPhone:    audit.PhoneChanged,
	code.ResetPassword:  audit.PasswordReset,
	code.Reauthenticate: audit.Reauthenticated,
}

// noteWrongCode records a wrong code.
//
// Timing: also one for nobody's account (SEC-48, TestSEC48andTENU_answersAreEqual).
func (f *Flow) noteWrongCode(ctx context.Context, tx postgres.Tx, who caller.Caller, g wrongGuess) error {
	event := audit.Event{Name: wrongCodes[g.purpose], Failed: true, UserID: g.owner, Device: who.Device}
	if id, ok := sessionOf(who); ok {
		event.SessionID = id
	}
	return f.Trail.Add(ctx, tx.Queries, tx.Now, event)
}

// lockOwner locks whom the code of a session serves, if anybody.
func lockOwner(ctx context.Context, tx postgres.Tx, session uuid.UUID, purpose code.Purpose) error {
	process, _, err := code.Find(ctx, tx.Queries, session, purpose, tx.Now)
	if err != nil {
		return err
	}
	var owner int64
	if process.UserID != nil {
		owner = *process.UserID
	}
	_, err = tx.LockUserForSignIn(ctx, owner)
	if postgres.IsNotFound(err) {
		return nil
	}
	return err
}

// missed is what follows a guess that was not right. With the last one the sign-in that
// waited for it goes, too: the client has to start over.
func (f *Flow) missed(ctx context.Context, tx postgres.Tx, who caller.Caller, g wrongGuess) (*problem.Problem, error) {
	if g.verdict == code.Absent {
		return problem.FlowNotPending, nil
	}
	if err := f.noteWrongCode(ctx, tx, who, g); err != nil {
		return nil, err
	}

	lost := g.verdict == code.Spent && g.purpose != code.ResetPassword && who.Pending != nil
	if lost {
		if err := f.forget(ctx, tx, who); err != nil {
			return nil, err
		}
	}
	if g.typed == "" {
		return problem.Required.At(g.param), nil
	}
	return problem.IncorrectCode.At(g.param), nil
}

// strike counts a right guess as a wrong one.
func (f *Flow) strike(ctx context.Context, tx postgres.Tx, who caller.Caller, s struck) (*problem.Problem, error) {
	_, verdict, err := f.Codes.Miss(ctx, tx, s.process)
	if err != nil {
		return nil, err
	}
	if _, err := f.missed(ctx, tx, who, wrongGuess{s.guess, ownerOf(s.process), verdict}); err != nil {
		return nil, err
	}
	return s.why.At(s.param), nil
}
