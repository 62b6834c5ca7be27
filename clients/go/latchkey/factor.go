package latchkey

import (
	"context"
	"net/http"
	"slices"
)

// SecondFactor is what the person can show where their second factor is asked for: "totp",
// "recovery_codes", "webauthn"; more may come. It is empty where no second factor is asked
// for.
func (e Entry) SecondFactor() []string {
	i := slices.IndexFunc(e.Pending, func(f Flow) bool { return f.ID == "mfa_authenticate" })
	if i < 0 {
		return nil
	}
	return e.Pending[i].Types
}

// SubmitSecondFactor goes on with a sign-in whose second factor is asked for, with a TOTP
// code (RFC 6238) or a recovery code; the server finds out which it is. The sign-in stays
// under way where the code is wrong, where the server is away and where no answer comes:
// call it again, with the next code, as each works once. It returns [ErrNothingPending]
// once the sign-in is over: after too many wrong codes, say, or where an answer that was
// lost had said that the person is in.
func (s *Session) SubmitSecondFactor(ctx context.Context, code string) (Entry, error) {
	return s.goOn(ctx, "submitSecondFactor", func(ctx context.Context, with RequestEditorFn) (*http.Response, error) {
		return s.plain.SubmitSecondFactor(ctx, CodeRequest{Code: code}, with)
	})
}

// ReauthenticateBySecondFactor proves by a TOTP code or a recovery code that it is still the
// person who signed in: what an [*Error] with [ActionReauthenticate] asks for. Repeat the
// call that was refused after it.
func (s *Session) ReauthenticateBySecondFactor(ctx context.Context, code string) error {
	return s.done(ctx, "reauthenticateBySecondFactor", func(ctx context.Context) (*http.Response, error) {
		return s.api.ReauthenticateBySecondFactor(ctx, CodeRequest{Code: code})
	})
}

// SendReauthenticationCode has a code sent to the verified address or number of the account:
// what an [*Error] with [ActionReauthenticate] and the flow "reauthenticate_by_code" asks for.
func (s *Session) SendReauthenticationCode(ctx context.Context) error {
	return s.done(ctx, "requestReauthenticationCode", func(ctx context.Context) (*http.Response, error) {
		return s.api.RequestReauthenticationCode(ctx)
	})
}

// ReauthenticateByCode proves by the code of [Session.SendReauthenticationCode] that it is
// still the user who signed in. Repeat the call that was refused after it.
func (s *Session) ReauthenticateByCode(ctx context.Context, code string) error {
	return s.done(ctx, "confirmReauthenticationCode", func(ctx context.Context) (*http.Response, error) {
		return s.api.ConfirmReauthenticationCode(ctx, CodeRequest{Code: code})
	})
}

// done makes a call of a signed-in user whose answer matters only by how it ends.
func (s *Session) done(ctx context.Context, operation string, send request) error {
	if state, reason := s.State(); state == StateSignedOut {
		return &SignedOutError{reason}
	}

	a, err := s.call(ctx, operation, false, send)
	switch {
	case err != nil:
		return err
	case a.action != ActionProceed:
		return a.error()
	case a.http.StatusCode != http.StatusOK: // what is a success of a sign-in alone
		return a.undocumented()
	}

	return nil
}
