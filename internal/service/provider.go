package service

import (
	"cmp"
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
	"github.com/latchkey-auth/latchkey/internal/provider"
	"github.com/latchkey-auth/latchkey/internal/session"
)

type providers struct {
	account *account.Account
	flow    *flow.Flow
}

func (p providers) CreateProviderNonce(ctx context.Context, r api.CreateProviderNonceRequestObject) (api.CreateProviderNonceResponseObject, error) {
	n, err := p.flow.NewNonce(ctx, caller.From(ctx), r.Params.Process)
	if err != nil {
		return nil, err
	}

	return api.CreateProviderNonce200JSONResponse{
		Status: 200, Data: api.ProviderNonce{Nonce: n.Raw, NonceSha256: n.Hash, ExpiresAt: session.Epoch(n.ExpiresAt)},
	}, nil
}

func (p providers) ReceiveAppleNotification(ctx context.Context, r api.ReceiveAppleNotificationRequestObject) (api.ReceiveAppleNotificationResponseObject, error) {
	if err := p.account.TakeAppleEvent(ctx, r.Body.Payload); err != nil {
		return nil, err
	}

	return api.ReceiveAppleNotification200JSONResponse{DoneJSONResponse: done}, nil
}

func (p providers) SubmitProviderToken(ctx context.Context, r api.SubmitProviderTokenRequestObject) (api.SubmitProviderTokenResponseObject, error) {
	e, err := p.flow.SubmitProviderToken(ctx, caller.From(ctx), toProviderToken(r.Body))
	if err != nil {
		return nil, err
	}

	return api.SubmitProviderToken200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p providers) GetProviderSignup(ctx context.Context, _ api.GetProviderSignupRequestObject) (api.GetProviderSignupResponseObject, error) {
	s, err := p.flow.ShowProviderSignup(caller.From(ctx))
	if err != nil {
		return nil, err
	}

	i := s.Identity

	shown := api.ProviderSignup{
		User:    api.ProviderSignupUser{Display: cmp.Or(i.Display, i.Label)},
		Account: api.ProviderAccount{UID: i.UID, Provider: toProvider(s.Service), Display: i.Label},
		Email:   []api.EmailAddress{},
	}
	if i.Email != "" {
		shown.Email = append(shown.Email, api.EmailAddress{Email: i.Email, Verified: i.Vouched, Primary: true})
	}

	return api.GetProviderSignup200JSONResponse{Status: 200, Data: shown}, nil
}

func (p providers) CompleteProviderSignup(ctx context.Context, r api.CompleteProviderSignupRequestObject) (api.CompleteProviderSignupResponseObject, error) {
	e, err := p.flow.CompleteProviderSignup(ctx, caller.From(ctx), flow.Signup{Email: r.Body.Email, Username: r.Body.Username, Phone: r.Body.Phone})
	if err != nil {
		return nil, err
	}

	return api.CompleteProviderSignup200JSONResponse{SignedInJSONResponse: api.SignedInJSONResponse(toAuthenticated(e))}, nil
}

func (p providers) ListProviderAccounts(ctx context.Context, _ api.ListProviderAccountsRequestObject) (api.ListProviderAccountsResponseObject, error) {
	list, err := p.account.Providers(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.ListProviderAccounts200JSONResponse{ProviderAccountListJSONResponse: toProviderAccounts(list)}, nil
}

func (p providers) DisconnectProviderAccount(ctx context.Context, r api.DisconnectProviderAccountRequestObject) (api.DisconnectProviderAccountResponseObject, error) {
	list, err := p.account.Disconnect(ctx, caller.From(ctx), r.Body.Provider, r.Body.Account)
	if err != nil {
		return nil, err
	}

	return api.DisconnectProviderAccount200JSONResponse{ProviderAccountListJSONResponse: toProviderAccounts(list)}, nil
}

func toProviderToken(b *api.SubmitProviderTokenJSONRequestBody) flow.ProviderToken {
	t := b.Token

	return flow.ProviderToken{
		Provider: b.Provider, Process: b.Process, ClientID: t.ClientID, IDToken: t.IDToken,
		Nonce: t.Nonce, Code: t.AuthorizationCode, Name: t.Name,
	}
}

func toProvider(l provider.Listed) api.ProviderConfig {
	return api.ProviderConfig{ID: l.ID, Name: l.Name, Flows: l.Flows, ClientID: l.ClientID, OpenidConfigurationURL: l.ConfigurationURL}
}

func toProviderAccounts(list []account.Connected) api.ProviderAccountListJSONResponse {
	shown := api.ProviderAccountListJSONResponse{Status: 200, Data: make([]api.ProviderAccount, 0, len(list))}
	for _, c := range list {
		shown.Data = append(shown.Data, api.ProviderAccount{UID: c.UID, Provider: toProvider(c.Service), Display: c.Display})
	}

	return shown
}
