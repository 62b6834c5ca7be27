// Package flow owns the journeys that lead into a session and out of it: sign-up,
// sign-in by password, code, passkey or another service, the second factor, verifying an
// address or number, resetting a password, proving oneself again, refresh, sign-out. Whatever proves something ends in advance.go, the one
// door. It does not own what a signed-in user does to their account
// (internal/account).
package flow

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/notice"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/passwordhook"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// Parts are what a Flow composes.
type Parts struct {
	DB       *postgres.DB
	Sessions *session.Sessions
	Devices  *session.Devices
	Issuer   *token.Issuer
	Verifier *token.Verifier
	// Old checks tokens of the system that the service moves in from; nil where there is none.
	Old       *token.OldVerifier
	Gate      *password.Gate
	Passwords password.Policy
	Policy    policy.Settings
	Claims    postgres.ClaimsFunction
	Limiter   *limit.Limiter
	Trail     *audit.Trail
	Codes     *code.Codes
	Factors   *authenticator.Authenticators
	Providers *provider.Providers
	Social    provider.Settings
	// Keys seals grants of other services; nil where the operator has given no keys.
	Keys    *secret.Sealer
	Log     *slog.Logger
	Notices *notice.Notices
	// PasswordHook is nil where users come from no system that keeps their hashes.
	PasswordHook *passwordhook.Hook
	Mover        Mover
	// CountRefresh is called with the verdict of each refresh token that is presented.
	CountRefresh func(verdict string)
	// CountOld is called with the verdict of each token of the other system: of its refresh tokens
	// ("refresh") and of its access tokens ("access").
	CountOld func(use, verdict string)
}

// Flow runs the journeys.
type Flow struct{ Parts }

// New returns the journeys that the policy asks for.
func New(parts Parts) *Flow { return &Flow{parts} }

// Step is one thing that a client can start, or must do next.
type Step struct {
	ID      string
	Pending bool
	// Said: the answer says that it is not pending, instead of nothing.
	Said bool
	// Types are the kinds of factors that can be shown.
	Types []string
	// Providers are the ids of the services whose tokens are taken.
	Providers []string
	// Provider is the service that a sign-up is for.
	Provider *provider.Listed
	// AccountExists: an account has the address of that sign-up, and its owner asks.
	AccountExists bool
}

// Incomplete says "not in": an error as io.EOF is one. Steps is what can be done
// about it.
type Incomplete struct {
	Steps []Step
	// SessionToken is that of a session which was made for what is pending; empty for none.
	SessionToken string
	// Again is somebody who is signed in and has to prove it again; nil for anyone else.
	Again *Entry
	// Gone: the session token that came with the request names no living session.
	Gone bool
	// Bearer: an access token came with the request and was refused.
	Bearer bool
	// Ended says why the session of the token that was sent has ended; nil if unknown.
	Ended *problem.Problem
}

// Error is for logs.
func (i *Incomplete) Error() string {
	ids := make([]string, len(i.Steps))
	for n, s := range i.Steps {
		ids[n] = s.ID
	}
	if i.Gone {
		return "session gone: " + strings.Join(ids, ", ")
	}
	return "not signed in: " + strings.Join(ids, ", ")
}

// Anonymous is the answer to somebody who is not signed in and would have to be.
func (f *Flow) Anonymous(who caller.Caller) *Incomplete {
	a := f.pending(who)
	u := a.underWay()
	u.resetting = who.Pending != nil && who.Pending.Resetting
	return &Incomplete{Steps: f.menu(u), Bearer: who.Bearer, Ended: who.Ended}
}

// Gone is the answer to a session token that names no living session.
func (f *Flow) Gone(ended *problem.Problem) *Incomplete {
	return &Incomplete{Steps: f.menu(underWay{}), Gone: true, Ended: ended}
}

// underWay is what a visitor has begun, as far as answers tell it.
type underWay struct {
	stage Stage
	// types are the kinds of second factors that can be shown.
	types []string
	// identity waits for what an account needs beside it.
	identity *Identity
	// resetting: a code that resets a password is out.
	resetting bool
}

// menu is what an anonymous client can start, and what it must go on with, in allauth's
// order: starting over is always allowed. Clients show the first pending entry.
func (f *Flow) menu(u underWay) []Step {
	steps := []Step{{ID: "login"}}
	if f.Policy.LoginByCode {
		steps = append(steps, Step{ID: string(LoginByCode)})
	}
	if f.Policy.SignupOpen {
		steps = append(steps, Step{ID: "signup"})
	}
	if ids := f.Providers.IDs(); len(ids) > 0 {
		steps = append(steps, Step{ID: "provider_token", Providers: ids})
	}
	if u.identity != nil {
		steps = append(steps, Step{
			ID: "provider_signup", Pending: true, AccountExists: u.identity.AccountExists,
			Provider: f.listed(u.identity.Provider, u.identity.ClientID),
		})
	}
	if f.Factors.Settings.PasskeyLogin {
		steps = append(steps, Step{ID: "mfa_login_webauthn"})
	}
	if u.stage != "" {
		at := slices.IndexFunc(steps, func(s Step) bool { return s.ID == string(u.stage) })
		if at < 0 {
			at, steps = len(steps), append(steps, Step{ID: string(u.stage), Types: u.types})
		}
		steps[at].Pending = true
	}
	return f.withReset(steps, u.resetting)
}

// withReset adds the one flow that says that it is not pending, too.
func (f *Flow) withReset(steps []Step, resetting bool) []Step {
	if f.Policy.ResetByCode {
		steps = append(steps, Step{ID: "password_reset_by_code", Pending: resetting, Said: true})
	}
	return steps
}

// current is the answer to a signed-in caller, read anew.
func (f *Flow) current(ctx context.Context, who caller.Caller) (Entry, error) {
	d, err := f.DB.FindSession(ctx, who.Session.ID)
	return Shown(&d), err
}

// Shown is a session as an answer without tokens shows it.
func Shown(d *session.Details) Entry {
	return Entry{
		User: db.UserDetail{
			ID: d.UserID, Subject: d.Subject, Display: d.Display, HasUsablePassword: d.HasUsablePassword,
			Email: d.Email, Username: d.Username,
		},
		Methods: d.Methods,
	}
}

// Entry is what a client gets that is in. The tokens are empty where none are issued.
type Entry struct {
	User         db.UserDetail
	Methods      json.RawMessage
	SessionToken string
	AccessToken  string
	RefreshToken string
	// DeviceToken makes the device a known one at later sign-ins.
	DeviceToken string
	// DeletionCancelled: the account was about to go, and stays.
	DeletionCancelled bool
}

// extra returns the operator's claims for a user, checked. It runs before anything is
// committed: its failure must leave nothing behind. Claims that no token can carry are refused
// and not left out: a token without them would say less than the operator demands.
func extra(ctx context.Context, call func(context.Context, int64) (json.RawMessage, error), userID int64) (json.RawMessage, error) {
	raw, err := call(ctx, userID)
	if err != nil {
		return nil, err
	}
	checked, err := token.CheckExtra(raw)
	if err != nil {
		return nil, problem.InvalidClaims.Because(fmt.Errorf("claims function, user %d: %w", userID, err))
	}
	return checked, nil
}
