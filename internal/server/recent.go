package server

import (
	"errors"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

// recentRule is what the spec says of the proof of identity that an operation needs.
type recentRule struct {
	// never: x-recent-auth is `none`. Security: anything else, also an operation that says
	// nothing, needs the proof (TestProof_theSpecSaysOfEachOperationWhetherItNeedsOne).
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
// after the validation, as in allauth, and after what the operation can answer without showing
// a secret or changing anything (BeforeProof): a client learns what is wrong with its request
// first.
//
// Security: it is the one place that lets a caller without a proof reach no operation that
// needs one (TestProof_everyChangeOfEveryKindOfAccount).
func (s *Server) recent(operation api.StrictHandlerFunc, _ string) api.StrictHandlerFunc {
	return func(c *fiber.Ctx, request any) (any, error) {
		ctx := c.UserContext()
		who := caller.From(ctx)
		if !who.SignedIn() || !s.needsProof(c, who) {
			return operation(c, request)
		}

		err := s.Flow.RequireRecent(ctx, who)
		if err == nil {
			return operation(c, request)
		}
		var missing *flow.Incomplete
		if !errors.As(err, &missing) {
			return nil, err
		}

		answer, err := s.BeforeProof(ctx, request)
		if err == nil && answer == nil {
			err = missing
		}
		return answer, err
	}
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
