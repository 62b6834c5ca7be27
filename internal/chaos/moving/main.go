// Command moving plays the day on which a service moves in: stock clients of an allauth-like server whose proxy is
// turned to two Latchkeys in the middle, importers that are killed, answers that are cut, and thieves. It counts
// what docs/promise.md says: nobody is signed out, and a thief is caught. It is no part of the program.
package main

import (
	"context"
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
	binary  string
	clients int
	victims int
	// kills is how many importers are killed.
	kills int
	// cut is how many of a hundred answers of Latchkey never arrive.
	cut int
}

func main() { os.Exit(run(os.Args[1:], os.Stdout)) }

func run(args []string, out io.Writer) int {
	var o options
	flags := flag.NewFlagSet("moving", flag.ContinueOnError)
	flags.StringVar(&o.binary, "server", "bin/latchkey", "the program to test")
	flags.IntVar(&o.clients, "clients", 200, "how many stock clients there are")
	flags.IntVar(&o.kills, "kills", 5, "how many importers are killed")
	flags.IntVar(&o.cut, "cut", 10, "of a hundred answers, how many are cut")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	o.victims = max(2, o.clients/10)

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	d := &day{options: o, out: out, began: time.Now()}
	defer d.cleanUp()
	if err := d.play(ctx); err != nil {
		d.say("moving day: %v", err)
		for _, s := range d.servers {
			d.say("  server: %s", s.log.last())
		}
		return 1
	}

	return d.report()
}

// say prints a line with the time since the beginning.
func (d *day) say(format string, values ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = fmt.Fprintf(d.out, "%6.1f s  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, values...))
}

// patience is how long the clients may take to have refreshed after the flip.
const patience = 3 * time.Minute

// play is the day from morning to evening.
func (d *day) play(ctx context.Context) error {
	if err := d.set(ctx); err != nil {
		return err
	}
	d.say("%d stock clients and %d victims are signed in at the old server; a proxy, two Latchkeys and PostgreSQL run", d.clients, d.victims)

	living, leave := context.WithCancel(ctx)
	defer leave()
	var acting sync.WaitGroup
	for _, c := range d.everyone {
		acting.Go(func() { c.live(living) })
	}
	if err := d.await(ctx, "each client to refresh at the old server", func(c *client) bool { return c.refreshed.Load() > 0 }); err != nil {
		return err
	}
	if err := d.moveIn(ctx); err != nil {
		return err
	}
	if err := d.await(ctx, "each client to use two tokens of Latchkey", func(c *client) bool { return c.ours.Load() > 1 }); err != nil {
		return err
	}
	d.say("each client has gone on with tokens of Latchkey")
	if err := d.steal(ctx); err != nil {
		return err
	}

	leave()
	acting.Wait()

	return d.judge(ctx)
}

// await waits until a condition is true of each client that is signed in.
func (d *day) await(ctx context.Context, what string, done func(c *client) bool) error {
	limit := time.After(patience)
	for {
		missing := 0
		for _, c := range d.everyone {
			if !c.signedOut.Load() && !done(c) {
				missing++
			}
		}
		if missing == 0 {
			return nil
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit:
			return fmt.Errorf("waited %v for %s: %d have not", patience, what, missing)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// moveIn is the flip.
func (d *day) moveIn(ctx context.Context) error {
	exported := time.Now()
	if err := d.importAll(ctx); err != nil {
		return err
	}

	if err := d.latchkey(ctx, nil, "moving", "start"); err != nil {
		return err
	}
	began := time.Now()
	d.proxy.turn()
	d.say("T0: the proxy sends requests to Latchkey, which lets them wait")
	d.proxy.drained()

	difference, sessions, err := d.site.export(exported)
	if err != nil {
		return err
	}
	if err := d.latchkey(ctx, difference, "import", "--final", "-"); err != nil {
		return err
	}
	if err := d.latchkey(ctx, nil, "moving", "live"); err != nil {
		return err
	}
	d.say("live: the difference had %d sessions, and requests waited for %.1f s", sessions, time.Since(began).Seconds())

	late, _, err := d.site.export(exported)
	if err != nil {
		return err
	}

	return d.latchkey(ctx, late, "import", "--late-tokens", "-")
}

// importAll imports everything, days before, by importers that are killed, and by one that is not.
func (d *day) importAll(ctx context.Context) error {
	for n := range d.kills {
		full, _, err := d.site.export(time.Time{})
		if err != nil {
			return err
		}
		if err := d.killImporter(ctx, full, n); err != nil {
			return err
		}
	}

	stored, err := d.query(ctx, users)
	if err != nil {
		return err
	}
	d.say("%d importers were killed, and have stored %d of %d users", d.kills, stored, d.clients+d.victims)

	full, sessions, err := d.site.export(time.Time{})
	if err != nil {
		return err
	}
	if err := d.latchkey(ctx, full, "import", "-"); err != nil {
		return err
	}
	d.say("one more has brought %d sessions", sessions)

	return nil
}
