package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type passkeys struct {
	account *account.Account
	flow    *flow.Flow
}

func (p passkeys) GetSecondFactorOptions(ctx context.Context, _ api.GetSecondFactorOptionsRequestObject) (api.GetSecondFactorOptionsResponseObject, error) {
	options, err := p.flow.SecondFactorOptions(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	shown, err := toRequestOptions(options, "")

	return api.GetSecondFactorOptions200JSONResponse{RequestOptionsShownJSONResponse: shown}, err
}

func (p passkeys) SubmitSecondFactorCredential(ctx context.Context, r api.SubmitSecondFactorCredentialRequestObject) (api.SubmitSecondFactorCredentialResponseObject, error) {
	e, err := p.flow.SubmitSecondFactorCredential(ctx, caller.From(ctx), r.Body.Credential)
	if err != nil {
		return nil, err
	}

	return api.SubmitSecondFactorCredential200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p passkeys) GetReauthenticationOptions(ctx context.Context, _ api.GetReauthenticationOptionsRequestObject) (api.GetReauthenticationOptionsResponseObject, error) {
	options, err := p.flow.ReauthenticationOptions(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	shown, err := toRequestOptions(options, "")

	return api.GetReauthenticationOptions200JSONResponse{RequestOptionsShownJSONResponse: shown}, err
}

func (p passkeys) ReauthenticateByCredential(ctx context.Context, r api.ReauthenticateByCredentialRequestObject) (api.ReauthenticateByCredentialResponseObject, error) {
	e, err := p.flow.ReauthenticateByCredential(ctx, caller.From(ctx), r.Body.Credential)
	if err != nil {
		return nil, err
	}

	return api.ReauthenticateByCredential200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p passkeys) GetPasskeyLoginOptions(ctx context.Context, _ api.GetPasskeyLoginOptionsRequestObject) (api.GetPasskeyLoginOptionsResponseObject, error) {
	options, token, err := p.flow.PasskeyLoginOptions(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	shown, err := toRequestOptions(options, token)

	return api.GetPasskeyLoginOptions200JSONResponse{RequestOptionsShownJSONResponse: shown}, err
}

func (p passkeys) LoginByPasskey(ctx context.Context, r api.LoginByPasskeyRequestObject) (api.LoginByPasskeyResponseObject, error) {
	e, err := p.flow.LoginByPasskey(ctx, caller.From(ctx), r.Body.Credential)
	if err != nil {
		return nil, err
	}

	return api.LoginByPasskey200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p passkeys) SignupByPasskey(ctx context.Context, r api.SignupByPasskeyRequestObject) (api.SignupByPasskeyResponseObject, error) {
	// Never 200: the passkey is still to come.
	_, err := p.flow.SignupByPasskey(ctx, caller.From(ctx), flow.Signup{Email: r.Body.Email, Username: r.Body.Username, Phone: r.Body.Phone})
	return nil, err
}

func (p passkeys) GetPasskeySignupOptions(ctx context.Context, _ api.GetPasskeySignupOptionsRequestObject) (api.GetPasskeySignupOptionsResponseObject, error) {
	options, err := p.flow.PasskeySignupOptions(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	shown, err := toCreationOptions(options)

	return api.GetPasskeySignupOptions200JSONResponse{CreationOptionsShownJSONResponse: shown}, err
}

func (p passkeys) CompletePasskeySignup(ctx context.Context, r api.CompletePasskeySignupRequestObject) (api.CompletePasskeySignupResponseObject, error) {
	e, err := p.flow.CompletePasskeySignup(ctx, caller.From(ctx), r.Body.Name, r.Body.Credential)
	if err != nil {
		return nil, err
	}

	return api.CompletePasskeySignup200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p passkeys) GetCreationOptions(ctx context.Context, r api.GetCreationOptionsRequestObject) (api.GetCreationOptionsResponseObject, error) {
	options, err := p.account.CreationOptions(ctx, caller.From(ctx), r.Params.Passwordless != nil)
	if err != nil {
		return nil, err
	}

	shown, err := toCreationOptions(options)

	return api.GetCreationOptions200JSONResponse{CreationOptionsShownJSONResponse: shown}, err
}

func (p passkeys) AddCredential(ctx context.Context, r api.AddCredentialRequestObject) (api.AddCredentialResponseObject, error) {
	added, err := p.account.AddCredential(ctx, caller.From(ctx), r.Body.Name, r.Body.Credential)
	if err != nil {
		return nil, err
	}

	return api.AddCredential200JSONResponse{AuthenticatorShownJSONResponse: toAuthenticatorShown(added)}, nil
}

func (p passkeys) RenameCredential(ctx context.Context, r api.RenameCredentialRequestObject) (api.RenameCredentialResponseObject, error) {
	renamed, err := p.account.RenameCredential(ctx, caller.From(ctx), r.Body.ID, r.Body.Name)
	if err != nil {
		return nil, err
	}

	return api.RenameCredential200JSONResponse{AuthenticatorShownJSONResponse: toAuthenticatorShown(renamed)}, nil
}

func (p passkeys) RemoveCredentials(ctx context.Context, r api.RemoveCredentialsRequestObject) (api.RemoveCredentialsResponseObject, error) {
	if err := p.account.RemoveCredentials(ctx, caller.From(ctx), r.Body.Authenticators); err != nil {
		return nil, err
	}

	return api.RemoveCredentials200JSONResponse{DoneJSONResponse: done}, nil
}
