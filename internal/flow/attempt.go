package flow

import (
	"crypto/subtle"
	"encoding/json"
	"slices"
	"time"

	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Attempt is how far a visitor has come: what stands on the row of a pending session, and
// is gone when they are in.
//
// An attempt without a user is one for an account that is not there. It walks the same
// stages, and nothing is ever right in it.
type Attempt struct {
	UserID int64 `json:"user_id,omitempty"`
	// Email, Phone and Username are what the visitor named the account by.
	Email    string `json:"email,omitempty"`
	Phone    string `json:"phone,omitempty"`
	Username string `json:"username,omitempty"`
	// Signup: the account is being made.
	Signup bool `json:"signup,omitempty"`
	// CodeAsked: the visitor asked for a sign-in code, and has proved nothing before it.
	CodeAsked bool `json:"code_asked,omitempty"`
	// PasskeySignup: the account gets a passkey before its owner is in; PasskeyMade: it has.
	PasskeySignup bool `json:"passkey_signup,omitempty"`
	PasskeyMade   bool `json:"passkey_made,omitempty"`
	// Types are the kinds of second factors that the visitor can show, while they have to.
	Types []string `json:"types,omitempty"`
	// Misses are the second factors that were wrong.
	Misses int `json:"misses,omitempty"`
	// Identity is an account with another service that an account is to be made for, once
	// what is missing is there.
	Identity *Identity `json:"identity,omitempty"`
	// Stage is what is pending; empty where nothing is.
	Stage Stage `json:"stage,omitempty"`
	// Methods are the proofs so far. They are this attempt's, and so this user's: the next
	// attempt in the session begins without them.
	Methods []session.Method `json:"methods,omitempty"`
	// Stamp is a hash of the stored password as it was when the attempt began, or of there
	// being none. A password changed since makes the attempt void, whatever it has proved:
	// its owner may be another by now.
	Stamp []byte `json:"stamp,omitempty"`
	// Unproved is a hash of the stored unproved password that the visitor has shown; empty: none was.
	Unproved []byte `json:"unproved,omitempty"`
	// Restorations is how often an undo link had restored the account when the attempt began. A
	// restoration since makes the attempt void: what it has proved may be a thief's.
	Restorations int32 `json:"restorations,omitempty"`
	// Free: the attempt is for nobody, because of something else than this phone.
	Free bool `json:"free,omitempty"`
	// StartedAt is in seconds since the Unix epoch.
	StartedAt float64 `json:"started_at,omitempty"`

	// token is the session token of the session that the attempt opens; empty: a new one is made.
	token string
	// event is what the audit log calls the sign-in; login where it is empty.
	event string
}

// stamp identifies a stored password without being one.
func stamp(passwordHash *string) []byte {
	if passwordHash == nil {
		return secret.Hash("")
	}
	return secret.Hash(*passwordHash)
}

// stale reports whether the password has changed since the attempt began.
func (a *Attempt) stale(stored *string) bool {
	return subtle.ConstantTimeCompare(a.Stamp, stamp(stored)) != 1
}

// lastMethod is how the visitor proved who they are last; empty for a sign-up.
func (a *Attempt) lastMethod() string {
	if len(a.Methods) == 0 {
		return ""
	}
	return a.Methods[len(a.Methods)-1].Method
}

// proved reports whether the visitor has given a proof by a method.
func (a *Attempt) proved(method string) bool {
	return slices.ContainsFunc(a.Methods, func(m session.Method) bool { return m.Method == method })
}

// showed reports whether the visitor has shown a second factor.
func (a *Attempt) showed() bool {
	return a.PasskeyMade || a.proved("mfa")
}

// underWay is what answers tell of the attempt.
func (a *Attempt) underWay() underWay {
	u := underWay{stage: a.Stage, identity: a.Identity}
	if a.Stage == MFAAuthenticate {
		u.types = a.Types
	}
	return u
}

// pending reads the attempt of the caller's session. It is the zero Attempt where there
// is none, and where it took too long.
func (f *Flow) pending(who caller.Caller) Attempt {
	if who.Pending == nil {
		return Attempt{}
	}
	a := attemptOf(who.Pending.Attempt)
	if f.late(&a, f.DB.Now()) {
		return Attempt{}
	}
	return a
}

// attemptOf reads what keep has written. What cannot be read has proved nothing.
func attemptOf(text json.RawMessage) Attempt {
	var a Attempt
	if json.Unmarshal(text, &a) != nil {
		return Attempt{}
	}
	return a
}

func (f *Flow) late(a *Attempt, now time.Time) bool {
	return session.Epoch(now)-a.StartedAt >= f.Policy.LoginTime().Seconds()
}
