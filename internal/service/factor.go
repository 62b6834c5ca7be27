package service

import (
	"context"
	"encoding/json"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/authenticator"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/session"
)

type factors struct {
	account *account.Account
	flow    *flow.Flow
}

func (f factors) SubmitSecondFactor(ctx context.Context, r api.SubmitSecondFactorRequestObject) (api.SubmitSecondFactorResponseObject, error) {
	e, err := f.flow.SubmitSecondFactor(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.SubmitSecondFactor200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (f factors) ReauthenticateBySecondFactor(ctx context.Context, r api.ReauthenticateBySecondFactorRequestObject) (api.ReauthenticateBySecondFactorResponseObject, error) {
	e, err := f.flow.ReauthenticateBySecondFactor(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.ReauthenticateBySecondFactor200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (f factors) ListAuthenticators(ctx context.Context, _ api.ListAuthenticatorsRequestObject) (api.ListAuthenticatorsResponseObject, error) {
	list, err := f.account.Authenticators(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	shown := api.ListAuthenticators200JSONResponse{Status: 200, Data: make([]api.Authenticator, 0, len(list))}
	for _, l := range list {
		shown.Data = append(shown.Data, toAuthenticator(l))
	}

	return shown, nil
}

func (f factors) GetTOTP(ctx context.Context, _ api.GetTOTPRequestObject) (api.GetTOTPResponseObject, error) {
	t, err := f.account.TOTP(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	if t.Found != nil {
		return api.GetTOTP200JSONResponse{AuthenticatorShownJSONResponse: toAuthenticatorShown(*t.Found)}, nil
	}

	return api.GetTOTP404JSONResponse{Status: 404, Meta: api.TOTPSetup{Secret: t.Setup.Secret, TOTPURL: t.Setup.URL}}, nil
}

func (f factors) ActivateTOTP(ctx context.Context, r api.ActivateTOTPRequestObject) (api.ActivateTOTPResponseObject, error) {
	added, err := f.account.ActivateTOTP(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.ActivateTOTP200JSONResponse{AuthenticatorShownJSONResponse: toAuthenticatorShown(added)}, nil
}

func (f factors) DeactivateTOTP(ctx context.Context, _ api.DeactivateTOTPRequestObject) (api.DeactivateTOTPResponseObject, error) {
	if err := f.account.DeactivateTOTP(ctx, caller.From(ctx)); err != nil {
		return nil, err
	}

	return api.DeactivateTOTP200JSONResponse{DoneJSONResponse: done}, nil
}

// noRecoveryCodes is a state and no error: it has no `errors`.
var noRecoveryCodes = api.GetRecoveryCodes404JSONResponse{Status: 404}

func (f factors) GetRecoveryCodes(ctx context.Context, _ api.GetRecoveryCodesRequestObject) (api.GetRecoveryCodesResponseObject, error) {
	codes, found, err := f.account.RecoveryCodes(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	if !found {
		return noRecoveryCodes, nil
	}

	return api.GetRecoveryCodes200JSONResponse{RecoveryCodesShownJSONResponse: toRecoveryCodes(codes)}, nil
}

func (f factors) GenerateRecoveryCodes(ctx context.Context, _ api.GenerateRecoveryCodesRequestObject) (api.GenerateRecoveryCodesResponseObject, error) {
	codes, err := f.account.GenerateRecoveryCodes(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.GenerateRecoveryCodes200JSONResponse{RecoveryCodesShownJSONResponse: toRecoveryCodes(codes)}, nil
}

func toAuthenticator(l authenticator.Listed) api.Authenticator {
	shown := api.Authenticator{Type: l.Type, CreatedAt: session.Epoch(l.CreatedAt)}
	if l.LastUsedAt != nil {
		at := session.Epoch(*l.LastUsedAt)
		shown.LastUsedAt = &at
	}

	switch l.Type {
	case "recovery_codes":
		total, unused := int32(l.Total), int32(l.Unused) //nolint:gosec // at most 64
		shown.TotalCodeCount, shown.UnusedCodeCount = &total, &unused
	case "webauthn":
		shown.ID, shown.Name, shown.IsPasswordless = l.ID, l.Name, l.Passwordless
	}

	return shown
}

func toAuthenticatorShown(l authenticator.Listed) api.AuthenticatorShownJSONResponse {
	return api.AuthenticatorShownJSONResponse{Status: 200, Data: toAuthenticator(l), Meta: api.AuthenticatorMeta{RecoveryCodesGenerated: l.CodesMade}}
}

func toRecoveryCodes(c authenticator.Codes) api.RecoveryCodesShownJSONResponse {
	common := toAuthenticator(c.Listed)

	shown := api.RecoveryCodes{
		Type: "recovery_codes", CreatedAt: common.CreatedAt, LastUsedAt: common.LastUsedAt,
		TotalCodeCount: int32(c.Total), UnusedCodeCount: int32(c.Unused), //nolint:gosec // at most 64
	}
	if c.Left != nil {
		shown.UnusedCodes = &c.Left
	}

	return api.RecoveryCodesShownJSONResponse{Status: 200, Data: shown}
}

// toOptions reads options for a WebAuthn call, which internal/factor wrote.
func toOptions(options json.RawMessage) (api.JSONObject, error) {
	var object api.JSONObject
	err := json.Unmarshal(options, &object)
	return object, err
}

func toRequestOptions(options json.RawMessage, sessionToken string) (api.RequestOptionsShownJSONResponse, error) {
	object, err := toOptions(options)

	return api.RequestOptionsShownJSONResponse{
		Status: 200, Data: api.RequestOptions{RequestOptions: object}, Meta: api.NewSessionMeta{SessionToken: sessionToken},
	}, err
}

func toCreationOptions(options json.RawMessage) (api.CreationOptionsShownJSONResponse, error) {
	object, err := toOptions(options)
	return api.CreationOptionsShownJSONResponse{Status: 200, Data: api.CreationOptions{CreationOptions: object}}, err
}
