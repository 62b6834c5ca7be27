// Command chaos plays many phones, plain clients and some thieves against six real servers on a real
// PostgreSQL with a lagging standby, kills servers, fails over in the middle so that
// writes are really lost, and counts what the README promises: an honest phone is never
// logged out, and a stolen token is always caught. It is no part of the program.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	refreshes int64
	phones    int
	seed      int64
	programs  string
	binary    string
}

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	var o options
	flags := flag.NewFlagSet("chaos", flag.ContinueOnError)
	flags.Int64Var(&o.refreshes, "refreshes", 300000, "how many refreshes of honest phones to do")
	flags.IntVar(&o.phones, "phones", 64, "how many honest phones there are")
	flags.Int64Var(&o.seed, "seed", 0, "seed of all random choices; 0 makes one")
	flags.StringVar(&o.programs, "programs", "", "directory of PostgreSQL's server programs; empty looks for them")
	flags.StringVar(&o.binary, "binary", "", "the program to test; empty builds it")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if o.seed == 0 {
		o.seed = time.Now().UnixNano() % 1e9
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := newWorld(o, out)
	defer w.cleanUp()
	err := w.play(ctx)
	if ctx.Err() != nil {
		w.say("interrupted")
		return 1
	}
	if err != nil {
		w.say("chaos: %v", err)
		for _, line := range w.serverErrors() {
			w.say("  server: %s", line)
		}
		return 1
	}
	return w.report()
}

// play sets the stage, lets everybody act until the refreshes are done, and returns an
// error when it could not: what the acting shows is report's to say.
func (w *world) play(ctx context.Context) error {
	w.say("seed %d, %d refreshes, %d phones", w.seed, w.refreshes, w.phones)
	if err := w.set(ctx); err != nil {
		return err
	}
	phones, plains, err := w.signUpAll(ctx)
	if err != nil {
		return err
	}
	w.say("%d phones, %d victims and %d plain clients are signed up; six servers, a primary and its standby run",
		len(phones), len(w.victims), len(plains))
	w.started = time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var acting, backstage sync.WaitGroup
	for _, p := range phones {
		acting.Go(func() { p.live(ctx) })
	}
	w.playing.Store(int64(len(plains)))
	for _, p := range plains {
		acting.Go(func() { p.live(ctx) })
	}
	for kind := range kinds {
		acting.Go(func() { w.steal(ctx, kind) })
	}
	acting.Go(func() {
		if err := w.failOver(ctx, phones); err != nil {
			cancel(fmt.Errorf("fail-over: %w", err))
		}
	})
	over := make(chan struct{})
	backstage.Go(func() { w.killServers(ctx, over) })
	backstage.Go(func() { w.watch(over, cancel) })
	acting.Wait()
	w.seconds = time.Since(w.started).Seconds()
	close(over)
	backstage.Wait()
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// patience is how long everything may stand still.
const patience = 60 * time.Second

// watch says how far things are, and ends the run when nothing moves any more.
func (w *world) watch(over chan struct{}, cancel context.CancelCauseFunc) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	var before int64
	moved := time.Now()
	for {
		select {
		case <-over:
			return
		case <-tick.C:
		}
		now, played := w.count.refreshes.Load(), int64(0)
		for _, b := range w.bursts {
			played += b.played.Load()
		}
		w.say("%6.0f s  %d refreshes, %d lost answers, %d bursts of plain clients, %d server kills, thefts %d planted, %d caught, spurious logouts %d",
			time.Since(w.started).Seconds(), now, w.count.lost.Load(), played, w.count.kills.Load(), w.planted(), w.caught(), w.count.spurious.Load())
		if now+played != before {
			before, moved = now+played, time.Now()
		}
		if time.Since(moved) > patience {
			cancel(fmt.Errorf("no refresh for %v", patience))
			return
		}
	}
}
