package server

import (
	"context"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// apiPaths begin the paths of everything that reads or changes accounts.
var apiPaths = []string{"/_allauth/app/", "/api/", outbox.UndoPath}

// arrive lets a request wait while a service moves in: the data that it asks for may be on its way. What
// a client erases its tokens for is never answered meanwhile.
//
// Nothing has been done for the request yet, and its time begins when it goes on.
func (s *Server) arrive(c *fiber.Ctx) error {
	if !s.Arrival.Closed() || !waits(c.Path()) {
		return c.Next()
	}
	began := s.DB.Now()
	if !s.Arrival.Wait() {
		return problem.TemporarilyUnavailable.Because(errArriving)
	}
	c.Locals(heldKey, s.DB.Now().Sub(began))

	ctx, cancel := context.WithTimeout(s.traceOf(c), handlerTimeout)
	defer cancel()
	c.SetUserContext(ctx)

	return c.Next()
}

const errArriving = problem.Reason("moving_in")

// heldKey is where a request keeps how long it has waited.
const heldKey = "held"

// held is how long a request has waited. A token that was good when it came is good enough.
func held(c *fiber.Ctx) time.Duration {
	waited, _ := c.Locals(heldKey).(time.Duration)

	return max(waited, 0)
}

func waits(path string) bool {
	for _, p := range apiPaths {
		if strings.HasPrefix(path, p) {
			return true
		}
	}

	return false
}
