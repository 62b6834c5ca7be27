// Package problem owns the failures that we report to clients, each as one value. It does not own status codes
// (internal/server), nor when a failure applies (the packages that return it).
package problem

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Kind groups problems by what they say about the request. Only internal/server
// knows which HTTP status a kind becomes.
type Kind int

// The kinds of problem.
const (
	// Internal is a defect of ours.
	Internal Kind = iota
	// Invalid: a value in the request is refused.
	Invalid
	// Forbidden: this installation does not allow it.
	Forbidden
	// NotFound: no such path.
	NotFound
	// NotAllowed: the path has no such method.
	NotAllowed
	// Conflict: the client is in no state for it.
	Conflict
	// TooLarge: the body is over the limit.
	TooLarge
	// HeadersTooLarge: the header block is over the limit.
	HeadersTooLarge
	// Unsupported: the body is not in a form that we read.
	Unsupported
	// TimedOut: the request did not arrive in time.
	TimedOut
	// TooMany: a rate limit is used up.
	TooMany
	// Unavailable: we could not find out. Says nothing about credentials.
	Unavailable
)

// Problem is one failure that is reported to a client. The values are in catalogue.go; compare them with
// errors.Is, which compares the code only.
type Problem struct {
	Kind    Kind
	Code    string
	Message string
	// Param names the member or header that it speaks of; empty for none.
	Param string
	// RetryAfter is how long a client should wait; whole seconds, of TooMany, Unavailable
	// and RefreshConflict.
	RetryAfter time.Duration
	// EndedAt is when the session ended, where a refusal is about that.
	EndedAt *time.Time

	cause error
}

// Error is for logs, never for clients: it may name the cause.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.Code + ": " + p.cause.Error()
	}

	return p.Code
}

// Unwrap returns the cause, which is shown in logs only.
func (p *Problem) Unwrap() error { return p.cause }

// Is reports whether target is the same problem, whatever its param and cause.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Code == p.Code
}

// At says which member or header the problem speaks of.
func (p *Problem) At(param string) *Problem {
	q := *p
	q.Param = param
	return &q
}

// Saying replaces the sentence for people: it says how long, or what is wrong.
func (p *Problem) Saying(message string) *Problem {
	q := *p
	q.Message = message
	return &q
}

// TooLong is MaxLength with the number of characters that are allowed and that there are.
func TooLong(limit, length int) *Problem {
	return MaxLength.Saying(fmt.Sprintf("Ensure this value has at most %d characters (it has %d).", limit, length))
}

// TooShort is MinLength with the number of characters that are needed and that there are.
func TooShort(limit, length int) *Problem {
	return MinLength.Saying(fmt.Sprintf("Ensure this value has at least %d characters (it has %d).", limit, length))
}

// Reason is why a request is refused, in a word for the log. The answer says less: a client must not learn
// which accounts there are, nor what is wrong with a token.
type Reason string

// Error is for logs.
func (r Reason) Error() string { return string(r) }

// Because attaches a cause for the log.
func (p *Problem) Because(cause error) *Problem {
	q := *p
	q.cause = cause
	return &q
}

// Ended says when the session that it speaks of ended.
func (p *Problem) Ended(at time.Time) *Problem {
	q := *p
	q.EndedAt = &at
	return &q
}

// After says how long the client should wait.
func (p *Problem) After(wait time.Duration) *Problem {
	q := *p
	q.RetryAfter = wait
	return &q
}

// List is several problems with one request. All are of the kind of the first.
type List []*Problem

// Error is for logs.
func (l List) Error() string {
	codes := make([]string, len(l))
	for i, p := range l {
		codes[i] = p.Code + "@" + p.Param
	}

	return strings.Join(codes, ", ")
}

// Unwrap returns the problems, so that errors.Is finds each of them.
func (l List) Unwrap() []error {
	list := make([]error, len(l))
	for i, p := range l {
		list[i] = p
	}

	return list
}

// Err returns the list as an error, and nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}

	return l
}

// All returns the problems in err: those of a List, or the one Problem. It
// returns nil when err holds neither.
func All(err error) List {
	var l List
	if errors.As(err, &l) {
		return l
	}

	var p *Problem
	if errors.As(err, &p) {
		return List{p}
	}

	return nil
}
