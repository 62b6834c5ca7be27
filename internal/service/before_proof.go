package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/factor"
)

// BeforeProof is what an operation answers a caller who has not proved lately who they are, before
// it asks for that: `x-recent-auth-first` in the spec. It returns nothing where the proof is next.
//
// Security: it must show no secret and change nothing. The operation itself does not run
// (TestProof_whatNeedsNoSecretIsAnsweredFirst, TestProof_everyChangeOfEveryKindOfAccount).
func (s Service) BeforeProof(ctx context.Context, request any) (response any, err error) {
	who := caller.From(ctx)
	switch request.(type) {
	case api.GetTOTPRequestObject:
		return s.totpBeforeProof(ctx, who)
	case api.DeactivateTOTPRequestObject:
		found, err := s.factors.account.FindFactor(ctx, who, factor.TOTP)
		if err == nil && found == nil {
			return api.DeactivateTOTP200JSONResponse{DoneJSONResponse: done}, nil
		}

		return nil, err
	case api.GetRecoveryCodesRequestObject:
		found, err := s.factors.account.FindFactor(ctx, who, factor.RecoveryCodes)
		if err == nil && found == nil {
			return noRecoveryCodes, nil
		}

		return nil, err
	}

	return nil, s.checkBeforeProof(ctx, who, request)
}

// totpBeforeProof shows that there is a TOTP authenticator, or why none can be added. Its secret
// is shown by the operation alone.
func (f factors) totpBeforeProof(ctx context.Context, who caller.Caller) (any, error) {
	found, err := f.account.FindFactor(ctx, who, factor.TOTP)
	if err != nil {
		return nil, err
	}

	if found != nil {
		return api.GetTOTP200JSONResponse{AuthenticatorShownJSONResponse: toAuthenticatorShown(*found)}, nil
	}

	return nil, f.account.CheckNewTOTP(ctx, who)
}

// checkBeforeProof returns what is wrong with a request.
func (s Service) checkBeforeProof(ctx context.Context, who caller.Caller, request any) error {
	own := s.factors.account
	switch r := request.(type) {
	case api.ActivateTOTPRequestObject:
		return own.CheckTOTP(ctx, who, r.Body.Code)
	case api.GenerateRecoveryCodesRequestObject:
		return own.CheckNewRecoveryCodes(ctx, who)
	case api.GetCreationOptionsRequestObject:
		return own.CheckNewCredential(ctx, who)
	case api.AddCredentialRequestObject:
		return own.CheckCredential(ctx, who, r.Body.Credential)
	case api.RenameCredentialRequestObject:
		return own.CheckOwnCredentials(ctx, who, "id", r.Body.ID)
	case api.RemoveCredentialsRequestObject:
		return own.CheckOwnCredentials(ctx, who, "authenticators", r.Body.Authenticators...)
	case api.AddEmailAddressRequestObject:
		return own.CheckNewEmailAddress(ctx, who, r.Body.Email)
	case api.ChangePrimaryEmailAddressRequestObject:
		return own.CheckPrimary(ctx, who, r.Body.Email, r.Body.Primary)
	case api.RemoveEmailAddressRequestObject:
		return own.CheckRemoval(ctx, who, r.Body.Email)
	case api.ChangePhoneNumberRequestObject:
		return own.CheckPhone(ctx, who, r.Body.Phone)
	case api.DisconnectProviderAccountRequestObject:
		return own.CheckDisconnect(ctx, who, r.Body.Provider, r.Body.Account)
	case api.SubmitProviderTokenRequestObject:
		return s.providers.flow.CheckConnect(ctx, who, toProviderToken(r.Body))
	case api.ChangePasswordRequestObject:
		return own.CheckFirstPassword(ctx, who, toPasswordChange(r.Body))
	}

	return nil
}
