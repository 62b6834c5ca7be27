package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type phones struct {
	account *account.Account
	flow    *flow.Flow
}

func (p phones) VerifyPhone(ctx context.Context, r api.VerifyPhoneRequestObject) (api.VerifyPhoneResponseObject, error) {
	e, err := p.flow.VerifyPhone(ctx, caller.From(ctx), r.Body.Code)
	if err != nil {
		return nil, err
	}

	return api.VerifyPhone200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p phones) ResendPhoneVerification(ctx context.Context, _ api.ResendPhoneVerificationRequestObject) (api.ResendPhoneVerificationResponseObject, error) {
	if err := p.flow.ResendPhoneVerification(ctx, caller.From(ctx)); err != nil {
		return nil, err
	}

	return api.ResendPhoneVerification200JSONResponse{DoneJSONResponse: done}, nil
}

func (p phones) GetPhoneNumber(ctx context.Context, _ api.GetPhoneNumberRequestObject) (api.GetPhoneNumberResponseObject, error) {
	list := api.PhoneNumbersResponse{Status: 200, Data: []api.PhoneNumber{}}
	if s := caller.From(ctx).Session; s.Phone != nil {
		list.Data = append(list.Data, api.PhoneNumber{Phone: *s.Phone, Verified: s.PhoneVerifiedAt != nil})
	}

	return api.GetPhoneNumber200JSONResponse{PhoneNumberListJSONResponse: api.PhoneNumberListJSONResponse(list)}, nil
}

// ChangePhoneNumber serves two, like AddEmailAddress.
func (p phones) ChangePhoneNumber(ctx context.Context, r api.ChangePhoneNumberRequestObject) (api.ChangePhoneNumberResponseObject, error) {
	who := caller.From(ctx)

	change := p.account.ChangePhone
	if !who.SignedIn() {
		change = p.flow.ChangeSignupPhone
	}

	number, err := change(ctx, who, r.Body.Phone)
	if err != nil {
		return nil, err
	}

	return api.ChangePhoneNumber202JSONResponse{Status: 202, Data: []api.PhoneNumber{{Phone: number}}}, nil
}
