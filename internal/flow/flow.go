// Package flow owns the journeys that lead into a session and out of it: sign-up,
// sign-in, refresh, sign-out. Whatever proves something ends in advance.go, the one
// door. It does not own what a signed-in user does to their account
// (internal/account).
package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/db"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
)

// Settings of the journeys.
type Settings struct {
	LoginMethods   []string `env:"ACCOUNT_LOGIN_METHODS" default:"email" doc:"What a person can sign in with: email."`
	SignupFields   []string `env:"ACCOUNT_SIGNUP_FIELDS" default:"email*,password1*" doc:"What sign-up asks for: email* and password1*. password2* is taken and plays no role."`
	SignupOpen     bool     `env:"LATCHKEY_SIGNUP_OPEN" default:"true" doc:"Whether new accounts can be made over the API."`
	ClaimsFunction string   `env:"LATCHKEY_CLAIMS_FUNCTION" doc:"schema.function of a PostgreSQL function (user_id bigint) returns jsonb: its members stand in every access token. At most 512 bytes."`
}

// Check reports what is wrong with the settings, all of it.
func (s Settings) Check() []error {
	var errs []error
	if !slices.Equal(s.LoginMethods, []string{"email"}) {
		errs = append(errs, errors.New("ACCOUNT_LOGIN_METHODS: only email is supported"))
	}
	fields := map[string]bool{}
	for _, f := range s.SignupFields {
		fields[f] = true
		if !slices.Contains([]string{"email*", "password1*", "password2*"}, f) {
			errs = append(errs, fmt.Errorf("ACCOUNT_SIGNUP_FIELDS: %q is not supported: use email*, password1*, password2*", f))
		}
	}
	if !fields["email*"] || !fields["password1*"] {
		errs = append(errs, errors.New("ACCOUNT_SIGNUP_FIELDS: email* and password1* are needed"))
	}
	return errs
}

// Parts are what a Flow composes.
type Parts struct {
	DB       *postgres.DB
	Sessions *session.Sessions
	Issuer   *token.Issuer
	Verifier *token.Verifier
	Gate     *password.Gate
	Policy   password.Policy
	Claims   postgres.ClaimsFunction
	Limiter  *limit.Limiter
	Trail    *audit.Trail
}

// Flow runs the journeys.
type Flow struct {
	Parts
	settings Settings
}

// New returns the journeys that settings ask for.
func New(parts Parts, settings Settings) *Flow { return &Flow{parts, settings} }

// Settings are what the journeys were made with.
func (f *Flow) Settings() Settings { return f.settings }

// Step is one thing that a client can start, or must do next.
type Step struct {
	ID      string
	Pending bool
}

// Incomplete says "not in": an error as io.EOF is one. Steps is what can be done
// about it.
type Incomplete struct {
	Steps []Step
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
	return &Incomplete{Steps: f.menu(), Bearer: who.Bearer, Ended: who.Ended}
}

// Gone is the answer to a session token that names no living session.
func (f *Flow) Gone(ended *problem.Problem) *Incomplete {
	return &Incomplete{Steps: f.menu(), Gone: true, Ended: ended}
}

// menu is what an anonymous client can start, in allauth's order.
func (f *Flow) menu() []Step {
	steps := []Step{{ID: "login"}}
	if f.settings.SignupOpen {
		steps = append(steps, Step{ID: "signup"})
	}
	return steps
}

// Entry is what a client gets that is in. The tokens are empty where none are issued.
type Entry struct {
	User         db.UserDetail
	Methods      json.RawMessage
	SessionToken string
	AccessToken  string
	RefreshToken string
}

// required returns problem.Required for each of the named values that is empty.
func required(names []string, values ...string) problem.List {
	var missing problem.List
	for i, v := range values {
		if v == "" {
			missing = append(missing, problem.Required.At(names[i]))
		}
	}
	return missing
}

// extra returns the operator's claims for a user, checked. It runs before anything is
// committed: its failure must leave nothing behind.
func extra(ctx context.Context, call func(context.Context, int64) (json.RawMessage, error), userID int64) (json.RawMessage, error) {
	raw, err := call(ctx, userID)
	if err != nil {
		return nil, err
	}
	checked, err := token.CheckExtra(raw)
	if err != nil {
		return nil, problem.TemporarilyUnavailable.Because(err)
	}
	return checked, nil
}
