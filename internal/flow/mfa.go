package flow

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// mostFactorMisses is how many wrong second factors a sign-in stands (SEC-54). The next
// call finds nothing pending.
const mostFactorMisses = 5

// codeLimits are the actions that a code counts for: it can be guessed.
var codeLimits = []limit.Action{limit.LoginFailed, limit.MFAFailed}

// counted is what a guess at a second factor has taken from its limits.
type counted []limit.Taken

// count counts a guess before it is judged: of many at once no more are judged than are
// left. What is used up is the challenge, not the account: password, codes by mail and
// sessions go on.
func (f *Flow) count(ctx context.Context, who caller.Caller, userID int64) (counted, error) {
	subject := limit.SecondFactor(userID)
	subject.Address = who.Device.Address

	taken, err := f.takeGuess(ctx, who, guesses{actions: codeLimits, subject: subject, userID: userID, known: limit.MFAFailedDevice})
	return taken, tooManyAttempts(err, "code")
}

// countKey counts an answer of a security key, for the client's address alone: it cannot be
// guessed, and whoever sends nonsense must not keep its owner from using it (SEC-77,
// TestSEC77_wrongCodesDoNotStopTheSecurityKey).
func (f *Flow) countKey(ctx context.Context, who caller.Caller) (counted, error) {
	taken, err := f.takeAll(ctx, []limit.Action{limit.LoginFailed}, limit.Subject{Address: who.Device.Address, AddressOnly: true})
	return taken, tooManyAttempts(err, "credential")
}

// tooManyAttempts is how a used-up limit of sign-ins is answered.
func tooManyAttempts(err error, param string) error {
	if errors.Is(err, problem.TooManyRequests) {
		return problem.TooManyLoginAttempts.At(param)
	}

	return err
}

func (f *Flow) takeAll(ctx context.Context, actions []limit.Action, s limit.Subject) (counted, error) {
	var all counted
	for _, action := range actions {
		taken, err := f.Limiter.Take(ctx, action, s)
		if err != nil {
			return nil, errors.Join(err, all.giveBack(ctx))
		}
		all = append(all, taken)
	}
	return all, nil
}

// settle gives back what was counted, unless the guess was wrong: also where it could not be
// judged. That it cannot be given back costs nobody what they have just been given.
func (f *Flow) settle(ctx context.Context, c counted, err error) {
	if errors.Is(err, problem.IncorrectCode) {
		return
	}
	if err := c.giveBack(ctx); err != nil {
		f.Log.WarnContext(ctx, "a limit was not given back", "cause", err.Error())
	}
}

func (c counted) giveBack(ctx context.Context) error {
	for _, taken := range c {
		if err := taken.GiveBack(ctx); err != nil {
			return err
		}
	}
	return nil
}

// shown is a second factor as somebody shows it: it reports whether it is right, and is
// used up by that.
type shown func(tx postgres.Tx, session uuid.UUID, userID int64) (authenticator.Proof, bool, error)

// byCode shows a TOTP code or a recovery code.
func (f *Flow) byCode(ctx context.Context, typed string) shown {
	return func(tx postgres.Tx, _ uuid.UUID, userID int64) (authenticator.Proof, bool, error) {
		return f.Factors.Try(ctx, tx, userID, typed)
	}
}

// byCredential shows a security key, as the answer to what the session was asked.
func (f *Flow) byCredential(ctx context.Context, purpose string, answer json.RawMessage) shown {
	return func(tx postgres.Tx, session uuid.UUID, userID int64) (authenticator.Proof, bool, error) {
		ceremony, found, err := f.Factors.Answered(ctx, tx, session, purpose)
		if err != nil || !found {
			return authenticator.Proof{}, false, err
		}
		person, err := f.Factors.User(ctx, tx, userID, "", "")
		if err != nil {
			return authenticator.Proof{}, false, err
		}
		used, err := f.Factors.FinishAssertion(ceremony, person, answer, tx.Now)
		var proof authenticator.Proof
		if err == nil {
			proof, err = f.Factors.UseCredential(ctx, tx, userID, used)
		}
		return f.judge(ctx, tx, userID, proof, err)
	}
}

// judge makes a refusal of what is wrong with an answer. A counter that went back is noted
// by itself: somebody may have copied the key.
func (f *Flow) judge(ctx context.Context, tx postgres.Tx, userID int64, proof authenticator.Proof, err error) (authenticator.Proof, bool, error) {
	if err == nil && proof.BecameEligible { // it may be on other devices from now on (SEC-63)
		err = f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.BackupEligible, UserID: userID})
	}
	if !authenticator.IsIncorrect(err) {
		return proof, err == nil, err
	}
	f.Log.InfoContext(ctx, "a WebAuthn answer was refused", "user", userID, "why", err.Error())
	if !errors.Is(err, factor.ErrCounter) {
		return proof, false, nil
	}
	return proof, false, f.Trail.Add(ctx, tx.Queries, tx.Now, audit.Event{Name: audit.CounterWentBack, Failed: true, UserID: userID})
}

// method is the record of a second factor.
func method(p authenticator.Proof, at float64) session.Method {
	return session.Method{Method: session.BySecondFactor, At: at, ID: p.ID, Type: p.Type}
}

// waits returns the attempt of a visitor who has to show their second factor, or why the
// caller has not to: somebody signed in, or nothing of the kind pending.
func (f *Flow) waits(who caller.Caller) (Attempt, error) {
	if who.SignedIn() {
		return Attempt{}, problem.AlreadyAuthenticated
	}
	a := f.pending(who)
	if a.Stage != MFAAuthenticate {
		return Attempt{}, f.Anonymous(who)
	}
	return a, nil
}

// SubmitSecondFactor goes on with a sign-in whose second factor this is: a TOTP code or a
// recovery code.
func (f *Flow) SubmitSecondFactor(ctx context.Context, who caller.Caller, typed string) (Entry, error) {
	a, err := f.waits(who)
	if err != nil {
		return Entry{}, err
	}
	if factor.Clean(typed) == "" {
		return Entry{}, problem.Required.At("code")
	}
	taken, err := f.count(ctx, who, a.UserID)
	if err != nil {
		return Entry{}, err
	}
	return f.second(ctx, who, taken, "code", f.byCode(ctx, typed))
}

// SubmitSecondFactorCredential goes on with a sign-in whose second factor this is: the
// answer of a security key to SecondFactorOptions.
func (f *Flow) SubmitSecondFactorCredential(ctx context.Context, who caller.Caller, answer json.RawMessage) (Entry, error) {
	if _, err := f.waits(who); err != nil {
		return Entry{}, err
	}
	taken, err := f.countKey(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	return f.second(ctx, who, taken, "credential", f.byCredential(ctx, authenticator.Authenticate, answer))
}

// second judges a second factor and goes on.
func (f *Flow) second(ctx context.Context, who caller.Caller, taken counted, param string, show shown) (Entry, error) {
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		if a.Stage != MFAAuthenticate { // another request was faster
			return problem.FlowNotPending, nil
		}
		proof, right, err := show(tx, who.Pending.ID, a.UserID)
		if err != nil {
			return nil, err
		}
		if !right {
			return problem.IncorrectCode.At(param), f.missedFactor(ctx, tx, who, &a)
		}
		a.Methods = append(a.Methods, method(proof, session.Epoch(tx.Now)))
		p, err = f.advance(ctx, tx, who, &a)
		return nil, err
	})
	f.settle(ctx, taken, err)
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// missedFactor counts a wrong second factor. With the last one the sign-in goes.
func (f *Flow) missedFactor(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt) error {
	event := audit.Event{Name: audit.SecondFactor, Failed: true, UserID: a.UserID, Device: who.Device}
	if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return err
	}
	if a.Misses++; a.Misses >= mostFactorMisses {
		return f.forget(ctx, tx, who)
	}
	_, _, err := f.keep(ctx, tx, who, a)
	return err
}

// SecondFactorOptions is what to ask a security key for, as the second factor.
func (f *Flow) SecondFactorOptions(ctx context.Context, who caller.Caller) (json.RawMessage, error) {
	if _, err := f.waits(who); err != nil {
		return nil, err
	}
	var options json.RawMessage
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		if a.Stage != MFAAuthenticate {
			return problem.FlowNotPending, nil
		}
		options, err = f.ask(ctx, tx, asking{who.Pending.ID, a.UserID, authenticator.Authenticate})
		return nil, err
	})
	return options, err
}

// asking is whom a session is asked to be, and what for.
type asking struct {
	session uuid.UUID
	userID  int64
	purpose string
}

// ask asks a session for one of a person's keys.
func (f *Flow) ask(ctx context.Context, tx postgres.Tx, to asking) (json.RawMessage, error) {
	person, err := f.Factors.User(ctx, tx, to.userID, "", "")
	if err != nil {
		return nil, err
	}
	options, ceremony, err := f.Factors.StartAssertion(&person, tx.Now)
	if errors.Is(err, factor.ErrUnconfigured) {
		return nil, problem.PathNotFound
	}
	if err != nil {
		return nil, err
	}
	return options, f.Factors.Ask(ctx, tx, to.session, to.purpose, ceremony)
}

// ReauthenticateBySecondFactor lets a signed-in person prove by a TOTP code or a recovery
// code that it is still them.
func (f *Flow) ReauthenticateBySecondFactor(ctx context.Context, who caller.Caller, typed string) (Entry, error) {
	if factor.Clean(typed) == "" {
		return Entry{}, problem.Required.At("code")
	}
	taken, err := f.takeAll(ctx, []limit.Action{limit.ReauthenticateFailed}, who.Subject())
	if err != nil {
		return Entry{}, tooManyAttempts(err, "code")
	}
	return f.again(ctx, who, taken, "code", f.byCode(ctx, typed))
}

// ReauthenticateByCredential lets a signed-in person prove by a security key that it is
// still them.
func (f *Flow) ReauthenticateByCredential(ctx context.Context, who caller.Caller, answer json.RawMessage) (Entry, error) {
	taken, err := f.countKey(ctx, who)
	if err != nil {
		return Entry{}, err
	}
	return f.again(ctx, who, taken, "credential", f.byCredential(ctx, authenticator.Reauthenticate, answer))
}

// again judges a second factor of somebody signed in and notes it on their session.
func (f *Flow) again(ctx context.Context, who caller.Caller, taken counted, param string, show shown) (Entry, error) {
	var after Entry
	user := who.Session.UserID
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		if err := session.Hold(ctx, tx, user, who.Session.ID); err != nil {
			return nil, err
		}
		proof, right, err := show(tx, who.Session.ID, user)
		if err != nil {
			return nil, err
		}
		if !right {
			event := audit.Event{Name: audit.SecondFactor, Failed: true, UserID: user, SessionID: who.Session.ID, Device: who.Device}
			return problem.IncorrectCode.At(param), f.Trail.Add(ctx, tx.Queries, tx.Now, event)
		}
		m := method(proof, 0)
		m.Reauthenticated = true
		after, err = f.prove(ctx, tx, who, m)
		return nil, err
	})
	f.settle(ctx, taken, err)
	if err != nil {
		return Entry{}, err
	}
	return after, nil
}

// ReauthenticationOptions is what to ask a security key for, of somebody signed in.
func (f *Flow) ReauthenticationOptions(ctx context.Context, who caller.Caller) (json.RawMessage, error) {
	var options json.RawMessage
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		var err error
		options, err = f.ask(ctx, tx, asking{who.Session.ID, who.Session.UserID, authenticator.Reauthenticate})
		return err
	})
	return options, err
}
