package server

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
)

// A context that has ended before the accept loop begins ends the server all the same.
func TestServe_endsWhereTheContextHasEndedBefore(t *testing.T) {
	for range 50 {
		s := &Server{app: fiber.New(fiber.Config{DisableStartupMessage: true})}

		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()

		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, ln) }()

		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Serve: %v, want nil", err)
			}
		case <-time.After(5 * time.Second):
			t.Fatal("Serve goes on after its context has ended")
		}
	}
}
