// Package config owns the settings as a whole: it composes the Settings of the packages, reads them from the
// environment, and describes them. Each package defines what its settings mean.
package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/audit"
	"github.com/latchkey-auth/latchkey/internal/code"
	"github.com/latchkey-auth/latchkey/internal/factor"
	"github.com/latchkey-auth/latchkey/internal/limit"
	"github.com/latchkey-auth/latchkey/internal/ops"
	"github.com/latchkey-auth/latchkey/internal/outbox"
	"github.com/latchkey-auth/latchkey/internal/password"
	"github.com/latchkey-auth/latchkey/internal/passwordhook"
	"github.com/latchkey-auth/latchkey/internal/policy"
	"github.com/latchkey-auth/latchkey/internal/postgres"
	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/secret"
	"github.com/latchkey-auth/latchkey/internal/server"
	"github.com/latchkey-auth/latchkey/internal/session"
	"github.com/latchkey-auth/latchkey/internal/token"
	"github.com/latchkey-auth/latchkey/internal/trace"
)

// Config has all settings, in one section per package.
type Config struct {
	Server   server.Settings       `section:"Listener"`
	Ops      ops.Settings          `section:"Operations"`
	Log      ops.LogSettings       `section:"Log"`
	Trace    trace.Settings        `section:"Traces"`
	Database postgres.Settings     `section:"Database"`
	Token    token.Settings        `section:"Tokens"`
	Session  session.Settings      `section:"Sessions"`
	Old      token.OldSettings     `section:"Moving in from another system"`
	Policy   policy.Settings       `section:"Accounts"`
	Factor   factor.Settings       `section:"Second factors and passkeys"`
	Provider provider.Settings     `section:"Sign-in with other services"`
	Code     code.Settings         `section:"Codes and links"`
	Outbox   outbox.Settings       `section:"Mail and SMS"`
	Password password.Settings     `section:"Passwords"`
	Hook     passwordhook.Settings `section:"Password hook"`
	Limit    limit.Settings        `section:"Rate limits"`
	Audit    audit.Settings        `section:"Audit log"`
	Local    programs.Settings     `section:"Development"`
}

// warnings are about settings that are right, and have no effect or are dangerous.
func (c *Config) warnings() []string { return slices.Concat(c.Limit.Warnings(), c.Old.Warnings()) }

// PasswordPolicy is the policy for new passwords, which knows what the service is called.
func (c *Config) PasswordPolicy() password.Policy {
	return password.NewPolicy(c.Password, c.Factor.TOTPIssuer, c.Factor.RPName, c.Factor.RPID)
}

// derive sets what follows from other settings.
func (c *Config) derive() {
	// A notification goes to the connection that listens, and behind a pooler that is another one.
	c.Outbox.PollOnly = c.Outbox.PollOnly || c.Database.ThroughPooler()
	c.Outbox.BindTexts(c.Factor.RPID)
}

// check adds what only several settings together can show.
func (c *Config) check() []error {
	errs := slices.Concat(c.Server.Check(), c.Ops.Check(), c.Log.Check(), c.Trace.Check(), c.Database.Check(), c.Token.Check(), c.Session.Check(), c.Old.Check(), c.Policy.Check(), c.Factor.Check(), c.Provider.Check(), c.Code.Check(), c.Outbox.Check(), c.Password.Check(), c.Hook.Check(), c.Limit.Check(), c.Audit.Check(), c.Local.Check())
	if c.Outbox.SealingKeys != "" {
		if _, err := secret.ParseSealer(c.Outbox.SealingKeys); err != nil {
			errs = append(errs, fmt.Errorf("LATCHKEY_SEALING_KEYS: %w", err))
		}
	}

	if p := c.Policy; c.Factor.PasskeySignup && (!p.MustVerifyEmail() || !p.EmailVerificationByCode || !p.Requires("email")) {
		// A passkey is all that such an account has: the address is the way back (with a recovery
		// code), and must be right.
		errs = append(errs, errors.New("MFA_PASSKEY_SIGNUP_ENABLED: needs ACCOUNT_EMAIL_VERIFICATION=mandatory, ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED and email* in ACCOUNT_SIGNUP_FIELDS"))
	}

	if c.Session.RefreshGrace >= c.Token.AccessExpiresIn {
		errs = append(errs, fmt.Errorf("LATCHKEY_REFRESH_GRACE: %d must be below HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN (%d)", c.Session.RefreshGrace, c.Token.AccessExpiresIn))
	}

	if 2*c.Session.RefreshGrace > c.Session.RefreshExpiresIn {
		// A young token is answered with itself, and its lifetime does not begin anew.
		errs = append(errs, fmt.Errorf("LATCHKEY_REFRESH_GRACE: %d must be at most half of HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN (%d)", c.Session.RefreshGrace, c.Session.RefreshExpiresIn))
	}

	if c.Session.RefreshExpiresIn > c.Session.MaxAge {
		errs = append(errs, fmt.Errorf("HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN: %d must not be above LATCHKEY_SESSION_MAX_AGE (%d)", c.Session.RefreshExpiresIn, c.Session.MaxAge))
	}

	if err := c.Token.CheckSubjects(c.Policy.IDs().Longest()); err != nil && c.Token.CheckSubjects(0) == nil { // or it is said already
		errs = append(errs, err)
	}

	return errs
}
