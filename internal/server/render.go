package server

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/session"
)

// statuses is the one place where a kind of problem becomes a status.
var statuses = map[problem.Kind]int{
	problem.Internal:        fiber.StatusInternalServerError,
	problem.Invalid:         fiber.StatusBadRequest,
	problem.Forbidden:       fiber.StatusForbidden,
	problem.NotFound:        fiber.StatusNotFound,
	problem.NotAllowed:      fiber.StatusMethodNotAllowed,
	problem.Conflict:        fiber.StatusConflict,
	problem.TooLarge:        fiber.StatusRequestEntityTooLarge,
	problem.HeadersTooLarge: fiber.StatusRequestHeaderFieldsTooLarge,
	problem.Unsupported:     fiber.StatusUnsupportedMediaType,
	problem.TimedOut:        fiber.StatusRequestTimeout,
	problem.TooMany:         fiber.StatusTooManyRequests,
	problem.Unavailable:     fiber.StatusServiceUnavailable,
}

// render is the voice: every error becomes an answer here, and only here. It is also
// Fiber's ErrorHandler, for requests that never reach the pipeline.
func (s *Server) render(c *fiber.Ctx, err error) error {
	hardened(c)
	if c.GetRespHeader(requestID) == "" { // it did not get as far as observe
		c.Set(requestID, secret.Text(12))
	}
	var in *flow.Incomplete
	if errors.As(err, &in) {
		return s.renderIncomplete(c, in)
	}
	var ended session.EndedError
	if errors.As(err, &ended) {
		if c.Get("X-Session-Token") != "" {
			return s.renderIncomplete(c, s.Flow.Gone(ended.Why))
		}
		return s.renderIncomplete(c, s.Flow.Anonymous(caller.Caller{Ended: ended.Why}))
	}
	found := problem.All(err)
	var fe *fiber.Error
	switch {
	case found != nil:
	case errors.As(err, &fe):
		found = problem.List{problem.InvalidValue}
		if p := known[fe.Code]; p != nil {
			found = problem.List{p}
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		found = problem.List{problem.TemporarilyUnavailable}
	default:
		found = problem.List{problem.InternalError}
	}
	return s.renderProblems(c, found)
}

func (s *Server) renderProblems(c *fiber.Ctx, found problem.List) error {
	first := found[0]
	status := statuses[first.Kind]
	answer := api.ErrorResponse{Status: int32(status)} //nolint:gosec // three digits
	for _, p := range found {
		answer.Errors = append(answer.Errors, api.Problem{Code: p.Code, Message: p.Message, Param: p.Param})
	}
	if first.EndedAt != nil {
		answer.Meta = api.ErrorMeta{EndedAt: session.Epoch(*first.EndedAt)}
	}
	if first.RetryAfter > 0 || first.Kind == problem.Unavailable || first.Kind == problem.TooMany {
		c.Set(fiber.HeaderRetryAfter, retryAfter(first.RetryAfter))
	}
	if first.Kind == problem.NotAllowed {
		c.Set(fiber.HeaderAllow, s.allow(c.Path()))
	}
	return c.Status(status).JSON(answer)
}

func (s *Server) renderIncomplete(c *fiber.Ctx, in *flow.Incomplete) error {
	answer := api.UnauthenticatedResponse{Status: fiber.StatusUnauthorized, Data: api.Unauthenticated{Flows: []api.Flow{}}}
	no := false
	answer.Meta.IsAuthenticated = &no
	answer.Meta.SessionToken = in.SessionToken
	for _, step := range in.Steps {
		answer.Data.Flows = append(answer.Data.Flows, toFlow(step))
	}
	if in.Again != nil {
		yes := true
		user, methods := s.Shape(*in.Again)
		answer.Meta.IsAuthenticated, answer.Data.User, answer.Data.Methods = &yes, user, &methods
	}
	if in.Ended != nil {
		answer.Meta.EndReason = in.Ended.Code
		if in.Ended.EndedAt != nil {
			answer.Meta.EndedAt = session.Epoch(*in.Ended.EndedAt)
		}
	}
	if in.Gone {
		answer.Status, answer.Meta.IsAuthenticated = fiber.StatusGone, nil
		return c.Status(fiber.StatusGone).JSON(answer)
	}
	// RFC 6750, section 3: at least one parameter. A client on Linux in Swift dies of none.
	challenge := s.Scheme + ` realm="latchkey"`
	if in.Bearer {
		challenge += `, error="invalid_token"`
	}
	c.Set(fiber.HeaderWWWAuthenticate, challenge)
	return c.Status(fiber.StatusUnauthorized).JSON(answer)
}

// toFlow says `is_pending` where it is true, and on the one flow that always says it.
func toFlow(step flow.Step) api.Flow {
	shown := api.Flow{ID: step.ID, Types: step.Types, Providers: step.Providers}
	if p := step.Provider; p != nil {
		shown.Provider = api.ProviderConfig{ID: p.ID, Name: p.Name, Flows: p.Flows, ClientID: p.ClientID, OpenidConfigurationURL: p.ConfigurationURL}
	}
	shown.AccountExists = step.AccountExists
	if step.Pending || step.Said {
		shown.IsPending = &step.Pending
	}
	return shown
}

// retryAfter adds up to as much again, so that the clients of an outage do not all come
// back in the same second.
func retryAfter(base time.Duration) string {
	n := max(1, int(base/time.Second))
	return strconv.Itoa(n + rand.IntN(n+1)) //nolint:gosec // jitter, not a secret
}
