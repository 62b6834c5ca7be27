package ops

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestHealth_anOutageOfTenSecondsIsNotReady(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var down error
	h := NewHealth(func(context.Context) error { return down }, func() time.Time { return now })

	check := func(when, want string) {
		t.Helper()
		h.Ask(t.Context())
		if got := h.Report().Status; got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}

	check("before the schema is there", "not_ready")
	h.Prepared()
	check("prepared", "ready")

	down = errors.New("away")
	now = now.Add(Outage - time.Millisecond)
	check("a short outage", "ready")
	now = now.Add(time.Millisecond)
	check("a long one", "not_ready")

	down = nil
	check("back", "ready")

	h.Drain()
	check("draining", "not_ready")
}
