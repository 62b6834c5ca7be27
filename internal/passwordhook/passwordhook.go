// Package passwordhook asks the system that users come from whether a password is right, for systems that give
// no hashes away. It does not own whom it is asked about, nor what follows an answer (internal/flow).
package passwordhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/latchkey-auth/latchkey/internal/moving/format"
	"github.com/latchkey-auth/latchkey/internal/strictjson"
	"github.com/latchkey-auth/latchkey/internal/trace"
	"github.com/latchkey-auth/latchkey/internal/webhook"
)

// Limit is how long the other system may take.
const Limit = 2 * time.Second

// maxAnswer is how many bytes an answer has at most.
const maxAnswer = 64 << 10

var answerLimits = strictjson.Limits{Depth: 6, Members: 4096, Text: maxAnswer, KeepNumbers: true}

// ErrUnavailable is a question without a usable answer.
var ErrUnavailable = errors.New("the password hook gave no usable answer")

// Hook asks the other system. A nil Hook is off.
type Hook struct {
	hook *webhook.Hook
	end  time.Time
	// failed is whether the last question got no usable answer.
	failed atomic.Bool
}

// New returns the hook that settings ask for; nil for none.
func New(s Settings) (*Hook, error) {
	if s.URL == "" {
		return nil, nil
	}

	end, err := s.end()

	return &Hook{hook: webhook.New(s.URL, s.Key, Limit), end: end}, err
}

// IsOn reports whether the hook is asked at all.
func (h *Hook) IsOn(now time.Time) bool { return h != nil && (h.end.IsZero() || now.Before(h.end)) }

// HasEnd reports whether the hook goes off by itself.
func (h *Hook) HasEnd() bool { return h != nil && !h.end.IsZero() }

// Failed reports whether the last question got no usable answer.
func (h *Hook) Failed() bool { return h.failed.Load() }

// Close closes idle connections.
func (h *Hook) Close() {
	if h != nil {
		h.hook.Close()
	}
}

// Question is what the other system is asked. The names are those of the JSON.
type Question struct {
	Identifier string `json:"identifier"`
	Password   string `json:"password"`
	// Subject is the user's id at the other system; empty where nobody here has the identifier.
	Subject string `json:"subject,omitempty"`
}

// Answer is what the other system says. User may be nil where the question has a subject.
type Answer struct {
	Match bool
	User  *format.User
}

// Ask asks the other system at a time, which is signed. Every error is an ErrUnavailable. Security: none of them
// has a part of the question or of the answer (TestPasswordHook_noPasswordIsReadableAnywhere).
func (h *Hook) Ask(ctx context.Context, at time.Time, q Question) (Answer, error) {
	ctx, span := trace.StartCall(ctx, "password hook")
	defer span.End()

	answer, err := h.ask(ctx, at, q)
	h.failed.Store(err != nil)
	if err != nil {
		span.Fail("unavailable")
		return Answer{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}

	return answer, nil
}

func (h *Hook) ask(ctx context.Context, at time.Time, q Question) (Answer, error) {
	body, err := json.Marshal(q) //nolint:gosec // G117: the password is what is asked about
	if err != nil {
		return Answer{}, errors.New("the question cannot be written")
	}

	answer, err := h.hook.Post(ctx, webhook.Request{Body: body, At: at, MaxAnswer: maxAnswer})
	if err != nil {
		return Answer{}, err
	}
	if answer.Status != http.StatusOK {
		return Answer{}, fmt.Errorf("status %d", answer.Status)
	}

	return read(answer.Body)
}

var errAnswer = errors.New(`the answer is not {"match": true, "user": {…}} or {"match": false}`)

// read reads an answer. It refuses what two parsers could read differently.
func read(body []byte) (Answer, error) {
	object, err := strictjson.Object(body, answerLimits)
	if err != nil {
		return Answer{}, errAnswer
	}
	match, isBool := object["match"].(bool)
	known := 1
	user, hasUser := object["user"]
	if hasUser {
		known++
	}
	if !isBool || len(object) != known {
		return Answer{}, errAnswer
	}
	if !match || user == nil {
		return Answer{Match: match}, nil
	}

	var raw struct {
		User json.RawMessage `json:"user"`
	}
	if err := json.Unmarshal(body, &raw); err != nil {
		return Answer{}, errAnswer
	}
	moved, err := format.ReadUser(raw.User)
	if err != nil {
		return Answer{}, err
	}

	return Answer{Match: true, User: moved}, nil
}
