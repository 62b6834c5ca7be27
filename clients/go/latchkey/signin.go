package latchkey

import (
	"context"
	"net/http"
	"time"
)

// callLimit is how long a call to the server may take.
const callLimit = 15 * time.Second

// Entry is where a sign-up or sign-in has got to.
type Entry struct {
	// User is who is signed in; zero while something is pending.
	User
	// Pending are the flows to go on with, such as "verify_email"; empty when signed in. For
	// "verify_email" there is [Session.VerifyEmail], for "verify_phone" [Session.VerifyPhone], for
	// "mfa_authenticate" [Session.SubmitSecondFactor], for "provider_signup"
	// [Session.CompleteProviderSignUp], for "login_by_code" [Session.ConfirmLoginCode]; for any
	// other call its operation through [Session.API].
	Pending []Flow
}

// SignedIn reports whether nothing is pending.
func (e Entry) SignedIn() bool { return len(e.Pending) == 0 }

// SignUp makes an account with an email address and a password, and signs its user in. It
// returns an [*Error] when the server refuses, and a pending stage as a value.
func (s *Session) SignUp(ctx context.Context, email, password string) (Entry, error) {
	return s.SignUpWith(ctx, SignupRequest{Email: email, Password: password})
}

// SignUpWith is [Session.SignUp] with a phone number or a user name beside the address or in its
// place, as the server's ACCOUNT_SIGNUP_FIELDS ask for.
func (s *Session) SignUpWith(ctx context.Context, account SignupRequest) (Entry, error) {
	return s.begin(ctx, "signup", func(ctx context.Context) (*http.Response, error) {
		return s.plain.Signup(ctx, account)
	})
}

// SignIn signs a user in with an email address and a password. It returns an [*Error] when the
// server refuses, and a pending stage, such as a second factor, as a value.
//
// A session that is there is replaced: the new one is stored first, then the one before is ended
// on the server. Until then it is kept, whatever comes of the sign-in.
func (s *Session) SignIn(ctx context.Context, email, password string) (Entry, error) {
	return s.SignInWith(ctx, LoginRequest{Email: email, Password: password})
}

// SignInWith is [Session.SignIn] with a phone number or a user name in place of the address:
//
//	session.SignInWith(ctx, latchkey.LoginRequest{Username: "ada", Password: password})
func (s *Session) SignInWith(ctx context.Context, credentials LoginRequest) (Entry, error) {
	return s.begin(ctx, "login", func(ctx context.Context) (*http.Response, error) {
		return s.plain.Login(ctx, credentials)
	})
}

// RequestLoginCode has a code sent that signs in, to an address or a number; "login_by_code" is
// pending then, see [Session.ConfirmLoginCode].
func (s *Session) RequestLoginCode(ctx context.Context, to LoginCodeRequest) (Entry, error) {
	return s.begin(ctx, "requestLoginCode", func(ctx context.Context) (*http.Response, error) {
		return s.plain.RequestLoginCode(ctx, to)
	})
}

// ConfirmLoginCode goes on with a sign-in by the code that was sent.
func (s *Session) ConfirmLoginCode(ctx context.Context, code string) (Entry, error) {
	return s.goOn(ctx, "confirmLoginCode", func(ctx context.Context, with RequestEditorFn) (*http.Response, error) {
		return s.plain.ConfirmLoginCode(ctx, CodeRequest{Code: code}, with)
	})
}

// VerifyEmail goes on with a sign-up or sign-in by the code that was mailed. For a further
// address of a user who is signed in there is [Session.VerifyOwnEmail].
func (s *Session) VerifyEmail(ctx context.Context, code string) (Entry, error) {
	return s.goOn(ctx, "verifyEmail", func(ctx context.Context, with RequestEditorFn) (*http.Response, error) {
		return s.plain.VerifyEmail(ctx, VerifyEmailRequest{Key: code}, with)
	})
}

// VerifyPhone goes on with a sign-up or sign-in by the code that was sent to the number.
func (s *Session) VerifyPhone(ctx context.Context, code string) (Entry, error) {
	return s.goOn(ctx, "verifyPhone", func(ctx context.Context, with RequestEditorFn) (*http.Response, error) {
		return s.plain.VerifyPhone(ctx, CodeRequest{Code: code}, with)
	})
}

// request sends one request of the session's own.
type request func(context.Context) (*http.Response, error)

// begin takes the first step of a sign-in.
func (s *Session) begin(ctx context.Context, operation string, send request) (Entry, error) {
	return s.step(ctx, operation, s.beginning(ctx), send)
}

// step takes a step of a sign-in: the first one, or one that it goes on with.
func (s *Session) step(ctx context.Context, operation string, from attempt, send request) (Entry, error) {
	ctx = from.forced(ctx)
	// A store that cannot be read could not keep the session either.
	if err := s.readable(ctx); err != nil {
		s.withdraw(from)

		return Entry{}, err
	}

	a, err := s.ask(ctx, operation, send)
	if err != nil {
		s.withdraw(from)

		return Entry{}, err
	}

	e, err := s.conclude(ctx, from, a)
	if err != nil {
		s.withdraw(from)
	}

	return e, err
}

// conclude makes of an answer to a step what it says: the session, or the next stage.
func (s *Session) conclude(ctx context.Context, from attempt, a *answer) (Entry, error) {
	switch {
	case a.action == ActionContinueFlow:
		if err := s.await(from, a); err != nil {
			return Entry{}, err
		}

		return Entry{Pending: pending(a.Data.Flows)}, nil
	case a.action == ActionProceed && a.http.StatusCode == http.StatusUnauthorized:
		a.action = ActionShow // nobody is let in, and nothing is pending

		return Entry{}, a.error()
	case a.action != ActionProceed:
		return Entry{}, a.error()
	case a.Meta.RefreshToken == "" || a.Meta.AccessToken == "":
		return Entry{}, a.undocumented()
	}

	if err := s.start(ctx, from, a.tokens()); err != nil {
		return Entry{}, err
	}

	return Entry{User: a.Data.User}, nil
}

// ask sends a request of the session's own, and reads the answer, within the limit.
func (s *Session) ask(ctx context.Context, operation string, send request) (*answer, error) {
	ctx, done := s.within(ctx, callLimit)
	defer done()

	r, err := send(ctx)
	if err != nil {
		return nil, noAnswer(ctx, err)
	}
	a, err := readAnswer(operation, r, false)
	if err != nil {
		return nil, noAnswer(ctx, err)
	}

	return a, nil
}

// goOn takes the next step of the pending sign-in.
func (s *Session) goOn(
	ctx context.Context, operation string, send func(context.Context, RequestEditorFn) (*http.Response, error),
) (Entry, error) {
	return s.whilePending(func(from attempt) (Entry, error) {
		return s.step(ctx, operation, from, func(ctx context.Context) (*http.Response, error) {
			return send(ctx, with(from.token))
		})
	})
}

// with sends the session token of a pending sign-in.
func with(token string) RequestEditorFn {
	return func(_ context.Context, r *http.Request) error {
		r.Header.Set("X-Session-Token", token)

		return nil
	}
}

// handedOut are the tokens that a sign-in brings.
type handedOut struct{ access, refresh, device string }

func (a *answer) tokens() handedOut {
	return handedOut{a.Meta.AccessToken, a.Meta.RefreshToken, a.Meta.DeviceToken}
}
