package server

import (
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"
	"github.com/latchkey-auth/latchkey/internal/caller"
)

// recentRule is what the spec says of the proof of identity that an operation needs.
type recentRule struct {
	// never: x-recent-auth is `none`. Security: anything else, also an operation that says
	// nothing, needs the proof.
	never bool
	// condition is x-recent-auth-if; empty for every request.
	condition string
	// setting is x-recent-auth-setting, the name of the setting that turns it off.
	setting string
}

func readRecentRule(op *openapi3.Operation) recentRule {
	text := func(name string) string {
		value, _ := op.Extensions[name].(string)
		return value
	}
	return recentRule{
		never:     text("x-recent-auth") == "none",
		condition: text("x-recent-auth-if"),
		setting:   text("x-recent-auth-setting"),
	}
}

// recent asks a signed-in caller to prove who they are where the spec says so. It comes
// after the validation, as in allauth: a client learns what is wrong with its input first.
func (s *Server) recent(c *fiber.Ctx, next fiber.Handler) error {
	who := caller.From(c.UserContext())
	if who.SignedIn() && s.needsProof(c, who) {
		if err := s.Flow.RequireRecent(c.UserContext(), who); err != nil {
			return err
		}
	}
	return next(c)
}

func (s *Server) needsProof(c *fiber.Ctx, who caller.Caller) bool {
	rule := s.operation(c).recent
	if rule.never || s.turnedOff(rule.setting) {
		return false
	}

	switch rule.condition {
	case "connecting":
		body, _ := c.Locals(validatedBody).(map[string]any)
		return body["process"] == "connect"
	case "without_password":
		// Security: with a first password a thief could prove anything afterwards. Later ones are
		// proved by the current one (TestPasswordChange_theFirstOneNeedsTheFactorThatThereIs).
		return !who.Session.HasUsablePassword
	}
	return true
}

// turnedOff reports whether the operator's settings ask for no proof.
func (s *Server) turnedOff(setting string) bool {
	switch setting {
	case "ACCOUNT_REAUTHENTICATION_REQUIRED":
		return !s.Flow.Policy.ReauthenticationRequired
	case "MFA_REAUTHENTICATION_REQUIRED":
		return !s.Flow.Factors.Settings.Reauthentication
	}
	return false
}
