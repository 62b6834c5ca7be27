package server

import (
	"context"
	"errors"
	"log/slog"
	"regexp"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/problem"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

const (
	requestID = "X-Request-Id"
	traceKey  = "trace" // where a request keeps the context of its trace
)

var wellFormedID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// observe gives the request an id, renders every error from inside, and writes one log line. Security: the line
// contains no header, no body and no query, and the path only if the spec has it
// (TestLog_aRequestIsOneLineThatNamesItsRefusal).
func (s *Server) observe(c *fiber.Ctx) error {
	start := s.DB.Now()
	id := c.Get(requestID)
	if !wellFormedID.MatchString(id) {
		id = secret.Text(12)
	}
	c.Set(requestID, id)
	hardened(c)
	span := s.startTrace(c)
	err := c.Next()
	if err != nil {
		if failed := s.render(c, err); failed != nil {
			return failed
		}
	}
	status := c.Response().StatusCode()
	took := s.DB.Now().Sub(start)
	operation := s.operation(c).id
	if s.draining.Load() {
		c.Context().SetConnectionClose() // the client's next request goes to another server
	}
	line := []any{
		"id", id, "operation", operation, "method", c.Method(), "status", status,
		"ms", float64(took.Microseconds()) / 1000,
	}
	level := slog.LevelInfo
	code, cause := "", ""
	if err != nil {
		code, cause = describe(err)
		line = append(line, "code", code)
		if reason := reasonOf(c, err); reason != "" {
			line = append(line, "reason", string(reason))
		}
		if status >= 500 {
			level = slog.LevelError
			line = append(line, "cause", cause)
		}
	}
	s.Log.Log(c.UserContext(), level, "request", line...)
	s.Count(operation, status, code, took)
	if s.Traces != nil {
		span.EndRequest(trace.Answer{
			Operation: operation, Method: c.Method(), Route: s.operation(c).path, Status: status, Code: code,
		})
	}

	return nil
}

// startTrace begins the trace of a request, or continues that of a proxy that is trusted. Without traces
// it does nothing.
func (s *Server) startTrace(c *fiber.Ctx) trace.Span {
	if s.Traces == nil {
		return trace.Span{}
	}

	parent := ""
	if s.proxies.trusts(peerOf(c.Context().RemoteAddr())) {
		parent = c.Get("traceparent")
	}

	ctx, span := s.Traces.StartRequest(context.Background(), parent)
	c.Locals(traceKey, ctx)

	return span
}

// traceOf is the context that a request begins with: that of its trace, where there is one.
func (s *Server) traceOf(c *fiber.Ctx) context.Context {
	if s.Traces != nil {
		if ctx, ok := c.Locals(traceKey).(context.Context); ok {
			return ctx
		}
	}

	return context.Background()
}

// reasonOf is why a request was refused, where the answer says less: of its token, or of the refusal.
func reasonOf(c *fiber.Ctx, err error) problem.Reason {
	var reason problem.Reason
	for _, p := range problem.All(err) {
		if errors.As(p, &reason) {
			return reason
		}
	}
	reason, _ = c.Locals(reasonKey).(problem.Reason)

	return reason
}

// describe is an error for the log.
func describe(err error) (code, cause string) {
	if all := problem.All(err); len(all) > 0 {
		return all[0].Code, all[0].Error()
	}
	var in *flow.Incomplete
	if errors.As(err, &in) {
		return "unauthenticated", ""
	}
	var fe *fiber.Error
	if errors.As(err, &fe) {
		return "http", "" // its text may hold the request
	}
	return "internal_error", err.Error()
}

// hardened sets the headers that every answer carries (SEC-88).
func hardened(c *fiber.Ctx) {
	for _, h := range hardening {
		c.Set(h[0], h[1])
	}
}

var hardening = [][2]string{
	{fiber.HeaderCacheControl, "no-store"},
	{fiber.HeaderXContentTypeOptions, "nosniff"},
	{fiber.HeaderContentSecurityPolicy, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
	{fiber.HeaderReferrerPolicy, "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

// known maps what Fiber and fasthttp report to problems; anything else of theirs is a
// malformed request.
var known = map[int]*problem.Problem{
	fiber.StatusNotFound:                    problem.PathNotFound,
	fiber.StatusMethodNotAllowed:            problem.MethodNotAllowed,
	fiber.StatusRequestTimeout:              problem.RequestTimeout,
	fiber.StatusRequestEntityTooLarge:       problem.BodyTooLarge,
	fiber.StatusUnsupportedMediaType:        problem.MediaType,
	fiber.StatusRequestHeaderFieldsTooLarge: problem.HeaderTooLarge,
}
