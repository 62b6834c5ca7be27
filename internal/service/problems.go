package service

import (
	"context"
	"slices"

	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/email"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/problem"
)

// MoreProblems is what is wrong with a request that the schema has refused, besides what the
// schema says: a form shows all of it at once. It reads fields alone, no account and no limit. A member
// that is no text was refused already.
func (s Service) MoreProblems(ctx context.Context, operation string, body map[string]any) (problem.List, error) {
	who := caller.From(ctx)
	text := func(name string) string {
		value, _ := body[name].(string)
		return value
	}
	signup := flow.Signup{
		Email: text("email"), Email2: text("email2"), Username: text("username"), Phone: text("phone"), Password: text("password"),
	}

	switch operation {
	case "signup":
		return s.authentication.flow.CheckSignup(signup, false)
	case "signupByPasskey":
		signup.Passkey = true
		return s.authentication.flow.CheckSignup(signup, false)
	case "completeProviderSignup":
		return s.authentication.flow.CheckSignup(signup, true)
	case "login":
		in := flow.Login{Email: text("email"), Username: text("username"), Phone: text("phone"), Password: text("password")}
		return loginProblems(s.authentication.flow.CheckLogin(in), body), nil
	case "changePassword":
		return s.passwords.account.CheckPasswordChange(who, account.PasswordChange{Current: text("current_password"), New: text("new_password")})
	case "resetPassword":
		return s.passwords.flow.CheckNewPassword(text("password"))
	case "changePrimaryEmailAddress":
		if _, bad := email.Check(text("email")); bad != nil {
			return problem.List{bad.At("email")}, nil
		}
	}

	return nil, nil
}

// loginProblems leaves out that an account has to be named where it was, by a member that was refused.
func loginProblems(found problem.List, body map[string]any) problem.List {
	isRefused := func(name string) bool {
		_, isText := body[name].(string)
		return body[name] != nil && !isText
	}
	if !slices.ContainsFunc([]string{"email", "username", "phone"}, isRefused) {
		return found
	}

	return slices.DeleteFunc(found, func(p *problem.Problem) bool { return p.Is(problem.InvalidLogin) })
}
