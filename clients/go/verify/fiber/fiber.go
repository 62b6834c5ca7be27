// Package verifyfiber is package verify for Fiber v2.
package verifyfiber

import (
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/clients/go/verify"
)

// New returns a handler that lets calls with a good access token through, and answers all
// others itself. Handlers behind it find the claims with [Claims].
func New(v *verify.Verifier) fiber.Handler {
	return func(c *fiber.Ctx) error {
		var headers []string
		for _, h := range c.Request().Header.PeekAll(fiber.HeaderAuthorization) {
			headers = append(headers, string(h)) // copies: the bytes are the next request's soon
		}
		claims, refusal := v.Authenticate(c.UserContext(), headers)
		if refusal != nil {
			for name, value := range refusal.Headers {
				c.Set(name, value)
			}
			return c.Status(refusal.Status).SendString(refusal.Body)
		}
		c.SetUserContext(verify.NewContext(c.UserContext(), claims))
		return c.Next()
	}
}

// Claims returns the claims of the token that a call came with. The second value is false
// for a handler that [New] does not guard.
func Claims(c *fiber.Ctx) (verify.Claims, bool) {
	return verify.FromContext(c.UserContext())
}
