package latchkey

import (
	"context"
	"encoding/json"
	"net/http"
)

// PasskeyPrompt lets the person show a passkey or a security key: a few lines around the
// platform's own, or around a library for FIDO2 keys. It is given
// PublicKeyCredentialRequestOptionsJSON and returns what toJSON of a PublicKeyCredential
// gives (WebAuthn Level 3, section 5.1). Where the person dismisses it, it returns
// [ErrDismissed]; its errors are handed on, and change nothing.
type PasskeyPrompt func(ctx context.Context, options json.RawMessage) (json.RawMessage, error)

// SignInWithPasskey signs in the user whom the passkey belongs to. Call it again for another
// attempt: each has options of its own. A session that is there, and a pending sign-in, are kept
// until the server has taken the passkey.
func (s *Session) SignInWithPasskey(ctx context.Context, prompt PasskeyPrompt) (Entry, error) {
	from := s.beginning(ctx) // before the prompt, which takes its time
	options := func(ctx context.Context) (*http.Response, error) { return s.plain.GetPasskeyLoginOptions(ctx) }
	credential, token, err := s.show(ctx, prompt, "getPasskeyLoginOptions", options)
	if err != nil {
		s.withdraw(from)

		return Entry{}, err
	}

	from.token = token

	return s.step(ctx, "loginByPasskey", from, func(ctx context.Context) (*http.Response, error) {
		return s.plain.LoginByPasskey(ctx, CredentialRequest{Credential: credential}, with(token))
	})
}

// SubmitSecondFactorKey goes on with a sign-in whose second factor is asked for, with a
// passkey or a security key. It returns what [Session.SubmitSecondFactor] returns; where the
// prompt fails, the sign-in stays pending.
func (s *Session) SubmitSecondFactorKey(ctx context.Context, prompt PasskeyPrompt) (Entry, error) {
	return s.whilePending(func(from attempt) (Entry, error) {
		options := func(ctx context.Context) (*http.Response, error) {
			return s.plain.GetSecondFactorOptions(ctx, with(from.token))
		}
		credential, _, err := s.show(ctx, prompt, "getSecondFactorOptions", options)
		if err != nil {
			return Entry{}, err
		}

		return s.step(ctx, "submitSecondFactorCredential", from, func(ctx context.Context) (*http.Response, error) {
			return s.plain.SubmitSecondFactorCredential(ctx, CredentialRequest{Credential: credential}, with(from.token))
		})
	})
}

// show asks the server for options and the user for the passkey that answers them. It also
// returns the session token that the options came with, if any.
func (s *Session) show(
	ctx context.Context, prompt PasskeyPrompt, operation string, options request,
) (Credential, string, error) {
	a, err := s.ask(ctx, operation, options)
	if err != nil {
		return nil, "", err
	}

	var given struct {
		Data struct {
			RequestOptions struct {
				PublicKey json.RawMessage `json:"publicKey"`
			} `json:"request_options"`
		} `json:"data"`
	}
	switch {
	case a.action != ActionProceed:
		return nil, "", a.error()
	case json.NewDecoder(a.http.Body).Decode(&given) != nil || given.Data.RequestOptions.PublicKey == nil:
		return nil, "", a.undocumented()
	}
	credential, err := prompt(ctx, given.Data.RequestOptions.PublicKey)

	return credential, a.Meta.SessionToken, err
}
