// Package caller owns who is asking: the session that a request came with, and the
// device that it came from, in and out of a context. It does not find that out
// (internal/server does).
package caller

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// Caller is who is asking.
type Caller struct {
	// Session is the living session of a signed-in caller; nil for anyone else.
	Session *session.Details
	// BySessionToken reports that a session token found Session, and not an access token.
	BySessionToken bool
	// Pending is the session of a pending sign-in; nil if there is none.
	Pending *Pending
	// Resumes is the hash of the token of a pending session whose sign-in went on by itself: it
	// may ask for the tokens again. nil for anyone else.
	Resumes []byte
	// Exchanges is the session token of an exchange, whether it works or a refresh has ended it; nil
	// for all other operations.
	Exchanges *Exchanges
	// Bearer reports that an access token was sent and refused.
	Bearer bool
	// Ended says why the session of a refused token has ended; nil where it has not.
	Ended *problem.Problem
	// Named are sessions that tokens of the request name which are good for signing out alone.
	Named []Named
	// Gone is what a sign-out is answered with whose session token names no living session.
	Gone error
	// Device is where the request came from.
	Device session.Device
	// Held is how long the request has waited because a service was moving in.
	Held time.Duration
	// Known is a session that the device has shown a secret of. It says nothing about who the
	// caller is: wrong guesses and messages are counted by it, and nothing else.
	Known Known
}

// Named is a session, and the user whose it was when the token was issued.
type Named struct {
	SessionID uuid.UUID
	Subject   string
}

// Exchanges is a session token that is to be exchanged, of a session that lives.
type Exchanges struct {
	SessionID uuid.UUID
	TokenHash []byte
}

// Pending is a session that nobody is signed in to yet.
type Pending struct {
	ID uuid.UUID
	// TokenHash is the hash of its session token.
	TokenHash []byte
	// Attempt is the state of the pending sign-in; internal/flow reads it.
	Attempt json.RawMessage
	// Resetting: a code that resets a password is out in this session.
	Resetting bool
}

// SignedIn reports whether the caller has a living session.
func (c Caller) SignedIn() bool { return c.Session != nil }

// Subject is what a signed-in caller's requests count for.
func (c Caller) Subject() limit.Subject {
	return limit.Subject{Address: c.Device.Address, UserID: c.Session.UserID, Session: c.Session.ID}
}

// Known is a session that a device has had, and whose it is or was; the zero value is none.
type Known struct {
	Session uuid.UUID
	UserID  int64
}

// Of returns the session where it is one of a user, and zero otherwise.
func (k Known) Of(userID int64) uuid.UUID {
	if userID == 0 || k.UserID != userID {
		return uuid.UUID{}
	}

	return k.Session
}

type key struct{}

// With puts the caller into a context.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// From takes the caller out again; an anonymous one where there is none.
func From(ctx context.Context) Caller {
	c, _ := ctx.Value(key{}).(Caller)
	return c
}
