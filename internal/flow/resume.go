package flow

import (
	"context"
	"encoding/json"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// CurrentSession tells a client where it stands: signed in, or what it can start. A pending
// sign-in whose link was opened elsewhere goes on by itself, and the answer carries the tokens.
func (f *Flow) CurrentSession(ctx context.Context, who caller.Caller) (Entry, error) {
	switch {
	case who.SignedIn():
		return Shown(who.Session), nil
	case who.Resumes != nil:
		return f.handOutAgain(ctx, who)
	case who.Pending == nil:
		return Entry{}, f.Anonymous(who)
	}

	a := f.pending(who)
	ready, err := f.linkWasOpened(ctx, f.DB.Queries, who, &a)
	if err != nil {
		return Entry{}, err
	}
	if !ready {
		return Entry{}, f.Anonymous(who)
	}
	return f.goOn(ctx, who)
}

// linkWasOpened reports whether a pending sign-in waits for a link, and that link has been used.
//
// Security: only a link that was made for this very session counts, and only for the sign-in
// that waits for it: whoever else has a pending sign-in of the account goes on waiting
// (TestResume_onlyTheSessionThatTheLinkWasMadeForGoesOn).
func (f *Flow) linkWasOpened(ctx context.Context, q *db.Queries, who caller.Caller, a *Attempt) (bool, error) {
	if a.Stage != VerifyEmail || a.UserID == 0 || a.PasskeySignup {
		return false, nil
	}
	return code.Verified(ctx, q, a.UserID, who.Pending.ID)
}

// goOn drops the stage that a link has passed, and goes on with the sign-in.
func (f *Flow) goOn(ctx context.Context, who caller.Caller) (Entry, error) {
	var p progress
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return err
		}

		ready, err := f.linkWasOpened(ctx, tx.Queries, who, &a)
		if err != nil {
			return err
		}
		if !ready { // another request was faster, or the attempt is void
			return f.Anonymous(who)
		}

		a.token = f.Devices.Resumed(who.Pending.ID, who.Pending.TokenHash)
		p, err = f.advance(ctx, tx, who, &a)
		if err != nil || p.in == nil {
			return err
		}
		err = tx.InsertResumption(ctx, db.InsertResumptionParams{
			TokenHash: who.Pending.TokenHash, SessionID: p.in.opened.ID, ExpiresAt: tx.Now.Add(f.Policy.LoginTime()),
		})
		if err != nil {
			return err
		}
		return tx.UpdateSessionResumed(ctx, db.UpdateSessionResumedParams{ID: p.in.opened.ID, TokenHash: who.Pending.TokenHash})
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// handOutAgain hands out the tokens of a session again that a pending one became by itself, as long
// as nobody has used one of them: the answer that carried them may be lost.
func (f *Flow) handOutAgain(ctx context.Context, who caller.Caller) (Entry, error) {
	var in entered
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		of := db.FindResumptionParams{TokenHash: who.Resumes, Now: tx.Now}
		found, err := tx.FindResumption(ctx, of)
		if postgres.IsNotFound(err) {
			return f.Gone(nil)
		}
		if err != nil {
			return err
		}

		// Lock the user and the session first, then read again: its tokens may have been used meanwhile.
		if err := session.Hold(ctx, tx, found.UserID, found.SessionID); err != nil {
			return err
		}
		if _, err := tx.FindResumption(ctx, of); postgres.IsNotFound(err) {
			return f.Gone(nil)
		} else if err != nil {
			return err
		}

		token := f.Devices.Resumed(found.SessionID, who.Resumes)
		if in.opened, err = f.Sessions.Reissue(ctx, tx, found.SessionID, token); err != nil {
			return err
		}
		resumed := db.UpdateSessionResumedParams{ID: found.SessionID, TokenHash: who.Resumes}
		if err := tx.UpdateSessionResumed(ctx, resumed); err != nil {
			return err
		}
		if in.user, err = tx.FindUser(ctx, found.UserID); err != nil {
			return err
		}
		in.extra, err = extra(ctx, func(ctx context.Context, id int64) (json.RawMessage, error) {
			return f.Claims.CallTx(ctx, tx, id)
		}, found.UserID)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.welcome(in)
}
