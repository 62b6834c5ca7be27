package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type configuration struct{ flow *flow.Flow }

func (c configuration) GetConfig(context.Context, api.GetConfigRequestObject) (api.GetConfigResponseObject, error) {
	services := []api.ProviderConfig{}
	for _, l := range c.flow.Providers.List() {
		services = append(services, toProvider(l))
	}

	return api.GetConfig200JSONResponse{Status: 200, Data: api.Config{
		Account: api.AccountConfig{
			LoginMethods:                   c.flow.Policy.LoginMethods,
			IsOpenForSignup:                c.flow.Policy.SignupOpen,
			EmailVerificationByCodeEnabled: c.flow.Policy.EmailVerificationByCode,
			LoginByCodeEnabled:             c.flow.Policy.LoginByCode,
			PasswordResetByCodeEnabled:     c.flow.Policy.ResetByCode,
			AuthenticationMethod:           c.authenticationMethod(),
		},
		Socialaccount: api.SocialAccountConfig{Providers: services},
		MFA: api.MFAConfig{
			SupportedTypes:       c.flow.Factors.Supported(),
			PasskeyLoginEnabled:  c.flow.Factors.Settings.PasskeyLogin,
			PasskeySignupEnabled: c.passkeySignup(),
		},
		Usersessions: api.UserSessionsConfig{TrackActivity: true},
	}}, nil
}

// passkeySignup is what signupByPasskey goes by: it is no way around a closed sign-up.
func (c configuration) passkeySignup() bool {
	return c.flow.Factors.Settings.PasskeySignup && c.flow.Policy.SignupOpen
}

// authenticationMethod is allauth's older word for the login methods; it has none for phones.
func (c configuration) authenticationMethod() string {
	byEmail, byName := c.flow.Policy.LoginBy("email"), c.flow.Policy.LoginBy("username")
	switch {
	case byEmail && byName:
		return "username_email"
	case byEmail:
		return "email"
	case byName:
		return "username"
	}

	return ""
}
