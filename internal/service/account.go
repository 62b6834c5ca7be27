package service

import (
	"context"

	"github.com/latchkey-auth/latchkey/api"
	"github.com/latchkey-auth/latchkey/internal/account"
	"github.com/latchkey-auth/latchkey/internal/caller"
	"github.com/latchkey-auth/latchkey/internal/session"
)

type leaving struct{ account *account.Account }

func (l leaving) DeleteAccount(ctx context.Context, _ api.DeleteAccountRequestObject) (api.DeleteAccountResponseObject, error) {
	at, err := l.account.Delete(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.DeleteAccount200JSONResponse{Status: 200, Data: api.Deletion{DeletesAt: session.Epoch(at)}}, nil
}

func (l leaving) ExportAccount(ctx context.Context, _ api.ExportAccountRequestObject) (api.ExportAccountResponseObject, error) {
	document, err := l.account.Export(ctx, caller.From(ctx))
	if err != nil {
		return nil, err
	}

	return api.ExportAccount200JSONResponse{Status: 200, Data: api.JSONObject(document)}, nil
}
