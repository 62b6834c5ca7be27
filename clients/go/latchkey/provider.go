package latchkey

import (
	"context"
	"encoding/json"
	"net/http"
)

// NewProviderNonce asks for a nonce for the id_token of another service. Hand its
// NonceSha256 to the service's SDK, or its Nonce to an SDK that hashes it by itself, and put
// the Nonce into the [ProviderToken]. An id_token with a nonce is taken once (OpenID Connect
// Core, section 3.1.3.7).
func (s *Session) NewProviderNonce(ctx context.Context) (ProviderNonce, error) {
	a, err := s.ask(ctx, "createProviderNonce", func(ctx context.Context) (*http.Response, error) {
		return s.plain.CreateProviderNonce(ctx, &CreateProviderNonceParams{})
	})
	if err != nil {
		return ProviderNonce{}, err
	}

	return a.nonce()
}

// NewReauthenticationNonce asks for a nonce for an id_token that
// [Session.ReauthenticateByProvider] takes: it serves in this session alone, and for nothing
// else.
func (s *Session) NewReauthenticationNonce(ctx context.Context) (ProviderNonce, error) {
	if state, reason := s.State(); state == StateSignedOut {
		return ProviderNonce{}, &SignedOutError{reason}
	}

	a, err := s.call(ctx, "createProviderNonce", false, func(ctx context.Context) (*http.Response, error) {
		return s.api.CreateProviderNonce(ctx, &CreateProviderNonceParams{Process: "reauthenticate"})
	})
	if err != nil {
		return ProviderNonce{}, err
	}

	return a.nonce()
}

// nonce reads the nonce that an answer brings.
func (a *answer) nonce() (ProviderNonce, error) {
	var made ProviderNonceResponse
	switch {
	case a.action != ActionProceed:
		return ProviderNonce{}, a.error()
	case json.NewDecoder(a.http.Body).Decode(&made) != nil || made.Data.Nonce == "":
		return ProviderNonce{}, a.undocumented()
	}

	return made.Data, nil
}

// SignInWithProvider signs a person in with what another service gave to the app, or makes
// their account. provider names the service as the server's configuration does ("apple",
// "google"). Where something is still missing, such as an address, the flow
// "provider_signup" is pending; see [Session.CompleteProviderSignUp].
//
// A session that is there is kept until the new one stands: an id_token that is refused, or
// a service that is away (503, [ActionRetry]), changes nothing. Where no answer came, ask
// the service for a new id_token: the first one may be used up.
func (s *Session) SignInWithProvider(ctx context.Context, provider string, token ProviderToken) (Entry, error) {
	return s.begin(ctx, "submitProviderToken", func(ctx context.Context) (*http.Response, error) {
		return s.plain.SubmitProviderToken(ctx, ProviderTokenRequest{Provider: provider, Process: "login", Token: token})
	})
}

// CompleteProviderSignUp gives the address that the other service did not tell, or one that
// is not taken, and makes the account.
func (s *Session) CompleteProviderSignUp(ctx context.Context, email string) (Entry, error) {
	return s.goOn(ctx, "completeProviderSignup", func(ctx context.Context, with RequestEditorFn) (*http.Response, error) {
		return s.plain.CompleteProviderSignup(ctx, PasskeySignupRequest{Email: email}, with)
	})
}

// ConnectProvider connects another service to the account of the signed-in person, who can
// sign in with it from then on. The server asks them to prove first that it is still them:
// an [*Error] with [ActionReauthenticate].
func (s *Session) ConnectProvider(ctx context.Context, provider string, token ProviderToken) error {
	return s.done(ctx, "submitProviderToken", func(ctx context.Context) (*http.Response, error) {
		return s.api.SubmitProviderToken(ctx, ProviderTokenRequest{Provider: provider, Process: "connect", Token: token})
	})
}

// ReauthenticateByProvider proves by a service that is connected to the account that it is
// still the user who signed in: what an [*Error] with [ActionReauthenticate] and the flow
// "provider_reauthenticate" asks for. The token carries a nonce of
// [Session.NewReauthenticationNonce]. Repeat the call that was refused after it.
func (s *Session) ReauthenticateByProvider(ctx context.Context, provider string, token ProviderToken) error {
	return s.done(ctx, "submitProviderToken", func(ctx context.Context) (*http.Response, error) {
		proof := ProviderTokenRequest{Provider: provider, Process: "reauthenticate", Token: token}

		return s.api.SubmitProviderToken(ctx, proof)
	})
}
