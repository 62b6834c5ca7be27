package flow

import (
	"context"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// The flows by which a signed-in user proves again who they are.
const (
	byPassword = "reauthenticate"
	byFactor   = "mfa_reauthenticate"
	byProvider = "provider_reauthenticate"
	byMessage  = "reauthenticate_by_code"
)

// proofFacts are what decides whether the caller has proved lately who they are.
type proofFacts struct {
	Methods []session.Method
	// Since is when the time-out begins, in seconds since the Unix epoch.
	Since float64
	// Guarded: the account has a password or a second factor.
	Guarded bool
	// AccountMadeAt is in seconds since the Unix epoch.
	AccountMadeAt float64
}

// recentlyProved reports whether the proofs of a session are recent and strong enough.
//
// Security: a sign-in of an account with a password or a factor is no proof, since a stolen
// password must not be enough to lock its owner out; and a provider or a code is no proof of
// an account with a second factor (TestRecentlyProved_everyKindOfAccount).
func recentlyProved(f proofFacts) bool {
	for _, m := range f.Methods {
		strong := m.Method == session.ByPassword || m.Method == session.BySecondFactor
		enough := strong || !f.Guarded
		if m.Reauthenticated && enough && m.At > f.Since {
			return true
		}
	}

	young := session.LastProof(f.Methods) > f.Since
	newAccount := f.AccountMadeAt > f.Since
	return young && (newAccount || !f.Guarded)
}

// RequireRecent returns an *Incomplete unless the signed-in caller has proved lately who they
// are. The Incomplete lists the proofs that the account can give. An account that can give
// none is refused too: its user signs out and in again.
func (f *Flow) RequireRecent(ctx context.Context, who caller.Caller) error {
	since := session.Epoch(f.DB.Now().Add(-f.Policy.Recent()))
	facts := proofFacts{
		Methods: session.Methods(who.Session), Since: since, Guarded: true,
		AccountMadeAt: session.Epoch(who.Session.UserCreatedAt),
	}
	if recentlyProved(facts) {
		return nil
	}

	own, err := f.ownProofs(ctx, who)
	if err != nil {
		return err
	}
	facts.Guarded = own.guarded()
	if recentlyProved(facts) {
		return nil
	}
	return f.askAgain(ctx, who, own)
}

// ownProofs are what the caller's account can prove itself with.
type ownProofs struct {
	password bool
	// factors are the kinds of its second factors.
	factors []string
	// providers are the ids of its providers that this installation has.
	providers []string
	// target is the verified address or number that a code goes to; empty for none.
	target string
}

// guarded reports whether the account has a password or a second factor. Such an account
// proves itself by these alone.
func (p ownProofs) guarded() bool { return p.password || len(p.factors) > 0 }

// steps are the flows that the account can go through.
func (p ownProofs) steps() []Step {
	var steps []Step
	if p.password {
		steps = append(steps, Step{ID: byPassword})
	}
	if len(p.factors) > 0 {
		steps = append(steps, Step{ID: byFactor, Types: p.factors})
	}
	if p.guarded() {
		return steps
	}

	if len(p.providers) > 0 {
		steps = append(steps, Step{ID: byProvider, Providers: p.providers})
	}
	if p.target != "" {
		steps = append(steps, Step{ID: byMessage})
	}
	return steps
}

// ownProofs finds what the caller's account can prove itself with.
func (f *Flow) ownProofs(ctx context.Context, who caller.Caller) (ownProofs, error) {
	user := who.Session.UserID
	own := ownProofs{password: who.Session.HasUsablePassword}
	var err error
	if own.factors, err = f.DB.ListAuthenticatorTypes(ctx, user); err != nil || own.guarded() {
		return own, err
	}

	connected, err := f.DB.ListProviderAccounts(ctx, user)
	if err != nil {
		return own, err
	}
	known := f.Providers.IDs()
	for _, account := range connected {
		if slices.Contains(known, account.Provider) && !slices.Contains(own.providers, account.Provider) {
			own.providers = append(own.providers, account.Provider)
		}
	}
	own.target, err = f.codeTarget(ctx, f.DB.Queries, who.Session)
	return own, err
}

// codeTarget is where a code goes by which the user of a session proves who they are: the
// verified primary address, else another verified address, else the verified number, where texts
// go to it.
func (f *Flow) codeTarget(ctx context.Context, q *db.Queries, d *session.Details) (string, error) {
	if d.Email != nil && d.EmailVerifiedAt != nil {
		return *d.Email, nil
	}
	addresses, err := q.ListEmailAddresses(ctx, d.UserID)
	if err != nil {
		return "", err
	}
	for _, address := range addresses {
		if address.VerifiedAt != nil {
			return address.Address, nil
		}
	}
	if d.Phone != nil && d.PhoneVerifiedAt != nil && f.Notices.Unserved(*d.Phone) == nil {
		return *d.Phone, nil
	}
	return "", nil
}

// askAgain is the answer to a signed-in caller who has to prove who they are.
func (f *Flow) askAgain(ctx context.Context, who caller.Caller, own ownProofs) error {
	_, resetting, err := code.Find(ctx, f.DB.Queries, who.Session.ID, code.ResetPassword, f.DB.Now())
	if err != nil {
		return err
	}
	again := Shown(who.Session)
	return &Incomplete{Steps: f.withReset(own.steps(), resetting), Again: &again}
}
