package flow

import (
	"context"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/phone"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/typed"
)

// CodeRequest is where somebody wants a sign-in code sent: one of the two.
type CodeRequest struct{ Email, Phone string }

// RequestLoginCode sends a sign-in code. For an address or number that nobody has the
// answer, the statements and the kind of job are the same (SEC-48).
func (f *Flow) RequestLoginCode(ctx context.Context, who caller.Caller, in CodeRequest) (Entry, error) {
	if !f.Policy.LoginByCode {
		return Entry{}, problem.PathNotFound
	}
	if err := f.checkCodeRequest(ctx, &in); err != nil {
		return Entry{}, err
	}
	if who.SignedIn() {
		return f.current(ctx, who)
	}
	param, key := "email", in.Email
	if in.Phone != "" {
		param, key = "phone", in.Phone
	}
	user, err := f.whoHas(ctx, in)
	if err != nil {
		return Entry{}, err
	}

	subject := limit.Subject{Address: who.Device.Address, Key: notice.Counter(key, who.Known.Of(user.ID))}
	if _, err := f.Limiter.Take(ctx, limit.RequestLoginCode, subject); err != nil {
		return Entry{}, tooManyAttempts(err, param)
	}
	if user.ID == 0 && !f.Policy.Hides() {
		return Entry{}, map[string]*problem.Problem{"email": problem.UnknownEmail, "phone": problem.UnknownPhone}[param].At(param)
	}
	a := &Attempt{UserID: user.ID, Email: in.Email, Phone: in.Phone, CodeAsked: true, Stamp: stamp(user.PasswordHash)}
	var p progress
	err = f.DB.Tx(ctx, func(tx postgres.Tx) error {
		err := f.still(ctx, tx, who)
		if err != nil {
			return err
		}
		p, err = f.advance(ctx, tx, who, a)
		return err
	})
	if err != nil {
		return Entry{}, tooManyAttempts(err, param)
	}
	return f.answer(p)
}

func (f *Flow) checkCodeRequest(ctx context.Context, in *CodeRequest) error {
	// A code can be mailed also where nobody signs in by address and password, as in allauth.
	byEmail, byPhone := f.Policy.LoginBy("email"), f.Policy.LoginBy("phone")
	if !byPhone {
		in.Phone = ""
	}
	in.Email = typed.Given(in.Email)
	number, validPhone := phone.Normalize(in.Phone)
	in.Phone = number
	switch {
	case in.Email != "" && number != "":
		return problem.SelectOnlyOne
	case in.Email == "" && number == "" && !byEmail && byPhone:
		return problem.Required.At("phone")
	case number != "" && !validPhone:
		return problem.InvalidPhone.At("phone")
	case number != "" && f.Notices.Unserved(number) != nil:
		return problem.PhoneNotServed.At("phone")
	case number != "":
		return nil
	}

	var err error
	in.Email, err = address.Find(ctx, f.DB.Queries, in.Email)

	return err
}

// whoHas is the active user behind an address or number, the zero value for nobody.
//
// Security: an address or a number that its holder has not verified counts only where they
// have verified nothing else, and have no second factor that shows whose the account is: one
// that was mistyped must not open the account to its owner (TestDoor_anUnverifiedSecondAddressOpensNothing).
func (f *Flow) whoHas(ctx context.Context, in CodeRequest) (db.FindUserByOwnAddressRow, error) {
	var user db.FindUserByOwnAddressRow
	var err error
	withFactor := f.Factors.Settings.AllowUnverified
	if in.Phone != "" {
		var byPhone db.FindUserByOwnPhoneRow
		byPhone, err = f.DB.FindUserByOwnPhone(ctx, db.FindUserByOwnPhoneParams{Phone: &in.Phone, WithFactor: withFactor})
		user = db.FindUserByOwnAddressRow(byPhone)
	} else {
		user, err = f.DB.FindUserByOwnAddress(ctx, db.FindUserByOwnAddressParams{Address: in.Email, WithFactor: withFactor})
	}
	if postgres.IsNotFound(err) || err == nil && user.DisabledAt != nil {
		return db.FindUserByOwnAddressRow{}, nil
	}
	return user, err
}

// ConfirmLoginCode goes on with a sign-in whose code this is. The address or number that
// it was sent to is verified by it.
func (f *Flow) ConfirmLoginCode(ctx context.Context, who caller.Caller, text string) (Entry, error) {
	if who.SignedIn() {
		return Entry{}, problem.FlowNotPending
	}
	g := guess{code.Login, text, "code"}
	var p progress
	err := f.judged(ctx, func(tx postgres.Tx) (*problem.Problem, error) {
		a, err := f.locked(ctx, tx, who)
		if err != nil || a.Stage != LoginByCode {
			return problem.FlowNotPending, err
		}
		process, refusal, err := f.try(ctx, tx, who, g)
		if err != nil || refusal != nil {
			return refusal, err
		}
		if *process.UserID != a.UserID { // a proof of one user never counts for another
			return problem.FlowNotPending, nil
		}
		p, refusal, err = f.confirmed(ctx, tx, who, &a, process)
		return refusal, err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// confirmed notes a right sign-in code and goes on. The code proves what it was sent to,
// as long as that is the person's: it brings nothing back that they have removed.
func (f *Flow) confirmed(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, process code.Process) (progress, *problem.Problem, error) {
	if err := f.Codes.Use(ctx, tx, process); err != nil {
		return progress{}, nil, err
	}
	if err := f.reclaim(ctx, tx, a, process.Target, who.Device); err != nil {
		return progress{}, nil, err
	}
	method := session.Method{Method: "code", At: session.Epoch(tx.Now)}
	var err error
	var theirs bool
	if isEmail(process.Target) {
		method.Email = process.Target
		theirs, err = f.confirmEmail(ctx, tx, confirmation{a.UserID, process.Target, false}, who.Device)
	} else {
		method.Phone = process.Target
		theirs, err = f.confirmPhone(ctx, tx, a.UserID, process.Target, false)
	}
	if err != nil {
		return progress{}, nil, err
	}
	if !theirs {
		return progress{}, problem.FlowNotPending, f.forget(ctx, tx, who)
	}
	a.Methods, a.CodeAsked = append(a.Methods, method), false
	p, err := f.advance(ctx, tx, who, a)
	return p, nil, err
}

// isEmail tells an address from a number: a number has no @, and an address may begin with
// a plus.
func isEmail(target string) bool { return strings.Contains(target, "@") }

// ResendLoginCode sends another code for the sign-in that is pending.
func (f *Flow) ResendLoginCode(ctx context.Context, who caller.Caller) error {
	if !f.Policy.LoginByCode {
		return problem.PathNotFound
	}
	return f.resend(ctx, who, LoginByCode, code.Login, func(ctx context.Context, tx postgres.Tx, to notice.Recipient, text string) error {
		return f.Notices.PostLoginCode(ctx, tx, to, text)
	})
}

// resendLimits are the actions that a resend counts for.
var resendLimits = map[code.Purpose]limit.Action{code.VerifyEmail: limit.ConfirmEmail, code.VerifyPhone: limit.VerifyPhone}

// resend makes another code for a stage that is pending, and has it sent.
func (f *Flow) resend(ctx context.Context, who caller.Caller, stage Stage, purpose code.Purpose,
	post func(context.Context, postgres.Tx, notice.Recipient, string) error,
) error {
	if who.SignedIn() && purpose != code.VerifyEmail {
		return problem.FlowNotPending
	}
	id, ok := sessionOf(who)
	if !ok {
		return problem.FlowNotPending
	}
	return f.DB.Tx(ctx, func(tx postgres.Tx) error {
		var a Attempt
		if !who.SignedIn() {
			var err error
			if a, err = f.locked(ctx, tx, who); err != nil {
				return err
			}
			if a.Stage != stage {
				return problem.FlowNotPending
			}
		}
		process, found, err := code.Find(ctx, tx.Queries, id, purpose, tx.Now)
		if err != nil {
			return err
		}
		if !found || process.ResendsLeft == 0 {
			return problem.FlowNotPending
		}
		// Nothing is limited but the quota where the action has no name here: sign-in codes.
		subject := limit.Subject{Address: who.Device.Address, Key: process.Target}
		if action, limited := resendLimits[purpose]; limited {
			if err := f.Limiter.TakeTx(ctx, tx, action, subject); err != nil {
				return err
			}
		}
		text, ok, err := f.Codes.Resend(ctx, tx, process)
		if err != nil {
			return err
		}
		if !ok {
			return problem.FlowNotPending
		}
		to := notice.Recipient{Session: id, Device: who.Device, Signup: a.Signup, Again: true}
		if process.UserID != nil {
			to.UserID = *process.UserID
			to.Known = who.Known.Of(to.UserID)
		}
		if to.Email = process.Target; !isEmail(process.Target) {
			to.Email, to.Phone = "", process.Target
		}
		return post(ctx, tx, to, text)
	})
}
