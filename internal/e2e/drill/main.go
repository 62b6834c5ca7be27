// Command drill runs what docs/operate.md recommends, several servers behind HAProxy on a PostgreSQL that Patroni
// manages, on one machine, breaks it scenario by scenario while clients refresh their tokens, and prints what the
// clients noticed. It uses the configurations below docs/deploy, with this machine's addresses.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	binary, previous string
	scenarios        []string
	hasty, patient   int
	keep             bool
}

func main() { os.Exit(run(os.Args[1:])) }

func run(args []string) int {
	var o options
	flags := flag.NewFlagSet("drill", flag.ContinueOnError)
	flags.StringVar(&o.binary, "server", "bin/latchkey", "the program to test")
	flags.StringVar(&o.previous, "previous", "", "the program of the release before; empty leaves the upgrade out")
	flags.IntVar(&o.hasty, "phones", 24, "clients whose users ask again at once")
	flags.IntVar(&o.patient, "patient", 8, "clients that wait as long as the client's own rules say")
	flags.BoolVar(&o.keep, "keep", false, "keep the directory with the logs")
	flags.Usage = func() {
		_, _ = fmt.Fprintf(flags.Output(), "drill [flags] [scenario…]; without names all of them:\n%s\nflags:\n", names())
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return 2
	}
	o.scenarios = flags.Args()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	return conduct(ctx, o)
}

// conduct plays the scenarios, and returns the exit code.
func conduct(ctx context.Context, o options) int {
	chosen, err := choose(o.scenarios)
	if err != nil {
		return complain(err)
	}
	d, err := newDrill(o)
	if err != nil {
		return complain(err)
	}
	defer d.cleanUp()
	d.chosen = chosen

	if err := d.set(ctx); err != nil {
		return complain(d.explain(err))
	}
	missed, err := d.play(ctx)
	switch {
	case ctx.Err() != nil:
		say("interrupted")
		return 1
	case err != nil:
		return complain(d.explain(err))
	case missed > 0:
		say("MISSED: %d of the targets", missed)
		return 1
	}
	say("ok: every target is met")

	return 0
}

// play plays one scenario after the other with the same clients. It returns how many targets were missed.
func (d *drill) play(ctx context.Context) (missed int, err error) {
	if err := d.settle(ctx); err != nil {
		return 0, err
	}
	if err := d.signUpAll(ctx); err != nil {
		return 0, err
	}
	say("%d clients of Go are signed in, two servers and a Patroni pair run\n", len(d.phones))
	say(header)

	living, end := context.WithCancel(ctx)
	defer end()
	gone := d.live(living)
	defer func() { end(); gone() }()

	for _, s := range d.chosen {
		if reason := d.cannot(s); reason != "" {
			say("%-22s left out: %s", s.name, reason)
			continue
		}

		r, err := d.rehearse(ctx, s)
		if err != nil {
			return missed, fmt.Errorf("%s: %w", s.name, err)
		}
		say("%s", r.line())
		for _, m := range r.misses() {
			say("  missed: %s", m)
			missed++
		}
	}

	return missed, nil
}

// rehearse plays one scenario: everything is well before it and after it.
func (d *drill) rehearse(ctx context.Context, s scenario) (result, error) {
	if err := d.settle(ctx); err != nil {
		return result{}, err
	}

	d.tally.begin()
	if err := s.play(d, ctx); err != nil {
		return result{}, err
	}
	if err := d.settle(ctx); err != nil {
		return result{}, err
	}
	if err := d.until(ctx, 3*time.Minute, "every client is back", d.tally.everybodyBack); err != nil {
		return result{}, err
	}

	return d.tally.result(s), nil
}

func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

func complain(err error) int {
	_, _ = fmt.Fprintln(os.Stderr, "drill:", err)
	return 1
}

// explain adds the ends of the logs to an error.
func (d *drill) explain(err error) error {
	var text strings.Builder
	for _, p := range d.processes {
		if tail := p.tail(); tail != "" {
			fmt.Fprintf(&text, "\n--- %s\n%s", filepath.Base(p.log), tail)
		}
	}

	return fmt.Errorf("%w%s", err, text.String())
}

// until waits for something, and asks often enough to measure it.
func (d *drill) until(ctx context.Context, within time.Duration, what string, true func() bool) error {
	limit := time.Now().Add(within)
	for !true() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(limit) {
			return fmt.Errorf("not within %v: %s", within, what)
		}
	}

	return nil
}
