package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"time"

	"github.com/latchkey-auth/latchkey/internal/app"
	"github.com/latchkey-auth/latchkey/internal/config"
)

// serveApp is `latchkey serve` in this program: what the real one must not have stands
// around it. args are "log" or "quiet", and where a profile and the count of allocations
// go, if anywhere.
//
// A profile begins with SIGUSR1 and ends with SIGUSR2, so that nothing but the load is in it.
func serveApp(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c, _, err := config.Read(config.FromProcess())
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	if len(args) > 0 && args[0] == "quiet" {
		log = slog.New(slog.DiscardHandler)
	}
	a, err := app.New(ctx, c, time.Now, log)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.Prepare(ctx); err != nil {
		return err
	}
	if len(args) > 1 {
		go profile(ctx, args[1])
	}
	return a.Run(ctx)
}

// profile writes a CPU profile to file, and the allocations beside it.
func profile(ctx context.Context, file string) {
	begin, end := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(begin, syscall.SIGUSR1)
	signal.Notify(end, syscall.SIGUSR2)
	for {
		select {
		case <-ctx.Done():
			return
		case <-begin:
		}
		f, err := os.Create(file)
		if err != nil {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := pprof.StartCPUProfile(f); err != nil {
			return
		}
		<-end
		pprof.StopCPUProfile()
		runtime.ReadMemStats(&after)
		_ = f.Close()
		text := strconv.FormatUint(after.Mallocs-before.Mallocs, 10) + " " + strconv.FormatUint(after.TotalAlloc-before.TotalAlloc, 10)
		_ = os.WriteFile(file+".tmp", []byte(text), 0o600)
		_ = os.Rename(file+".tmp", file+".allocations")
	}
}

// errUsage is a task that there is not.
var errUsage = errors.New("tasks: none (measure), reference, serve")

func task(args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "reference":
			return serveReference()
		case "serve":
			return serveApp(args[1:])
		}
	}
	return measure(args, out)
}
