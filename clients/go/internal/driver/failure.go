package main

import (
	"context"
	"errors"

	"github.com/latchkey-auth/latchkey/clients/go/latchkey"
)

// failure is an error as the protocol describes it.
type failure struct {
	Kind       string  `json:"kind"`
	Status     int     `json:"status,omitempty"`
	Code       string  `json:"code,omitempty"`
	Action     string  `json:"action,omitempty"`
	RetryAfter float64 `json:"retry_after,omitempty"`
}

const retry = string(latchkey.ActionRetry)

func describe(err error) *failure {
	var (
		out     *latchkey.SignedOutError
		refused *latchkey.Error
		wait    *latchkey.WaitError
		store   *latchkey.StoreError
		none    *latchkey.NetworkError
	)
	switch {
	case errors.As(err, &out):
		return &failure{Kind: "signed_out", Code: out.Reason}
	case errors.Is(err, latchkey.ErrNothingPending):
		return &failure{Kind: "nothing_pending"}
	case errors.Is(err, context.Canceled), errors.Is(err, latchkey.ErrDismissed):
		return &failure{Kind: "cancelled"}
	case errors.As(err, &wait):
		return &failure{Kind: "server", Action: string(latchkey.ActionWait), RetryAfter: wait.After.Seconds()}
	case errors.Is(err, latchkey.ErrLocked):
		return &failure{Kind: "locked", Action: retry}
	case errors.As(err, &store):
		return &failure{Kind: "store", Action: retry}
	case errors.As(err, &refused):
		return answered(refused)
	}
	failed := &failure{Kind: "network", Action: retry}
	if errors.As(err, &none) {
		failed.RetryAfter = none.After.Seconds()
	}

	return failed
}

func answered(e *latchkey.Error) *failure {
	f := &failure{Kind: "problem", Status: e.Status, Action: string(e.Action), RetryAfter: e.RetryAfter.Seconds()}
	if len(e.Problems) > 0 {
		f.Code = e.Problems[0].Code
	}
	switch {
	case e.Undocumented:
		f.Kind = "undocumented"
	case e.Action == latchkey.ActionRetry || e.Action == latchkey.ActionWait:
		f.Kind = "server"
	}
	return f
}
