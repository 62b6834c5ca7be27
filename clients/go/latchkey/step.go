package latchkey

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// entrances are the operations that begin a sign-in. They carry no session: the server would end
// the one that is there.
var entrances = []string{
	"login", "signup", "requestLoginCode", "signupByPasskey", "getPasskeyLoginOptions", "submitProviderToken",
}

// steps are the operations that go on with a sign-in where one is pending.
var steps = []string{
	"verifyEmail", "getEmailVerification", "resendEmailVerification", "verifyPhone", "resendPhoneVerification",
	"confirmLoginCode", "resendLoginCode", "submitSecondFactor", "getSecondFactorOptions", "submitSecondFactorCredential",
	"loginByPasskey", "getPasskeySignupOptions", "completePasskeySignup", "getProviderSignup", "completeProviderSignup",
	"getPasswordReset", "resetPassword",
}

// requests are the operations without a session that make a sign-in pending.
var requests = []string{"requestPasswordReset", "undoAccountChanges"}

// alone are the steps that only a pending sign-in takes. Without one they carry no session either.
var alone = []string{
	"confirmLoginCode", "resendLoginCode", "submitSecondFactor", "getSecondFactorOptions", "submitSecondFactorCredential",
	"loginByPasskey", "getPasskeySignupOptions", "completePasskeySignup", "getProviderSignup", "completeProviderSignup",
}

// ownChanges are the operations of a signed-in user that have a code sent: the code that comes
// next is for them.
var ownChanges = []string{"addEmailAddress", "resendEmailAddressVerification", "changePhoneNumber"}

// ownSteps are the steps that a signed-in user takes for an address or a number of their own.
var ownSteps = []string{
	"verifyEmail", "getEmailVerification", "resendEmailVerification", "verifyPhone", "resendPhoneVerification",
}

// answersTokens are the operations of a signed-in user whose answers may carry tokens.
var answersTokens = []string{
	"getSession", "verifyEmail", "verifyPhone", "changePassword", "reauthenticate", "confirmReauthenticationCode",
	"reauthenticateBySecondFactor", "reauthenticateByCredential", "submitProviderToken",
	"submitSecondFactor", "submitSecondFactorCredential", "confirmLoginCode", "resetPassword",
	"completeProviderSignup", "completePasskeySignup", "loginByPasskey",
}

// beginsSignIn reports whether a request begins a sign-in.
func beginsSignIn(operation string, r *http.Request) bool {
	return slices.Contains(entrances, operation) && (operation != "submitProviderToken" || processOf(r) == "login")
}

// processOf is what a provider's token is handed over for; "login" where the request does not
// let itself be read twice.
func processOf(r *http.Request) string {
	var sent struct {
		Process string `json:"process"`
	}
	if r.GetBody == nil {
		return "login"
	}
	body, err := r.GetBody()
	if err != nil || json.NewDecoder(body).Decode(&sent) != nil {
		return "login"
	}

	return sent.Process
}

type ownKey struct{}

// own marks a call of the signed-in user, which is no step of a pending sign-in.
func own(ctx context.Context) context.Context { return context.WithValue(ctx, ownKey{}, true) }

// stepOf returns the pending sign-in where a request goes on with it.
func (s *Session) stepOf(operation string, r *http.Request) (attempt, bool) {
	if r.Context().Value(ownKey{}) != nil || !slices.Contains(steps, operation) {
		return attempt{}, false
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.token == "" {
		return attempt{number: s.begun}, slices.Contains(alone, operation)
	}

	return s.pending.attempt, !s.pending.passed || !slices.Contains(ownSteps, operation)
}

// noteOwn looks at the answer to a call of the signed-in user.
func (s *Session) noteOwn(r *http.Request, response *http.Response, operation string) (*http.Response, error) {
	if slices.Contains(ownChanges, operation) && response.StatusCode < http.StatusMultipleChoices {
		s.mu.Lock()
		s.pending.passed = true
		s.mu.Unlock()
	}
	if !slices.Contains(answersTokens, operation) {
		return response, nil
	}

	a, err := readAnswer(operation, response, true)
	if err != nil {
		return nil, err
	}
	if a.Meta.RefreshToken != "" && a.Meta.AccessToken != "" && s.isAnother(a.Meta.RefreshToken) { // a sign-in after all
		if err := s.start(r.Context(), s.beginning(r.Context()), a.tokens()); err != nil {
			return nil, err
		}
	}

	return redacted(response), nil
}

// isAnother reports whether a refresh token is of another session than this one.
func (s *Session) isAnother(refresh string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()

	return !newRecord(0, refresh).sameSession(s.rec)
}

// sendPending sends a request without a session, or of the pending sign-in.
func (s *Session) sendPending(r *http.Request, send sender, operation string) (*http.Response, error) {
	if operation == "" {
		return send(r)
	}

	s.mu.Lock()
	from := s.pending.attempt
	if from.token == "" && slices.Contains(requests, operation) {
		s.begun++
	}
	if from.token == "" {
		from.number = s.begun
	}
	s.mu.Unlock()

	return s.sendStep(r, send, operation, from)
}

// sendStep sends a step of a sign-in, and makes of its answer what it says: the session, or the
// pending sign-in.
func (s *Session) sendStep(r *http.Request, send sender, operation string, from attempt) (*http.Response, error) {
	sent := r
	if from.token != "" {
		sent = r.Clone(r.Context())
		sent.Header.Set("X-Session-Token", from.token)
	}
	response, err := send(sent)
	if err != nil {
		s.withdraw(from)

		return nil, err
	}
	response.Request = r // Security: without the token, for what logs requests

	a, err := readAnswer(operation, response, false)
	if err != nil {
		s.withdraw(from)

		return nil, err
	}
	if err := s.absorb(from.forced(r.Context()), from, a); err != nil {
		s.withdraw(from)

		return nil, err
	}

	return redacted(response), nil
}

// absorb takes over what the answer to a step brings.
func (s *Session) absorb(ctx context.Context, from attempt, a *answer) error {
	switch {
	case !a.documented:
		s.withdraw(from)
	case a.Meta.RefreshToken != "" && a.Meta.AccessToken != "":
		return s.start(ctx, from, a.tokens())
	case a.Meta.SessionToken != "" || a.action == ActionContinueFlow && from.token != "":
		return s.await(from, a)
	case from.token != "" && a.action != ActionProceed && isOver(a.error()):
		s.dropPending(from)
	default:
		s.withdraw(from)
	}

	return nil
}

// redacted takes the tokens out of an answer that has been read: they are taken over.
//
// Security: what logs answers, or keeps them, shows no token.
func redacted(response *http.Response) *http.Response {
	text, err := io.ReadAll(response.Body) // it is in memory
	response.Body = io.NopCloser(bytes.NewReader(text))
	if err != nil {
		return response
	}

	var body, meta map[string]json.RawMessage
	if json.Unmarshal(text, &body) != nil || json.Unmarshal(body["meta"], &meta) != nil {
		return response
	}

	found := false
	for _, name := range []string{"access_token", "refresh_token", "session_token", "device_token"} {
		_, has := meta[name]
		found = found || has
		delete(meta, name)
	}
	if !found {
		return response
	}

	body["meta"], _ = json.Marshal(meta) // texts of JSON
	text, _ = json.Marshal(body)
	response.Body = io.NopCloser(bytes.NewReader(text))
	response.ContentLength = int64(len(text))
	response.Header.Set("Content-Length", strconv.Itoa(len(text)))

	return response
}
