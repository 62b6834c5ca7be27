package latchkey

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Error is an answer that is no success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Problems says what is wrong; empty where the answer named nothing.
	Problems []Problem
	// Action says what to do about it.
	Action Action
	// Undocumented says that the answer is not one of Latchkey's: a proxy's, say.
	Undocumented bool
	// RetryAfter is how long the server asks to wait; 0 where it does not.
	RetryAfter time.Duration
	// EndReason says why the session has ended, where the server knows.
	EndReason string
}

// Error names the status and the problems.
func (e *Error) Error() string {
	text := fmt.Sprintf("latchkey: status %d", e.Status)
	for _, p := range e.Problems {
		text += ": " + p.Code
		if p.Param != "" {
			text += " at " + p.Param
		}
	}
	return text
}

// Has reports whether the answer names a problem with this code.
func (e *Error) Has(code string) bool {
	return slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Code == code })
}

// Terminal reports whether the session is over: the server refused the refresh token
// itself. Nothing else ends a session, least of all 503.
func (e *Error) Terminal() bool {
	// With 410 the same action speaks of the session token of a sign-in that was under way.
	return e.Action == ActionSignOut && e.Status == http.StatusBadRequest
}

// code is the first problem's.
func (e *Error) code() string {
	if len(e.Problems) == 0 {
		return ""
	}
	return e.Problems[0].Code
}

// NetworkError says that no answer came, or only a part of one; or that none came a moment ago,
// and nothing is sent for some seconds. The session is kept.
type NetworkError struct {
	// Err is what went wrong.
	Err error
	// After is how long nothing is sent; 0 where this call has tried.
	After time.Duration
}

// Error implements error.
func (e *NetworkError) Error() string {
	if e.After > 0 {
		return fmt.Sprintf("latchkey: offline, trying again in %s: %v", e.After.Round(time.Second), e.Err)
	}

	return "latchkey: no answer: " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// WaitError says that an answer has refused the last refresh and that it is too early to ask again.
type WaitError struct {
	// After is how long to wait.
	After time.Duration
	// Err is what the last refresh failed with.
	Err error
}

// Error implements error.
func (e *WaitError) Error() string {
	return fmt.Sprintf("latchkey: waiting for %s after: %v", e.After.Round(time.Second), e.Err)
}

// Unwrap returns the cause.
func (e *WaitError) Unwrap() error { return e.Err }

// StoreError says that the store could not be read or written, or its lock not be had.
// The session is kept. It wraps [ErrLocked] where the device is locked.
type StoreError struct {
	// Doing is what failed: "read", "write" or "lock".
	Doing string
	// Err is the store's error.
	Err error
}

// Error implements error.
func (e *StoreError) Error() string {
	return "latchkey: the store: " + e.Doing + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// SignedOutError says that there is no session.
type SignedOutError struct {
	// Reason is why it ended: a problem code, [ReasonUser], [ReasonDamaged], [ReasonKeyLost], or
	// nothing where nobody has signed in.
	Reason string
}

// Error implements error.
func (e *SignedOutError) Error() string {
	if e.Reason == "" {
		return "latchkey: not signed in"
	}
	return "latchkey: signed out: " + e.Reason
}

const (
	// ReasonUser is why a session ended that was signed out of.
	ReasonUser = "user"
	// ReasonDamaged is why there is no session where what is stored cannot be understood.
	ReasonDamaged = "store_damaged"
	// ReasonKeyLost is why there is no session where what was stored could not be read any more,
	// and a sign-in or sign-out has replaced it.
	ReasonKeyLost = "storage_key_lost"
)

// ErrNothingPending says that no sign-in is pending, or not any more, or that a newer sign-in or
// a sign-out has taken its place: start over with [Session.SignIn] or
// [Session.SignInWithProvider].
var ErrNothingPending = errors.New("latchkey: no sign-in is pending")

// ErrDismissed says that the person has dismissed a prompt: the one that unlocks (see
// [Settings.Unlock]), or one for a passkey (see [PasskeyPrompt]).
var ErrDismissed = errors.New("latchkey: the prompt was dismissed")
