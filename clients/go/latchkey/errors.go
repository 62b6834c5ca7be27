package latchkey

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Error is an answer of the server that is no success.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Problems says what is wrong; empty where the answer named nothing.
	Problems []Problem
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

// terminal are the codes with which a refresh is refused for good.
var terminal = []string{
	"refresh_token_invalid", "session_expired", "session_ended", "password_changed",
	"refresh_token_reused", "account_disabled", "account_deleted",
}

// Terminal reports whether the session is over: the server refused the refresh token
// itself. Nothing else ends a session, least of all 503.
func (e *Error) Terminal() bool {
	return e.Status == http.StatusBadRequest && slices.ContainsFunc(terminal, e.Has)
}

// refusal reads an answer that is no success. A body that is not ours (a proxy's, say)
// gives an error without problems.
func refusal(r *http.Response, body []byte) *Error {
	e := &Error{Status: r.StatusCode}
	var answer struct {
		Status int       `json:"status"`
		Errors []Problem `json:"errors"`
		Meta   struct {
			EndReason string `json:"end_reason"`
		} `json:"meta"`
	}
	if json.Unmarshal(body, &answer) == nil && answer.Status == r.StatusCode {
		e.Problems, e.EndReason = answer.Errors, answer.Meta.EndReason
	}
	if n, err := strconv.Atoi(r.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}
