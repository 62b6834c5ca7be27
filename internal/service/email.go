package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/session"
)

type emails struct {
	account *account.Account
	flow    *flow.Flow
}

func (e emails) GetEmailVerification(ctx context.Context, r api.GetEmailVerificationRequestObject) (api.GetEmailVerificationResponseObject, error) {
	v, err := e.flow.ShowEmailVerification(ctx, caller.From(ctx), r.Params.XEmailVerificationKey)
	if err != nil {
		return nil, err
	}

	shown := api.EmailVerification{Email: v.Address, User: toUser(v.User)}
	if v.Asked != nil {
		shown.RequestedAt, shown.Platform = session.Epoch(v.Asked.At), v.Asked.Platform
	}

	return api.GetEmailVerification200JSONResponse{
		Status: 200, Data: shown, Meta: api.EmailVerificationMeta{IsAuthenticating: v.Waiting},
	}, nil
}

func (e emails) RejectEmailVerification(ctx context.Context, r api.RejectEmailVerificationRequestObject) (api.RejectEmailVerificationResponseObject, error) {
	outcome, err := e.flow.RejectEmail(ctx, caller.From(ctx), r.Body.Key)
	if err != nil {
		return nil, err
	}

	return api.RejectEmailVerification200JSONResponse{Status: 200, Data: api.EmailRejection{Outcome: string(outcome)}}, nil
}

func (e emails) VerifyEmail(ctx context.Context, r api.VerifyEmailRequestObject) (api.VerifyEmailResponseObject, error) {
	entry, err := e.flow.VerifyEmail(ctx, caller.From(ctx), r.Body.Key)
	if err != nil {
		return nil, err
	}

	return api.VerifyEmail200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(entry))}, nil
}

func (e emails) ResendEmailVerification(ctx context.Context, _ api.ResendEmailVerificationRequestObject) (api.ResendEmailVerificationResponseObject, error) {
	if err := e.flow.ResendEmailVerification(ctx, caller.From(ctx)); err != nil {
		return nil, err
	}

	return api.ResendEmailVerification200JSONResponse{DoneJSONResponse: done}, nil
}

func (e emails) ListEmailAddresses(ctx context.Context, _ api.ListEmailAddressesRequestObject) (api.ListEmailAddressesResponseObject, error) {
	list, err := e.account.EmailAddresses(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.ListEmailAddresses200JSONResponse{EmailAddressListJSONResponse: toAddresses(list)}, nil
}

// AddEmailAddress adds an address for a signed-in user, and changes the address that is being verified for a
// pending sign-up.
func (e emails) AddEmailAddress(ctx context.Context, r api.AddEmailAddressRequestObject) (api.AddEmailAddressResponseObject, error) {
	who := caller.From(ctx)
	if !who.SignedIn() {
		address, err := e.flow.ChangeSignupEmail(ctx, who, r.Body.Email)
		if err != nil {
			return nil, err
		}

		return api.AddEmailAddress200JSONResponse{EmailAddressListJSONResponse: toAddresses([]account.Address{{Address: address}})}, nil
	}

	list, err := e.account.AddEmailAddress(ctx, who, r.Body.Email)
	if err != nil {
		return nil, err
	}

	return api.AddEmailAddress200JSONResponse{EmailAddressListJSONResponse: toAddresses(list)}, nil
}

func (e emails) ResendEmailAddressVerification(ctx context.Context, r api.ResendEmailAddressVerificationRequestObject) (api.ResendEmailAddressVerificationResponseObject, error) {
	if err := e.account.ResendEmailAddress(ctx, caller.From(ctx), r.Body.Email); err != nil {
		return nil, err
	}

	return api.ResendEmailAddressVerification200JSONResponse{DoneJSONResponse: done}, nil
}

func (e emails) ChangePrimaryEmailAddress(ctx context.Context, r api.ChangePrimaryEmailAddressRequestObject) (api.ChangePrimaryEmailAddressResponseObject, error) {
	list, err := e.account.MakePrimary(ctx, caller.From(ctx), r.Body.Email, r.Body.Primary)
	if err != nil {
		return nil, err
	}

	return api.ChangePrimaryEmailAddress200JSONResponse{EmailAddressListJSONResponse: toAddresses(list)}, nil
}

func (e emails) RemoveEmailAddress(ctx context.Context, r api.RemoveEmailAddressRequestObject) (api.RemoveEmailAddressResponseObject, error) {
	list, err := e.account.RemoveEmailAddress(ctx, caller.From(ctx), r.Body.Email)
	if err != nil {
		return nil, err
	}

	return api.RemoveEmailAddress200JSONResponse{EmailAddressListJSONResponse: toAddresses(list)}, nil
}
