package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// passkeys is the device's prompt: the kit answers it.
func passkeys(authenticator string) latchkey.PasskeyPrompt {
	return func(ctx context.Context, options json.RawMessage) (json.RawMessage, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, authenticator, bytes.NewReader(options))
		if err != nil {
			return nil, err
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = got.Body.Close() }()
		if got.StatusCode != http.StatusOK {
			return nil, latchkey.ErrDismissed
		}
		return io.ReadAll(got.Body)
	}
}
