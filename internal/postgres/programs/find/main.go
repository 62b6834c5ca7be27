// Command find prints the directory of PostgreSQL's server programs, and fetches them where none
// are installed: `make run` and `make test` do so before they build anything.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/latchkey-auth/latchkey/internal/postgres/programs"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	dir, err := programs.Find(ctx, programs.FromLookup(os.Getenv), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		stop()
		os.Exit(1)
	}

	_, _ = fmt.Fprintln(os.Stdout, dir)
}
