package flow

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/address"
	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// entered is a visitor for whom the door has opened, inside the transaction.
type entered struct {
	opened    session.Opened
	user      db.UserDetail
	extra     json.RawMessage
	cancelled bool // a deletion of the account that was under way
}

// progress is where the door has left a visitor.
type progress struct {
	// in is set when they are in.
	in *entered
	// underWay is what they have to do next; its stage is empty when they are in, or refused.
	underWay
	// token is the session token of a session that was made for it.
	token string
}

// refused reports that the account has changed since the proof was given: disabled,
// gone, or another password.
func (p progress) refused() bool { return p.in == nil && p.stage == "" && p.identity == nil }

// advance is the door: the one place where a visitor becomes a signed-in user. Whatever
// has proved something ends here; it finds out what is still open, and lets in whom
// nothing holds back any more.
func (f *Flow) advance(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt) (progress, error) {
	// Race: from here to the commit nobody can change the password or disable the account;
	// they come before, and are seen here, or after, and end the session
	// (TestLoginCode_aPasswordChangedBetweenTheStepsEndsTheSignIn).
	user, err := tx.LockUserForSignIn(ctx, a.UserID)
	if err != nil && !postgres.IsNotFound(err) {
		return progress{}, err
	}
	gone := postgres.IsNotFound(err)
	changed := a.stale(user.PasswordHash) || a.lostUnproved(user.UnprovedPasswordHash)
	if a.UserID != 0 && (gone || user.DisabledAt != nil || changed) {
		return progress{}, f.forget(ctx, tx, who)
	}
	a.Restorations = user.Restorations // one that is pending has been compared before; see locked

	// The form of an address of before may have changed since the sign-in began.
	if a.Email, err = address.Stored(ctx, tx.Queries, a.Email); err != nil {
		return progress{}, err
	}
	found, err := tx.FindSignInFacts(ctx, db.FindSignInFactsParams{ID: a.UserID, Email: a.Email})
	if err != nil {
		return progress{}, err
	}
	if stage, open := Next(f.facts(a, found)); open {
		return f.pend(ctx, tx, who, a, opened{stage, found})
	}
	if a.UserID == 0 { // nothing is right in such an attempt, so that it never gets here
		return progress{}, f.forget(ctx, tx, who)
	}
	if a.needsOwner() {
		if err := f.provePassword(ctx, tx, who, a.UserID); err != nil {
			return progress{}, err
		}
	}
	if user.UnusedSince != nil {
		if err := tx.UpdateUserUsed(ctx, a.UserID); err != nil {
			return progress{}, err
		}
	}
	return f.enter(ctx, tx, who, a, user.DeletesAt != nil)
}

// facts is what the machine asks, read off the attempt, the account and the settings.
func (f *Flow) facts(a *Attempt, found db.FindSignInFactsRow) Facts {
	facts := Facts{
		CodeNeeded: a.CodeAsked || a.needsOwner() || f.Policy.NeedsCode(a.lastMethod()),
		CodeProved: a.proved("code"),

		FactorNeeded:   authenticator.Guards(found.Factors),
		FactorShown:    a.showed(),
		PasskeyAwaited: a.PasskeySignup && !a.PasskeyMade,
	}
	if f.Policy.PhoneVerification && f.Policy.Asks("phone") {
		facts.PhoneOpen = found.Phone != "" && !found.PhoneVerified || a.UserID == 0 && a.Phone != ""
	}
	if f.mustVerifyEmail(a) {
		// Signing in by an address asks for that very one, any other way for any.
		named := a.Email != "" && !found.EmailVerified
		other := a.Email == "" && !found.HasVerifiedEmail && found.PrimaryEmail != ""
		facts.EmailOpen = named || other
	}
	return facts
}

// opened is a stage that is open, and what was found out about the account.
type opened struct {
	stage Stage
	found db.FindSignInFactsRow
}

// pend stores that a stage has to be passed, and starts it where it has not been: sends
// its code or link.
func (f *Flow) pend(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, o opened) (progress, error) {
	fresh := a.Stage != o.stage
	a.Stage, a.Types = o.stage, o.found.Factors
	if a.StartedAt == 0 {
		a.StartedAt = session.Epoch(tx.Now)
	}
	p := progress{underWay: a.underWay()}
	p.resetting = who.Pending != nil && who.Pending.Resetting
	id, made, err := f.keep(ctx, tx, who, a)
	if err != nil || !fresh {
		return p, err
	}
	p.token = made
	to := notice.Recipient{Session: id, UserID: a.UserID, Email: a.Email, Phone: a.Phone, Device: who.Device, Known: who.Known.Of(a.UserID), Signup: a.Signup}
	if !a.CodeAsked && to.Email == "" { // what is demanded goes to an address rather than to a phone
		to.Email = o.found.PrimaryEmail
	}
	switch o.stage {
	case LoginByCode:
		if to.Email == "" && to.Phone == "" {
			to.Phone = o.found.Phone
		}
		if a.needsOwner() {
			if err := f.chooseOwner(ctx, tx, &to, o.found); err != nil {
				return progress{}, err
			}
		}
		if to.Email == "" && to.Phone == "" { // a code cannot reach them: nothing to wait for
			return progress{}, f.forget(ctx, tx, who)
		}
		err = f.Notices.LoginCode(ctx, tx, to)
	case VerifyPhone:
		if to.Phone = o.found.Phone; a.UserID == 0 {
			to.Phone, to.Free = a.Phone, a.Free
		}
		err = f.Notices.VerifyPhone(ctx, tx, to)
	case VerifyEmail:
		_, err = f.Notices.VerifyEmail(ctx, tx, to)
	}
	return p, err
}

// keep writes the attempt to the caller's pending session, or makes one for it.
func (f *Flow) keep(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt) (id uuid.UUID, token string, err error) {
	text, err := json.Marshal(a)
	if err != nil {
		return uuid.UUID{}, "", err
	}
	if who.Pending == nil {
		return f.Sessions.OpenPending(ctx, tx, who.Device, text, a.Stage != "")
	}
	return who.Pending.ID, "", f.Sessions.MovePending(ctx, tx, who.Pending.ID, text)
}

// forget drops what the caller's pending session holds; the session itself goes on.
func (f *Flow) forget(ctx context.Context, tx postgres.Tx, who caller.Caller) error {
	if who.Pending == nil {
		return nil
	}
	return f.Sessions.MovePending(ctx, tx, who.Pending.ID, json.RawMessage("{}"))
}

// enter opens the session of somebody whom nothing holds back.
func (f *Flow) enter(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, leaving bool) (progress, error) {
	e := &entered{cancelled: leaving}
	if a.Signup && len(a.Methods) == 0 {
		a.Methods = []session.Method{{Method: session.BySignUp, At: session.Epoch(tx.Now)}}
	}
	opening := session.Opening{UserID: a.UserID, Device: who.Device, Methods: a.Methods, Token: a.token}
	if who.Pending != nil {
		opening.Pending = who.Pending.ID
	}
	var err error
	if e.opened, err = f.Sessions.Open(ctx, tx, opening); err != nil {
		return progress{}, err
	}
	event := audit.Event{Name: a.event, UserID: a.UserID, SessionID: e.opened.ID, Device: who.Device}
	if event.Name == "" {
		event.Name = audit.Login
	}
	if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
		return progress{}, err
	}
	if err := f.tell(ctx, tx, who, a, e); err != nil {
		return progress{}, err
	}
	if e.user, err = tx.FindUser(ctx, a.UserID); err != nil {
		return progress{}, err
	}
	e.extra, err = extra(ctx, func(ctx context.Context, id int64) (json.RawMessage, error) {
		return f.Claims.CallTx(ctx, tx, id)
	}, a.UserID)
	return progress{in: e}, err
}

// tell does what a completed sign-in brings along: it calls off a deletion that was under
// way, and tells the person of a device that is new.
func (f *Flow) tell(ctx context.Context, tx postgres.Tx, who caller.Caller, a *Attempt, e *entered) error {
	if e.cancelled {
		if err := tx.UpdateUserDeletion(ctx, db.UpdateUserDeletionParams{ID: a.UserID}); err != nil {
			return err
		}
		event := audit.Event{Name: audit.DeletionCancelled, UserID: a.UserID, SessionID: e.opened.ID, Device: who.Device}
		if err := f.Trail.Add(ctx, tx.Queries, tx.Now, event); err != nil {
			return err
		}
		if err := f.Notices.DeletionCancelled(ctx, tx, a.UserID, who.Device); err != nil {
			return err
		}
	}
	if a.Signup {
		return nil
	}
	return f.Notices.NewDevice(ctx, tx, a.UserID, e.opened.ID, who.Device)
}

// answer makes of a committed progress what the client gets: tokens, or what is pending.
func (f *Flow) answer(p progress) (Entry, error) {
	if p.in != nil {
		return f.welcome(*p.in)
	}
	return Entry{}, &Incomplete{Steps: f.menu(p.underWay), SessionToken: p.token}
}

// welcome signs the tokens of a session that has been committed.
func (f *Flow) welcome(e entered) (Entry, error) {
	entry, err := f.sign(token.Claims{SessionID: e.opened.ID, Proof: proofOf(e.opened.Methods), Extra: e.extra}, e.opened.Successor, e.user)
	entry.SessionToken, entry.Methods, entry.DeletionCancelled = e.opened.Token, e.opened.Methods, e.cancelled
	entry.DeviceToken = f.Devices.Token(e.opened.ID)
	return entry, err
}

// sign makes the pair of a generation: its refresh token, and a fresh access token.
func (f *Flow) sign(c token.Claims, s session.Successor, user db.UserDetail) (Entry, error) {
	c.Subject, c.Generation, c.TenantID = user.Subject, s.Generation, user.TenantID
	entry := Entry{User: user}
	var err error
	if entry.AccessToken, err = f.Issuer.Access(c, f.DB.Now()); err != nil {
		return Entry{}, err
	}
	c.IssuedAt, c.ExpiresAt = s.IssuedAt, s.ExpiresAt
	entry.RefreshToken, err = f.Issuer.Refresh(c)
	return entry, err
}
