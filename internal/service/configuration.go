package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/policy"
)

type configuration struct{ policy policy.Settings }

func (c configuration) GetConfig(context.Context, api.GetConfigRequestObject) (api.GetConfigResponseObject, error) {
	return api.GetConfig200JSONResponse{Status: 200, Data: api.Config{
		Account: api.AccountConfig{
			LoginMethods:                   c.policy.LoginMethods,
			IsOpenForSignup:                c.policy.SignupOpen,
			EmailVerificationByCodeEnabled: c.policy.EmailVerificationByCode,
			LoginByCodeEnabled:             c.policy.LoginByCode,
			PasswordResetByCodeEnabled:     c.policy.ResetByCode,
			AuthenticationMethod:           c.authenticationMethod(),
		},
		Socialaccount: api.SocialAccountConfig{Providers: []api.ProviderConfig{}},
		MFA:           api.MFAConfig{SupportedTypes: []string{}},
		Usersessions:  api.UserSessionsConfig{TrackActivity: true},
	}}, nil
}

// authenticationMethod is allauth's older word for the login methods; it has none for phones.
func (c configuration) authenticationMethod() string {
	byEmail, byName := c.policy.LoginBy("email"), c.policy.LoginBy("username")
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
