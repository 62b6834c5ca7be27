package flow

import (
	"context"
	"errors"
	"time"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Identity is an account with another service, as its id_token tells.
type Identity struct {
	Provider string `json:"provider"`
	UID      string `json:"uid"`
	ClientID string `json:"client_id"`
	// Label is what to call the account on a screen; Display: what to call its person, where
	// the service told.
	Label   string `json:"label"`
	Display string `json:"display,omitempty"`
	Email   string `json:"email,omitempty"`
	// Vouched: the service has seen the address to be the person's.
	Vouched bool `json:"vouched,omitempty"`
	// AccountExists: an account has verified the address, and the caller may know it.
	AccountExists bool `json:"account_exists,omitempty"`
	// Grant is the refresh token that is to be revoked when the account goes, sealed.
	Grant []byte `json:"grant,omitempty"`
}

// mostDisplay is the most characters of a display name.
const mostDisplay = 150

// called is the first of names that says something, as long as a display name may be.
func called(names ...string) string {
	for _, name := range names {
		text := []rune(trimmed(name))
		if len(text) > 0 {
			return trimmed(string(text[:min(len(text), mostDisplay)]))
		}
	}
	return ""
}

func (i *Identity) method(now time.Time) session.Method {
	return session.Method{Method: "socialaccount", At: session.Epoch(now), Provider: i.Provider, UID: i.UID}
}

// link stores whose an identity is; nil is none.
//
// Timing: for nobody, where an address or a number is taken and the answer must not tell, it
// asks as much (TestProviderSignup_costsTheSameForATakenAddress).
func (f *Flow) link(ctx context.Context, tx postgres.Tx, who caller.Caller, userID int64, i *Identity) error {
	if i == nil {
		return nil
	}
	event := audit.Event{Name: audit.ProviderConnected, Failed: userID == 0, UserID: userID, Device: who.Device}
	if userID == 0 {
		if err := f.touch(ctx, tx, 0, i); err != nil {
			return err
		}
		return f.Trail.Add(ctx, tx.Queries, tx.Now, event)
	}
	n, err := tx.InsertProviderAccount(ctx, db.InsertProviderAccountParams{
		Provider: i.Provider, Uid: i.UID, UserID: userID, Display: i.Label, ClientID: i.ClientID, Now: tx.Now,
	})
	if err == nil && n == 0 { // another request was faster
		err = problem.FlowNotPending
	}
	if err != nil {
		return err
	}
	if err := f.grant(ctx, tx, userID, i); err != nil {
		return err
	}
	return f.Trail.Add(ctx, tx.Queries, tx.Now, event)
}

// touch notes that an identity was used, and what its service says now.
func (f *Flow) touch(ctx context.Context, tx postgres.Tx, userID int64, i *Identity) error {
	err := tx.MarkProviderAccountUsed(ctx, db.MarkProviderAccountUsedParams{
		Provider: i.Provider, Uid: i.UID, Display: i.Label, ClientID: i.ClientID, Now: tx.Now,
	})
	if err != nil {
		return err
	}
	return f.grant(ctx, tx, userID, i)
}

// grant keeps the newest grant: it revokes those before it, too.
func (f *Flow) grant(ctx context.Context, tx postgres.Tx, userID int64, i *Identity) error {
	if len(i.Grant) == 0 {
		return nil
	}
	_, err := tx.UpdateProviderGrant(ctx, db.UpdateProviderGrantParams{
		Provider: i.Provider, Uid: i.UID, UserID: userID, ClientID: i.ClientID, GrantSealed: i.Grant,
	})
	return err
}

// ProviderSignup is a sign-up that waits for what its service did not tell.
type ProviderSignup struct {
	Identity Identity
	Service  provider.Listed
}

// ShowProviderSignup tells what is known about the sign-up that is pending.
func (f *Flow) ShowProviderSignup(who caller.Caller) (ProviderSignup, error) {
	a := f.pending(who)
	if a.Identity == nil {
		return ProviderSignup{}, problem.FlowNotPending
	}
	if !f.Policy.SignupOpen {
		return ProviderSignup{}, problem.SignupClosed
	}
	return ProviderSignup{*a.Identity, *f.listed(a.Identity.Provider, a.Identity.ClientID)}, nil
}

// CompleteProviderSignup makes the account that waits, with what was missing.
func (f *Flow) CompleteProviderSignup(ctx context.Context, who caller.Caller, in Signup) (Entry, error) {
	if f.pending(who).Identity == nil {
		return Entry{}, problem.FlowNotPending
	}
	if !f.Policy.SignupOpen {
		return Entry{}, problem.SignupClosed
	}
	var p progress
	err := f.DB.Tx(ctx, func(tx postgres.Tx) error {
		a, err := f.locked(ctx, tx, who)
		if err != nil {
			return err
		}
		if a.Identity == nil { // another request was faster
			return problem.FlowNotPending
		}
		in.identity = a.Identity
		bad, err := f.checkSignup(&in)
		if err != nil {
			return err
		}
		if err := f.addTaken(ctx, tx, in, &bad); err != nil {
			return err
		}
		if err := addExisting(ctx, tx, a.Identity, in.Email, &bad); err != nil {
			return err
		}
		if len(bad) > 0 {
			return bad
		}
		if err := keepOthersFrom(ctx, tx, a.Identity.Provider, a.Identity.UID); err != nil {
			return err
		}
		p, err = f.register(ctx, tx, who, in, nil)
		return err
	})
	if err != nil {
		return Entry{}, err
	}
	return f.answer(p)
}

// addExisting adds the problem that the address of a sign-up is that of the account of which its
// owner has been told.
func addExisting(ctx context.Context, tx postgres.Tx, i *Identity, address string, bad *problem.List) error {
	if !i.AccountExists || address != i.Email || errors.Is(*bad, problem.EmailTaken) {
		return nil
	}
	exists, err := isVerified(ctx, tx, address)
	if err == nil && exists {
		*bad = append(*bad, problem.EmailTaken.At("email"))
	}
	return err
}

// vouch gives a new account what its service is good for: an address that the service has
// seen to be the person's is verified. Others who hold it without having shown that it is
// theirs are no obstacle; they keep an address that they can never verify.
func (f *Flow) vouch(in Signup, n *NewUser) {
	i := in.identity
	if i == nil {
		return
	}
	n.Display, n.Names = i.Display, in.names
	if in.Email == "" && in.Username == "" && in.Phone == "" && !n.Invent { // nothing to make one of
		n.Display = called(i.Display, f.listed(i.Provider, i.ClientID).Name)
	}
	n.Vouched = i.Vouched && in.Email != "" && in.Email == i.Email
}

// requires reports whether an account needs a field.
func (f *Flow) requires(field string, in *Signup) bool {
	if field == "username" && in.automatic { // nobody was asked: one is made up
		return false
	}
	if field == "email" && in.identity != nil {
		if needs, set, _ := f.Social.NeedsEmail(); set {
			return needs
		}
	}
	return f.Policy.Requires(field)
}

// emailVerification is ACCOUNT_EMAIL_VERIFICATION, as it holds for this attempt.
func (f *Flow) emailVerification(a *Attempt) string {
	if f.Social.EmailVerification != "" && a.proved("socialaccount") {
		return f.Social.EmailVerification
	}
	return f.Policy.EmailVerification
}

func (f *Flow) mustVerifyEmail(a *Attempt) bool { return f.emailVerification(a) == "mandatory" }

// listed is a service as clients see it; its id alone where it is not set up any more.
func (f *Flow) listed(id, clientID string) *provider.Listed {
	l := f.Providers.Show(id, clientID)
	return &l
}
