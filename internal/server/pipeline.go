package server

import (
	"context"
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// pipeline is the gate: every request passes these steps in this order. What a step
// needs to know about an operation comes from the spec (operation.go).
func (s *Server) pipeline(operations api.StrictServerInterface) {
	s.app.Use(
		s.observe,  // request id, one log line, the answer to every error
		recovered,  // a panic is a problem like any other
		s.deadline, // Fiber hands out a context that never ends
		wellFormed, // what fasthttp lets through and RFC 9112 does not
		s.allowOrigins(),
		s.findMetadata,
		s.arrive, // while a service moves in
	)
	guarded := api.NewStrictHandler(operations, []api.StrictMiddlewareFunc{s.recent})
	api.RegisterHandlersWithOptions(s.app, guarded, api.FiberServerOptions{
		HandlerMiddlewares: []api.HandlerMiddlewareFunc{s.ready, s.limit, s.authenticate, s.validate},
	})
	s.undoPages()
	s.apiPages()
	// An unknown path is Fiber's 404, a wrong method its 405: both reach render.
}

func recovered(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = problem.InternalError.Because(fmt.Errorf("panic: %v", r))
		}
	}()
	return c.Next()
}

func (s *Server) deadline(c *fiber.Ctx) error {
	ctx, cancel := context.WithTimeout(s.traceOf(c), handlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)
	return c.Next()
}

// ready refuses what needs the database before the server is ready for it. What a caller without
// credentials may read at any time, such as the configuration, needs none.
func (s *Server) ready(c *fiber.Ctx, next fiber.Handler) error {
	op := s.operation(c)
	anonymous := c.Get("X-Session-Token") == "" && c.Get(fiber.HeaderAuthorization) == ""
	free := anonymous && !op.required && len(op.limits) == 0 && op.body == nil
	if !free && !s.Ready() {
		return problem.TemporarilyUnavailable
	}
	return next(c)
}

// limit takes from the rate limits that the spec names, before anything else is done.
func (s *Server) limit(c *fiber.Ctx, next fiber.Handler) error {
	for _, action := range s.operation(c).limits {
		if _, err := s.Limiter.Take(c.UserContext(), action, limit.Subject{Address: s.address(c)}); err != nil {
			return err
		}
	}
	return next(c)
}

// authenticate finds out who is asking and refuses nobody who need not be signed in.
func (s *Server) authenticate(c *fiber.Ctx, next fiber.Handler) error {
	op := s.operation(c)
	who := caller.Caller{Device: s.device(c), Held: held(c)}
	identify := s.identify
	if op.signsOut {
		identify = s.identifyToSignOut
	}
	if op.identified {
		if err := identify(c, &who); err != nil {
			return err
		}
	}
	if op.required && !who.SignedIn() && who.Exchanges == nil {
		return s.Flow.Anonymous(who)
	}
	if shown := deviceSecret(c); shown != "" && op.identified && !who.SignedIn() {
		var err error
		if who.Known, err = s.Flow.KnownDevice(c.UserContext(), shown); err != nil {
			return err
		}
	}
	c.SetUserContext(caller.With(c.UserContext(), who))
	return next(c)
}
