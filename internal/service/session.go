package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/flow"
)

type sessions struct {
	account *account.Account
	flow    *flow.Flow
}

func (s sessions) ListSessions(ctx context.Context, _ api.ListSessionsRequestObject) (api.ListSessionsResponseObject, error) {
	who := caller.From(ctx)

	list, err := s.account.Sessions(ctx, who)
	if err != nil {
		return nil, err
	}

	return api.ListSessions200JSONResponse(toSessions(list, who.Session.ID)), nil
}

func (s sessions) EndSessions(ctx context.Context, r api.EndSessionsRequestObject) (api.EndSessionsResponseObject, error) {
	who := caller.From(ctx)

	left, out, err := s.account.EndSessions(ctx, who, r.Body.Sessions)
	if err != nil {
		return nil, err
	}

	if out {
		return nil, s.flow.Anonymous(caller.Caller{})
	}

	return api.EndSessions200JSONResponse(toSessions(left, who.Session.ID)), nil
}
